//! The owner's side of the fleet's list: where it stands in the server's history, and how updates change it.
//!
//! Rules 3 and 4 of the protocol, in short: the cursor `(epoch, rev, count, digest)` says what is held; an update is checked
//! in full before it changes anything; what does not fit is refused and leads to a snapshot, asked for at most once a minute;
//! time comes as time left.
//!
//! Decided here, where the protocol is silent:
//! - Within one update, removals come first: a network both removed and added is listed afterwards. Of two times for one
//!   network the last counts. An `add` for a listed network changes its end.
//! - A `ttl_s` of 0 is an entry that has ended: it counts for digest and count, and shuts nobody out. One of ten years or
//!   more is for ever ([`FOREVER_S`]).
//! - Host bits are cleared and mapped addresses unwrapped before an address is counted; what is no address at all refuses the
//!   whole update.
//! - A removal is an unban, and takes the agent's own entry away too; unless the shared entry has ended, when it is only the
//!   server's housekeeping. So a delta has to name every network that was removed between `from` and `to`, even one that was
//!   added after `from`: the agent that caught it holds it already.
//! - A snapshot keeps the agent's own entries, except those whose shared entry is still running and missing from a newer
//!   revision of the same epoch: those were unbanned.
//! - A snapshot older than the cursor is accepted: a server sends one only to an agent whose cursor it cannot make sense of.

mod delta;
mod outcome;
mod proposal;
mod snapshot;
mod v1;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

pub use outcome::{Applied, ListProblem};
pub use proposal::Proposal;

use super::{Blacklist, Digest, Scope};
use crate::{
    model::address::parse_network,
    protocol::v2::{ListCursor, ListMode, ListUpdate, Staging},
};
use delta::Delta;
use snapshot::Staged;

/// A time left, in seconds, from which on an entry is listed for ever: ten years.
pub const FOREVER_S: u64 = 10 * 365 * 24 * 3600;

/// The most entries that a server may list: 400 MB of IPv4 addresses, sixteen times the longest public list.
const MAX_ENTRIES: u64 = 1 << 24;

/// How long to wait for a snapshot before another is asked for (rule 3).
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(60);

/// The fleet's list and its cursor. One owner; it also owns every change of the [`Blacklist`] inside.
#[derive(Debug)]
pub struct SharedList {
    list: Arc<Blacklist>,
    /// Absent before the first snapshot, and while a version 1 server is spoken to.
    version: Option<Version>,
    staged: Option<Staged>,
    wants_snapshot: bool,
    /// When a snapshot was last asked for.
    asked: Option<Duration>,
}

/// A point in the server's history, and the digest of the list there.
#[derive(Debug)]
struct Version {
    epoch: String,
    rev: u64,
    digest: Digest,
}

impl SharedList {
    /// A list without history. Entries that `list` has in the shared scope stay until a snapshot comes.
    #[must_use]
    pub fn new(list: Arc<Blacklist>) -> Self {
        Self {
            list,
            version: None,
            staged: None,
            wants_snapshot: false,
            asked: None,
        }
    }

    /// What was saved, after its count and digest were checked. The entries come with the time left; none is for ever.
    ///
    /// # Errors
    /// [`ListProblem::Digest`] or [`ListProblem::Count`] where the entries are not those of the cursor.
    pub fn restore(
        cursor: ListCursor,
        entries: impl IntoIterator<Item = (IpNet, Option<Duration>)>,
        now: Duration,
    ) -> Result<Self, ListProblem> {
        let (list, mut digest) = (Blacklist::new(), Digest::default());
        for (network, left) in entries {
            if list.insert(network, left.map(|left| end(left, now)), Scope::Shared) {
                digest += network;
            }
        }
        Self::resume(cursor, list, digest)
    }

    /// A list that was built elsewhere, with the digest of its entries for the fleet.
    ///
    /// # Errors
    /// [`ListProblem::Digest`] or [`ListProblem::Count`] where it is not the list of the cursor.
    pub fn resume(cursor: ListCursor, list: Blacklist, digest: Digest) -> Result<Self, ListProblem> {
        ListProblem::check(cursor.count, list.count(), &cursor.digest, digest)?;
        let version = Some(Version {
            epoch: cursor.epoch,
            rev: cursor.rev,
            digest,
        });
        Ok(Self {
            version,
            ..Self::new(Arc::new(list))
        })
    }

    /// The list in force. A snapshot puts another in its place: publish it after every [`Applied::Swapped`], and have whoever
    /// adds entries of the agent's own do so here.
    #[must_use]
    pub const fn list(&self) -> &Arc<Blacklist> {
        &self.list
    }

    /// Where this list stands.
    #[must_use]
    pub fn cursor(&self) -> Option<ListCursor> {
        self.version.as_ref().map(|version| ListCursor {
            epoch: version.epoch.clone(),
            rev: version.rev,
            count: self.list.count(),
            digest: version.digest.to_string(),
        })
    }

    /// The snapshot whose pages are coming in.
    #[must_use]
    pub fn staging(&self) -> Option<Staging> {
        self.staged.as_ref().map(Staged::name)
    }

    /// Whether an update did not fit, and nothing that came since has set it right.
    #[must_use]
    pub const fn wants_snapshot(&self) -> bool {
        self.wants_snapshot
    }

    /// What to tell the server that is held, for `have.list` and `have.staging`. To ask for a snapshot the cursor is left out,
    /// at most once a minute; in between the true cursor is told, and a delta from there may set things right sooner.
    pub fn have(&mut self, now: Duration) -> (Option<ListCursor>, Option<Staging>) {
        let asked_lately = self
            .asked
            .is_some_and(|asked| now.saturating_sub(asked) < SNAPSHOT_INTERVAL);
        if !self.wants_snapshot || self.staged.is_some() || asked_lately {
            return (self.cursor(), self.staging());
        }
        self.asked = Some(now);
        (None, None)
    }

    /// Applies an update. A refused one has changed nothing that look-ups see.
    pub fn apply(&mut self, update: &ListUpdate, now: Duration) -> Applied {
        self.apply_watched(update, now, &mut |_| {})
    }

    /// Applies an update as [`apply`](Self::apply) does, and shows `watch` what it will make of the list just before look-ups can see
    /// any of it.
    pub fn apply_watched(
        &mut self,
        update: &ListUpdate,
        now: Duration,
        watch: &mut dyn FnMut(&Proposal<'_>),
    ) -> Applied {
        let applied = match update.mode {
            ListMode::None => self.confirm(update),
            ListMode::Delta => self.apply_delta(update, now, watch),
            ListMode::Snapshot => self.apply_page(update, now, watch),
        };
        applied.unwrap_or_else(|problem| {
            self.wants_snapshot |= problem.wants_snapshot();
            Applied::Refused(problem)
        })
    }

    /// Every entry of the fleet's list with the time left, to be saved and [restored](Self::restore); none is for ever.
    pub fn for_each(&self, now: Duration, visit: &mut dyn FnMut(IpNet, Option<Duration>)) {
        self.list.for_each(Scope::Shared, &mut |network, until| {
            visit(network, until.map(|until| until.saturating_sub(now)));
        });
    }

    fn confirm(&mut self, update: &ListUpdate) -> Result<Applied, ListProblem> {
        let version = self.version_of(update)?;
        if update.to < version.rev {
            return Ok(Applied::Nothing);
        }
        if update.to > version.rev {
            return Err(ListProblem::Gap {
                have: Some(version.rev),
                from: update.to,
            });
        }
        ListProblem::check(update.count, self.list.count(), &update.digest, version.digest)?;
        self.settle();
        Ok(Applied::Nothing)
    }

    fn apply_delta(
        &mut self,
        update: &ListUpdate,
        now: Duration,
        watch: &mut dyn FnMut(&Proposal<'_>),
    ) -> Result<Applied, ListProblem> {
        let version = self.version_of(update)?;
        if update.to <= version.rev {
            return Ok(Applied::Nothing);
        }
        if update.from != version.rev {
            return Err(ListProblem::Gap {
                have: Some(version.rev),
                from: update.from,
            });
        }
        let delta = Delta::check(update, &self.list, version.digest)?;
        watch(&delta.proposal(&self.list, update.to));
        let applied = delta.write(&self.list, now);
        self.version = Some(Version {
            epoch: update.epoch.clone(),
            rev: update.to,
            digest: delta.digest,
        });
        self.settle();
        Ok(applied)
    }

    /// The version in force, if it is of the update's epoch.
    fn version_of(&self, update: &ListUpdate) -> Result<&Version, ListProblem> {
        let version = self.version.as_ref().ok_or(ListProblem::Gap {
            have: None,
            from: update.from,
        })?;
        if version.epoch == update.epoch {
            Ok(version)
        } else {
            Err(ListProblem::epoch(&update.epoch))
        }
    }

    /// Whether the list in force is the one that the update leads to.
    fn is_at(&self, update: &ListUpdate) -> bool {
        self.version_of(update).is_ok_and(|version| {
            version.rev == update.to
                && ListProblem::check(update.count, self.list.count(), &update.digest, version.digest).is_ok()
        })
    }

    /// The list is in step: a snapshot is wanted no more, nor pages of one that is not newer.
    fn settle(&mut self) {
        self.wants_snapshot = false;
        let version = self.version.as_ref();
        self.staged = self
            .staged
            .take()
            .filter(|staged| version.is_some_and(|version| staged.is_after(version)));
    }
}

impl Blacklist {
    /// Entries in the shared scope, as the protocol counts them.
    fn count(&self) -> u64 {
        self.len(Scope::Shared) as u64
    }
}

/// When an entry ends that has `left`.
fn end(left: Duration, now: Duration) -> Duration {
    // an end is rounded up: one of `now` would run on for up to a second
    if left.is_zero() {
        Duration::ZERO
    } else {
        now.saturating_add(left)
    }
}

/// When an entry ends that has so many seconds left; none is for ever.
fn end_of_ttl(ttl_s: u64, now: Duration) -> Option<Duration> {
    (ttl_s < FOREVER_S).then(|| end(Duration::from_secs(ttl_s), now))
}

/// The network that an update names.
fn network(text: &str) -> Result<IpNet, ListProblem> {
    parse_network(text).ok_or_else(|| ListProblem::bad_address(text))
}

#[cfg(test)]
mod tests;
