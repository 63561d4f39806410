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

/// A snapshot's name: when the stream was made that it is of, where its rows stand there, and the
/// digest of the log up to there.
pub(super) fn name(made: u64, position: Position, link: Link) -> String {
    format!("{made}.{position}.{link}")
}

/// What a name says.
pub(super) fn parsed(name: &str) -> Option<(u64, Position, Link)> {
    let (made, rest) = name.split_once('.')?;
    let (position, link) = rest.split_once('.')?;
    Some((made.parse().ok()?, position.parse().ok()?, Link::parse(link)?))
}

/// The snapshots of a stream that was made then, each with its position, the newest first.
async fn all(store: &ObjectStore, made: u64) -> Result<Vec<(Position, String)>, String> {
    let mut list = store.list().await.map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    while let Some(object) = list.next().await {
        let object = object.map_err(|error| error.to_string())?;
        if let Some((_, position, _)) = parsed(&object.name).filter(|(of, ..)| *of == made) {
            found.push((position, object.name));
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

async fn bucket(context: &Context, options: &NatsOptions) -> Result<ObjectStore, String> {
    let store = context.get_object_store(options.bucket()).await;
    store.map_err(|error| error.to_string())
}

/// Puts a snapshot there, unless it is there or a newer one, and removes the oldest, and those of
/// records that the stream has forgotten: it ends with `last`.
pub(super) async fn put(
    (context, options): (&Context, &NatsOptions),
    file: &Path,
    name: String,
    last: Position,
) -> Result<(), String> {
    let (made, position, _) = parsed(&name).ok_or("a snapshot without a position")?;
    let store = bucket(context, options).await?;
    let (known, forgotten): (Vec<_>, Vec<_>) = all(&store, made).await?.into_iter().partition(|(at, _)| *at <= last);
    let is_there = known.first().is_some_and(|(newest, _)| *newest >= position);
    if !is_there {
        let mut from = tokio::fs::File::open(file).await.map_err(|error| error.to_string())?;
        let put = store.put(name.as_str(), &mut from).await;
        put.map_err(|error| error.to_string())?;
        tracing::info!(name, "a snapshot is there for nodes that begin with nothing");
    }
    let old = known.iter().skip(if is_there { KEPT } else { KEPT - 1 });
    for (_, old) in old.chain(&forgotten) {
        // another node may have been quicker
        let _ = store.delete(old).await;
    }
    Ok(())
}

/// Fetches the newest snapshot of the stream that was made then and ends with `last` into a file,
/// and says its name.
pub(super) async fn fetch(
    (context, options): (&Context, &NatsOptions),
    into: &Path,
    (made, last): (u64, Position),
) -> Result<Option<String>, String> {
    let store = bucket(context, options).await?;
    let known = all(&store, made).await?;
    let Some((_, name)) = known.into_iter().find(|(at, _)| *at <= last) else {
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
        assert_eq!(parsed(&name(5, 17, link)), Some((5, 17, link)));
        for wrong in ["17", "5.17", "5.x.00000000000000000000000000000000"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
