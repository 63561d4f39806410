//! Settings read as a host reads them: from files in a directory of the test's own, from pairs, and from calls.

mod errors;
mod floor;
mod formats;
mod identity;
mod options;
mod precedence;
mod process;
mod references;
mod secrets;
mod security;
mod signing;

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Section, Settings, SettingsBuilder, SettingsError};
use crate::{
    guard::OnFailure,
    model::policy::{Layer, Policy},
};

/// A directory with settings files in it.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(name: &str, text: &str) -> Self {
        let directory = Self::new();
        directory.write(name, text);
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// What the file of this name says, and no environment.
    fn builder(&self, name: &str) -> SettingsBuilder {
        Settings::builder().file(self.path(name))
    }

    /// An error's text, with this directory cut from it.
    fn told(&self, error: &SettingsError) -> String {
        self.cut(&error.to_string())
    }

    /// A text without this directory.
    fn cut(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

/// Settings of a TOML file alone.
fn toml(text: &str) -> Result<Settings, SettingsError> {
    Directory::with("buckler.toml", text).builder("buckler.toml").build()
}

/// What is wrong with a TOML file, as a host would print it.
fn toml_error(text: &str) -> String {
    let directory = Directory::with("buckler.toml", text);
    directory.told(&directory.builder("buckler.toml").build().unwrap_err())
}

/// What is wrong with these variables.
fn variables_error(variables: &[(&str, &str)]) -> String {
    Settings::builder()
        .variables(variables.iter().copied())
        .build()
        .unwrap_err()
        .to_string()
}
