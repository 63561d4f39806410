//! What survives a restart of the process: ids, the last configuration that worked, the list with its cursor, own bans, and
//! events that were not acknowledged. On disk (redb) under the state directory, or nowhere where none is set.
//!
//! Nothing here ever fails the host: a damaged file is set aside, and a disk that cannot be written turns the store off with
//! one warning; the agent then runs on from memory and says so in its status. Times on disk are Unix seconds.

mod load;

use std::{cell::RefCell, fmt::Display, fs, panic::AssertUnwindSafe, path::Path, path::PathBuf};

use ipnet::IpNet;
use redb::{Database, DatabaseError, TableDefinition, WriteTransaction};
use uuid::Uuid;

use self::load::load;
use crate::{
    model::{address::to_text, outbox::Left},
    protocol::v2::{ConfigUpdate, Event, ListCursor},
};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const LISTED: TableDefinition<'_, &str, u64> = TableDefinition::new("listed");
const BANNED: TableDefinition<'_, &str, u64> = TableDefinition::new("banned");
/// By stream and number. Streams are UUIDs of version 7, so that the rows are in the order in which the events were made.
const EVENTS: TableDefinition<'_, (u128, u64), &[u8]> = TableDefinition::new("events_by_stream");

/// Processes that may share a state directory: each takes the first file that no other has open.
const SLOTS: u32 = 16;
/// An end that never comes, on disk.
const FOR_EVER: u64 = u64::MAX;

type Anything = Box<dyn std::error::Error>;

/// A network and when its entry ends, in Unix seconds; `None` is never.
pub(crate) type SavedEntry = (IpNet, Option<u64>);

/// The store; it belongs to the agent's thread.
pub(crate) struct Store {
    disk: RefCell<Option<Database>>,
    path: Option<PathBuf>,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) config: Option<ConfigUpdate>,
    pub(crate) cursor: Option<ListCursor>,
    pub(crate) listed: Vec<SavedEntry>,
    pub(crate) banned: Vec<SavedEntry>,
    /// Events that earlier processes left, by stream, the oldest first.
    pub(crate) left: Vec<Left>,
}

impl Store {
    /// A store that keeps nothing.
    pub(crate) const fn memory() -> Self {
        Self {
            disk: RefCell::new(None),
            path: None,
        }
    }

    /// Opens the first free file in `directory` and reads what is there.
    pub(crate) fn open(directory: &Path) -> (Self, Saved) {
        match open_slot(directory) {
            Ok((database, path)) => Self::read(database, path),
            Err(error) => {
                tracing::warn!(
                    directory = %directory.display(), %error,
                    "state directory cannot be used: going on from memory, and nothing will survive a restart"
                );
                (Self::memory(), Saved::default())
            }
        }
    }

    /// Reads what is there; what cannot be read is set aside with its whole file.
    fn read(database: Database, path: PathBuf) -> (Self, Saved) {
        // redb checks its pages by checksum, but was not written to be fed every kind of damage
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| load(&database)));
        let problem = match read {
            Ok(Ok(saved)) => {
                return (
                    Self {
                        disk: RefCell::new(Some(database)),
                        path: Some(path),
                    },
                    saved,
                );
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading it panicked".to_owned(),
        };
        drop(database);
        match set_aside(&path, &problem).and_then(|()| Ok(Database::create(&path)?)) {
            Ok(database) => (
                Self {
                    disk: RefCell::new(Some(database)),
                    path: Some(path),
                },
                Saved::default(),
            ),
            Err(error) => {
                warn_memory(&path, &error);
                (Self::memory(), Saved::default())
            }
        }
    }

    /// The file in use; `None` in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref().filter(|_| self.disk.borrow().is_some())
    }

    /// Keeps the installation's id.
    pub(crate) fn save_agent_id(&self, id: Uuid) {
        self.write(|txn| put(txn, "agent_id", id.as_bytes()));
    }

    /// Keeps a configuration that works.
    pub(crate) fn save_config(&self, config: &ConfigUpdate) {
        self.write(|txn| put(txn, "config", &serde_json::to_vec(config)?));
    }

    /// Keeps a changed list: what came, what went, and the cursor after it.
    pub(crate) fn save_delta(&self, cursor: Option<&ListCursor>, added: &[SavedEntry], removed: &[IpNet]) {
        self.write(|txn| {
            let mut table = txn.open_table(LISTED)?;
            for network in removed {
                table.remove(to_text(*network).as_str())?;
            }
            for (network, until) in added {
                table.insert(to_text(*network).as_str(), until.unwrap_or(FOR_EVER))?;
            }
            drop(table);
            put_cursor(txn, cursor)
        });
    }

    /// Keeps a whole new list. `each` is called with a function to call for every entry.
    pub(crate) fn save_list(&self, cursor: Option<&ListCursor>, each: impl FnOnce(&mut dyn FnMut(IpNet, Option<u64>))) {
        self.write(|txn| {
            txn.delete_table(LISTED)?;
            let mut table = txn.open_table(LISTED)?;
            let mut failed = None;
            each(&mut |network, until| {
                if failed.is_none() {
                    failed = table.insert(to_text(network).as_str(), until.unwrap_or(FOR_EVER)).err();
                }
            });
            drop(table);
            failed.map_or_else(|| put_cursor(txn, cursor), |error| Err(error.into()))
        });
    }

    /// Keeps own bans and the events that report them, in one step: a ban that outlives the process without its event would
    /// never reach the fleet.
    pub(crate) fn save_offences(&self, bans: &[SavedEntry], events: &[Event], stream: Uuid) {
        self.write(|txn| {
            let mut table = txn.open_table(BANNED)?;
            for (network, until) in bans {
                table.insert(to_text(*network).as_str(), until.unwrap_or(FOR_EVER))?;
            }
            let mut table = txn.open_table(EVENTS)?;
            for event in events {
                table.insert((stream.as_u128(), event.seq), serde_json::to_vec(event)?.as_slice())?;
            }
            Ok(())
        });
    }

    /// Forgets a stream's events that the server has.
    pub(crate) fn forget_events(&self, stream: Uuid, up_to: u64) {
        let stream = stream.as_u128();
        let known = (stream, 0)..=(stream, up_to);
        self.write(|txn| Ok(txn.open_table(EVENTS)?.retain_in(known, |_, _| false)?));
    }

    /// Forgets own bans that ended before `unix_seconds`, and those named.
    pub(crate) fn forget_bans(&self, unix_seconds: u64, named: &[IpNet]) {
        self.write(|txn| {
            let mut table = txn.open_table(BANNED)?;
            table.retain(|_, until| until >= unix_seconds)?;
            for network in named {
                table.remove(to_text(*network).as_str())?;
            }
            Ok(())
        });
    }

    /// One transaction. Its failure turns the store off: half a history is worse than none.
    fn write(&self, change: impl FnOnce(&WriteTransaction) -> Result<(), Anything>) {
        let mut disk = self.disk.borrow_mut();
        let Some(database) = disk.as_ref() else { return };
        let attempt = || -> Result<(), Anything> {
            let transaction = database.begin_write()?;
            change(&transaction)?;
            Ok(transaction.commit()?)
        };
        if let Err(error) = attempt() {
            warn_memory(self.path.as_deref().unwrap_or_else(|| Path::new("")), &error);
            *disk = None;
        }
    }
}

fn warn_memory(path: &Path, error: &dyn Display) {
    tracing::warn!(
        path = %path.display(), %error,
        "state cannot be kept on disk: going on from memory, and nothing more will survive a restart"
    );
}

/// Opens the first file that no other process has open.
fn open_slot(directory: &Path) -> Result<(Database, PathBuf), Anything> {
    fs::create_dir_all(directory)?;
    for slot in 1..=SLOTS {
        let path = directory.join(if slot == 1 {
            "agent.redb".to_owned()
        } else {
            format!("agent-{slot}.redb")
        });
        match Database::create(&path) {
            Ok(database) => return Ok((database, path)),
            Err(DatabaseError::DatabaseAlreadyOpen) => {}
            Err(error @ (DatabaseError::Storage(redb::StorageError::Io(_)) | DatabaseError::TransactionInProgress))
                if !is_damage(&error) =>
            {
                return Err(error.into());
            }
            Err(error) => {
                set_aside(&path, &error.to_string())?;
                return Ok((Database::create(&path)?, path));
            }
        }
    }
    Err(format!("{SLOTS} processes have it open already").into())
}

/// Whether an error speaks of the file's contents rather than of the disk.
fn is_damage(error: &DatabaseError) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(error, DatabaseError::Storage(redb::StorageError::Io(io)) if matches!(io.kind(), InvalidData | UnexpectedEof))
}

/// Renames a damaged file, so that nothing is lost and the agent goes on. Only the newest damaged file is kept.
fn set_aside(path: &Path, problem: &str) -> Result<(), Anything> {
    let aside = path.with_extension("redb.damaged");
    fs::rename(path, &aside)?;
    tracing::warn!(path = %path.display(), aside = %aside.display(), problem, "saved state is damaged: set aside, starting anew");
    Ok(())
}

fn put(txn: &WriteTransaction, key: &str, value: &[u8]) -> Result<(), Anything> {
    txn.open_table(META)?.insert(key, value)?;
    Ok(())
}

fn put_cursor(txn: &WriteTransaction, cursor: Option<&ListCursor>) -> Result<(), Anything> {
    put(txn, "cursor", &serde_json::to_vec(&cursor)?)
}

#[cfg(test)]
mod tests;
