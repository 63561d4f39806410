//! What the members of a swarm write down for whoever watches them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use buckler::{
    clock::{Clock as _, SystemClock},
    model::policy::{Layer, Policy},
    protocol::{ConfigMap, v2::ListCursor},
    transport::TransportError,
};

/// Shared by all members, on their one thread.
#[derive(Debug)]
pub struct Board {
    clock: SystemClock,
    /// Where each member's list stands.
    cursors: RefCell<Vec<Option<ListCursor>>>,
    watched: RefCell<Option<Watched>>,
    exchanges: Cell<u64>,
    failures: RefCell<BTreeMap<String, u64>>,
    /// Configurations that were compiled already: all members get the same one.
    policies: RefCell<HashMap<String, Arc<Policy>>>,
}

/// An address, and when each member had it on its list.
#[derive(Debug)]
struct Watched {
    address: IpAddr,
    since: Duration,
    seen: Vec<Option<Duration>>,
    missing: usize,
}

impl Board {
    /// A board for so many members.
    #[must_use]
    pub fn new(members: usize) -> Self {
        Self {
            clock: SystemClock::new(),
            cursors: RefCell::new(vec![None; members]),
            watched: RefCell::default(),
            exchanges: Cell::default(),
            failures: RefCell::default(),
            policies: RefCell::default(),
        }
    }

    /// Time since the board was made.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Looks from now on for an address.
    pub fn watch(&self, address: IpAddr) {
        let members = self.cursors.borrow().len();
        *self.watched.borrow_mut() = Some(Watched {
            address,
            since: self.now(),
            seen: vec![None; members],
            missing: members,
        });
    }

    /// Members that do not have the watched address yet.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.watched.borrow().as_ref().map_or(0, |watched| watched.missing)
    }

    /// How long each member took to have the watched address.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        let watched = self.watched.borrow();
        let seen = watched
            .iter()
            .flat_map(|watched| watched.seen.iter().copied().flatten());
        Latencies::of(seen.collect())
    }

    /// Members whose list is at this revision, with this digest.
    #[must_use]
    pub fn in_step(&self, rev: u64, digest: &str) -> usize {
        let cursors = self.cursors.borrow();
        let at = |cursor: &&ListCursor| cursor.rev == rev && cursor.digest == digest;
        cursors.iter().flatten().filter(at).count()
    }

    /// Exchanges that went well, of all members.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        self.exchanges.get()
    }

    /// Exchanges that did not, by what went wrong.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<String, u64> {
        self.failures.borrow().clone()
    }

    /// A member's list has changed. `has` says whether an address is on it.
    pub(super) fn list_changed(&self, member: usize, cursor: Option<ListCursor>, has: impl FnOnce(IpAddr) -> bool) {
        if let Some(place) = self.cursors.borrow_mut().get_mut(member) {
            *place = cursor;
        }
        let now = self.now();
        if let Some(watched) = self.watched.borrow_mut().as_mut()
            && let Some(seen @ None) = watched.seen.get_mut(member)
            && has(watched.address)
        {
            *seen = Some(now.saturating_sub(watched.since));
            watched.missing -= 1;
        }
    }

    pub(super) fn exchanged(&self) {
        self.exchanges.set(self.exchanges.get() + 1);
    }

    pub(super) fn failed(&self, error: &TransportError) {
        *self.failures.borrow_mut().entry(error.to_string()).or_default() += 1;
    }

    /// A configuration of the server's, compiled once for all members.
    pub(super) fn policy(&self, hash: &str, body: ConfigMap) -> Option<Arc<Policy>> {
        if let Some(policy) = self.policies.borrow().get(hash) {
            return Some(Arc::clone(policy));
        }
        let origin = "server".to_owned();
        let policy = Arc::new(Policy::compile("default", &[Layer { origin, keys: body }]).ok()?);
        self.policies.borrow_mut().insert(hash.to_owned(), Arc::clone(&policy));
        Some(policy)
    }
}

/// Times, to be read by their ranks.
#[derive(Debug, Clone, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// These times.
    #[must_use]
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Adds others.
    #[must_use]
    pub fn and(self, others: &Self) -> Self {
        Self::of(self.0.into_iter().chain(others.0.iter().copied()).collect())
    }

    /// The time that this many of a thousand stay within.
    #[must_use]
    pub fn within(&self, of_thousand: usize) -> Duration {
        let rank = (self.0.len() * of_thousand).div_ceil(1000).max(1) - 1;
        self.0.get(rank).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_sorted_times() {
        let times = Latencies::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(times.within(500), Duration::from_millis(50));
        assert_eq!(times.within(990), Duration::from_millis(99));
        assert_eq!(times.within(1000), Duration::from_millis(100));
        assert_eq!(Latencies::default().within(500), Duration::ZERO);
    }
}
