//! Reads what an earlier run left.

use redb::{Database, ReadableDatabase, ReadableTable};
use uuid::Uuid;

use super::{Anything, BANNED, EVENTS, FOR_EVER, LISTED, META, Saved, SavedEntry};
use crate::{
    model::{address::parse_network, outbox::Left},
    protocol::v2::Event,
};

/// Reads everything. A new file has no tables: they are made first.
pub(super) fn load(database: &Database) -> Result<Saved, Anything> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?;
    transaction.open_table(LISTED)?;
    transaction.open_table(BANNED)?;
    transaction.open_table(EVENTS)?;
    transaction.commit()?;
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let agent_id = meta
        .get("agent_id")?
        .map(|id| Uuid::from_slice(id.value()))
        .transpose()?;
    let config = meta
        .get("config")?
        .map(|json| serde_json::from_slice(json.value()))
        .transpose()?;
    let cursor = meta
        .get("cursor")?
        .map(|json| serde_json::from_slice(json.value()))
        .transpose()?
        .flatten();
    Ok(Saved {
        agent_id,
        config,
        cursor,
        listed: entries(&transaction.open_table(LISTED)?)?,
        banned: entries(&transaction.open_table(BANNED)?)?,
        left: left(&transaction.open_table(EVENTS)?)?,
    })
}

/// Events by stream, in the order of the rows.
fn left(table: &impl ReadableTable<(u128, u64), &'static [u8]>) -> Result<Vec<Left>, Anything> {
    let mut left: Vec<Left> = Vec::new();
    for row in table.iter()? {
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

fn entries(table: &impl ReadableTable<&'static str, u64>) -> Result<Vec<SavedEntry>, Anything> {
    let mut entries = Vec::new();
    for row in table.iter()? {
        let (network, until) = row?;
        let network = parse_network(network.value()).ok_or_else(|| format!("{:?} is no network", network.value()))?;
        entries.push((network, Some(until.value()).filter(|until| *until != FOR_EVER)));
    }
    Ok(entries)
}
