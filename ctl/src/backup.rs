//! `bucklerctl backup`: all that the server keeps, in a file.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use buckler::private;
use serde_json::json;

use crate::{Answer, Failure, api::Api, cli::BackupArgs, show::Screen};

/// Bytes between two lines of progress.
const PROGRESS: u64 = 256 << 20;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// A file that is not whole yet, and goes if it does not become so.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // it is gone where it became the backup
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn run(args: &BackupArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let file = &*args.file;
    if file.symlink_metadata().is_ok() {
        return Err(Failure::of_file(file, "it is there: name another, or move it away"));
    }
    let bytes = fetch(file, api, screen)?;
    if screen.is_json() {
        screen.json(&json!({"file": file.display().to_string(), "bytes": bytes}))?;
    } else {
        screen.line(&format!("{} holds a backup of {bytes} bytes", file.display()))?;
    }
    Ok(Answer::Yes)
}

fn fetch(file: &Path, api: &Api, screen: &mut Screen) -> Result<u64, Failure> {
    let wrong = |problem: io::Error| Failure::of_file(file, problem);
    let mut answer = api.stream("admin/backup")?;
    let part = Part(file.with_added_extension("part"));
    // it holds configurations with their secrets
    let made = private::open(private::options().write(true).create_new(true), &part.0);
    let mut out = made.map_err(|problem| Failure::of_file(&part.0, problem))?;
    let (mut piece, mut bytes) = (vec![0; PIECE], 0_u64);
    loop {
        let read = answer.read(&mut piece).map_err(|problem| {
            Failure::Api(crate::api::ApiError::Unreachable {
                url: api.url().to_string(),
                problem: format!("the backup was cut off after {bytes} bytes: {problem}"),
            })
        })?;
        let Some(came) = piece.get(..read).filter(|came| !came.is_empty()) else {
            break;
        };
        out.write_all(came).map_err(wrong)?;
        let before = bytes;
        bytes += came.len() as u64;
        if before / PROGRESS < bytes / PROGRESS {
            screen.note(&format!("{} MiB", bytes >> 20))?;
        }
    }
    out.sync_all().map_err(wrong)?;
    fs::rename(&part.0, file).map_err(wrong)?;
    Ok(bytes)
}
