//! Snapshots in the object store: backups, for nodes that begin with nothing, or whose own
//! checkpoint is older than the oldest record that is kept.

use std::{io::Write as _, path::Path};

use async_nats::jetstream::{Context, object_store::ObjectStore};
use buckler::private;
use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;

use super::{NatsOptions, chain::Link};
use crate::journal::Position;

/// Snapshots that are kept: one may be read while the next is written.
const KEPT: usize = 2;

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// A snapshot's name: where its rows stand, and the digest of the log up to there.
pub(super) fn name(position: Position, link: Link) -> String {
    format!("{position}.{link}")
}

/// What a name says.
pub(super) fn parsed(name: &str) -> Option<(Position, Link)> {
    let (position, link) = name.split_once('.')?;
    Some((position.parse().ok()?, Link::parse(link)?))
}

/// Every snapshot, the newest first.
async fn all(store: &ObjectStore) -> Result<Vec<String>, String> {
    let mut list = store.list().await.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    while let Some(object) = list.next().await {
        let object = object.map_err(|error| error.to_string())?;
        if let Some((position, _)) = parsed(&object.name) {
            found.push((position, object.name));
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, name)| name).collect())
}

async fn bucket(context: &Context, options: &NatsOptions) -> Result<ObjectStore, String> {
    let store = context.get_object_store(options.bucket()).await;
    store.map_err(|error| error.to_string())
}

/// Puts a snapshot there, unless it is there or a newer one, and removes the oldest.
pub(super) async fn put(context: &Context, options: &NatsOptions, file: &Path, name: String) -> Result<(), String> {
    let store = bucket(context, options).await?;
    let known = all(&store).await?;
    let position = |name: &str| parsed(name).map(|(position, _)| position);
    if known.first().is_some_and(|newest| position(newest) >= position(&name)) {
        return Ok(());
    }
    let mut from = tokio::fs::File::open(file).await.map_err(|error| error.to_string())?;
    store
        .put(name.as_str(), &mut from)
        .await
        .map_err(|error| error.to_string())?;
    for old in known.iter().skip(KEPT - 1) {
        // another node may have been quicker
        let _ = store.delete(old).await;
    }
    tracing::info!(name, "a snapshot is there for nodes that begin with nothing");
    Ok(())
}

/// Fetches the newest snapshot into a file, and says its name.
pub(super) async fn fetch(context: &Context, options: &NatsOptions, into: &Path) -> Result<Option<String>, String> {
    let store = bucket(context, options).await?;
    let Some(name) = all(&store).await?.into_iter().next() else {
        return Ok(None);
    };
    let mut object = store.get(&name).await.map_err(|error| error.to_string())?;
    let mut to = private::create(into).map_err(|error| error.to_string())?;
    let mut piece = vec![0; PIECE];
    loop {
        // at its end the object compares its own digest
        let read = object.read(&mut piece).await.map_err(|error| error.to_string())?;
        match piece.get(..read) {
            Some([]) | None => break,
            Some(bytes) => to.write_all(bytes).map_err(|error| error.to_string())?,
        }
    }
    to.sync_all().map_err(|error| error.to_string())?;
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_a_snapshot_stands() {
        let link = Link::default().next(b"a record");
        assert_eq!(parsed(&name(17, link)), Some((17, link)));
        assert_eq!(parsed("17"), None);
        assert_eq!(parsed("x.00000000000000000000000000000000"), None);
    }
}
