//! The writer's side of the blacklist: everything here is called by one thread at a time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ipnet::IpNet;

use super::{
    Blacklist, Scope,
    bitmap::{Fresh, Span},
    ends::{End, Ends, Now},
    levels::{AnyKey, Levels, Network, Visitor},
    seed::Seed,
    table::{Table, add},
};
use crate::model::address::canonical_network;

/// Stale bits that are not worth a new bitmap, which takes a millisecond.
const STALE_BITS: usize = 1 << 16;

/// How often the writer lets others run so that a look-up in a replaced table can end: it takes nanoseconds unless its thread
/// was stopped in the middle.
const PATIENCE: usize = 64;

impl Blacklist {
    /// Lists a network in a scope until `until` (`None`: for ever), or gives the entry that is there this end. True if it was
    /// not listed in that scope, where an entry that has ended and was not swept counts as listed; a ban of this agent's own
    /// goes through [`ban`](Self::ban), which looks at the time.
    ///
    /// Host bits are cleared, and a network of IPv4-mapped addresses is listed as the IPv4 network that it stands for.
    pub fn insert(&self, network: IpNet, until: Option<Duration>, scope: Scope) -> bool {
        let end = Some(End::new(until));
        self.edit(network, |ends| ends.with(scope, end)).get(scope).is_none()
    }

    /// Lists a network that this agent caught until `until`. An entry of this agent's that has not ended keeps its end: who is
    /// caught twice by requests that were already on their way is not banned for longer. True if there was none.
    pub fn ban(&self, network: IpNet, until: Option<Duration>, now: Duration) -> bool {
        let (now, end) = (Now::from(now), Some(End::new(until)));
        let is_live = |ends: Ends| ends.get(Scope::Local).is_some_and(|end| end.is_live(now));
        !is_live(self.edit(network, |ends| {
            if is_live(ends) {
                ends
            } else {
                ends.with(Scope::Local, end)
            }
        }))
    }

    /// Takes a network out of a scope; true if it was listed there. Networks that hold it or that it holds stay. To let an
    /// address in again, take it out of both scopes.
    pub fn remove(&self, network: IpNet, scope: Scope) -> bool {
        self.edit(network, |ends| ends.with(scope, None)).get(scope).is_some()
    }

    /// Lists the local entries of another list that have not ended; an entry that is here keeps its end. Where one list takes
    /// another's place, this brings over what was caught meanwhile.
    pub fn adopt_local(&self, other: &Self, now: Duration) {
        other.for_each(Scope::Local, &mut |network, until| {
            if until.is_none_or(|until| until > now) {
                self.ban(network, until, now);
            }
        });
    }

    /// Whether exactly this network is listed in a scope, ended or not.
    #[must_use]
    pub fn is_member(&self, network: IpNet, scope: Scope) -> bool {
        self.ends_of(network).get(scope).is_some()
    }

    /// When the entry of exactly this network ends in a scope; the inner `None` is never, the outer one that it is not listed.
    #[must_use]
    pub fn until(&self, network: IpNet, scope: Scope) -> Option<Option<Duration>> {
        self.ends_of(network).get(scope).map(End::until)
    }

    /// Looks at `budget` slots, from where the last sweep stopped, and frees the local entries that have ended; says how many.
    /// Shared entries stay until the server removes them, as the digest is over all of them.
    pub fn sweep(&self, now: Duration, budget: usize) -> usize {
        if self.len(Scope::Local) == 0 {
            return 0;
        }
        let start = self.books.sweep_at.load(Ordering::Relaxed);
        let mut sweep = Sweep {
            now: now.into(),
            skip: start,
            left: budget,
            ended: Vec::new(),
        };
        let levels = self.levels.load_full();
        levels.visit(&mut sweep);
        let mut next = start.saturating_add(budget);
        if sweep.left > 0 {
            // the end came first: on from the beginning, at most to where this sweep began
            next = sweep.left.min(start);
            (sweep.skip, sweep.left) = (0, next);
            levels.visit(&mut sweep);
        }
        // held any longer, the tables would be freed only after those that take their place are built
        drop(levels);
        self.books.sweep_at.store(next, Ordering::Relaxed);
        sweep
            .ended
            .iter()
            .filter(|network| self.remove(**network, Scope::Local))
            .count()
    }

    /// What this list says of exactly this network.
    pub(super) fn ends_of(&self, network: IpNet) -> Ends {
        let network = canonical_network(network);
        let (prefix, levels) = (network.prefix_len(), self.levels.load());
        match AnyKey::of(network) {
            AnyKey::V4(key) => levels.ends_of(prefix, key),
            AnyKey::V6(key) => levels.ends_of(prefix, key),
            AnyKey::V6Long(key) => levels.ends_of(prefix, key),
        }
    }

    /// Gives the entry of a network what `change` makes of its ends, and returns those it had.
    pub(super) fn edit(&self, network: IpNet, change: impl FnOnce(Ends) -> Ends) -> Ends {
        let network = canonical_network(network);
        let prefix = network.prefix_len();
        match AnyKey::of(network) {
            AnyKey::V4(key) => self.edit_key(prefix, key, change),
            AnyKey::V6(key) => self.edit_key(prefix, key, change),
            AnyKey::V6Long(key) => self.edit_key(prefix, key, change),
        }
    }

    fn edit_key<K: Network>(&self, prefix: u8, key: K, change: impl FnOnce(Ends) -> Ends) -> Ends {
        let levels = self.levels.load();
        let before = levels.ends_of(prefix, key);
        let after = change(before);
        if before == after {
            return before;
        }
        let span = key.span(prefix, &self.seed);
        if let Some(span) = span.filter(|_| before == Ends::NOWHERE) {
            self.bitmaps.set(span);
        }
        if let Some(rebuilt) = levels.put(prefix, key, after, self.seed) {
            drop(levels);
            self.publish(rebuilt);
        }
        self.book(before, after, span);
        before
    }

    /// Makes `levels` the ones that look-ups use from now on.
    fn publish(&self, levels: Levels) {
        let has_wide_v6 = levels.has_wide_v6();
        self.has_wide_v6.fetch_or(has_wide_v6, Ordering::Release);
        let old = self.levels.swap(Arc::new(levels));
        self.has_wide_v6.store(has_wide_v6, Ordering::Release);
        // the last to let go of a table frees it, megabytes perhaps: that must not be a thread with a request in hand
        for _ in 0..PATIENCE {
            if Arc::strong_count(&old) == 1 {
                break;
            }
            std::thread::yield_now();
        }
    }

    /// Counts a change, and has the bitmaps made anew where too many of their bits tell of nothing.
    fn book(&self, before: Ends, after: Ends, span: Option<Span>) {
        for scope in [Scope::Local, Scope::Shared] {
            match (before.get(scope), after.get(scope)) {
                (None, Some(_)) => add(self.books.count(scope), 1),
                (Some(_), None) => add(self.books.count(scope), -1),
                (None, None) | (Some(_), Some(_)) => {}
            }
        }
        if after == Ends::NOWHERE {
            let stale = self.books.stale_bits.load(Ordering::Relaxed) + span.map_or(0, Span::bits);
            self.books.stale_bits.store(stale, Ordering::Relaxed);
            if stale > STALE_BITS.max(self.len(Scope::Local) + self.len(Scope::Shared)) {
                self.renew_bitmaps();
            }
        }
    }

    fn renew_bitmaps(&self) {
        let mut renewal = Renewal {
            seed: self.seed,
            v4: Fresh::new(),
            v6: Fresh::new(),
        };
        self.levels.load_full().visit(&mut renewal);
        self.bitmaps.v4.replace(&renewal.v4);
        self.bitmaps.v6.replace(&renewal.v6);
        self.books.stale_bits.store(0, Ordering::Relaxed);
    }
}

/// Collects local entries that have ended.
struct Sweep {
    now: Now,
    /// Slots to pass over.
    skip: usize,
    /// Slots that may still be looked at.
    left: usize,
    ended: Vec<IpNet>,
}

impl Visitor for Sweep {
    fn table<K: Network>(&mut self, prefix: u8, table: &Table<K>) {
        let count = table.slots().saturating_sub(self.skip).min(self.left);
        table.for_each_in(self.skip, count, |key, ends| {
            if ends.get(Scope::Local).is_some_and(|end| !end.is_live(self.now)) {
                self.ended.extend(key.network(prefix));
            }
        });
        self.skip = self.skip.saturating_sub(table.slots());
        self.left -= count;
    }
}

/// Collects the bits of every entry.
struct Renewal {
    seed: Seed,
    v4: Fresh,
    v6: Fresh,
}

impl Visitor for Renewal {
    fn table<K: Network>(&mut self, prefix: u8, table: &Table<K>) {
        table.for_each(|key, _| match key.span(prefix, &self.seed) {
            Some(Span::V4(first, last)) => self.v4.set(first, last),
            Some(Span::V6(bit)) => self.v6.set(bit, bit),
            None => {}
        });
    }
}
