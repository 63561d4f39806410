//! How the fleet's list is kept: as a file that a thread of its own writes, and as changes to it in the database.
//!
//! ```text
//! whole list ─▶ number N+1: its cursor in the database ─▶ thread writes the file ─▶ the database names N+1, forgets N
//! change     ─▶ changes of N, if N is still the list in force, and of N+1, if that is being written
//! ```
//!
//! The thread reads the list in force while it changes. That is no harm: whatever changed since the file was begun is among the
//! changes of its number, which are applied to it when it is read. Until the file is whole, the database names the one before,
//! whose changes go on being kept as long as they belong to the list in force. When the changes of a file are many, it is
//! written anew.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use redb::WriteTransaction;

use super::{
    Times,
    faults::Faults,
    list_file,
    slot::sync_directory,
    tables::{LIST, cursor_key, delete_changes_except, put},
    trouble::Trouble,
};
use crate::{model::blacklist::Blacklist, protocol::v2::ListCursor};

/// Changes that are not worth a new file, whatever its size.
const FEW: usize = 1024;
/// A new file is written when one in so many entries has changed.
const SHARE: usize = 16;
/// Blocks of rows that are still written when the agent ends, about 130,000 entries or 50 ms: a longer list is not finished.
const LAST_BLOCKS: u64 = 32;

/// Which list files there are and will be.
#[derive(Default)]
pub(super) struct Lists {
    /// The file that the database names.
    on_disk: Option<u64>,
    /// Whether it is of the list in force, so that changes belong to it.
    follows: bool,
    /// The file that is being written.
    coming: Option<u64>,
    /// The highest number that was used.
    last: u64,
    /// Changes since the newest file was begun.
    changes: usize,
    /// The file that the generation before names.
    previous: Option<u64>,
    writer: Option<ListWriter>,
}

impl Lists {
    /// A database was opened that names this file, if any.
    pub(super) fn opened(&mut self, on_disk: Option<u64>, changes: usize) {
        self.on_disk = on_disk;
        self.follows = on_disk.is_some();
        self.previous = on_disk;
        self.changes = changes;
        // the thread may still be writing a file that was begun before: no number is used twice
        self.last = self.last.max(on_disk.unwrap_or_default());
    }

    /// The database is gone.
    pub(super) fn closed(&mut self) {
        (self.on_disk, self.follows) = (None, false);
        self.failed();
    }

    /// What is on disk is another list than the one in force.
    pub(super) const fn part(&mut self) {
        self.follows = false;
    }

    /// The numbers that a change belongs to.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let on_disk = self.on_disk.filter(|_| self.follows);
        on_disk.into_iter().chain(self.coming).collect()
    }

    /// Counts changes; whether there are so many that the file should be written anew.
    pub(super) fn changed(&mut self, changes: usize, entries: usize) -> bool {
        self.changes += changes;
        self.coming.is_none() && self.changes > FEW.max(entries / SHARE)
    }

    /// Notes in the database that another file will be written, and returns its number.
    pub(super) fn announce(&self, txn: &WriteTransaction, cursor: Option<&ListCursor>) -> Result<u64, Trouble> {
        let number = self.last + 1;
        let keep: Vec<u64> = self.on_disk.into_iter().collect();
        delete_changes_except(txn, &keep)?;
        put(txn, &cursor_key(number), &serde_json::to_vec(&cursor)?)?;
        Ok(number)
    }

    /// Has the file of an announced number written.
    pub(super) fn begin(&mut self, job: Job) -> Result<(), String> {
        let number = job.number;
        (self.last, self.coming, self.changes) = (number, Some(number), 0);
        if self.writer.is_none() {
            self.writer = Some(ListWriter::spawn().map_err(|error| error.to_string())?);
        }
        let taken = self.writer.as_ref().is_some_and(|writer| writer.write(job));
        taken.then_some(()).ok_or_else(|| "its thread is gone".to_owned())
    }

    /// What has become of the newest file, if anything has.
    pub(super) fn outcome(&self) -> Option<Result<u64, String>> {
        let done = self.writer.as_ref()?.done.try_iter().last()?;
        // an older one than the newest is of no use any more
        Some(done)
            .filter(|done| Some(done.number) == self.coming)
            .map(|done| done.result.map(|()| done.number))
    }

    /// Waits for the thread, which finishes what it can finish at once.
    pub(super) fn finish(&mut self) -> Option<Result<u64, String>> {
        let writer = self.writer.take()?;
        let done = writer.end().filter(|done| Some(done.number) == self.coming)?;
        Some(done.result.map(|()| done.number))
    }

    /// Names a file that is whole in the database, and forgets the one before.
    pub(super) fn name(txn: &WriteTransaction, number: u64) -> Result<(), Trouble> {
        put(txn, LIST, &number.to_le_bytes())?;
        delete_changes_except(txn, &[number])
    }

    /// The database names this file now; which ones must stay.
    pub(super) fn named(&mut self, number: u64) -> Vec<u64> {
        (self.on_disk, self.follows, self.coming) = (Some(number), true, None);
        self.previous.into_iter().chain([number]).collect()
    }

    /// Whether a file is being written.
    #[cfg(feature = "testing")]
    pub(super) const fn is_busy(&self) -> bool {
        self.coming.is_some()
    }

    /// The file that was being written will not come.
    pub(super) fn failed(&mut self) {
        self.coming = None;
        if let Some(writer) = &self.writer {
            writer.wanted.store(0, Ordering::Release);
        }
    }
}

/// A file to write.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) list: Arc<Blacklist>,
    pub(super) times: Times,
    pub(super) faults: Faults,
}

/// What became of it.
struct Done {
    number: u64,
    result: Result<(), String>,
}

/// The thread.
struct ListWriter {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Done>,
    /// The newest number: others are not worth going on with.
    wanted: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ListWriter {
    fn spawn() -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        let (wanted, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (theirs, end) = (Arc::clone(&wanted), Arc::clone(&ends));
        let thread = std::thread::Builder::new()
            .name("buckler-list".to_owned())
            .spawn(move || {
                write_each(&queue, &tell, &theirs, &end);
            })?;
        Ok(Self {
            jobs,
            done,
            wanted,
            ends,
            thread,
        })
    }

    fn write(&self, job: Job) -> bool {
        self.wanted.store(job.number, Ordering::Release);
        self.jobs.send(job).is_ok()
    }

    fn end(self) -> Option<Done> {
        let Self {
            jobs,
            done,
            wanted: _,
            ends,
            thread,
        } = self;
        ends.store(true, Ordering::Release);
        drop(jobs);
        if thread.join().is_err() {
            tracing::error!("the thread that keeps the list panicked");
        }
        done.try_iter().last()
    }
}

fn write_each(queue: &mpsc::Receiver<Job>, tell: &mpsc::Sender<Done>, wanted: &AtomicU64, ends: &AtomicBool) {
    while let Ok(job) = queue.recv() {
        let left = std::cell::Cell::new(LAST_BLOCKS);
        let goes_on = || {
            if ends.load(Ordering::Acquire) {
                left.set(left.get().saturating_sub(1));
            }
            wanted.load(Ordering::Acquire) == job.number && left.get() > 0
        };
        if wanted.load(Ordering::Acquire) != job.number {
            continue;
        }
        let written = list_file::write(&job.path, &job.list, job.times, &job.faults, &goes_on);
        let directory = job.path.parent().unwrap_or(&job.path);
        let synced = written
            .map_err(Trouble::from)
            .and_then(|()| sync_directory(directory, &job.faults));
        let done = Done {
            number: job.number,
            result: synced.map_err(|trouble| trouble.to_string()),
        };
        // nobody waits for it where the agent is gone
        tell.send(done).unwrap_or_default();
    }
}
