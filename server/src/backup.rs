//! Backups: what a journal holds, as lines of JSON in zstd, with their digest at the end.
//!
//! ```text
//! {"buckler":"backup","form":1,"position":5312}       where the checkpoint stands
//! {"row":{…}}                                         each row of the checkpoint, in the order of their keys
//! {"record":{…}}                                      each record after it
//! {"lines":20417,"digest":"…"}                        lines before this one, and the BLAKE3 of their bytes
//! ```
//!
//! A backup is consistent, whatever is written meanwhile, and one that was cut off is refused. The
//! lines are the same for every journal, so they also move a fleet from one to another. What is
//! restored goes on under a name of its own: agents that know more than the backup fetch the list
//! again.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    sync::Arc,
};

use buckler::private;
use serde::{Deserialize, Serialize};

use crate::{
    journal::{DiskJournal, Frozen, Journal as _, JournalError, Position, RowChange, file_in, make_private, restored},
    store::{Command, Record, Row, RowReader, Rules, Store},
};

/// The form that this release writes, and the newest that it reads.
const FORM: u32 = 6;

/// How hard the lines are pressed: they shrink to a tenth, at 200 MB a second.
const LEVEL: i32 = 1;

/// Rows that are restored in one go: a transaction of some 200 kB.
const CHUNK: usize = 2_000;

/// The longest line that is read: a record is at most some MB.
const LONGEST: u64 = 256 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    buckler: String,
    form: u32,
    position: Position,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    lines: u64,
    digest: String,
}

/// Any line between them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Row(Box<Row>),
    Record(Box<Record>),
}

/// What is kept, at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The newest record.
    pub position: Position,
    /// Each fleet with the entries of its list.
    pub fleets: Vec<(Arc<str>, u64)>,
}

/// Why there is no backup, or none that can be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What is kept cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file is no backup, or none that is whole.
    #[error("line {line}: {problem}; allowed is a whole backup as `backup` or GET /admin/backup writes it")]
    Malformed {
        /// Which.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// There is something already.
    #[error(
        "found a journal in {}, allowed is a directory without one: move it away first, what is restored takes its place",
        .0.display()
    )]
    NotEmpty(std::path::PathBuf),
    /// There is nothing.
    #[error("found no journal in {}, allowed is the data_dir of a server that has run", .0.display())]
    Nothing(std::path::PathBuf),
}

/// Writes what a journal held. The position is that of its rows.
///
/// # Errors
/// If it cannot be read, or `to` takes no more.
pub fn write(frozen: &dyn Frozen, to: impl Write) -> Result<Position, BackupError> {
    let mut lines = Lines {
        to: zstd::stream::Encoder::new(to, LEVEL)?,
        hasher: blake3::Hasher::new(),
        count: 0,
        failed: None,
    };
    let position = frozen.load(&mut |_, _| Ok(()))?;
    lines.put(&Head {
        buckler: "backup".to_owned(),
        form: FORM,
        position,
    })?;
    let mut reader = RowReader::default();
    let rows = frozen.load(&mut |key, value| {
        let row = reader.read(&mut |text| text.into(), key, value);
        let row = row.ok_or_else(|| format!("the row {:?} makes no sense", String::from_utf8_lossy(key)))?;
        lines.put_or_stop(&Line::Row(Box::new(row)))
    });
    lines.check(rows)?;
    let records = frozen.tail(position, &mut |_, record| {
        lines.put_or_stop(&Line::Record(Box::new(record)))
    });
    lines.check(records)?;
    let tail = Tail {
        lines: lines.count,
        digest: lines.hasher.finalize().to_hex().to_string(),
    };
    lines.put(&tail)?;
    lines.to.finish()?.flush()?;
    Ok(position)
}

/// Lines on their way.
struct Lines<W: Write> {
    to: zstd::stream::Encoder<'static, W>,
    hasher: blake3::Hasher,
    count: u64,
    failed: Option<io::Error>,
}

impl<W: Write> Lines<W> {
    fn put(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.hasher.update(&bytes);
        self.count += 1;
        self.to.write_all(&bytes)
    }

    fn put_or_stop(&mut self, line: &impl Serialize) -> Result<(), String> {
        self.put(line).map_err(|error| {
            let said = error.to_string();
            self.failed = Some(error);
            said
        })
    }

    /// What ended the reading, if that was the writing.
    fn check<T>(&mut self, read: Result<T, JournalError>) -> Result<T, BackupError> {
        match self.failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(read?),
        }
    }
}

/// Writes a backup of a data directory that no server uses to a file, which appears when it is
/// whole.
///
/// # Errors
/// If there is nothing there, a server uses it, or the file cannot be written.
pub fn write_file(data_dir: &Path, file: &Path) -> Result<Summary, BackupError> {
    let journal = existing(data_dir)?;
    let (store, position) = restored(&journal, Rules::none())?;
    let frozen = journal.frozen()?;
    let frozen = frozen.ok_or_else(|| BackupError::Nothing(data_dir.to_owned()))?;
    write_whole(&*frozen, file)?;
    Ok(summary(&store, position))
}

/// Writes what a journal held to a file, which appears when it is whole. The position is that of
/// its rows.
///
/// # Errors
/// If it cannot be read, or the file cannot be written.
pub fn write_whole(frozen: &dyn Frozen, file: &Path) -> Result<Position, BackupError> {
    let unfinished = file.with_extension("unfinished");
    let to = private::create(&unfinished)?;
    let position = write(frozen, &to)?;
    to.sync_all()?;
    fs::rename(&unfinished, file)?;
    Ok(position)
}

/// Puts the rows of a backup into an empty journal, and says where they stand. The records after
/// them are read, to see that the backup is whole, and left out.
///
/// # Errors
/// If the file is no whole backup, or the journal takes nothing.
#[cfg(feature = "nats")]
pub(crate) fn rows_into(file: &Path, journal: &mut DiskJournal) -> Result<Position, BackupError> {
    let mut lines = BackupLines::new(File::open(file)?)?;
    let mut rows = Filling::at(lines.position);
    while let Some(line) = lines.next()? {
        if let Line::Row(row) = line {
            rows.put(&row, journal)?;
        }
    }
    rows.end(journal)?;
    Ok(lines.position)
}

/// Puts a store's rows into an empty journal, at its beginning.
///
/// # Errors
/// If the journal takes nothing.
#[cfg(feature = "nats")]
pub(crate) fn store_into(store: &Store, journal: &mut DiskJournal) -> Result<(), BackupError> {
    let mut rows = Filling::at(0);
    for row in store.rows() {
        rows.put(&row, journal)?;
    }
    rows.end(journal)
}

/// Rows on their way into an empty journal, whose checkpoint stands at `position` then.
struct Filling {
    position: Position,
    chunk: Vec<RowChange>,
}

impl Filling {
    const fn at(position: Position) -> Self {
        Self {
            position,
            chunk: Vec::new(),
        }
    }

    fn put(&mut self, row: &Row, journal: &mut DiskJournal) -> Result<(), BackupError> {
        let value = row.value().map_err(io::Error::from)?;
        self.chunk.push((row.key().into_bytes(), Some(value)));
        if self.chunk.len() >= CHUNK {
            self.end(journal)?;
        }
        Ok(())
    }

    /// Writes those that are left, and where they stand, although there may be none.
    fn end(&mut self, journal: &mut DiskJournal) -> Result<(), BackupError> {
        Ok(journal.checkpoint(self.position, &std::mem::take(&mut self.chunk))?)
    }
}

/// Makes a data directory of a backup. Every list goes on under a new name; marks and quotas stay,
/// so that nothing counts twice.
///
/// # Errors
/// If there is a journal already, or the file is no whole backup: then there is none afterwards
/// either.
pub fn restore(file: &Path, data_dir: &Path) -> Result<Summary, BackupError> {
    let path = file_in(data_dir);
    if path.exists() {
        return Err(BackupError::NotEmpty(data_dir.to_owned()));
    }
    make_private(data_dir)?;
    let unfinished = path.with_extension("restoring");
    let restored = read_into(File::open(file)?, &unfinished);
    match restored {
        Ok(summary) => {
            fs::rename(&unfinished, &path)?;
            Ok(summary)
        }
        Err(error) => {
            // nothing of a backup that is not whole is used
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn read_into(from: impl io::Read, path: &Path) -> Result<Summary, BackupError> {
    let _ = fs::remove_file(path);
    let mut journal = DiskJournal::open(path)?;
    let mut lines = BackupLines::new(from)?;
    let mut rows = Filling::at(lines.position);
    let mut rows_end = false;
    while let Some(line) = lines.next()? {
        match line {
            Line::Row(row) => rows.put(&row, &mut journal)?,
            Line::Record(record) => {
                if !std::mem::replace(&mut rows_end, true) {
                    rows.end(&mut journal)?;
                }
                journal.append(&Arc::new(*record))?;
            }
        }
    }
    if !rows_end {
        rows.end(&mut journal)?;
    }
    let (mut store, mut position) = restored(&journal, Rules::none())?;
    store.verify(true).map_err(JournalError::Damaged)?;
    let renewals: Vec<Command> = store.renewals().collect();
    if !renewals.is_empty() {
        let record = Arc::new(Record::new(store.now(), renewals));
        position = journal.append(&record)?;
        store.apply(&record);
    }
    Ok(summary(&store, position))
}

/// A backup's lines between the first and the last.
struct BackupLines<R: io::Read> {
    from: io::Take<BufReader<zstd::stream::read::Decoder<'static, BufReader<R>>>>,
    hasher: blake3::Hasher,
    count: u64,
    position: Position,
}

impl<R: io::Read> BackupLines<R> {
    fn new(from: R) -> Result<Self, BackupError> {
        let decoder = BufReader::new(zstd::stream::read::Decoder::new(from)?);
        let mut lines = Self {
            from: io::Read::take(decoder, LONGEST),
            hasher: blake3::Hasher::new(),
            count: 0,
            position: 0,
        };
        let first = lines.line()?;
        let head: Head = serde_json::from_slice(&first).map_err(|error| lines.malformed(error.to_string()))?;
        if head.buckler != "backup" || head.form > FORM {
            let Head { buckler, form, .. } = head;
            return Err(lines.malformed(format!(
                "found {buckler:?} of form {form}, known are backups up to form {FORM}"
            )));
        }
        lines.position = head.position;
        lines.count(&first);
        Ok(lines)
    }

    fn count(&mut self, line: &[u8]) {
        self.hasher.update(line);
        self.count += 1;
    }

    fn malformed(&self, problem: String) -> BackupError {
        BackupError::Malformed {
            line: self.count + 1,
            problem,
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut line = Vec::new();
        self.from.set_limit(LONGEST);
        let read = self.from.read_until(b'\n', &mut line);
        read.map_err(|error| self.malformed(format!("it cannot be read: {error}")))?;
        if line.last() == Some(&b'\n') {
            Ok(line)
        } else {
            Err(self.malformed("the file ends in the middle".to_owned()))
        }
    }

    /// The next line; `None` after the last, if its digest is right.
    fn next(&mut self) -> Result<Option<Line>, BackupError> {
        let line = self.line()?;
        if let Ok(Tail { lines, digest }) = serde_json::from_slice(&line) {
            let found = self.hasher.finalize().to_hex().to_string();
            if lines == self.count && digest == found {
                return Ok(None);
            }
            return Err(self.malformed("the digest is that of other lines".to_owned()));
        }
        let read = serde_json::from_slice(&line).map_err(|error| self.malformed(error.to_string()))?;
        self.count(&line);
        Ok(Some(read))
    }
}

/// Reads all that is kept in a data directory that no server uses, and whether it is whole, to the
/// last entry's digest.
///
/// # Errors
/// If it is not, or cannot be read.
pub fn check(data_dir: &Path) -> Result<Summary, BackupError> {
    let journal = existing(data_dir)?;
    let (store, position) = restored(&journal, Rules::none())?;
    store.verify(true).map_err(JournalError::Damaged)?;
    Ok(summary(&store, position))
}

fn existing(data_dir: &Path) -> Result<DiskJournal, BackupError> {
    let path = file_in(data_dir);
    if !path.exists() {
        return Err(BackupError::Nothing(data_dir.to_owned()));
    }
    Ok(DiskJournal::open(&path)?)
}

fn summary(store: &Store, position: Position) -> Summary {
    let count = |fleet: &Arc<str>| store.list(fleet).map_or(0, |list| list.head().count);
    Summary {
        position,
        fleets: store.fleets().map(|fleet| (Arc::clone(fleet), count(fleet))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::open,
        store::tests::{Traffic, changes, rules},
    };

    /// A data directory in which a fleet has lived, with a checkpoint and records after it; and its
    /// store.
    fn lived_in(data_dir: &Path) -> Store {
        let mut opened = open(data_dir, &rules()).unwrap();
        let mut traffic = Traffic::new(3);
        for n in 0..200 {
            let record = Arc::new(if n == 0 { traffic.founding() } else { traffic.record() });
            let position = opened.journal.append(&record).unwrap();
            opened.store.apply(&record);
            if n == 150 {
                opened
                    .journal
                    .checkpoint(position, &changes(&mut opened.store))
                    .unwrap();
            }
        }
        opened.store
    }

    /// Rows but for the names of histories, which a restored store has of its own, and what these
    /// remember.
    fn lasting(store: &Store) -> Vec<String> {
        let rows = store.rows().map(|row| serde_json::to_string(&row).unwrap());
        rows.filter(|row| !row.contains(r#""head":"#) && !row.contains(r#""change":"#))
            .collect()
    }

    #[test]
    fn what_is_restored_is_what_was_there_under_another_name() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to, file) = (
            directory.path().join("from"),
            directory.path().join("to"),
            directory.path().join("backup.zst"),
        );
        let store = lived_in(&from);
        let written = write_file(&from, &file).unwrap();
        assert_eq!(written.position, 200);
        assert_eq!(check(&from).unwrap(), written);
        let summary = restore(&file, &to).unwrap();
        assert_eq!((&summary.fleets, summary.position), (&written.fleets, 201));
        let again = open(&to, &rules()).unwrap().store;
        assert!(lasting(&again) == lasting(&store), "not what was there");
        for fleet in store.fleets() {
            let (before, now) = (store.fleet(fleet).unwrap(), again.fleet(fleet).unwrap());
            assert_ne!(before.epoch, now.epoch);
            assert_eq!(
                (before.rev, before.count, before.digest),
                (now.rev, now.count, now.digest)
            );
        }
        let refused = restore(&file, &to).unwrap_err();
        assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused}");
    }

    /// A backup that a release before keys, tokens and the audit wrote.
    #[test]
    fn a_backup_of_an_older_release_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let (to, file) = (directory.path().join("to"), directory.path().join("backup.zst"));
        let text = include_str!("../tests/golden/backup-form1.jsonl");
        fs::write(&file, zstd::stream::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        let summary = restore(&file, &to).unwrap();
        assert_eq!(summary.position, 61);
        let opened = open(&to, &rules()).unwrap();
        assert!(opened.aside.is_none());
        let counts: Vec<u64> = summary.fleets.iter().map(|(_, count)| *count).collect();
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        assert!(opened.store.refusals().count() > 10);
        assert_eq!(opened.store.keys().count() + opened.store.audit().count(), 0);
    }

    #[test]
    fn nothing_comes_of_a_backup_that_is_not_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to, file) = (
            directory.path().join("from"),
            directory.path().join("to"),
            directory.path().join("backup.zst"),
        );
        lived_in(&from);
        write_file(&from, &file).unwrap();
        let whole = zstd::stream::decode_all(File::open(&file).unwrap()).unwrap();
        let text = String::from_utf8(whole).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len() - 1;
        let without = |line: usize| [&lines[..line], &lines[line + 1..]].concat();
        let changed = text.replacen("decoy", "decay", 1);
        let spoilt = [
            without(last).join("\n"),
            without(last / 2).join("\n"),
            without(0).join("\n"),
            changed,
            text.replacen(&format!("\"form\":{FORM}"), "\"form\":9", 1),
            String::new(),
            "{\"lines\":0,\"digest\":\"\"}".to_owned(),
        ];
        for spoilt in spoilt {
            fs::write(&file, zstd::stream::encode_all(spoilt.as_bytes(), 1).unwrap()).unwrap();
            let refused = restore(&file, &to).unwrap_err();
            assert!(matches!(refused, BackupError::Malformed { .. }), "{refused}");
            assert_eq!(fs::read_dir(&to).unwrap().count(), 0, "{refused}");
        }
        fs::write(&file, b"no zstd").unwrap();
        assert!(restore(&file, &to).is_err());
    }
}
