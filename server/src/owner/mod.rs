//! The thread that owns the node: everybody else sends it work, so that nothing in the store is
//! ever shared or locked.
//!
//! ```text
//!  ask, act ─▶ queue ─▶ this thread: plan ─▶ waiting ─▶ one record ─▶ journal's thread (a disk may take its time)
//!                          ▲    │                                          │
//!                 answers ◀┘    └── nothing to keep: answered at once      │
//!                          └──────── apply, answer, next record ◀──────────┘
//! ```
//!
//! One record is on its way at a time; what comes meanwhile goes into the next one. So a burst of a
//! hundred reports costs two or three writes, and no request is answered before its events are
//! durable. The list is served all the while.

mod keeper;
mod scribe;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{mpsc, oneshot};

use self::keeper::{Keeper, Message};
use crate::{
    events::Events,
    journal::{Frozen, Journal, JournalError, Position},
    metrics,
    moment::{Moment, Timeline},
    node::{Intent, Node},
    store::{Answer, Command, StoreError},
};

/// Work that may wait at the node's door. More than that is a flood, and waits at the sockets.
const QUEUE: usize = 1_024;

/// How long a request waits for the node. A call takes microseconds, a write to the disk
/// milliseconds, and copying a list of a million entries a fifth of a second, so this means that
/// something is very wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// A handle to the node's thread. The thread ends with the last of them, or when it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    queue: mpsc::Sender<Message>,
    health: Arc<JournalHealth>,
}

/// How the journal is, for people.
#[derive(Debug)]
pub(crate) struct JournalHealth {
    /// What it is.
    pub(crate) kind: &'static str,
    /// The newest record.
    pub(crate) position: AtomicU64,
    /// What is wrong with it; nothing where all is well.
    pub(crate) problem: ArcSwapOption<String>,
    /// Records that were kept since the start.
    pub(crate) appended: AtomicU64,
    /// Requests that wait for it.
    pub(crate) waiting: AtomicU64,
    /// Since when the record that is on its way is, in nanoseconds of the server's clock and one
    /// more; 0 where none is.
    since: AtomicU64,
    /// How long records took to be durable.
    pub(crate) append: Histogram,
    /// Whether other nodes write to it.
    pub(crate) is_shared: bool,
    /// What an operator should know of it since the start.
    warnings: Vec<String>,
    /// Where this node's lists differed first from another's; 0 where they never did.
    differs: AtomicU64,
    /// The first record that never came, although one after it did; 0 where none is missing.
    misses: AtomicU64,
    /// Whether the order to look for news waits.
    news_wait: AtomicBool,
}

impl JournalHealth {
    fn new(journal: &dyn Journal, position: Position) -> Self {
        Self {
            kind: journal.kind(),
            is_shared: journal.is_shared(),
            warnings: journal.warnings(),
            differs: 0.into(),
            misses: 0.into(),
            news_wait: AtomicBool::new(false),
            position: position.into(),
            problem: ArcSwapOption::empty(),
            appended: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            since: AtomicU64::new(0),
            append: metrics::latency(),
        }
    }

    /// What an operator should know of it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        let differs = self.differs.load(Ordering::Relaxed);
        if differs > 0 {
            warnings.push(format!(
                "at record {differs} this node's lists differ from another's: a defect, or a memory that fails; stop the \
                 node that is wrong, move its data_dir away, and start it"
            ));
        }
        let misses = self.misses.load(Ordering::Relaxed);
        if misses > 0 {
            warnings.push(format!(
                "record {misses} did not come, and later ones did: nothing more takes effect on this node; start it again"
            ));
        }
        warnings
    }

    /// A record is on its way since then, or none is.
    fn on_its_way(&self, since: Option<Duration>) {
        let nanos = since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX - 1) + 1);
        self.since.store(nanos, Ordering::Relaxed);
    }

    /// How old the record is that waits for the disk.
    pub(crate) fn lag(&self, now: Duration) -> Duration {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(Duration::from_nanos(since)))
    }
}

/// Called when another node's record took effect.
pub(crate) type Moved = Box<dyn Fn() + Send>;

/// With what the thread begins.
#[derive(Default)]
pub(crate) struct Begins {
    /// The record up to which the node is.
    pub(crate) position: Position,
    /// Whether rows that have changed go into checkpoints.
    pub(crate) keeps: bool,
    /// Where news go.
    pub(crate) events: Option<Events>,
    /// Who wants to know that lists may have changed.
    pub(crate) moved: Option<Moved>,
}

/// Commands for the journal.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In the order in which they are applied.
    pub(crate) commands: Vec<Command>,
    /// Whether there is an answer without them, where nothing can be kept.
    pub(crate) is_optional: bool,
}

impl Plan {
    /// What a report asks for. Without events there is an answer although nothing can be kept.
    pub(crate) fn of(intent: &mut Intent) -> Self {
        Self {
            commands: std::mem::take(&mut intent.commands),
            is_optional: !intent.has_events,
        }
    }

    /// Whether there is an answer without a record.
    fn needs_no_record(&self) -> bool {
        self.is_optional || self.commands.is_empty()
    }
}

/// Where what the journal holds is awaited.
type FrozenReply = oneshot::Sender<Result<Option<Box<dyn Frozen>>, JournalError>>;

/// Answers to work whose commands were applied, or could not be kept.
type Done = Box<dyn FnOnce(&mut Node, Result<&[Answer], StoreError>, Moment) + Send>;

/// Work for the node's thread: what it plans, and how it goes on.
type Work = Box<dyn FnOnce(&mut Node, Moment) -> (Plan, Done) + Send>;

impl Owner {
    /// Starts the thread on a node to which the journal's records were applied up to a position.
    pub(crate) fn start(
        journal: Box<dyn Journal>,
        node: Node,
        begins: Begins,
        timeline: Arc<Timeline>,
    ) -> std::io::Result<Self> {
        let applied = begins.position;
        let node = if journal.is_shared() { node.among_others() } else { node };
        let (sender, queue) = mpsc::channel(QUEUE);
        let health = Arc::new(JournalHealth::new(&*journal, applied));
        let orders = scribe::start(
            journal,
            applied,
            sender.downgrade(),
            Arc::clone(&timeline),
            Arc::clone(&health),
        )?;
        let keeper = Keeper::new(node, begins, timeline, (orders, Arc::clone(&health)));
        thread::Builder::new()
            .name("buckler-store".to_owned())
            .spawn(move || keeper.serve(queue))?;
        Ok(Self { queue: sender, health })
    }

    /// Starts the thread on a node that keeps everything in memory.
    #[cfg(test)]
    pub(crate) fn in_memory(node: Node, timeline: Arc<Timeline>) -> std::io::Result<Self> {
        Self::start(
            Box::new(crate::journal::MemoryJournal::default()),
            node,
            Begins::default(),
            timeline,
        )
    }

    /// How the journal is.
    pub(crate) fn health(&self) -> &JournalHealth {
        &self.health
    }

    /// Asks the node something that changes nothing that must last.
    pub(crate) async fn ask<T, F>(&self, ask: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Node, Moment) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit(Vec::new(), move |node, _, now| ask(node, now)).await
    }

    /// Has commands applied, and goes on with their answers.
    pub(crate) async fn submit<T, F>(&self, commands: Vec<Command>, then: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Node, &[Answer], Moment) -> Result<T, StoreError> + Send + 'static,
    {
        let plan = Plan {
            commands,
            is_optional: false,
        };
        self.act(
            move |_, _| (plan, ()),
            move |node, (), answers, now| then(node, answers, now),
        )
        .await
    }

    /// Plans commands by what the node knows, has them applied, and goes on with what was planned
    /// and the answers.
    pub(crate) async fn act<T, C, P, F>(&self, plan: P, then: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        C: Send + 'static,
        P: FnOnce(&mut Node, Moment) -> (Plan, C) + Send + 'static,
        F: FnOnce(&mut Node, C, &[Answer], Moment) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |node, now| {
            let (plan, carried) = plan(node, now);
            let done: Done = Box::new(move |node, answers, now| {
                let answer = answers.and_then(|answers| then(node, carried, answers, now));
                // who asked may have gone meanwhile
                let _ = reply.send(answer);
            });
            (plan, done)
        });
        let exchange = async {
            self.queue.send(Message::Work(work)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(StoreError::Unavailable("the server is stopping".to_owned())),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {PATIENCE:?}"))),
        }
    }

    /// What the journal holds now, for a backup. `None` where it keeps nothing.
    pub(crate) async fn freeze(&self) -> Result<Option<Box<dyn Frozen>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let exchange = async {
            self.queue.send(Message::Freeze(reply)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Some(frozen)) => frozen.map_err(|error| StoreError::Unavailable(error.to_string())),
            Ok(None) => Err(StoreError::Unavailable("the server is stopping".to_owned())),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {PATIENCE:?}"))),
        }
    }

    /// Offers a backup, whose rows stand there, to nodes that begin with nothing.
    pub(crate) async fn share(&self, backup: PathBuf, position: Position) {
        // the thread ends only with the server
        let _ = self.queue.send(Message::Share(backup, position)).await;
    }

    /// Has what has ended removed, and the checkpoint written where it is due. To be called every
    /// second.
    pub(crate) async fn tick(&self) {
        // the thread ends only with the server
        let _ = self.queue.send(Message::Tick).await;
    }

    /// Writes the last checkpoint, closes the journal, and ends the thread.
    pub(crate) async fn stop(&self) {
        let (ended, has_ended) = oneshot::channel();
        if self.queue.send(Message::Stop(ended)).await.is_ok() {
            // a disk that does not answer is not waited for
            let _ = tokio::time::timeout(PATIENCE, has_ended).await;
        }
    }
}
