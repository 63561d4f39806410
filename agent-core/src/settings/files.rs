//! The files that settings came from: reading them, and what a relative path in one of them is relative to.

use std::path::{Path, PathBuf};

/// The files that were read, so that a path said in one of them can be found beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    read: Vec<PathBuf>,
}

impl Files {
    /// The path that `text`, said by `origin`, means.
    pub(super) fn resolve(&self, origin: Option<&str>, text: &str) -> PathBuf {
        let file = self.read.iter().find(|file| origin == Some(&*name(file)));
        file.and_then(|file| file.parent())
            .map_or_else(|| PathBuf::from(text), |directory| directory.join(text))
    }
}

/// The origin of what a file says: its path as it was given.
pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}
