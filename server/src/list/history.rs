//! The last changes of a list: what a delta is made of, and the proof that an agent is where it says.

use std::collections::{BTreeSet, VecDeque};

use buckler::model::blacklist::Digest;
use ipnet::IpNet;

use crate::moment::Tick;

/// One revision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// What was added, given another end, or removed: the list itself says which.
    pub(super) network: IpNet,
    /// When.
    pub(super) at: Tick,
    /// Entries afterwards.
    pub(super) count: u64,
    /// Digest afterwards.
    pub(super) digest: Digest,
}

/// Changes in the order of their revisions, without gaps, the oldest forgotten first.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// The revision before the first change that is remembered, with its count and digest.
    base: (u64, u64, Digest),
    changes: VecDeque<Change>,
    most: usize,
}

impl History {
    /// The history of an empty list.
    pub(super) const fn new(empty: Digest, most: usize) -> Self {
        Self {
            base: (0, 0, empty),
            changes: VecDeque::new(),
            most,
        }
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push_back(change);
        while self.changes.len() > self.most
            && let Some(oldest) = self.changes.pop_front()
        {
            self.base = (self.base.0 + 1, oldest.count, oldest.digest);
        }
    }

    /// Forgets all changes up to this revision, the newest.
    pub(super) fn clear(&mut self, rev: u64) {
        let (count, digest) = self.state_at(rev).unwrap_or((self.base.1, self.base.2));
        self.base = (rev, count, digest);
        self.changes.clear();
    }

    /// Goes on from what was written down: the revision before the first change, with its count and
    /// digest.
    pub(super) fn begin_at(&mut self, base: (u64, u64, Digest)) {
        self.base = base;
    }

    /// The revision before the first change that is remembered, with its count and digest.
    pub(super) const fn base(&self) -> (u64, u64, Digest) {
        self.base
    }

    /// Remembers no more than so many from the next change on.
    pub(super) const fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// The changes after a revision, each with its own.
    pub(super) fn after(&self, rev: u64) -> impl Iterator<Item = (u64, &Change)> {
        let skipped = usize::try_from(rev.saturating_sub(self.base.0)).unwrap_or(usize::MAX);
        let numbered = (self.base.0 + 1..).zip(&self.changes);
        numbered.skip(skipped)
    }

    /// Count and digest at a revision, if it is remembered.
    pub(super) fn state_at(&self, rev: u64) -> Option<(u64, Digest)> {
        let (base, count, digest) = self.base;
        match rev.checked_sub(base)? {
            0 => Some((count, digest)),
            after => {
                let change = self.changes.get(usize::try_from(after - 1).ok()?)?;
                Some((change.count, change.digest))
            }
        }
    }

    /// The networks that changed after a revision, each once; `None` if that revision is forgotten or there are more than
    /// `most`.
    pub(super) fn touched_since(&self, rev: u64, most: usize) -> Option<BTreeSet<IpNet>> {
        let skipped = usize::try_from(rev.checked_sub(self.base.0)?).ok()?;
        let mut touched = BTreeSet::new();
        for change in self.changes.iter().skip(skipped) {
            touched.insert(change.network);
            if touched.len() > most {
                return None;
            }
        }
        Some(touched)
    }

    /// The networks that changed at or after a time, newest change first, possibly more than once.
    pub(super) fn back_to(&self, since: Tick) -> impl Iterator<Item = IpNet> {
        self.changes
            .iter()
            .rev()
            .take_while(move |change| change.at >= since)
            .map(|change| change.network)
    }

    /// Whether every change at or after a time is remembered.
    pub(super) fn reaches(&self, since: Tick) -> bool {
        self.base.0 == 0 || self.changes.front().is_some_and(|oldest| oldest.at < since)
    }
}
