//! A journal that many nodes share: a stream of NATS JetStream puts records into one order, and
//! each node keeps the checkpoint on its own disk, as a cache.
//!
//! ```text
//!  append ─▶ engine's thread ─▶ stream (a quorum of servers, on disk) ─▶ every node, in one order
//!                  ▲                                                        │
//!                  └───────────── the node's own record comes back ◀────────┘
//! ```
//!
//! A record counts once it came back: then a quorum has it, and all before it are known here. What
//! became of one that does not come back is unknown; it may still come later, and takes effect
//! then. Each record says how far its writer had read and what digest the log has there, so that a
//! log that has forgotten something, or is another, is noticed by the first that knew more.

mod begin;
mod chain;
mod engine;
mod judged;
mod options;
mod others;
mod reading;
mod session;
mod setup;
mod snapshots;
mod wire;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

pub use self::options::NatsOptions;
use self::{
    begin::Begun,
    chain::Chain,
    engine::Engine,
    judged::{check, counts, effect},
    reading::News,
    wire::Envelope,
};
use super::{
    DiskJournal, EachOther, EachRecord, EachRow, Frozen, Journal, JournalError, Other, Position, RowChange, Wake,
    file_in, make_private,
};
use crate::{neighbours::Neighbours, store::Record};

/// How long a record may take to come back. An election takes some seconds, and requests are given
/// up after 10.
const APPEND: Duration = Duration::from_secs(8);

/// Records that are held before they are given, and their bytes as JSON: what a node that was cut
/// off for long has to read comes in parts.
const MOST_CAME: usize = 1_024;
const MOST_CAME_BYTES: usize = 32 << 20;

/// How long a server's monitoring page may take.
const MONITOR: Duration = Duration::from_secs(2);

/// A journal on a stream of JetStream.
pub struct NatsJournal {
    options: NatsOptions,
    engine: Engine,
    /// The checkpoint.
    disk: DiskJournal,
    /// Which stream it is: when it was made.
    stream: u64,
    is_renewed: bool,
    /// The node's name, and how many records it wrote.
    node: Uuid,
    no: u64,
    /// The digest that this node's lists had at a position.
    vouched: Option<(Position, u64)>,
    /// The digests of all that was read.
    chain: RefCell<Chain>,
    /// The newest record that was given, or whose position was told.
    given: Cell<Position>,
    feed: Option<Receiver<News>>,
    wake: Arc<Wake>,
    /// Records that came and were not given yet.
    came: VecDeque<Came>,
    /// The bytes of all of them.
    came_bytes: usize,
    /// Why the stream cannot be read at this moment.
    down: Option<String>,
    /// Why it is read no more.
    broken: Option<JournalError>,
    warnings: Vec<String>,
}

/// A record that came.
struct Came {
    position: Position,
    bytes: Vec<u8>,
    /// How long it is as JSON.
    size: usize,
    envelope: Envelope<Record>,
    /// Whether its position was told to its writer here, who applies it then.
    is_told: bool,
}

impl std::fmt::Debug for NatsJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsJournal")
            .field("options", &self.options)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

impl NatsJournal {
    /// Connects, makes what is needed on the engine, and sees that the checkpoint in `data_dir` is
    /// one that the stream goes on from; where it is not, or there is none, the newest snapshot
    /// takes its place.
    ///
    /// # Errors
    /// If the engine cannot be reached, or neither checkpoint nor snapshot leads on to what it has.
    pub fn open(options: NatsOptions, data_dir: &Path) -> Result<Self, JournalError> {
        Self::open_after(options, data_dir, false)
    }

    /// As [`open`](Self::open), after what was kept here was damaged and set aside: agents may know
    /// more of lists than the stream does.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn open_after(options: NatsOptions, data_dir: &Path, damage: bool) -> Result<Self, JournalError> {
        make_private(data_dir)?;
        let node = Uuid::new_v4();
        let engine = Engine::start(&options, others::name(node))?;
        let path = file_in(data_dir);
        let Begun {
            disk,
            position,
            link,
            stream,
            is_renewed,
        } = begin::begin(&engine, &path, damage)?;
        let mut warnings = engine.warnings.clone();
        if options.monitors.is_empty() {
            warnings.push(
                "whether the engine writes before it acknowledges cannot be asked: set monitor_urls, and sync_interval: \
                 always in its jetstream block"
                    .to_owned(),
            );
        }
        let config = ureq::Agent::config_builder().timeout_global(Some(MONITOR)).build();
        let agent = ureq::Agent::new_with_config(config);
        warnings.extend(
            options
                .monitors
                .iter()
                .filter_map(|url| setup::written_late(url, &agent)),
        );
        for warning in &warnings {
            tracing::warn!(engine = options.places(), "{warning}");
        }
        Ok(Self {
            options,
            engine,
            disk,
            node,
            no: 0,
            vouched: None,
            stream,
            is_renewed,
            chain: RefCell::new(Chain::new(position, link)),
            given: Cell::new(position),
            feed: None,
            wake: Arc::new(Box::new(|| {})),
            came: VecDeque::new(),
            came_bytes: 0,
            down: None,
            broken: None,
            warnings,
        })
    }

    /// Whether agents may know more of lists than the stream does: they go on under other names.
    #[must_use]
    pub const fn is_renewed(&self) -> bool {
        self.is_renewed
    }

    /// Begins to read the stream on, if that is not done yet.
    fn follow(&mut self) -> Result<(), JournalError> {
        if self.feed.is_none() {
            self.came.clear();
            self.came_bytes = 0;
            self.feed = Some(
                self.engine
                    .follow((self.given.get(), self.stream), Arc::clone(&self.wake))?,
            );
        }
        Ok(())
    }

    /// Takes what came. True if it was a record.
    fn hear(&mut self, news: News) -> Result<bool, JournalError> {
        match news {
            News::Record(position, bytes) => {
                self.down = None;
                let decoded = wire::decode(position, &bytes).map_err(|error| self.breaks(error));
                let (envelope, size) = decoded?;
                self.came_bytes += size;
                self.came.push_back(Came {
                    position,
                    bytes,
                    size,
                    envelope,
                    is_told: false,
                });
                return Ok(true);
            }
            News::Up => self.down = None,
            News::Down(problem) => self.down = Some(problem),
            News::Broken(error) => return Err(self.breaks(error)),
            News::Refused(no, refusal) if no == self.no => return Err(refusal),
            News::Refused(..) => {}
        }
        Ok(false)
    }

    /// Whether as much has come as is held at once.
    fn is_full(&self) -> bool {
        self.came.len() >= MOST_CAME || self.came_bytes >= MOST_CAME_BYTES
    }

    /// Takes what came, as far as there is room.
    fn drain(&mut self) -> Result<(), JournalError> {
        self.follow()?;
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        while !self.is_full()
            && let Some(news) = self.feed.as_ref().and_then(|feed| feed.try_recv().ok())
        {
            // what a refusal is about is over
            if !matches!(news, News::Refused(..)) {
                self.hear(news)?;
            }
        }
        Ok(())
    }

    /// Nothing more is read or written: what was kept is served on.
    fn breaks(&mut self, error: JournalError) -> JournalError {
        tracing::error!(%error, "this node reads the stream no more, and serves what it has: see \"Three nodes\" in docs/SERVER.md");
        // a restart goes on where the stream is, and agents may know more
        if matches!(error, JournalError::Damaged(_))
            && let Err(error) = begin::renew(&mut self.disk)
        {
            tracing::error!(%error, "a restart will not know that lists must go on under other names");
        }
        self.broken = Some(error.clone());
        error
    }

    fn works(&self) -> Result<(), JournalError> {
        match (&self.broken, &self.down) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(problem)) => Err(JournalError::Unavailable(problem.clone())),
            (None, None) => Ok(()),
        }
    }
}

impl Journal for NatsJournal {
    fn kind(&self) -> &'static str {
        "nats"
    }

    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        self.drain()?;
        self.works()?;
        let behind = || JournalError::Unavailable("this node has not read all that others wrote yet".to_owned());
        if self.is_full() {
            return Err(behind());
        }
        self.no += 1;
        let seen = self.chain.borrow().newest();
        let by = (self.node, self.no, self.stream);
        let bytes = wire::encode(by, seen, self.vouched, record)?;
        let id = format!("{}:{}", self.node, self.no);
        self.engine.publish(self.no, &id, &self.options.stream(), bytes)?;
        let began = Instant::now();
        loop {
            let left = APPEND.saturating_sub(began.elapsed());
            let news = self.feed.as_ref().map(|feed| feed.recv_timeout(left));
            match news {
                Some(Ok(news)) => {
                    if !self.hear(news)? {
                        continue;
                    }
                }
                Some(Err(RecvTimeoutError::Timeout)) => {
                    return Err(JournalError::Unavailable(format!(
                        "no quorum of the engine has taken it within {APPEND:?}"
                    )));
                }
                Some(Err(RecvTimeoutError::Disconnected)) | None => {
                    self.feed = None;
                    return Err(JournalError::Unavailable("the stream is not read any more".to_owned()));
                }
            }
            if let Some(came) = self.came.back_mut()
                && came.envelope.node == self.node
                && came.envelope.no == self.no
            {
                let position = came.position;
                if !counts(self.stream, position, &came.envelope) {
                    let problem = format!("the stream has forgotten something: this node's record came as {position}");
                    return Err(self.breaks(JournalError::Damaged(problem)));
                }
                came.is_told = true;
                // those before it are given first, and it takes its turn then
                if self.came.len() == 1 {
                    let taken = self.others(position, &mut |_, _| Ok(()));
                    // what is wrong after it concerns the next
                    if self.given.get() < position {
                        taken?;
                    }
                }
                return Ok(position);
            }
            if self.is_full() {
                return Err(behind());
            }
        }
    }

    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        // what is read from further on is only looked at
        let goes_on = after <= self.chain.borrow().newest().0;
        self.engine.read(after, None, |position, bytes| {
            let (envelope, _) = wire::decode(position, &bytes)?;
            let counts = if goes_on {
                let counts = check((&mut self.chain.borrow_mut(), self.stream), position, &bytes, &envelope)?;
                self.given.set(self.given.get().max(position));
                counts
            } else {
                counts(self.stream, position, &envelope)
            };
            each(position, effect(envelope.record, counts)).map_err(JournalError::Damaged)
        })
    }

    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        self.disk.load(each)
    }

    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError> {
        let link = self.chain.borrow().at(upto);
        let link =
            link.ok_or_else(|| JournalError::Unavailable(format!("the digest at record {upto} is forgotten")))?;
        // what a node that reads no more has shown to agents is known to no other
        let is_renewed = matches!(self.broken, Some(JournalError::Damaged(_)));
        begin::mark(&mut self.disk, (upto, rows), (link, self.stream), is_renewed)
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        if !self.disk.is_open() {
            self.disk.reopen()?;
        }
        if self.broken.is_none() && !self.engine.bounds()?.has_quorum {
            return Err(JournalError::Unavailable("the engine has no quorum".to_owned()));
        }
        self.drain()?;
        self.works()
    }

    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError> {
        let Some(rows) = self.disk.frozen()? else {
            return Ok(None);
        };
        let mut records = Vec::new();
        let position = self.disk.position()?;
        let upto = self.chain.borrow().newest().0;
        self.engine.read(position, Some(upto), |position, bytes| {
            let (envelope, _) = wire::decode(position, &bytes)?;
            let counts = counts(self.stream, position, &envelope);
            records.push((position, effect(envelope.record, counts)));
            Ok(())
        })?;
        Ok(Some(Box::new(FrozenNats { rows, records })))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn others(&mut self, upto: Position, each: EachOther<'_>) -> Result<(), JournalError> {
        // what came before something went wrong is given all the same: a writer here waits for it
        let drained = self.drain();
        let is_full = self.is_full();
        while self.came.front().is_some_and(|came| came.position <= upto)
            && let Some(came) = self.came.pop_front()
        {
            let Came {
                position,
                bytes,
                size,
                envelope,
                is_told,
            } = came;
            self.came_bytes = self.came_bytes.saturating_sub(size);
            if position <= self.given.get() {
                continue;
            }
            let checked = check((&mut self.chain.borrow_mut(), self.stream), position, &bytes, &envelope);
            let counts = checked.map_err(|error| self.breaks(error))?;
            self.given.set(position);
            if !is_told {
                let other = Other {
                    is_own: envelope.node == self.node,
                    vouched: envelope.lists.filter(|_| counts),
                    record: effect(envelope.record, counts),
                };
                each(position, other).map_err(JournalError::Damaged)?;
            }
        }
        if is_full {
            // there may be more
            (*self.wake)();
        }
        drained?;
        self.works()
    }

    fn listen(&mut self, wake: Wake) {
        self.wake = Arc::new(wake);
        // it is followed again, with word to this one
        self.feed = None;
    }

    fn share(&mut self, backup: &Path, position: Position) {
        let link = self.chain.borrow().at(position);
        if let Some(link) = link.filter(|_| self.broken.is_none()) {
            self.engine
                .share(backup.to_owned(), snapshots::name(self.stream, position, link));
        }
    }

    fn vouch(&mut self, at: Position, lists: u64) {
        self.vouched = Some((at, lists));
    }

    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        Some(Arc::new(others::Handle(self.engine.asks())))
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// The checkpoint as it was, and the records after it up to then.
struct FrozenNats {
    rows: Box<dyn Frozen>,
    records: Vec<(Position, Record)>,
}

impl Frozen for FrozenNats {
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        self.rows.load(each)
    }

    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        for (position, record) in self.records.iter().filter(|(position, _)| *position > after) {
            each(*position, record.clone()).map_err(JournalError::Damaged)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
