//! How a server begins with what it kept: the data directory, the checkpoint, and the records after
//! it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use buckler::private;

use super::{DiskJournal, Journal, JournalError, Position};
use crate::{
    backup,
    store::{RowReader, Rules, Store},
};

/// The journal's file in the data directory.
const FILE: &str = "buckler.redb";

/// The newest backup that the server wrote there itself.
const BACKUP: &str = "buckler.backup";

/// The most files that were set aside and are kept, so that a machine with a broken disk does not
/// fill it.
const MOST_ASIDE: u32 = 3;

/// A journal that is open, and the store that it makes.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Box<dyn Journal>,
    /// The store after the newest record.
    pub store: Store,
    /// The newest record's position.
    pub position: Position,
    /// Where a damaged file was set aside, if one was found: the store is that of the last backup
    /// then, or empty.
    pub aside: Option<PathBuf>,
}

/// Opens the journal in a data directory, which is made if it is not there. A damaged one is set
/// aside.
///
/// # Errors
/// If the directory cannot be used, another server uses it, or a newer release wrote it.
pub fn open(data_dir: &Path, rules: &Rules) -> Result<Opened, JournalError> {
    make_private(data_dir)?;
    let path = file_in(data_dir);
    let mut aside = None;
    loop {
        let opened = DiskJournal::open(&path).and_then(|journal| {
            let (store, position) = restored(&journal, rules.clone())?;
            Ok((journal, store, position))
        });
        match opened {
            Ok((journal, store, position)) => {
                return Ok(Opened {
                    journal: Box::new(journal),
                    store,
                    position,
                    aside,
                });
            }
            Err(JournalError::Damaged(problem)) if aside.is_none() => {
                aside = Some(set_damaged_aside(data_dir, &problem)?);
                restore_last(data_dir);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sets aside what the server kept, and says so.
pub(crate) fn set_damaged_aside(data_dir: &Path, problem: &str) -> Result<PathBuf, JournalError> {
    let path = file_in(data_dir);
    let to = set_aside(&path)?;
    tracing::error!(
        file = %path.display(),
        aside = %to.display(),
        problem,
        "what the server kept is damaged and was set aside"
    );
    Ok(to)
}

/// The journal's file in a data directory.
pub(crate) fn file_in(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// The backup that the server writes into its data directory.
pub(crate) fn backup_in(data_dir: &Path) -> PathBuf {
    data_dir.join(BACKUP)
}

/// Puts the last backup in the place of a damaged journal, if there is one that is whole.
fn restore_last(data_dir: &Path) {
    let file = backup_in(data_dir);
    if !file.exists() {
        tracing::error!("there is no backup in data_dir: the server begins with nothing");
        return;
    }
    match backup::restore(&file, data_dir) {
        Ok(_) => tracing::error!(
            backup = %file.display(),
            "the server goes on from its last backup: what was kept after it is lost"
        ),
        Err(error) => tracing::error!(%error, "the last backup cannot be used either: the server begins with nothing"),
    }
}

/// The store that a journal makes, and the position of its newest record.
///
/// # Errors
/// If what is in it makes no sense.
pub(crate) fn restored(journal: &dyn Journal, rules: Rules) -> Result<(Store, Position), JournalError> {
    let (mut store, mut reader) = (Store::new(rules), RowReader::default());
    let mut position = journal.load(&mut |key, value| {
        let row = reader.read(&mut |text| store.reason(text), key, value);
        let row = row.ok_or_else(|| format!("the row {:?} makes no sense", String::from_utf8_lossy(key)))?;
        store.take_row(row)
    })?;
    store.verify(false).map_err(JournalError::Damaged)?;
    // what the records change is in no checkpoint yet
    store.track();
    journal.tail(position, &mut |at, record| {
        // as in a running server: what such a record has done by then is done here too, and a start
        // must not end with it
        if catch_unwind(AssertUnwindSafe(|| store.apply(&record))).is_err() {
            tracing::error!(position = at, "a record panicked again, and the store goes on");
        }
        position = at;
        Ok(())
    })?;
    Ok((store, position))
}

/// Makes the directory, for the server's user alone.
pub(crate) fn make_private(data_dir: &Path) -> Result<(), JournalError> {
    let unusable = |error: std::io::Error| {
        let allowed = "a directory that only the server may write to, or `memory = true`";
        JournalError::Unavailable(format!(
            "data_dir {}: {error}; allowed is {allowed}",
            data_dir.display()
        ))
    };
    private::directory(data_dir).map_err(unusable)?;
    let mode = fs::metadata(data_dir).map_err(unusable)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            data_dir = %data_dir.display(),
            mode = format!("{:o}", mode & 0o7777),
            "others may look into data_dir: what is kept there is made for its owner alone, `chmod 700` it"
        );
    }
    Ok(())
}

/// Renames a damaged file, so that nothing is lost.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let name = |number: u32| path.with_extension(format!("redb.damaged-{number}"));
    let free = (1..MOST_ASIDE).map(name).find(|path| !path.exists());
    let to = free.unwrap_or_else(|| name(MOST_ASIDE));
    fs::rename(path, &to)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{
        RECORD_VERSION,
        tests::{Traffic, rules},
    };

    #[test]
    fn what_a_newer_release_wrote_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        let mut record = Traffic::new(1).founding();
        record.v = RECORD_VERSION + 1;
        let mut opened = open(directory.path(), &rules()).unwrap();
        opened.journal.append(&Arc::new(record)).unwrap();
        drop(opened);
        let newer = JournalError::Newer {
            found: RECORD_VERSION + 1,
            known: RECORD_VERSION,
        };
        assert_eq!(open(directory.path(), &rules()).unwrap_err(), newer);
        assert!(file_in(directory.path()).exists(), "it is not set aside");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
