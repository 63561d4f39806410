//! A journal on one machine's disk, in a redb database: three tables, one durable commit a record.

use std::{
    fmt,
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use buckler::private;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    backends::FileBackend,
};

use super::{EachRecord, EachRow, Frozen, Journal, JournalError, Position, RowChange};
use crate::store::{RECORD_VERSION, Record};

/// Records by their positions, as JSON.
const RECORDS: TableDefinition<'_, Position, &[u8]> = TableDefinition::new("journal");
/// The checkpoint's rows by their keys.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
/// Where the checkpoint stands, and the form of the tables.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The row of [`META`] that holds the checkpoint's position.
const POSITION: &str = "position";
/// The row of [`META`] that holds the form of the tables.
const FORM: &str = "form";
/// The form that this release writes, and the newest that it reads. It rises with every kind of row
/// and every field of one that is added, as [`RECORD_VERSION`] does with commands.
const FORM_NOW: u64 = 6;

/// Memory for the database's pages, in bytes. Rows are read once, at the start, and written; redb's
/// own choice is a gibibyte.
const CACHE: usize = 32 << 20;

/// Opens a database in a file.
type Opener = Arc<dyn Fn(File) -> Result<Database, DatabaseError> + Send + Sync>;

/// A journal in a file.
pub struct DiskJournal {
    path: PathBuf,
    opener: Opener,
    /// `None` between an error and the next opening.
    database: Option<Database>,
    newest: Position,
}

impl fmt::Debug for DiskJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskJournal")
            .field("path", &self.path)
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

impl DiskJournal {
    /// Opens the file, or makes one.
    ///
    /// # Errors
    /// If it is damaged, a newer release wrote it, another process uses it, or the disk does not do
    /// what it should.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let opener = |file| {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
            builder.create_with_backend(FileBackend::new(file)?)
        };
        Self::open_by(path, Arc::new(opener))
    }

    pub(super) fn open_by(path: &Path, opener: Opener) -> Result<Self, JournalError> {
        let mut journal = Self {
            path: path.to_owned(),
            opener,
            database: None,
            newest: 0,
        };
        journal.reopen()?;
        Ok(journal)
    }

    /// Whether it can be used; it is closed after an error.
    #[cfg(feature = "nats")]
    pub(super) const fn is_open(&self) -> bool {
        self.database.is_some()
    }

    /// The newest record, or where the checkpoint stands.
    #[cfg(feature = "nats")]
    pub(super) const fn newest(&self) -> Position {
        self.newest
    }

    /// Where the checkpoint stands.
    #[cfg(feature = "nats")]
    pub(super) fn position(&self) -> Result<Position, JournalError> {
        self.mark(POSITION)
    }

    /// A number that stands beside the position of the checkpoint.
    #[cfg(feature = "nats")]
    pub(super) fn mark(&self, name: &str) -> Result<u64, JournalError> {
        let meta = self.database()?.begin_read()?.open_table(META)?;
        Ok(meta.get(name)?.map_or(0, |mark| mark.value()))
    }

    /// Changes a number that stands beside the position.
    #[cfg(feature = "nats")]
    pub(super) fn set_mark(&mut self, name: &str, mark: u64) -> Result<(), JournalError> {
        self.write(|database| {
            let transaction = database.begin_write()?;
            transaction.open_table(META)?.insert(name, mark)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// As [`Journal::checkpoint`], with numbers beside the position.
    pub(super) fn checkpoint_with(
        &mut self,
        upto: Position,
        rows: &[RowChange],
        marks: &[(&str, u64)],
    ) -> Result<(), JournalError> {
        self.write(|database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(ROWS)?;
                for (key, value) in rows {
                    match value {
                        Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
                        None => drop(table.remove(key.as_slice())?),
                    }
                }
                let mut meta = transaction.open_table(META)?;
                meta.insert(POSITION, upto)?;
                for (name, mark) in marks {
                    meta.insert(*name, *mark)?;
                }
                let mut records = transaction.open_table(RECORDS)?;
                records.retain_in(..=upto, |_, _| false)?;
            }
            transaction.commit()?;
            Ok(())
        })?;
        self.newest = self.newest.max(upto);
        Ok(())
    }

    fn database(&self) -> Result<&Database, JournalError> {
        let closed = || JournalError::Unavailable("it is closed after an error".to_owned());
        self.database.as_ref().ok_or_else(closed)
    }

    /// A new database gets its name when it is whole, so that one that was cut off in its first
    /// moments is not taken for damage.
    fn open_database(&self) -> Result<(Database, Position), JournalError> {
        let is_new = fs::metadata(&self.path).map_or(true, |file| file.len() == 0);
        let unfinished = self.path.with_extension("unfinished");
        let path = if is_new { &unfinished } else { &self.path };
        let mut options = private::options();
        options.read(true).write(true).create(is_new).truncate(is_new);
        let file = private::open(&options, path)?;
        let database = (self.opener)(file)?;
        if is_new {
            let transaction = database.begin_write()?;
            transaction.open_table(RECORDS)?;
            transaction.open_table(ROWS)?;
            transaction.open_table(META)?.insert(FORM, FORM_NOW)?;
            transaction.commit()?;
            fs::rename(&unfinished, &self.path)?;
            sync_directory(&self.path)?;
        }
        let read = database.begin_read()?;
        let meta = read.open_table(META)?;
        let form = meta.get(FORM)?.map_or(0, |form| form.value());
        if form > FORM_NOW {
            let byte = |form| u8::try_from(form).unwrap_or(u8::MAX);
            return Err(JournalError::Newer {
                found: byte(form),
                known: byte(FORM_NOW),
            });
        }
        // from now on it may hold rows that an older release does not know
        if form < FORM_NOW {
            let transaction = database.begin_write()?;
            transaction.open_table(META)?.insert(FORM, FORM_NOW)?;
            transaction.commit()?;
        }
        let checkpoint = meta.get(POSITION)?.map_or(0, |position| position.value());
        let last = read.open_table(RECORDS)?.last()?.map(|(position, _)| position.value());
        Ok((database, last.map_or(checkpoint, |last| last.max(checkpoint))))
    }

    /// Does something with the database. After an error it is closed: redb does nothing more with
    /// it.
    fn write<T>(&mut self, write: impl FnOnce(&Database) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let written = write(self.database()?);
        if written.is_err() {
            self.database = None;
        }
        written
    }
}

impl Journal for DiskJournal {
    fn kind(&self) -> &'static str {
        "disk"
    }

    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        let bytes = serde_json::to_vec(&**record).map_err(|error| JournalError::Damaged(error.to_string()))?;
        let position = self.newest + 1;
        self.write(|database| {
            let transaction = database.begin_write()?;
            transaction.open_table(RECORDS)?.insert(position, bytes.as_slice())?;
            transaction.commit()?;
            Ok(())
        })?;
        self.newest = position;
        Ok(position)
    }

    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        tail(&self.database()?.begin_read()?, after, each)
    }

    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        load(&self.database()?.begin_read()?, each)
    }

    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError> {
        self.checkpoint_with(upto, rows, &[])
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.database = None;
        // redb checks its pages by checksum, but was not written to be fed every kind of damage
        let opened = catch_unwind(AssertUnwindSafe(|| self.open_database()))
            .unwrap_or_else(|_| Err(JournalError::Damaged("opening it panicked".to_owned())));
        let (database, newest) = opened?;
        (self.database, self.newest) = (Some(database), newest);
        Ok(())
    }

    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError> {
        Ok(Some(Box::new(FrozenDisk(self.database()?.begin_read()?))))
    }
}

/// A reading transaction: it sees the database as it was when it began, and holds up no writer.
struct FrozenDisk(ReadTransaction);

impl Frozen for FrozenDisk {
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        load(&self.0, each)
    }

    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        tail(&self.0, after, each)
    }
}

fn load(transaction: &ReadTransaction, each: EachRow<'_>) -> Result<Position, JournalError> {
    for row in transaction.open_table(ROWS)?.iter()? {
        let (key, value) = row?;
        each(key.value(), value.value()).map_err(JournalError::Damaged)?;
    }
    let position = transaction.open_table(META)?.get(POSITION)?;
    Ok(position.map_or(0, |position| position.value()))
}

fn tail(transaction: &ReadTransaction, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
    /// Enough of a record to know whether the rest can be read.
    #[derive(serde::Deserialize)]
    struct Form {
        v: u8,
    }
    let table = transaction.open_table(RECORDS)?;
    for (due, row) in (after + 1..).zip(table.range(after + 1..)?) {
        let (position, value) = row?;
        let (position, bytes) = (position.value(), value.value());
        if position != due {
            return Err(JournalError::Damaged(format!(
                "found the record {position}, the next should have been {due}"
            )));
        }
        let damaged = |error: serde_json::Error| JournalError::Damaged(format!("record {position}: {error}"));
        let Form { v } = serde_json::from_slice(bytes).map_err(damaged)?;
        if v > RECORD_VERSION {
            return Err(JournalError::Newer {
                found: v,
                known: RECORD_VERSION,
            });
        }
        let record = serde_json::from_slice(bytes).map_err(damaged)?;
        each(position, record).map_err(JournalError::Damaged)?;
    }
    Ok(())
}

/// Has a new name in a directory reach the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        // a position or a length that no disk takes was read from the file
        if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            Self::Damaged(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

impl From<redb::Error> for JournalError {
    fn from(error: redb::Error) -> Self {
        if let redb::Error::Io(error) = error {
            error.into()
        } else if matches!(error, redb::Error::DatabaseAlreadyOpen) {
            Self::Unavailable("another process uses it".to_owned())
        } else if matches!(error, redb::Error::PreviousIo) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Damaged(error.to_string())
        }
    }
}

/// Errors of redb's that its one error covers.
macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for JournalError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}
from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_release_is_taken_over_and_one_of_a_newer_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("buckler.redb");
        let form = |form: Option<u64>| {
            let database = Database::open(&path).unwrap();
            let transaction = database.begin_write().unwrap();
            let mut meta = transaction.open_table(META).unwrap();
            let found = meta.get(FORM).unwrap().map(|form| form.value());
            if let Some(form) = form {
                meta.insert(FORM, form).unwrap();
            }
            drop(meta);
            transaction.commit().unwrap();
            found.unwrap()
        };
        drop(DiskJournal::open(&path).unwrap());
        form(Some(1));
        drop(DiskJournal::open(&path).unwrap());
        assert_eq!(
            form(Some(FORM_NOW + 1)),
            FORM_NOW,
            "an older release refuses it from now on"
        );
        let newer = DiskJournal::open(&path).unwrap_err();
        assert!(matches!(newer, JournalError::Newer { .. }), "{newer}");
    }
}
