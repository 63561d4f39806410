//! The journal's thread: it writes what the node's thread orders, and tries again where the journal
//! failed.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc as std_mpsc},
    thread,
    time::Duration,
};

use tokio::{sync::mpsc::WeakSender, time::Instant};

use super::{FrozenReply, JournalHealth, keeper::Message};
use crate::{
    journal::{Journal, JournalError, Other, Position, RowChange},
    moment::Timeline,
    store::{Changes, Record, StoreError},
};

/// How long a journal that failed is left alone: agents and operators ask again, and none of them
/// may keep a disk busy that has enough trouble.
const RETRY: Duration = Duration::from_secs(1);

/// What the thread is to do.
pub(super) enum Order {
    /// Keep a record, and what the node's lists were before it.
    Append(Arc<Record>, (Position, u64)),
    /// Write these rows to the checkpoint, which stands at this position then.
    Checkpoint(Position, Changes),
    /// Give back what the journal holds.
    Freeze(FrozenReply),
    /// Other nodes may have written something.
    News,
    /// Offer this backup, whose rows stand there, to nodes that begin with nothing.
    Share(PathBuf, Position),
    /// End, and say so.
    Close(std_mpsc::Sender<()>),
}

/// Starts the thread. It ends with the sender of its orders.
pub(super) fn start(
    mut journal: Box<dyn Journal>,
    newest: Position,
    keeper: WeakSender<Message>,
    timeline: Arc<Timeline>,
    health: Arc<JournalHealth>,
) -> io::Result<std_mpsc::Sender<Order>> {
    let (orders, queue) = std_mpsc::channel();
    if journal.is_shared() {
        let (told, woken) = (orders.clone(), Arc::clone(&health));
        journal.listen(Box::new(move || {
            if !woken.news_wait.swap(true, Ordering::SeqCst) {
                // gone with the server
                let _ = told.send(Order::News);
            }
        }));
        // what was written since the start was read, too
        let _ = orders.send(Order::News);
    }
    let scribe = Scribe {
        journal,
        newest,
        missed: None,
        keeper,
        timeline,
        health,
        failed: None,
        said_too_large: false,
        unsaved: BTreeMap::new(),
    };
    thread::Builder::new()
        .name("buckler-journal".to_owned())
        .spawn(move || scribe.serve(&queue))?;
    Ok(orders)
}

struct Scribe {
    journal: Box<dyn Journal>,
    /// The newest record that is known to be durable, as all before it are.
    newest: Position,
    /// That a record did not come, although one after it did.
    missed: Option<JournalError>,
    keeper: WeakSender<Message>,
    timeline: Arc<Timeline>,
    health: Arc<JournalHealth>,
    /// When it failed last, and how, if it has not worked since.
    failed: Option<(Duration, JournalError)>,
    /// Whether the log has it that a record was too large.
    said_too_large: bool,
    /// Rows of checkpoints that could not be written.
    unsaved: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Scribe {
    fn serve(mut self, queue: &std_mpsc::Receiver<Order>) {
        while let Ok(order) = queue.recv() {
            match order {
                Order::Append(record, (at, lists)) => {
                    let began = Instant::now();
                    self.journal.vouch(at, lists);
                    let kept = self.append(&record);
                    if kept.is_ok() {
                        self.health.append.observe(began.elapsed().as_secs_f64());
                        self.health.appended.fetch_add(1, Ordering::Relaxed);
                    }
                    self.tell(Message::Kept(
                        kept.map_err(|error| StoreError::Unavailable(error.to_string())),
                    ));
                    self.seen();
                }
                Order::Checkpoint(upto, changes) => {
                    self.checkpoint(upto, changes);
                    self.tell(Message::Checkpointed);
                }
                Order::Freeze(reply) => {
                    // who asked may have gone meanwhile
                    let _ = reply.send(self.attempt(|journal| journal.frozen()));
                }
                Order::News => {
                    self.health.news_wait.store(false, Ordering::SeqCst);
                    // what fails is seen in the health
                    let _ = self.others(Position::MAX);
                }
                Order::Share(backup, position) => self.journal.share(&backup, position),
                Order::Close(closed) => {
                    // the file is closed before anybody may open it again
                    drop(self);
                    let _ = closed.send(());
                    return;
                }
            }
        }
    }

    /// Keeps a record, and has what stands before it take effect before it. Where that does not
    /// come, the record does not take effect either, and none is kept after it.
    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        if let Some(missed) = &self.missed {
            return Err(missed.clone());
        }
        let position = self.attempt(|journal| journal.append(record))?;
        let others = self.others(position);
        if !self.is_next(position) {
            // why those between did not come, where that is known
            others?;
        }
        self.step(position)?;
        Ok(position)
    }

    /// Whether a record stands right after the newest. What this node writes alone always does.
    fn is_next(&self, position: Position) -> bool {
        !self.journal.is_shared() || position == self.newest + 1
    }

    /// Goes on to a record, or to none any more. None takes effect out of its turn: the lists of
    /// this node would be other than those of all others. It serves what it has.
    fn step(&mut self, position: Position) -> Result<(), JournalError> {
        if self.missed.is_none() && !self.is_next(position) {
            let newest = self.newest;
            tracing::error!(
                position,
                newest,
                "a record is missing here: nothing more takes effect on this node until it is started again"
            );
            self.missed = Some(JournalError::Damaged(format!(
                "record {position} came after {newest}, and those between did not"
            )));
            self.health.misses.store(newest + 1, Ordering::Relaxed);
            self.health.problem.store(self.missing());
        }
        match &self.missed {
            Some(missed) => Err(missed.clone()),
            None => {
                self.newest = position;
                Ok(())
            }
        }
    }

    /// What stays wrong until the node is started again.
    fn missing(&self) -> Option<Arc<String>> {
        self.missed.as_ref().map(|missed| Arc::new(missed.to_string()))
    }

    fn checkpoint(&mut self, upto: Position, changes: Changes) {
        for row in changes.put {
            match row.value() {
                Ok(value) => drop(self.unsaved.insert(row.key().into_bytes(), Some(value))),
                Err(error) => tracing::error!(%error, "a row cannot be encoded"),
            }
        }
        for key in changes.gone {
            self.unsaved.insert(key.into_bytes(), None);
        }
        let rows: Vec<RowChange> = std::mem::take(&mut self.unsaved).into_iter().collect();
        if self.attempt(|journal| journal.checkpoint(upto, &rows)).is_err() {
            self.unsaved = rows.into_iter().collect();
        }
    }

    /// Hands over what other nodes wrote up to a position. Who waits for a record of this node is
    /// told by its own outcome.
    fn others(&mut self, upto: Position) -> Result<(), JournalError> {
        let mut found = Vec::new();
        let taken = self.journal.others(upto, &mut |position, other| {
            found.push((position, other));
            Ok(())
        });
        self.found(found);
        match taken {
            Err(error) => Err(self.fail(error)),
            // whether it works again is seen by what it does
            Ok(()) if self.failed.is_some() => self.attempt(|_| Ok(())),
            Ok(()) => Ok(()),
        }
    }

    fn found(&mut self, found: Vec<(Position, Other)>) {
        for (position, other) in found {
            if position > self.newest && self.step(position).is_ok() {
                self.tell(Message::Recovered(position, other));
            }
        }
        self.seen();
    }

    /// What is asked of the node from now on is answered with all up to there.
    fn seen(&self) {
        self.health.position.store(self.newest, Ordering::Release);
    }

    /// Does something with the journal, after it was opened again where it had failed.
    fn attempt<T>(&mut self, act: impl FnOnce(&mut dyn Journal) -> Result<T, JournalError>) -> Result<T, JournalError> {
        if let Some((at, error)) = &self.failed {
            if self.timeline.elapsed().saturating_sub(*at) < RETRY {
                return Err(error.clone());
            }
            if let Err(error) = self.recover() {
                return Err(self.fail(error));
            }
        }
        match act(&mut *self.journal) {
            Ok(done) => {
                if self.failed.take().is_some() {
                    self.health.problem.store(self.missing());
                    tracing::info!("the journal works again");
                }
                Ok(done)
            }
            // the next that is smaller is kept
            Err(error @ JournalError::TooLarge(_)) => {
                // said once: who sends one may send many
                if !std::mem::replace(&mut self.said_too_large, true) {
                    tracing::error!(%error, "a record is not kept, and its request is answered 503");
                }
                Err(error)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Opens the journal again. Records that turn out to be there take effect, since the next
    /// reader of the journal sees them.
    fn recover(&mut self) -> Result<(), JournalError> {
        self.journal.reopen()?;
        let mut found = Vec::new();
        let read = if self.journal.is_shared() {
            self.journal.others(Position::MAX, &mut |position, other| {
                found.push((position, other));
                Ok(())
            })
        } else {
            self.journal.tail(self.newest, &mut |position, record| {
                let other = Other {
                    record,
                    is_own: true,
                    vouched: None,
                };
                found.push((position, other));
                Ok(())
            })
        };
        self.found(found);
        read
    }

    fn fail(&mut self, error: JournalError) -> JournalError {
        if self.failed.is_none() {
            tracing::error!(%error, "the journal failed: nothing can be kept until it works again, and the list is served on");
        }
        self.health.problem.store(Some(Arc::new(error.to_string())));
        // after however long it took to fail
        self.failed = Some((self.timeline.elapsed(), error.clone()));
        error
    }

    fn tell(&self, message: Message) {
        // gone with the server
        if let Some(keeper) = self.keeper.upgrade() {
            let _ = keeper.blocking_send(message);
        }
    }
}
