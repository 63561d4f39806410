//! What the database holds, and how it is written.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | a name | ids, configuration, the list's number and cursors, the breaker's state |
//! | `banned` | [network](super::network) | when the ban ends, in Unix seconds |
//! | `events` | stream, number | the event as JSON |
//! | `list_changes_N` | network | when its entry ends; none where it was removed since the list file `N` was begun |

use ipnet::IpNet;
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableHandle, WriteTransaction};
use uuid::Uuid;

use super::{FOR_EVER, SavedEntry, network::NetworkKey, trouble::Trouble};
use crate::protocol::v2::Event;

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const BANNED: TableDefinition<'_, &[u8], u64> = TableDefinition::new("banned");
/// Streams are UUIDs of version 7, so that the rows are in the order in which the events were made.
pub(super) const EVENTS: TableDefinition<'_, (u128, u64), &[u8]> = TableDefinition::new("events");

/// Names in `meta`.
pub(super) const SCHEMA_KEY: &str = "schema";
pub(super) const AGENT_ID: &str = "agent_id";
/// The server's configuration, sealed.
pub(super) const CONFIG: &str = "config_sealed";
/// The agent's credential, sealed.
pub(super) const CREDENTIAL: &str = "credential_sealed";
/// What was believed last of signed configurations. It is not sealed: it outlives the agent's key.
pub(super) const BELIEVED: &str = "believed";
/// The same as releases before 0.2 wrote it: read once, and removed.
pub(super) const CONFIG_PLAIN: &str = "config";
pub(super) const CONFIRMED: &str = "confirmed";
pub(super) const SAFETY: &str = "safety";
/// The number of the list file in use.
pub(super) const LIST: &str = "list";

/// The prefix of the tables of changes.
const CHANGES: &str = "list_changes_";

/// Changes since the list file of this number was begun.
pub(super) fn changes_name(number: u64) -> String {
    format!("{CHANGES}{number}")
}

pub(super) const fn changes(name: &str) -> TableDefinition<'_, &'static [u8], Option<u64>> {
    TableDefinition::new(name)
}

/// Where the cursor is kept that belongs to a list file and its changes.
pub(super) fn cursor_key(number: u64) -> String {
    format!("cursor_{number}")
}

pub(super) fn put(txn: &WriteTransaction, key: &str, value: &[u8]) -> Result<(), Trouble> {
    txn.open_table(META)?.insert(key, value)?;
    Ok(())
}

/// Removes what `meta` has under a name.
pub(super) fn forget(txn: &WriteTransaction, key: &str) -> Result<(), Trouble> {
    txn.open_table(META)?.remove(key)?;
    Ok(())
}

/// What `meta` has under a name.
pub(super) fn get(txn: &ReadTransaction, key: &str) -> Result<Option<Vec<u8>>, Trouble> {
    Ok(txn.open_table(META)?.get(key)?.map(|value| value.value().to_vec()))
}

/// A number of `meta`.
pub(super) fn get_number(txn: &ReadTransaction, key: &str) -> Result<Option<u64>, Trouble> {
    let number = |bytes: Vec<u8>| {
        let bytes = bytes
            .try_into()
            .map_err(|_| Trouble::Damage(format!("{key} is no number")))?;
        Ok(u64::from_le_bytes(bytes))
    };
    get(txn, key)?.map(number).transpose()
}

pub(super) fn put_bans(txn: &WriteTransaction, bans: &[SavedEntry]) -> Result<(), Trouble> {
    let mut table = txn.open_table(BANNED)?;
    for (network, until) in bans {
        table.insert(NetworkKey::from(*network).as_slice(), until.unwrap_or(FOR_EVER))?;
    }
    Ok(())
}

pub(super) fn put_events(txn: &WriteTransaction, stream: Uuid, events: &[Event]) -> Result<(), Trouble> {
    let mut table = txn.open_table(EVENTS)?;
    for event in events {
        table.insert((stream.as_u128(), event.seq), serde_json::to_vec(event)?.as_slice())?;
    }
    Ok(())
}

/// Writes what has become of a network in the list of this number; `None` where it is gone.
pub(super) fn put_changes(txn: &WriteTransaction, list: u64, changed: &[(IpNet, Option<u64>)]) -> Result<(), Trouble> {
    let name = changes_name(list);
    let mut table = txn.open_table(changes(&name))?;
    for (network, until) in changed {
        table.insert(NetworkKey::from(*network).as_slice(), *until)?;
    }
    Ok(())
}

/// Deletes what belongs to other list files than these.
pub(super) fn delete_changes_except(txn: &WriteTransaction, keep: &[u64]) -> Result<(), Trouble> {
    let (tables, cursors): (Vec<_>, Vec<_>) = keep.iter().map(|n| (changes_name(*n), cursor_key(*n))).unzip();
    let stale: Vec<_> = txn
        .list_tables()?
        .filter(|table| table.name().starts_with(CHANGES) && !tables.iter().any(|name| name == table.name()))
        .collect();
    for table in stale {
        txn.delete_table(table)?;
    }
    let mut meta = txn.open_table(META)?;
    meta.retain(|key, _| !key.starts_with("cursor_") || cursors.iter().any(|cursor| cursor == key))?;
    Ok(())
}

/// Every row of a table of networks.
pub(super) fn networks<V>(
    table: &impl ReadableTable<&'static [u8], V>,
    mut each: impl FnMut(IpNet, V::SelfType<'_>),
) -> Result<(), Trouble>
where
    V: redb::Value + 'static,
{
    for row in table.iter()? {
        let (key, value) = row?;
        let network = super::network::network_of(key.value());
        let network = network.ok_or_else(|| Trouble::Damage(format!("{:?} is no network", key.value())))?;
        each(network, value.value());
    }
    Ok(())
}
