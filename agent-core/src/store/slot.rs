//! A process' place in a state directory: which files are its own, and how they are opened, whatever is in them.
//!
//! | file | what it is |
//! |---|---|
//! | `agent.lock` | held by the process as long as it lives; who dies lets go of it |
//! | `agent.redb` | ids, configuration, bans, events, and what changed in the list |
//! | `agent.list-N` | the fleet's list; the database says which `N` |
//! | `agent.redb.previous` | the database as it was when the process before this one ended |
//! | `agent.redb.damaged` | the newest file that made no sense, for those who want to know why |
//!
//! A second process in the same directory has `agent-2.lock`, `agent-2.redb` and so on.

use std::{
    fs::{self, File, TryLockError},
    io,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
};

use redb::{Database, backends::FileBackend};

use super::{
    faults::{Checked, Faults, Touch},
    load::{Loaded, events, load},
    seal::Seal,
    tables::{EVENTS, put_events},
    trouble::Trouble,
};
use crate::{model::outbox::Left, private};

/// Processes that may share a state directory.
const SLOTS: u32 = 16;
/// Memory for the database's pages, in bytes: all of them, as a rule. redb's own choice is a gibibyte.
const CACHE: usize = 4 << 20;

/// A slot that is this process' as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    number: u32,
    _lock: File,
}

/// A database that is open, and what was in it.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) loaded: Loaded,
    /// Files that were damaged and set aside.
    pub(super) damaged: u64,
}

impl Place {
    /// Takes the first slot in `directory` that no other process has.
    pub(super) fn claim(directory: &Path, faults: &Faults) -> Result<Self, Trouble> {
        let taken = || -> io::Result<Option<Self>> {
            faults.check(Touch::Write)?;
            private::directory(directory)?;
            for number in 1..=SLOTS {
                if let Some(place) = Self::lock(directory, number)? {
                    return Ok(Some(place));
                }
            }
            Ok(None)
        };
        match taken() {
            Ok(Some(place)) => Ok(place),
            Ok(None) => Err(Trouble::Disk(format!("{SLOTS} processes use it already"))),
            Err(error) => Err(Trouble::Disk(error.to_string())),
        }
    }

    /// Takes a slot if no other process has it.
    fn lock(directory: &Path, number: u32) -> io::Result<Option<Self>> {
        let path = directory.join(stem(number)).with_extension("lock");
        let lock = private::open(private::options().write(true).create(true).truncate(false), &path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // where files cannot be locked, redb sees to it that a file is opened once
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Some(Self {
            directory: directory.to_owned(),
            number,
            _lock: lock,
        }))
    }

    pub(super) fn database(&self) -> PathBuf {
        self.directory.join(stem(self.number)).with_extension("redb")
    }

    pub(super) fn list(&self, number: u64) -> PathBuf {
        self.database().with_extension(format!("list-{number}"))
    }

    /// Whether there is no database, or one that was cut off to nothing.
    fn is_gone(&self) -> bool {
        fs::metadata(self.database()).map_or(true, |file| file.len() == 0)
    }

    /// Where files are made that take another's place.
    fn unfinished(&self) -> PathBuf {
        self.database().with_extension("unfinished")
    }

    fn previous(&self) -> PathBuf {
        self.database().with_extension("redb.previous")
    }

    /// Opens the database: the file or, where that makes no sense, the generation before it or, where that makes no sense
    /// either, an empty one.
    pub(super) fn open(&self, seal: &Seal, faults: &Faults) -> Result<Opened, Trouble> {
        let mut damaged = 0;
        for aside in ["redb.damaged", "redb.previous.damaged"] {
            self.promote()?;
            match self.read(seal, faults) {
                Ok((database, loaded)) => {
                    return Ok(Opened {
                        database,
                        loaded,
                        damaged,
                    });
                }
                Err(trouble @ Trouble::Disk(_)) => return Err(trouble),
                Err(trouble @ (Trouble::Damage(_) | Trouble::Newer(_))) => {
                    damaged += 1;
                    self.set_aside(aside, &trouble, faults)?;
                }
            }
        }
        let (database, loaded) = self.read(seal, faults)?;
        Ok(Opened {
            database,
            loaded,
            damaged,
        })
    }

    /// Puts the generation before in the place of a file that is gone or was cut off to nothing.
    fn promote(&self) -> Result<(), Trouble> {
        if self.is_gone() && self.previous().exists() {
            fs::rename(self.previous(), self.database())?;
            tracing::warn!(path = %self.database().display(), "saved state is that of the run before the last");
        }
        Ok(())
    }

    fn read(&self, seal: &Seal, faults: &Faults) -> Result<(Database, Loaded), Trouble> {
        self.open_and(faults, |database| {
            load(database, seal, |number| self.list(number), faults)
        })
    }

    /// Opens the database as it is and reads from it.
    fn open_and<T>(
        &self,
        faults: &Faults,
        read: impl FnOnce(&Database) -> Result<T, Trouble>,
    ) -> Result<(Database, T), Trouble> {
        // redb checks its pages by checksum, but was not written to be fed every kind of damage
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let database = self.open_database(faults)?;
            let found = read(&database)?;
            if self.is_gone() {
                faults.check(Touch::Write)?;
                fs::rename(self.unfinished(), self.database())?;
                sync_directory(&self.directory, faults)?;
            }
            Ok((database, found))
        }));
        opened.unwrap_or_else(|_| Err(Trouble::Damage("reading it panicked".to_owned())))
    }

    /// A new database gets its name when it is whole, lest one that was cut off in its first moments be taken for damage.
    fn open_database(&self, faults: &Faults) -> Result<Database, Trouble> {
        let is_new = self.is_gone();
        faults.check(if is_new { Touch::Write } else { Touch::Read })?;
        let path = if is_new { self.unfinished() } else { self.database() };
        let mut options = private::options();
        options.read(true).write(true).create(is_new).truncate(is_new);
        let file = private::open(&options, &path)?;
        let backend = Checked {
            file: FileBackend::new(file)?,
            faults: faults.clone(),
        };
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        Ok(builder.create_with_backend(backend)?)
    }

    /// Renames a file that makes no sense, so that nothing is lost and the agent goes on. The newest one is kept.
    fn set_aside(&self, extension: &str, trouble: &Trouble, faults: &Faults) -> Result<(), Trouble> {
        let path = self.database();
        let aside = path.with_extension(extension);
        faults.check(Touch::Write)?;
        fs::rename(&path, &aside).map_err(|error| Trouble::Disk(error.to_string()))?;
        tracing::warn!(path = %path.display(), aside = %aside.display(), problem = %trouble, "saved state cannot be used: set aside");
        Ok(())
    }

    /// Copies a database that was found good, for the case that the next start does not find it so, and removes list files that
    /// neither names. Its failure costs nothing today.
    pub(super) fn keep_generation(&self, list: Option<u64>, faults: &Faults) {
        let copy = || -> Result<(), Trouble> {
            let unfinished = self.unfinished();
            faults.check(Touch::Write)?;
            let mut copy = private::create(&unfinished)?;
            io::copy(&mut File::open(self.database())?, &mut copy)?;
            faults.sync(|| copy.sync_data())?;
            fs::rename(&unfinished, self.previous())?;
            self.remove_lists_except(list.as_slice());
            Ok(())
        };
        if let Err(trouble) = copy() {
            tracing::debug!(problem = %trouble, "the saved state was not copied");
        }
    }

    /// Removes list files that nothing names any more.
    pub(super) fn remove_lists_except(&self, keep: &[u64]) {
        let keep: Vec<PathBuf> = keep.iter().map(|number| self.list(*number)).collect();
        let list_of_mine = format!("{}.list-", stem(self.number));
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for path in files.map(|file| file.path()).filter(|path| !keep.contains(path)) {
            let name = path
                .file_name()
                .map(std::ffi::OsStr::to_string_lossy)
                .unwrap_or_default();
            if name.starts_with(&list_of_mine) {
                // what cannot be removed now is tried again at the next start
                fs::remove_file(&path).unwrap_or_default();
            }
        }
    }

    /// Takes over the events that are left in slots that no process has: they might wait there for ever. They are written here
    /// before they are removed there, so that a crash in between repeats them, which the server notices.
    pub(super) fn drain_others(&self, database: &Database, faults: &Faults) -> Result<Vec<Left>, Trouble> {
        for number in (1..=SLOTS).filter(|number| *number != self.number) {
            if self.directory.join(stem(number)).with_extension("redb").exists()
                && let Ok(Some(other)) = Self::lock(&self.directory, number)
                && let Err(trouble) = other.drain_into(database, faults)
            {
                tracing::debug!(path = %other.database().display(), problem = %trouble, "events that were left there stay there");
            }
        }
        events(database)
    }

    fn drain_into(&self, database: &Database, faults: &Faults) -> Result<(), Trouble> {
        // another generation, or none, is for the process that takes this slot
        let (theirs, found) = self.open_and(faults, events)?;
        if found.is_empty() {
            return Ok(());
        }
        let txn = database.begin_write()?;
        for left in &found {
            put_events(&txn, left.stream, &left.events)?;
        }
        txn.commit()?;
        let txn = theirs.begin_write()?;
        txn.delete_table(EVENTS)?;
        txn.open_table(EVENTS)?;
        txn.commit()?;
        tracing::info!(path = %self.database().display(), "events of a process that is gone are taken over");
        Ok(())
    }
}

/// How the files of a slot begin.
fn stem(number: u32) -> String {
    if number == 1 {
        "agent".to_owned()
    } else {
        format!("agent-{number}")
    }
}

/// Has the names of new files reach the disk, where the system can.
pub(super) fn sync_directory(directory: &Path, faults: &Faults) -> Result<(), Trouble> {
    if cfg!(unix) {
        faults.sync(|| File::open(directory)?.sync_all())?;
    }
    Ok(())
}
