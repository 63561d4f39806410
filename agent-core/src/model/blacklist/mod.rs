//! The blacklist: addresses and networks with their ends, read on every request and changed in place.
//!
//! # The shape
//!
//! ```text
//! address ─▶ bitmap: a bit a /24 (IPv4) or a hashed /64 (IPv6) ─ clear ─▶ not listed: one cache line
//!                │ set
//!                ▼
//!            one table a prefix length that occurs ─▶ key → ends in both scopes, one word
//! ```
//!
//! - [`table`] holds keys (`u32` for IPv4, `u64` for IPv6 networks up to /64, `u128` for longer ones) in an open-addressed
//!   table of atomic words: 12, 16 or 24 bytes a slot, half to three quarters of the slots in use.
//! - [`bitmap`] answers for almost every clean address, whatever the size of the list. An IPv4 network wider than /24 sets
//!   the bits of every /24 in it (the widest, /0, 2 MiB of them, at the cost of one `memset`), so that it costs
//!   strangers nothing; IPv6 networks wider than /64 are looked for each time while there are any.
//! - [`levels`] reaches the tables through one pointer that is swapped when one of them is built anew.
//! - [`ends`] packs the two ends of an entry: caught here ([`Scope::Local`]), or listed for the fleet ([`Scope::Shared`]).
//! - [`seed`] hashes under a secret, as attackers choose their addresses.
//! - [`breadth`] measures how much of all addresses a list covers.
//! - [`filling`] builds a list before anybody reads it: what was saved comes back fast.
//! - [`digest`] names a set of networks, so that two sides can tell whether theirs are the same.
//! - [`shared`] is the owner's side of the fleet's list: cursor, deltas, snapshots (rules 3 and 4 of the protocol).
//!
//! # One writer, any number of readers
//! Readers take no lock, wait for nothing and allocate nothing (but for a node of `arc-swap`'s on a thread's first look-up),
//! whatever the writer does; a change is one or two stores and is seen by every look-up that begins after it. When a table is
//! three quarters full the writer builds a larger one beside it and swaps that in: constant work in the mean, and some
//! milliseconds of the writer's own time when a list of a million grows. All of this is safe code over atomics; what makes
//! it correct is said in [`table`], and tested there under Miri's liberties:
//! `cargo +nightly miri test -p buckler --no-default-features blacklist::table::tests::a_reader`.
//!
//! Changes are for one thread at a time: the actors' thread. Two threads changing one list can lose each other's changes
//! (nothing worse), which no test of a single thread would show.
//!
//! # Time
//! Time is a parameter, `now`, as `Clock::elapsed` tells it. Ends are kept in whole seconds, rounded up, and judged at
//! look-up: an entry that has ended is a miss at once, and [`Blacklist::sweep`] only frees its memory.

pub mod ban_id;
pub mod digest;
pub mod shared;

mod bitmap;
mod breadth;
mod change;
mod ends;
mod filling;
mod levels;
pub(crate) mod seed;
mod table;

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;
use ipnet::IpNet;

pub use breadth::Breadth;
pub use digest::Digest;
pub use filling::Filling;
pub use shared::{Applied, Carried, ListProblem, Proposal, SharedList};

use bitmap::{Bit, Bitmaps};
use ends::{End, Ends};
use levels::{Levels, Network, UPPER_HALF, Visitor};
use seed::Seed;
use table::{Key, Table, halves};

/// Addresses and networks that are shut out, and until when.
///
/// ```
/// use std::time::Duration;
/// use buckler::model::blacklist::{Blacklist, Scope};
///
/// let list = Blacklist::new();
/// let now = Duration::from_secs(100);
/// list.insert("203.0.113.0/24".parse()?, Some(now + Duration::from_secs(60)), Scope::Shared);
///
/// let hit = list.lookup("203.0.113.9".parse()?, now).expect("its network is listed");
/// assert_eq!(hit.network.to_string(), "203.0.113.0/24");
/// assert!(!list.contains("203.0.113.9".parse()?, now + Duration::from_secs(61)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Blacklist {
    levels: ArcSwap<Levels>,
    bitmaps: Bitmaps,
    /// Whether there are IPv6 networks that the bitmap does not tell of.
    has_wide_v6: AtomicBool,
    /// Whether the fleet's entries are known but not to be acted upon.
    shared_is_suspended: AtomicBool,
    seed: Seed,
    books: Books,
}

/// What the writer keeps for itself. Atomic so that others may read a count, not so that others may change it.
#[derive(Default)]
struct Books {
    local: AtomicUsize,
    shared: AtomicUsize,
    /// Bits of the bitmaps that may tell of nothing any more.
    stale_bits: AtomicUsize,
    /// The slot where the next sweep begins.
    sweep_at: AtomicUsize,
}

/// Who listed an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This agent: it was caught here, or is kept of a history of the fleet's list before this one.
    Local,
    /// The fleet: it is on the server's list.
    Shared,
}

/// Why an address is shut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The longest listed network that holds the address and has not ended.
    pub network: IpNet,
    /// When it ends, in the time of `now`; `None` is never. Of two scopes the later end.
    pub until: Option<Duration>,
    /// The scope of that end.
    pub scope: Scope,
}

impl Blacklist {
    /// An empty list. It allocates next to nothing before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            levels: ArcSwap::default(),
            bitmaps: Bitmaps::default(),
            has_wide_v6: AtomicBool::new(false),
            shared_is_suspended: AtomicBool::new(false),
            seed: Seed::random(),
            books: Books::default(),
        }
    }

    /// What lists `source`, if anything that has not ended does. Safe to call from any thread; it waits for nothing.
    ///
    /// The source is taken as [`canonical`](crate::model::address::canonical) gives it; `::ffff:203.0.113.9` would be looked
    /// for among IPv6 networks, where no one ever listed it.
    #[must_use]
    pub fn lookup(&self, source: IpAddr, now: Duration) -> Option<Hit> {
        let now = now.into();
        self.find(source, |ends| ends.live(now))
    }

    /// What lists `source` in this scope.
    #[must_use]
    pub fn lookup_in(&self, scope: Scope, source: IpAddr, now: Duration) -> Option<Hit> {
        let now = now.into();
        let live = |ends: Ends| ends.get(scope).filter(|end| end.is_live(now));
        self.find(source, |ends| live(ends).map(|end| (end, scope)))
    }

    /// Whether a hit shuts anybody out: one of this agent's own does, one of the fleet's unless those are
    /// [suspended](Self::suspend_shared).
    #[must_use]
    pub fn enforces(&self, hit: &Hit, source: IpAddr, now: Duration) -> bool {
        hit.scope == Scope::Local
            || !self.shared_is_suspended.load(Ordering::Acquire)
            || self.lookup_in(Scope::Local, source, now).is_some()
    }

    /// Stops, or resumes, to act upon the fleet's entries. A look-up that finds an entry written afterwards knows of it, so that a
    /// list can be suspended and then changed with no moment between.
    pub fn suspend_shared(&self, is_suspended: bool) {
        self.shared_is_suspended.store(is_suspended, Ordering::Release);
    }

    /// Whether the fleet's entries are known but not acted upon.
    #[must_use]
    pub fn shared_is_suspended(&self) -> bool {
        self.shared_is_suspended.load(Ordering::Acquire)
    }

    fn find(&self, source: IpAddr, pick: impl Fn(Ends) -> Option<(End, Scope)>) -> Option<Hit> {
        match source {
            IpAddr::V4(v4) => self.find_v4(v4.into(), pick),
            IpAddr::V6(v6) => self.find_v6(v6.into(), pick),
        }
    }

    fn find_v4(&self, address: u32, pick: impl Fn(Ends) -> Option<(End, Scope)>) -> Option<Hit> {
        if !self.bitmaps.v4.test(Bit::of_v4(address)) {
            return None;
        }
        self.levels.load().find_v4(address, pick)
    }

    fn find_v6(&self, address: u128, pick: impl Fn(Ends) -> Option<(End, Scope)>) -> Option<Hit> {
        let [high, _] = halves(address);
        let longest = if self.bitmaps.v6.test(levels::v6_bit(high, &self.seed)) {
            u128::BITS_OF_KEY
        } else if self.has_wide_v6.load(Ordering::Acquire) {
            UPPER_HALF - 1
        } else {
            return None;
        };
        self.levels.load().find_v6(address, longest, pick)
    }

    /// Whether `source`, in its canonical form, is shut out.
    #[must_use]
    pub fn contains(&self, source: IpAddr, now: Duration) -> bool {
        self.lookup(source, now).is_some()
    }

    /// Entries in a scope, those included that have ended and were neither removed nor swept.
    #[must_use]
    pub fn len(&self, scope: Scope) -> usize {
        self.books.count(scope).load(Ordering::Relaxed)
    }

    /// Whether there are no entries in either scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len(Scope::Local) == 0 && self.len(Scope::Shared) == 0
    }

    /// Memory in use, in bytes: tables, bitmaps and the list itself.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bitmaps.memory_bytes() + self.levels.load().memory_bytes()
    }

    /// Every entry in a scope with its end, those included that have ended. Any thread may call it; entries that change
    /// meanwhile are seen as they were or as they are.
    pub fn for_each(&self, scope: Scope, visit: &mut dyn FnMut(IpNet, Option<Duration>)) {
        self.levels.load_full().visit(&mut Listing { scope, visit });
    }
}

/// Shows the entries of one scope.
struct Listing<'v> {
    scope: Scope,
    visit: &'v mut dyn FnMut(IpNet, Option<Duration>),
}

impl Visitor for Listing<'_> {
    fn table<K: Network>(&mut self, prefix: u8, table: &Table<K>) {
        table.for_each(|key, ends| {
            if let (Some(end), Some(network)) = (ends.get(self.scope), key.network(prefix)) {
                (self.visit)(network, end.until());
            }
        });
    }
}

impl Books {
    const fn count(&self, scope: Scope) -> &AtomicUsize {
        match scope {
            Scope::Local => &self.local,
            Scope::Shared => &self.shared,
        }
    }
}

impl Default for Blacklist {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Blacklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blacklist")
            .field("local", &self.len(Scope::Local))
            .field("shared", &self.len(Scope::Shared))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
