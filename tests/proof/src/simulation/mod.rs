//! A fleet without sockets, threads or real time: the agents' real conversations, outboxes and lists, and the server's real store
//! and exchange, under a clock that jumps from event to event and a network that does its worst.
//!
//! ```text
//!             ┌───────────── World: what happens next, and when ─────────────┐
//!  Agent ── Outgoing ──▶ Network: loses, repeats, delays, reorders ──▶ Server │
//!    ▲ Disk    ▲                  tampers, cuts links                  │      │
//!    └─────────┴── Reply, push ◀──────────────────────────────────────┘       │
//!             └── Ledger: what was made, counted, acknowledged, let in ──────┘
//! ```
//!
//! Everything is drawn from one seed: how many agents there are, how the network is, what crashes and when, who attacks, what
//! operators do. Faults stop at a moment; from then on the network is kind and everybody runs. What is checked, and when:
//!
//! | promise | when |
//! |---|---|
//! | the server counts an event once, whatever is repeated, late or restored, and acknowledges no further than it counted | at every exchange |
//! | it misses none, unless it lost its own memory of what it acknowledged | at every exchange |
//! | a late copy of a ban lists nobody who was let in after it was made | at every exchange |
//! | an agent forgets no event that nobody counted | at every acknowledgement |
//! | generated + restored = acknowledged + pending + lost, in every process | after every step of an agent |
//! | a list's count and digest are those of its members | at swaps and starts, and at the end |
//! | every agent has the server's list: epoch, revision, count, digest, and entry by entry | at the end |
//! | an entry ends where its ban was to end, at most the way of a message later or a page's life earlier (where no clock jumped, no state was old and no update was tampered with) | at the end |
//! | nothing waits, and every event that was made is acknowledged, or was on a disk that was replaced | at the end |
//!
//! The end is, for each agent, ten intervals and the minute between two snapshots after the moment when it was to speak next as
//! the faults stopped (a server may have asked it to wait), and then until the list did not change for two intervals, since
//! entries go on ending.

mod agent;
mod disk;
mod ending;
mod ledger;
mod machines;
mod network;
mod operations;
mod plan;
mod queue;
mod server;
mod traffic;
mod world;

use std::{
    fmt,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use self::world::World;

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Exchanges that reached the server.
    pub exchanges: u64,
    /// Messages that the network lost.
    pub lost: u64,
    /// Messages that it repeated.
    pub repeated: u64,
    /// Messages that it changed.
    pub tampered: u64,
    /// Pushes that reached an agent.
    pub pushes: u64,
    /// Events that were made.
    pub events: u64,
    /// Updates that an agent refused.
    pub refused: u64,
    /// Lists that were replaced by a snapshot.
    pub swapped: u64,
    /// Processes that were killed.
    pub crashes: u64,
    /// Times that the server came back without its memory, or with an older one.
    pub amnesia: u64,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        let Self {
            exchanges,
            lost,
            repeated,
            tampered,
            pushes,
            events,
            refused,
            swapped,
            crashes,
            amnesia,
        } = other;
        self.exchanges += exchanges;
        self.lost += lost;
        self.repeated += repeated;
        self.tampered += tampered;
        self.pushes += pushes;
        self.events += events;
        self.refused += refused;
        self.swapped += swapped;
        self.crashes += crashes;
        self.amnesia += amnesia;
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The seed that breaks it every time.
    pub seed: u64,
    /// Which promise.
    pub promise: String,
    /// What happened before, line by line.
    pub trace: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        let Self { seed, promise, .. } = self;
        write!(
            f,
            "seed {seed}: {promise}\nrepeat it with: cargo run -p buckler-proof --bin simulate -- --seed {seed} --trace"
        )
    }
}

/// Plays one seed.
///
/// # Errors
/// Where a promise is broken; it was then played a second time, for its trace.
pub fn simulate(seed: u64) -> Result<Summary, Broken> {
    let play = played(seed, false).or_else(|_| trace(seed));
    play.map(|(summary, _)| summary)
}

/// Plays many seeds, `jobs` at a time.
///
/// # Errors
/// The first that is found to break a promise.
///
/// # Panics
/// Never: a run catches its panics.
pub fn simulate_all(seeds: Range<u64>, jobs: usize) -> Result<Summary, Broken> {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut sum = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(sum);
            }
            sum += simulate(seed).inspect_err(|_| next.store(seeds.end, Ordering::Relaxed))?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(worker)).collect();
        let mut sum = Summary::default();
        for worker in workers {
            sum += worker.join().expect("a run catches its panics")?;
        }
        Ok(sum)
    })
}

/// Plays one seed and says all that happens.
///
/// # Errors
/// Where a promise is broken.
pub fn trace(seed: u64) -> Result<(Summary, Vec<String>), Broken> {
    played(seed, true)
}

fn played(seed: u64, traced: bool) -> Result<(Summary, Vec<String>), Broken> {
    let mut world = World::new(seed, traced);
    let play = catch_unwind(AssertUnwindSafe(|| world.play()));
    let trace = world.take_trace();
    match play {
        Ok(()) => Ok((world.summary().clone(), trace)),
        Err(panic) => Err(Broken {
            seed,
            promise: said(&*panic),
            trace,
        }),
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}
