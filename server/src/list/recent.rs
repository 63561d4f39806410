//! What a version 1 agent is told of a list: it has no cursor, so it is told the same changes several times.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Entry, FleetList, is_exact};
use crate::moment::Tick;

/// The most changes a version 1 agent is told at once (about 1 MB): it has no pages, and holds its reply in memory thrice.
const MOST_TOLD: usize = 50_000;

/// What a version 1 agent is told: exact addresses only.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Listed now.
    pub new: Vec<IpNet>,
    /// Listed no longer.
    pub remove: Vec<IpNet>,
}

impl FleetList {
    /// What a version 1 agent is told: changes since `since` as they stand now, newest first, without what was banned longer
    /// ago than its `BLACKLIST_DELAY` of `ban_for` seconds (it would start that time anew), and only single addresses, the
    /// one thing it knows.
    ///
    /// What an operator listed is told every time, however old: a version 1 agent lets go of it after its own delay, ignores
    /// it while it has it, and is told by `remove` when it ends.
    #[must_use]
    pub fn recent(&self, since: Tick, ban_for: u64, now: Tick) -> Recent {
        let is_young = |entry: &Entry| now.since(entry.made) < ban_for;
        let mut recent = Recent::default();
        let mut seen = BTreeSet::new();
        let changed = self.history.back_to(since).filter(|network| is_exact(*network));
        for network in changed.take(MOST_TOLD) {
            if !seen.insert(network) {
                continue;
            }
            match self.entries.get(&network).filter(|entry| entry.end > now) {
                Some(entry) if is_young(entry) || self.standing.contains(&network) => recent.new.push(network),
                Some(_) => {}
                None => recent.remove.push(network),
            }
        }
        let forgotten = if self.history.reaches(since) {
            None
        } else {
            Some(&self.entries)
        };
        let earlier = forgotten
            .into_iter()
            .flatten()
            .filter(|(_, entry)| is_young(entry))
            .map(|(network, _)| *network);
        let untold = self.standing.iter().copied().chain(earlier.take(MOST_TOLD));
        let untold = untold.filter(|network| is_exact(*network) && seen.insert(*network));
        let runs = |network: &IpNet| self.entries.get(network).is_some_and(|entry| entry.end > now);
        recent.new.extend(untold.filter(runs));
        recent
    }
}
