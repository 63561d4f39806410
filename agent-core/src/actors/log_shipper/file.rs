//! A log in a file, which is begun anew at a size.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::private;

/// Appends lines to a file, on a thread for what may wait: a slow disk holds up nobody else.
pub(super) async fn append(path: &Path, limit: u64, lines: &[String]) -> io::Result<()> {
    let (path, mut text) = (path.to_owned(), lines.join("\n"));
    text.push('\n');
    tokio::task::spawn_blocking(move || write(&path, limit, &text))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// One file before this one is kept, as `<name>.1`: what is asked for is that the disk does not fill.
fn write(path: &Path, limit: u64, text: &str) -> io::Result<()> {
    let mut file = open(path)?;
    let size = file.metadata()?.len();
    if size > 0 && size.saturating_add(text.len() as u64) > limit {
        drop(file);
        fs::rename(path, before(path))?;
        file = open(path)?;
    }
    file.write_all(text.as_bytes())
}

fn open(path: &Path) -> io::Result<File> {
    private::append(path)
}

fn before(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_begun_anew_before_it_grows_too_large() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("attacks.log");
        for n in 0..10 {
            write(&path, 25, &format!("line {n} ..\n")).unwrap();
            assert!(fs::metadata(&path).unwrap().len() <= 25);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 8 ..\nline 9 ..\n");
        assert_eq!(fs::read_to_string(before(&path)).unwrap(), "line 6 ..\nline 7 ..\n");
    }

    #[test]
    fn a_line_that_is_longer_than_the_file_may_be_is_written_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("attacks.log");
        write(&path, 5, "a long line\n").unwrap();
        write(&path, 5, "another\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another\n");
        assert!(write(&directory.path().join("no/such/place"), 5, "x").is_err());
    }
}
