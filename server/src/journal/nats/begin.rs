//! With what a node begins: the checkpoint on its disk, if the stream goes on from there, else the
//! newest snapshot, else nothing. What a node has kept begins a stream that is empty.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{chain::Link, engine::Engine, session::Bounds, snapshots};
use crate::{
    backup,
    journal::{
        DiskJournal, Journal as _, JournalError, Position, RowChange,
        open::{restored, set_aside},
    },
    store::Rules,
};

/// Beside the checkpoint's position: the digest of the log there, as two numbers, and which stream
/// it is.
const MARKS: [&str; 3] = ["link_high", "link_low", "stream"];

/// Beside them: whether agents may know more of lists than the stream does. It lasts until their
/// new names are in a checkpoint.
const RENEW: &str = "renew";

/// How far this machine's clock may be from the engine's, in seconds: people and programs set
/// clocks better than that.
const CLOCKS_S: i64 = 10;

/// How long an upload may take: half a gigabyte.
const UPLOAD: Duration = Duration::from_secs(60);

/// With what a node begins.
pub(super) struct Begun {
    /// The checkpoint.
    pub(super) disk: DiskJournal,
    /// Where it stands.
    pub(super) position: Position,
    /// The digest of the log there.
    pub(super) link: Link,
    /// When the stream was made.
    pub(super) stream: u64,
    /// Whether agents may know more of lists than the stream does.
    pub(super) is_renewed: bool,
}

/// Finds with what to begin. What was damaged before is told, and not forgotten by a crash.
pub(super) fn begin(engine: &Engine, path: &Path, is_renewed: bool) -> Result<Begun, JournalError> {
    let mut begun = find(engine, path, is_renewed)?;
    if begun.is_renewed {
        renew(&mut begun.disk)?;
    }
    Ok(begun)
}

/// Remembers that agents may know more of lists than the stream does.
pub(super) fn renew(disk: &mut DiskJournal) -> Result<(), JournalError> {
    disk.set_mark(RENEW, 1)
}

fn find(engine: &Engine, path: &Path, is_renewed: bool) -> Result<Begun, JournalError> {
    let mut begun = open(path)?;
    if is_renewed {
        renew(&mut begun.disk)?;
        begun.is_renewed = true;
    }
    let bounds = engine.bounds_at(begun.position)?;
    agrees_on_time(bounds)?;
    let has_kept = begun.disk.newest() > 0 || begun.stream > 0;
    if has_kept && leads_on(&begun, bounds) {
        return Ok(begun);
    }
    let fetched = path.with_extension("fetched");
    let snapshot = engine.fetch(fetched.clone(), (bounds.made, bounds.last))?;
    let before = bounds;
    // that may have taken long
    let bounds = engine.bounds_at(before.last)?;
    if bounds.made != before.made {
        let problem = "the stream was deleted and made again meanwhile".to_owned();
        return Err(JournalError::Unavailable(problem));
    }
    if has_kept {
        let is_seed = bounds.last == 0 && snapshot.is_none();
        tracing::warn!(
            position = begun.position,
            first = bounds.first,
            last = bounds.last,
            is_seed,
            "the stream does not go on from what this node has kept: an empty one begins with it, else it is set aside"
        );
        if is_seed {
            return seed(engine, begun, path, bounds);
        }
        begun.is_renewed |= begun.stream == bounds.made && begun.position > bounds.last;
    }
    let from = snapshot.as_deref().and_then(snapshots::parsed);
    let position = from.map_or(0, |(_, position, _)| position);
    if !follows(position, bounds) {
        return Err(JournalError::Unavailable(format!(
            "the stream has records {} to {}, and the newest snapshot stands at {position}: start a node that still has its \
             data_dir, which shares one, or delete stream and snapshots and start the node that knows most",
            bounds.first, bounds.last
        )));
    }
    let is_renewed = begun.is_renewed;
    drop(begun);
    // what this node has kept stays until there is something in its place
    let restored = snapshot.map(|name| restore(&fetched, path, (&name, is_renewed), bounds));
    let restored = restored.transpose()?;
    if has_kept {
        set_aside(path)?;
    }
    if let Some(restored) = restored {
        fs::rename(restored, path)?;
    }
    // it is read, or there was none
    let _ = fs::remove_file(&fetched);
    Ok(Begun {
        stream: bounds.made,
        is_renewed,
        ..open(path)?
    })
}

/// # Errors
/// Where this machine's clock is not the engine's.
fn agrees_on_time(bounds: Bounds) -> Result<(), JournalError> {
    if bounds.ahead_s.abs() > CLOCKS_S {
        return Err(JournalError::Unavailable(format!(
            "this machine's clock is {} s ahead of the engine's, allowed are {CLOCKS_S}: what a node stamps counts on all, \
             and would end bans or prolong them; set the clock",
            bounds.ahead_s
        )));
    }
    Ok(())
}

/// Whether the stream goes on from there. An empty one says 0 for its first record, or the one
/// after the last that it had.
fn leads_on(begun: &Begun, bounds: Bounds) -> bool {
    begun.stream == bounds.made && follows(begun.position, bounds)
}

/// Whether the stream has what follows a position.
fn follows(position: Position, bounds: Bounds) -> bool {
    bounds.first <= position + 1 && position <= bounds.last
}

/// The checkpoint in a file, which is made if it is not there.
fn open(path: &Path) -> Result<Begun, JournalError> {
    let disk = DiskJournal::open(path)?;
    // the rows are read later
    let position = disk.position()?;
    let [high, low, stream] = MARKS;
    Ok(Begun {
        position,
        link: Link::from_halves(disk.mark(high)?, disk.mark(low)?),
        stream: disk.mark(stream)?,
        is_renewed: disk.mark(RENEW)? > 0,
        disk,
    })
}

/// Changes rows of the checkpoint, which stands there from now on.
pub(super) fn mark(
    disk: &mut DiskJournal,
    (upto, rows): (Position, &[RowChange]),
    (link, stream): (Link, u64),
    is_renewed: bool,
) -> Result<(), JournalError> {
    let [high, low, made] = MARKS;
    let (halves, renew) = (link.halves(), u64::from(is_renewed));
    let marks = [(high, halves.0), (low, halves.1), (made, stream), (RENEW, renew)];
    disk.checkpoint_with(upto, rows, &marks)
}

/// Begins an empty stream with what this node has kept, which the others find as a snapshot.
fn seed(engine: &Engine, begun: Begun, path: &Path, bounds: Bounds) -> Result<Begun, JournalError> {
    let (store, _) = restored(&begun.disk, Rules::none())?;
    drop(begun);
    let unfinished = path.with_extension("restoring");
    let _ = fs::remove_file(&unfinished);
    let mut disk = DiskJournal::open(&unfinished)?;
    let unusable = |error: backup::BackupError| JournalError::Unavailable(format!("what was kept: {error}"));
    backup::store_into(&store, &mut disk).map_err(unusable)?;
    mark(&mut disk, (0, &[]), (Link::default(), bounds.made), true)?;
    let file = path.with_extension("snapshot");
    if let Some(frozen) = disk.frozen()? {
        backup::write_whole(&*frozen, &file).map_err(unusable)?;
    }
    let shared = engine.share(file.clone(), snapshots::name(bounds.made, 0, Link::default()));
    let shared = shared.recv_timeout(UPLOAD).map_err(|error| error.to_string());
    shared
        .and_then(|put| put)
        .map_err(|problem| JournalError::Unavailable(format!("the first snapshot cannot be put there: {problem}")))?;
    let _ = fs::remove_file(&file);
    drop(disk);
    set_aside(path)?;
    fs::rename(&unfinished, path)?;
    open(path)
}

/// Makes a checkpoint of a snapshot, in a file of its own.
fn restore(
    snapshot: &Path,
    path: &Path,
    (name, is_renewed): (&str, bool),
    bounds: Bounds,
) -> Result<PathBuf, JournalError> {
    let unusable = |problem: String| JournalError::Unavailable(format!("the snapshot {name}: {problem}"));
    let (_, position, link) = snapshots::parsed(name).ok_or_else(|| unusable("it has no position".to_owned()))?;
    let unfinished = path.with_extension("restoring");
    let _ = fs::remove_file(&unfinished);
    let mut disk = DiskJournal::open(&unfinished)?;
    let found = backup::rows_into(snapshot, &mut disk).map_err(|error| unusable(error.to_string()))?;
    if found != position {
        return Err(unusable(format!("its rows stand at record {found}")));
    }
    mark(&mut disk, (position, &[]), (link, bounds.made), is_renewed)?;
    drop(disk);
    tracing::info!(name, "goes on from a snapshot");
    Ok(unfinished)
}
