//! A fleet's blacklist: entries with their ends, and the history that brings an agent from any recent revision to the newest.
//!
//! - Every change is one revision: an entry added, given another end, or removed. An entry that ended is removed like any
//!   other, so that the list, its count and its digest are the same for everybody at a revision, whatever their clocks show.
//! - Two bans of one network keep the later end. What an agent sends is the time left, counted from its arrival, so passing an
//!   entry on never prolongs it.
//! - An unban is remembered ([`unbans`]): a ban that was made before it and arrives after it changes nothing.
//!
//! There is no clock in here: time comes with every call. What is asked for changes nothing, and
//! whatever is forgotten is the same wherever the same was said.

mod entry;
mod head;
mod history;
mod recent;
mod repetitions;
mod rows;
mod snapshot;
mod touched;
mod unbans;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use buckler::protocol::v2::ListCursor;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use self::{
    entry::{Ban, Banned, Entry},
    head::Head,
    recent::Recent,
    rows::ListRow,
    snapshot::{Snapshot, Snapshots},
};
use self::{
    history::{Change, History},
    repetitions::Repetitions,
    unbans::Unbans,
};
pub(crate) use self::{rows::RowAt, touched::Touched};
use crate::{
    moment::{Moment, Tick},
    store::Origin,
};

/// How large a list's parts may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBounds {
    /// Entries of a page of a snapshot, and of a delta.
    pub page: usize,
    /// Changes that are remembered for deltas.
    pub history: usize,
}

/// How to bring an agent to the newest revision.
#[derive(Debug)]
pub enum Step {
    /// It is there.
    Current,
    /// By these changes.
    Delta {
        /// Networks and their ends.
        add: Vec<(IpNet, Tick)>,
        /// Networks that are no longer listed.
        remove: Vec<IpNet>,
    },
    /// By the whole list.
    Snapshot,
}

/// One fleet's list.
#[derive(Debug, Clone)]
pub struct FleetList {
    bounds: ListBounds,
    head: Head,
    /// Whether an operator said of this history that agents keep nothing of another.
    complete: bool,
    entries: BTreeMap<IpNet, Entry>,
    /// Every entry by its end, soonest first; those that never end come last.
    ends: BTreeSet<(Tick, IpNet)>,
    /// What an operator listed: no agent can let it in again, and version 1 agents are told of it again and again (see
    /// [`FleetList::recent`]).
    standing: BTreeSet<IpNet>,
    /// What agents of more than one application banned: the first alone cannot lift it.
    seconded: BTreeSet<IpNet>,
    /// How many entries are no single addresses.
    networks: u64,
    history: History,
    repetitions: Repetitions,
    unbans: Unbans,
    /// Entries that have changed since the last checkpoint.
    touched: Touched<IpNet>,
    /// The revisions whose changes the last checkpoint holds: after this one, up to that one.
    kept: (u64, u64),
}

impl FleetList {
    /// An empty list with a history of its own.
    #[must_use]
    pub fn new(epoch: &str, bounds: ListBounds) -> Self {
        let head = Head {
            epoch: epoch.into(),
            ..Head::default()
        };
        Self {
            bounds,
            history: History::new(head.digest, bounds.history),
            head,
            complete: false,
            entries: BTreeMap::new(),
            ends: BTreeSet::new(),
            standing: BTreeSet::new(),
            seconded: BTreeSet::new(),
            networks: 0,
            repetitions: Repetitions::default(),
            unbans: Unbans::default(),
            touched: Touched::default(),
            kept: (0, 0),
        }
    }

    /// Where the list is.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// How large its parts may grow.
    #[must_use]
    pub const fn bounds(&self) -> ListBounds {
        self.bounds
    }

    /// Goes on with other bounds.
    pub(crate) const fn set_bounds(&mut self, bounds: ListBounds) {
        self.bounds = bounds;
        self.history.limit(bounds.history);
    }

    /// Goes on under another name, with a history that begins here.
    pub(crate) fn renew(&mut self, epoch: &str, complete: bool) {
        self.head.epoch = epoch.into();
        self.complete = complete;
        self.history.clear(self.head.rev);
    }

    /// Whether agents keep nothing that another history had listed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// When the entry ends that ends first.
    #[must_use]
    pub fn soonest_end(&self) -> Option<Tick> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Whether a delta leads from this revision to the newest.
    #[must_use]
    pub fn leads_on_from(&self, rev: u64) -> bool {
        self.history.touched_since(rev, self.bounds.page).is_some()
    }

    /// How many entries are no single addresses, so that version 1 agents never hear of them.
    #[must_use]
    pub const fn networks(&self) -> u64 {
        self.networks
    }

    /// What is known of a network, if it is listed.
    #[must_use]
    pub fn get(&self, network: IpNet) -> Option<&Entry> {
        self.entries.get(&network)
    }

    /// Whether an operator listed this network.
    #[must_use]
    pub fn is_standing(&self, network: IpNet) -> bool {
        self.standing.contains(&network)
    }

    /// How often agents banned this network before, as far as that is remembered.
    #[must_use]
    pub fn repetitions(&self, network: IpNet, now: Tick) -> u32 {
        self.repetitions.of(network, now)
    }

    /// The listed network that covers this one and has not ended, the widest first: why an address
    /// is refused that is not listed itself.
    #[must_use]
    pub fn covering(&self, network: IpNet, now: Tick) -> Option<IpNet> {
        (0..=network.prefix_len())
            .filter_map(|prefix| IpNet::new(network.addr(), prefix).ok())
            .map(|wider| wider.trunc())
            .find(|wider| self.entries.get(wider).is_some_and(|entry| entry.end > now))
    }

    /// Networks that were removed as far back as changes are remembered, each once.
    pub(crate) fn gone_lately(&self) -> BTreeSet<IpNet> {
        let changed = self.history.after(self.history.base().0);
        let changed = changed.map(|(_, change)| change.network);
        changed.filter(|network| !self.entries.contains_key(network)).collect()
    }

    /// Entries in order, after `after`.
    pub fn entries_after(&self, after: Option<IpNet>) -> impl Iterator<Item = (IpNet, &Entry)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries
            .range((from, Bound::Unbounded))
            .map(|(network, entry)| (*network, entry))
    }

    /// Puts a ban on the list.
    pub fn ban(&mut self, ban: Ban, now: Moment) -> Banned {
        let Ban {
            network,
            entry,
            at_unix_ms,
        } = ban;
        self.unbans.sweep(now.tick);
        self.touched.note(network);
        match &entry.by {
            Origin::Operator => {
                self.unbans.forget(network);
                self.standing.insert(network);
            }
            Origin::Agent(who) if self.unbans.came_after(network, who.profile(), at_unix_ms) => return Banned::Late,
            Origin::Agent(_) => {}
        }
        let Some(known) = self.entries.get_mut(&network) else {
            self.ends.insert((entry.end, network));
            if entry.by != Origin::Operator {
                self.repetitions.note(network, now.tick);
            }
            self.entries.insert(network, entry);
            self.networks += u64::from(!is_exact(network));
            self.head.digest += network;
            self.advance(network, now.tick);
            return Banned::Added;
        };
        // who prolongs a ban without a word does not take back the reason that stands there
        if entry.by == Origin::Operator && !entry.why.is_empty() {
            known.why = entry.why;
        }
        known.made = known.made.max(entry.made);
        if entry.end <= known.end {
            return Banned::Known;
        }
        self.ends.remove(&(known.end, network));
        self.ends.insert((entry.end, network));
        known.end = entry.end;
        self.advance(network, now.tick);
        Banned::Prolonged
    }

    /// Another application has banned this network as well.
    pub fn second(&mut self, network: IpNet) {
        if self.entries.contains_key(&network) && self.seconded.insert(network) {
            self.touched.note(network);
        }
    }

    /// Whether agents of more than one application banned it.
    #[must_use]
    pub fn is_seconded(&self, network: IpNet) -> bool {
        self.seconded.contains(&network)
    }

    /// Every listed network that holds something of this one, or lies within it.
    pub(crate) fn touching(&self, network: IpNet) -> BTreeSet<IpNet> {
        let wider = (0..network.prefix_len()).filter_map(|prefix| IpNet::new(network.addr(), prefix).ok());
        let wider = wider.map(|wider| wider.trunc());
        let ends = [(network.network(), 0), (network.broadcast(), network.max_prefix_len())];
        let within = match ends.map(|(address, prefix)| IpNet::new(address, prefix).ok()) {
            [Some(first), Some(last)] => Some(self.entries.range(first..=last)),
            _ => None,
        };
        let within = within.into_iter().flatten().map(|(listed, _)| *listed);
        let listed = wider.filter(|wider| self.entries.contains_key(wider));
        listed.chain(within).collect()
    }

    /// Tells agents to let go of a network that is not listed, as if it had been: they may ban it
    /// themselves.
    pub(crate) fn retract(&mut self, network: IpNet, now: Tick) {
        if !self.entries.contains_key(&network) {
            self.advance(network, now);
        }
    }

    /// Lets a network in again, and remembers that. What was listed is returned.
    pub fn unban(&mut self, network: IpNet, now: Moment) -> Option<Entry> {
        self.unbans.remember(network, None, now);
        self.repetitions.forget(network);
        self.remove(network, now.tick)
    }

    /// Lets a network in that this application's agents banned, and remembers that against their
    /// late bans. What was listed is returned; nothing, where another application's word stands.
    pub fn lift(&mut self, network: IpNet, profile: &Arc<str>, now: Moment) -> Option<Entry> {
        self.unbans.remember(network, Some(Arc::clone(profile)), now);
        let entry = self.entries.get(&network)?;
        let is_own = matches!(&entry.by, Origin::Agent(who) if who.profile() == profile);
        if !is_own || self.standing.contains(&network) || self.seconded.contains(&network) {
            return None;
        }
        self.repetitions.forget(network);
        self.remove(network, now.tick)
    }

    /// Removes what has ended, soonest first, at most `budget` entries.
    pub fn expire(&mut self, now: Moment, budget: usize) -> Vec<(IpNet, Entry)> {
        self.unbans.sweep(now.tick);
        let ended: Vec<IpNet> = self
            .ends
            .iter()
            .take_while(|(end, _)| *end <= now.tick)
            .take(budget)
            .map(|(_, network)| *network)
            .collect();
        ended
            .into_iter()
            .filter_map(|network| Some((network, self.remove(network, now.tick)?)))
            .collect()
    }

    fn remove(&mut self, network: IpNet, now: Tick) -> Option<Entry> {
        let entry = self.entries.remove(&network)?;
        self.touched.note(network);
        self.ends.remove(&(entry.end, network));
        self.standing.remove(&network);
        self.seconded.remove(&network);
        self.networks -= u64::from(!is_exact(network));
        self.head.digest -= network;
        self.advance(network, now);
        Some(entry)
    }

    fn advance(&mut self, network: IpNet, at: Tick) {
        self.head.rev += 1;
        self.head.count = self.entries.len() as u64;
        self.history.push(Change {
            network,
            at,
            count: self.head.count,
            digest: self.head.digest,
        });
    }

    /// How an agent with this cursor comes to the newest revision. A cursor whose count or digest is not what the list had
    /// at that revision needs a snapshot, and so does one that the history no longer reaches.
    #[must_use]
    pub fn step_from(&self, have: &ListCursor) -> Step {
        if *have.epoch != *self.head.epoch {
            return Step::Snapshot;
        }
        let Some((count, digest)) = self.history.state_at(have.rev) else {
            return Step::Snapshot;
        };
        if have.count != count || have.digest != digest.to_string() {
            return Step::Snapshot;
        }
        if have.rev == self.head.rev {
            return Step::Current;
        }
        let Some(touched) = self.history.touched_since(have.rev, self.bounds.page) else {
            return Step::Snapshot;
        };
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for network in touched {
            match self.entries.get(&network) {
                Some(entry) => add.push((network, entry.end)),
                None => remove.push(network),
            }
        }
        Step::Delta { add, remove }
    }
}

/// Whether a network is a single address.
#[must_use]
pub fn is_exact(network: IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

#[cfg(test)]
mod tests;
