//! The node's thread: plans, records, answers.

use std::{
    collections::VecDeque,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc as std_mpsc},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::{Begins, Done, FrozenReply, JournalHealth, Moved, Plan, Work, scribe::Order};
use crate::{
    events::Events,
    journal::{Other, Position},
    moment::{Moment, Timeline},
    node::Node,
    store::{Answer, Command, Record, StoreError},
};

/// The most work that goes into one record.
const MOST_WORK: usize = 200;
/// The most bytes of one record, as JSON: an engine takes messages of a megabyte unless it is told
/// otherwise. Work that is larger alone gets a record of its own, so that no other is refused with
/// it.
const MOST_BYTES: usize = 256 << 10;
/// The most work that waits for a disk; beyond it a request is refused at once.
const MOST_WAITING: usize = 2_048;
/// The most bytes of it, as JSON: sixteen of the largest bodies that `limits.body_bytes` lets in
/// unless it is set, or 150,000 events of the usual size.
const MOST_WAITING_BYTES: usize = 64 << 20;

/// How often a checkpoint is written at most, while little changes: what a start has to replay.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// Rows that change before a checkpoint is written at once: a few milliseconds of this thread.
const CHECKPOINT_ROWS: usize = 2_000;

/// How long what is asked waits for a disk that has just been told to keep an expiry. Beyond it the
/// disk is slow, and what is asked is answered with what has ended still listed, which agents judge
/// themselves.
const PROMPT: Duration = Duration::from_millis(250);

/// Digests that are remembered: far more records than are on their way between nodes.
const MOST_DIGESTS: usize = 1_024;

/// What the thread is sent.
pub(super) enum Message {
    /// Work.
    Work(Work),
    /// The record on its way is durable, or that is not known.
    Kept(Result<Position, StoreError>),
    /// A record that another node wrote, or this one, although that was not known.
    Recovered(Position, Other),
    /// A backup for nodes that begin with nothing, and where its rows stand.
    Share(PathBuf, Position),
    /// The checkpoint is written, or was put off.
    Checkpointed,
    /// What the journal holds is wanted.
    Freeze(FrozenReply),
    /// A second has passed.
    Tick,
    /// The end.
    Stop(oneshot::Sender<()>),
}

/// Work whose commands wait to be kept.
struct Waiting {
    plan: Plan,
    /// Of its commands, as they are written down.
    bytes: usize,
    done: Done,
}

/// A record on its way.
struct Flight {
    record: Arc<Record>,
    work: Vec<(Range<usize>, Waiting)>,
    since: Duration,
}

/// The thread's state.
pub(super) struct Keeper {
    node: Node,
    applied: Position,
    keeps: bool,
    timeline: Arc<Timeline>,
    orders: std_mpsc::Sender<Order>,
    health: Arc<JournalHealth>,
    events: Option<Events>,
    moved: Option<Moved>,
    /// The digests of all lists after the newest records, where other nodes read them too.
    lists: VecDeque<(Position, u64)>,
    waiting: VecDeque<Waiting>,
    /// The bytes of all of it.
    waiting_bytes: usize,
    flight: Option<Flight>,
    /// An expiry waits or is on its way.
    expiring: bool,
    /// A checkpoint is being written.
    checkpointing: bool,
    checkpointed: Duration,
    /// The record up to which it was ordered last.
    checkpoint_at: Position,
}

impl Keeper {
    pub(super) fn new(
        mut node: Node,
        begins: Begins,
        timeline: Arc<Timeline>,
        (orders, health): (std_mpsc::Sender<Order>, Arc<JournalHealth>),
    ) -> Self {
        let Begins {
            position: applied,
            keeps,
            events,
            moved,
        } = begins;
        if keeps {
            node.store.track();
        }
        Self {
            node,
            applied,
            keeps,
            checkpointed: timeline.elapsed(),
            timeline,
            orders,
            health,
            events,
            moved,
            lists: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            flight: None,
            expiring: false,
            checkpointing: false,
            checkpoint_at: 0,
        }
    }

    pub(super) fn serve(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut ended = None;
        while let Some(message) = queue.blocking_recv() {
            match message {
                Message::Work(work) => self.take(work),
                Message::Kept(kept) => self.kept(kept),
                Message::Recovered(position, other) => self.recovered(position, &other),
                Message::Share(backup, position) => {
                    // gone with the server
                    let _ = self.orders.send(Order::Share(backup, position));
                }
                Message::Checkpointed => self.checkpointing = false,
                Message::Freeze(reply) => {
                    // who asked is told by the reply that is dropped
                    let _ = self.orders.send(Order::Freeze(reply));
                }
                Message::Tick => self.tick(),
                Message::Stop(sender) => {
                    ended = Some(sender);
                    break;
                }
            }
            self.write();
            self.health.waiting.store(self.waits() as u64, Ordering::Relaxed);
        }
        // the other thread may wait to be heard
        drop(queue);
        self.checkpointing = false;
        self.checkpoint();
        let (closed, is_closed) = std_mpsc::channel();
        // both fail only where the other thread has ended
        if self.orders.send(Order::Close(closed)).is_ok() {
            let _ = is_closed.recv();
        }
        if let Some(ended) = ended {
            let _ = ended.send(());
        }
    }

    /// Plans work. It is done at once, unless something must be kept first.
    fn take(&mut self, work: Work) {
        let now = self.timeline.now();
        self.expire(now);
        let Ok((plan, done)) = catch_unwind(AssertUnwindSafe(|| work(&mut self.node, now))) else {
            tracing::error!("a plan panicked, and its request goes unanswered");
            return;
        };
        let waits = !plan.commands.is_empty() || (self.expiring && self.is_prompt());
        if !waits {
            return self.finish(done, Ok(&[]), now);
        }
        let bytes = plan.commands.iter().map(Command::bytes).sum();
        if self.has_room(bytes) {
            self.wait(Waiting { plan, bytes, done });
        } else if plan.is_optional {
            self.finish(done, Ok(&[]), now);
        } else {
            let answer = format!("{} requests wait for the journal", self.waiting.len());
            self.finish(done, Err(StoreError::Unavailable(answer)), now);
        }
    }

    /// Whether work of so many bytes may wait, too. Where nothing waits it always may.
    fn has_room(&self, bytes: usize) -> bool {
        self.waiting.len() < MOST_WAITING
            && (self.waiting.is_empty() || self.waiting_bytes.saturating_add(bytes) <= MOST_WAITING_BYTES)
    }

    fn wait(&mut self, waiting: Waiting) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(waiting.bytes);
        self.waiting.push_back(waiting);
    }

    /// The first work that waits, if it still goes into a record that has so many bytes.
    fn next_within(&mut self, bytes: usize) -> Option<Waiting> {
        let fits = |waiting: &mut Waiting| bytes == 0 || bytes.saturating_add(waiting.bytes) <= MOST_BYTES;
        let next = self.waiting.pop_front_if(fits)?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(next.bytes);
        Some(next)
    }

    /// Has what has ended removed before anything else.
    fn expire(&mut self, now: Moment) {
        if self.expiring || !self.node.must_expire(now.tick) {
            return;
        }
        self.expiring = true;
        let plan = Plan {
            commands: vec![Command::Expire],
            is_optional: false,
        };
        let done: Done = Box::new(|_, _, _| {});
        let bytes = plan.commands.iter().map(Command::bytes).sum();
        self.wait(Waiting { plan, bytes, done });
    }

    /// How many requests wait for the journal.
    fn waits(&self) -> usize {
        let on_its_way = self.flight.as_ref().map_or(0, |flight| flight.work.len());
        self.waiting.len() + on_its_way
    }

    /// Whether the record on its way is not late.
    fn is_prompt(&self) -> bool {
        let elapsed = self.timeline.elapsed();
        self.flight
            .as_ref()
            .is_none_or(|flight| elapsed.saturating_sub(flight.since) < PROMPT)
    }

    /// Sends the next record on its way, if none is.
    fn write(&mut self) {
        if self.flight.is_some() || self.waiting.is_empty() {
            return;
        }
        let (mut commands, mut work, mut bytes) = (Vec::new(), Vec::new(), 0);
        while work.len() < MOST_WORK
            && let Some(mut waiting) = self.next_within(bytes)
        {
            let from = commands.len();
            bytes += waiting.bytes;
            commands.append(&mut waiting.plan.commands);
            work.push((from..commands.len(), waiting));
        }
        let record = Arc::new(Record::new(self.timeline.now(), commands));
        let since = self.timeline.elapsed();
        self.health.on_its_way(Some(since));
        self.flight = Some(Flight {
            record: Arc::clone(&record),
            work,
            since,
        });
        let seen = self.lists.back().copied().unwrap_or_default();
        if self.orders.send(Order::Append(record, seen)).is_err() {
            self.kept(Err(StoreError::Failed("the journal's thread has ended".to_owned())));
        }
    }

    /// The record on its way is durable: it takes effect, and its requests are answered. Or that is
    /// not known: no request is told that it is.
    fn kept(&mut self, kept: Result<Position, StoreError>) {
        let Some(Flight { record, work, .. }) = self.flight.take() else {
            return;
        };
        self.health.on_its_way(None);
        let answers = match kept {
            Ok(position) => Ok(self.apply(position, &record, true)),
            Err(error) => Err(error),
        };
        if record.commands.contains(&Command::Expire) {
            self.expiring = false;
        }
        let now = self.timeline.now();
        for (range, Waiting { plan, done, .. }) in work {
            let own = match &answers {
                Ok(answers) => Ok(answers.get(range).unwrap_or_default()),
                Err(_) if plan.is_optional => Ok(&[][..]),
                Err(_) if range.is_empty() => Ok(&[][..]),
                Err(error) => Err(error.clone()),
            };
            self.finish(done, own, now);
        }
        self.checkpoint_many();
    }

    fn recovered(&mut self, position: Position, other: &Other) {
        self.compare(other);
        self.apply(position, &other.record, other.is_own);
        if let Some(moved) = &self.moved {
            moved();
        }
        self.checkpoint_many();
    }

    /// Has a checkpoint written where many rows have changed, by records of any node.
    fn checkpoint_many(&mut self) {
        if self.keeps && self.node.store.changed() >= CHECKPOINT_ROWS {
            self.checkpoint();
        }
    }

    fn apply(&mut self, position: Position, record: &Record, is_own: bool) -> Vec<Answer> {
        self.applied = position;
        let node = &mut self.node;
        // a panic costs the record its answers. What it may have left half done in a list shows in
        // the digest, and agents fetch a snapshot
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let answers = node.store.apply(record);
            node.follow(record);
            answers
        }));
        let answers = applied.unwrap_or_else(|_| {
            tracing::error!("the store panicked and goes on");
            Vec::new()
        });
        if self.health.is_shared {
            self.lists.push_back((position, self.node.store.lists_digest()));
            self.lists.drain(..self.lists.len().saturating_sub(MOST_DIGESTS));
        }
        // news are told once: by the node that wrote the record
        if let Some(events) = self.events.as_ref().filter(|_| is_own) {
            events.tell(record, &answers);
        }
        answers
    }

    /// Whether the lists were the same here as at the node that wrote a record, as far as that had
    /// read. Where they were not, one of both has a defect, or a memory that fails.
    fn compare(&self, other: &Other) {
        let Some((at, theirs)) = other.vouched else { return };
        let own = self.lists.iter().rev().find(|(position, _)| *position == at);
        if own.is_some_and(|(_, own)| *own != theirs) && self.health.differs.swap(at, Ordering::Relaxed) == 0 {
            tracing::error!(
                position = at,
                "this node's lists differ from another's: see \"Three nodes\" in docs/SERVER.md"
            );
        }
    }

    fn finish(&mut self, done: Done, answers: Result<&[Answer], StoreError>, now: Moment) {
        let Self { node, .. } = self;
        if catch_unwind(AssertUnwindSafe(|| done(node, answers, now))).is_err() {
            tracing::error!("a request's answer panicked, and it goes unanswered");
        }
    }

    /// Answers what can be answered without a record that is late: the disk is slow.
    fn release(&mut self) {
        let (free, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.plan.needs_no_record());
        self.waiting = waiting.into();
        self.waiting_bytes = self.waiting.iter().map(|waiting| waiting.bytes).sum();
        let mut free: Vec<Done> = free.into_iter().map(|waiting| waiting.done).collect();
        if let Some(flight) = &mut self.flight {
            let (late, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut flight.work)
                .into_iter()
                .partition(|(range, waiting)| range.is_empty() || waiting.plan.is_optional);
            flight.work = kept;
            free.extend(late.into_iter().map(|(_, waiting)| waiting.done));
        }
        let now = self.timeline.now();
        for done in free {
            self.finish(done, Ok(&[]), now);
        }
    }

    fn tick(&mut self) {
        if !self.is_prompt() {
            self.release();
        }
        self.expire(self.timeline.now());
        if self.health.problem.load().is_some() {
            // whether it works again is found out without a request
            if !self.health.news_wait.swap(true, Ordering::SeqCst) {
                let _ = self.orders.send(Order::News);
            }
        }
        let since = self.timeline.elapsed().saturating_sub(self.checkpointed);
        // a record that changes no row moves it, too: what follows it may be kept for days alone
        let is_due = !self.keeps || self.node.store.changed() > 0 || self.applied > self.checkpoint_at;
        if since >= CHECKPOINT_EVERY && is_due {
            self.checkpoint();
        }
    }

    /// Has what has changed written to the checkpoint, so that the journal can forget what led
    /// there.
    fn checkpoint(&mut self) {
        if self.checkpointing {
            return;
        }
        let changes = if self.keeps {
            self.node.store.changes()
        } else {
            Default::default()
        };
        self.checkpointed = self.timeline.elapsed();
        self.checkpoint_at = self.applied;
        self.checkpointing = self.orders.send(Order::Checkpoint(self.applied, changes)).is_ok();
    }
}
