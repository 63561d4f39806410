//! Snapshots in the object store: backups, for nodes that begin with nothing, or whose own
//! checkpoint is older than the oldest record that is kept.

use std::{fmt, path::Path, time::Duration};

use async_nats::jetstream::{Context, object_store::ObjectStore};
use buckler::private;
use futures_util::StreamExt as _;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{NatsOptions, chain::Link};
use crate::journal::Position;

/// Snapshots that are kept: one may be read while the next is written.
const KEPT: usize = 2;

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// How long the next part of a list or of a snapshot may take. A reader of what another node
/// removes meanwhile is told nothing at all.
const PART: Duration = Duration::from_secs(10);

/// How many snapshots are begun to be read: each time one is removed, another node has put a newer
/// one there.
const TRIES: usize = 3;

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

/// Waits for the next part of something.
async fn part<T>(of: &str, next: impl Future<Output = T>) -> Result<T, String> {
    timeout(PART, next)
        .await
        .map_err(|_| format!("nothing more came of {of} within {PART:?}"))
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

/// The snapshots of a stream that was made then, each with its position, the newest first.
async fn all(store: &ObjectStore, made: u64) -> Result<Vec<(Position, String)>, String> {
    let mut list = store.list().await.map_err(said)?;
    let mut found = Vec::new();
    while let Some(object) = part("the list of snapshots", list.next()).await? {
        let object = object.map_err(said)?;
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
    store.map_err(said)
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
        let mut from = File::open(file).await.map_err(said)?;
        let put = store.put(name.as_str(), &mut from).await;
        put.map_err(said)?;
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
/// and says its name. Where one is removed meanwhile, or damaged, the next is fetched.
pub(super) async fn fetch(
    (context, options): (&Context, &NatsOptions),
    into: &Path,
    (made, last): (u64, Position),
) -> Result<Option<String>, String> {
    let store = bucket(context, options).await?;
    let mut unreadable: Vec<(String, String)> = Vec::new();
    loop {
        let known = all(&store, made).await?;
        let mut usable = known.into_iter().filter(|(at, _)| *at <= last);
        let next = usable.find(|(_, name)| unreadable.iter().all(|(other, _)| other != name));
        let Some((_, name)) = next.filter(|_| unreadable.len() < TRIES) else {
            // "there is none" would let a node begin the stream again
            return unreadable.pop().map_or(Ok(None), |(_, problem)| Err(problem));
        };
        match copy(&store, &name, into).await {
            Ok(()) => return Ok(Some(name)),
            Err(problem) => {
                tracing::warn!(name, problem, "a snapshot cannot be read: another is looked for");
                unreadable.push((name, problem));
            }
        }
    }
}

/// Copies a snapshot into a file.
async fn copy(store: &ObjectStore, name: &str, into: &Path) -> Result<(), String> {
    let mut object = store.get(name).await.map_err(said)?;
    let mut to = File::from_std(private::create(into).map_err(said)?);
    let mut piece = vec![0; PIECE];
    loop {
        // at its end the object compares its own digest
        let read = part(name, object.read(&mut piece)).await?.map_err(said)?;
        match piece.get(..read) {
            Some([]) | None => break,
            Some(bytes) => to.write_all(bytes).await.map_err(said)?,
        }
    }
    to.sync_all().await.map_err(said)
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
