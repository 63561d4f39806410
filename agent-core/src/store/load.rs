//! Reads what an earlier run left.

use std::{path::Path, sync::Arc};

use ipnet::IpNet;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableHandle};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    FOR_EVER, SCHEMA, Saved, SavedEntry, Times,
    faults::Faults,
    list_file::ListFile,
    seal::Seal,
    tables::{
        AGENT_ID, BANNED, BELIEVED, CONFIG, CONFIG_PLAIN, CONFIRMED, CREDENTIAL, EVENTS, LIST, SAFETY, SCHEMA_KEY,
        changes, changes_name, cursor_key, get, get_number, networks, put,
    },
    trouble::Trouble,
};
use crate::{
    actors::credential::Credential,
    model::{
        blacklist::{Scope, SharedList},
        outbox::Left,
    },
    protocol::v2::{ConfigUpdate, Event, ListCursor},
};

/// A list as it was kept: a file, and what changed since it was begun.
pub(crate) struct SavedList {
    /// Absent from version 1 servers.
    pub(crate) cursor: Option<ListCursor>,
    file: ListFile,
    /// The end of each network that changed; `None` where it is gone.
    changes: Vec<(IpNet, Option<u64>)>,
}

/// All that a database and its list file hold.
pub(super) struct Loaded {
    pub(super) saved: Saved,
    /// The number of the list file that the database names.
    pub(super) list: Option<u64>,
    /// Changes since it was begun.
    pub(super) changes: usize,
    /// Why the list could not be read.
    pub(super) list_trouble: Option<Trouble>,
}

/// Reads everything. `list_path` tells where the list file of a number is.
pub(super) fn load(
    database: &Database,
    seal: &Seal,
    list_path: impl Fn(u64) -> std::path::PathBuf,
    faults: &Faults,
) -> Result<Loaded, Trouble> {
    prepare(database)?;
    let txn = database.begin_read()?;
    let json = |key| get(&txn, key);
    let mut banned: Vec<SavedEntry> = Vec::new();
    networks(&txn.open_table(BANNED)?, |network, until| {
        banned.push((network, Some(until).filter(|until| *until != FOR_EVER)));
    })?;
    let credential = credential(&txn, seal)?;
    // who cannot read its credential is another installation: the server takes no other key for the
    // one that has it
    let agent_id = get(&txn, AGENT_ID)?.filter(|_| credential.is_some());
    let mut loaded = Loaded {
        saved: Saved {
            agent_id: agent_id.map(|id| Uuid::from_slice(&id)).transpose()?,
            credential: credential.unwrap_or_default(),
            config: config(&txn, seal)?,
            believed: json(BELIEVED)?.map(|json| serde_json::from_slice(&json)).transpose()?,
            banned,
            left: left(&txn)?,
            list: None,
            confirmed: get_number(&txn, CONFIRMED)?,
            safety: json(SAFETY)?.map(|json| serde_json::from_slice(&json)).transpose()?,
        },
        list: get_number(&txn, LIST)?,
        changes: 0,
        list_trouble: None,
    };
    if let Some(number) = loaded.list {
        match list(&txn, number, &list_path(number), faults) {
            Ok(list) => {
                loaded.changes = list.changes.len();
                loaded.saved.list = Some(list);
            }
            Err(trouble) => loaded.list_trouble = Some(trouble),
        }
    }
    Ok(loaded)
}

/// The agent's credential: an empty one where there is none yet, and `None` where another key has
/// sealed it.
fn credential(txn: &ReadTransaction, seal: &Seal) -> Result<Option<Credential>, Trouble> {
    let Some(sealed) = get(txn, CREDENTIAL)? else {
        return Ok(Some(Credential::default()));
    };
    opened(seal, &sealed, "credential", "it enrols as another agent")
}

/// The server's configuration. One that another key has sealed is waited for, as if there were
/// none.
fn config(txn: &ReadTransaction, seal: &Seal) -> Result<Option<ConfigUpdate>, Trouble> {
    match get(txn, CONFIG)? {
        Some(sealed) => opened(seal, &sealed, "configuration", "waiting for the server's"),
        None => Ok(get(txn, CONFIG_PLAIN)?
            .map(|json| serde_json::from_slice(&json))
            .transpose()?),
    }
}

/// Reads what is sealed; `None` where another key has sealed it, and then says what follows.
fn opened<T: DeserializeOwned>(seal: &Seal, sealed: &[u8], what: &str, otherwise: &str) -> Result<Option<T>, Trouble> {
    let opened = seal.open(sealed);
    if opened.is_none() {
        tracing::warn!("the saved {what} was sealed by another key than the agent's: {otherwise}");
    }
    Ok(opened.map(|json| serde_json::from_slice(&json)).transpose()?)
}

/// Makes the tables of a new database, and looks at an old one's schema.
fn prepare(database: &Database) -> Result<(), Trouble> {
    let tables: Vec<String> = {
        let txn = database.begin_read()?;
        txn.list_tables()?.map(|table| table.name().to_owned()).collect()
    };
    if tables.is_empty() {
        let txn = database.begin_write()?;
        put(&txn, SCHEMA_KEY, &SCHEMA.to_le_bytes())?;
        txn.open_table(BANNED)?;
        txn.open_table(EVENTS)?;
        return Ok(txn.commit()?);
    }
    let txn = database.begin_read()?;
    let schema = get(&txn, SCHEMA_KEY)?.and_then(|schema| schema.try_into().ok());
    match schema.map(u32::from_le_bytes) {
        Some(SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(Trouble::Newer(newer)),
        Some(_) | None => Err(Trouble::Damage("it has no schema that was ever in use".to_owned())),
    }
}

/// The events of a database.
pub(super) fn events(database: &Database) -> Result<Vec<Left>, Trouble> {
    prepare(database)?;
    left(&database.begin_read()?)
}

/// Events by stream, in the order of the rows.
fn left(txn: &ReadTransaction) -> Result<Vec<Left>, Trouble> {
    let mut left: Vec<Left> = Vec::new();
    for row in txn.open_table(EVENTS)?.iter()? {
        let (key, event) = row?;
        let (stream, event): (Uuid, Event) = (Uuid::from_u128(key.value().0), serde_json::from_slice(event.value())?);
        match left.last_mut().filter(|last| last.stream == stream) {
            Some(last) => last.events.push(event),
            None => left.push(Left {
                stream,
                events: vec![event],
            }),
        }
    }
    Ok(left)
}

fn list(txn: &ReadTransaction, number: u64, path: &Path, faults: &Faults) -> Result<SavedList, Trouble> {
    let file = ListFile::read(path, faults)?;
    let cursor = get(txn, &cursor_key(number))?
        .map(|json| serde_json::from_slice(&json))
        .transpose()?;
    let (mut changed, name) = (Vec::new(), changes_name(number));
    if txn.list_tables()?.any(|table| table.name() == name) {
        networks(&txn.open_table(changes(&name))?, |network, until| {
            changed.push((network, until))
        })?;
    }
    Ok(SavedList {
        cursor: cursor.flatten(),
        file,
        changes: changed,
    })
}

impl SavedList {
    /// Builds the list. Its digest is that of the file's rows with the changes; it must be the cursor's.
    ///
    /// # Errors
    /// What does not fit.
    pub(crate) fn restore(self, times: Times) -> Result<SharedList, String> {
        let Self { cursor, file, changes } = self;
        let (list, mut digest) = file.build(times).ok_or("its rows are not as many as it says")?;
        for (network, until) in changes {
            match (list.is_member(network, Scope::Shared), until) {
                (false, Some(_)) => digest += network,
                (true, None) => digest -= network,
                (true, Some(_)) | (false, None) => {}
            }
            match until {
                Some(until) => {
                    let until = times.read_end(Some(until).filter(|until| *until != FOR_EVER));
                    list.insert(network, until, Scope::Shared);
                }
                None => {
                    list.remove(network, Scope::Shared);
                }
            }
        }
        match cursor {
            Some(cursor) => SharedList::resume(cursor, list, digest).map_err(|problem| problem.to_string()),
            // a version 1 server's list has no cursor: it holds until the next registration replaces it
            None => Ok(SharedList::new(Arc::new(list))),
        }
    }
}

impl std::fmt::Debug for SavedList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SavedList")
            .field("cursor", &self.cursor)
            .field("count", &self.file.count())
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}
