//! The event file: a JSON object a line, rotated by size, for programs that collect logs.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{News, at, opened};

/// Files beside the newest: `events.jsonl.1` to `.4`.
const KEPT: u32 = 4;

/// A file that lines are added to.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    most: u64,
}

impl EventFile {
    /// Opens it, and goes on at its end.
    pub(super) fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = opened(path)?;
        let bytes = file.metadata().map_err(|error| at(path, &error))?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
            most,
        })
    }

    /// Adds lines.
    pub(super) fn write(&mut self, news: &[News]) -> io::Result<()> {
        if self.bytes >= self.most {
            self.rotate()?;
        }
        let mut lines = Vec::new();
        for one in news {
            serde_json::to_writer(&mut lines, one)?;
            lines.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&lines) {
            // half a line would spoil the next
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        // it is not there where the last rotation could not open the next file
        if self.path.exists() {
            self.shift(numbered)?;
        }
        (self.file, self.bytes) = (opened(&self.path)?, 0);
        Ok(())
    }

    fn shift(&self, numbered: impl Fn(u32) -> PathBuf) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        fs::rename(&self.path, numbered(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_rotated_by_size_and_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut file = EventFile::open(&path, 100).unwrap();
        for n in 0..40_u64 {
            file.write(&[News::new("ban", n, "operator".to_owned())]).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|one| one.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 5, "{names:?}");
        let newest = fs::read_to_string(&path).unwrap();
        let last: serde_json::Value = serde_json::from_str(newest.lines().last().unwrap()).unwrap();
        assert_eq!(last["at_ms"], 39);
        let again = EventFile::open(&path, 100).unwrap();
        assert_eq!(again.bytes, newest.len() as u64, "it goes on at its end");
    }
}
