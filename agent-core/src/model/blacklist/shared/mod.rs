//! The owner's side of the fleet's list: where it stands in the server's history, and how updates change it.
//!
//! Rules 3 and 4 of the protocol, in short: the cursor `(epoch, rev, count, digest)` says what is held; an update is checked
//! in full before it changes anything; what does not fit is refused, and leads to the missing changes or to a snapshot, asked
//! for at most once a minute (`trouble.rs`); time comes as time left.
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
//! - A snapshot of another epoch is no amnesty: entries of the one before that it does not have
//!   stay until their own ends, as the agent's own, unless it says that it is `complete`. Then
//!   those that were kept before go as well; but which they are is known only to the process that
//!   kept them: after a restart they end by their own ends.
//! - A snapshot older than the cursor is accepted: a server sends one only to an agent whose cursor it cannot make sense of.

mod delta;
mod outcome;
mod proposal;
mod saved;
mod snapshot;
mod trouble;
mod v1;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

pub use outcome::{Applied, ListProblem};
pub use proposal::Proposal;

use super::{Blacklist, Digest, Scope};
use crate::{
    model::{address::parse_network, session::Speak},
    protocol::v2::{ListCursor, ListMode, ListUpdate, Staging},
};
use delta::Delta;
use snapshot::Staged;
use trouble::Trouble;

/// A time left, in seconds, from which on an entry is listed for ever: ten years.
pub const FOREVER_S: u64 = 10 * 365 * 24 * 3600;

/// The most entries that a server may list: 400 MB of IPv4 addresses, sixteen times the longest public list.
const MAX_ENTRIES: u64 = 1 << 24;

/// The fleet's list and its cursor. One owner; it also owns every change of the [`Blacklist`] inside.
#[derive(Debug)]
pub struct SharedList {
    list: Arc<Blacklist>,
    /// Absent before the first snapshot, and while a version 1 server is spoken to.
    version: Option<Version>,
    staged: Option<Staged>,
    /// What was listed in a history before this one and is kept until its end.
    kept: Vec<(IpNet, Option<Duration>)>,
    carried: Carried,
    trouble: Trouble,
}

/// What snapshots have made of the agent's own entries.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Networks of a history before this one that are the agent's own entries now, with their ends;
    /// `None` is never.
    pub kept: Vec<(IpNet, Option<Duration>)>,
    /// Networks that are the agent's own entries no more.
    pub released: Vec<IpNet>,
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
            kept: Vec::new(),
            carried: Carried::default(),
            trouble: Trouble::default(),
        }
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

    /// Whether an update came that only a snapshot can follow, and nothing since has set it right.
    #[must_use]
    pub const fn wants_snapshot(&self) -> bool {
        self.trouble.snapshot
    }

    /// Whether an update came that builds on a later revision, and nothing since has set it right.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.trouble.behind
    }

    /// Revisions between this list and the newest one that the server has mentioned; all of them where that is of another epoch.
    #[must_use]
    pub fn lag(&self) -> u64 {
        let version = self.version.as_ref();
        self.trouble
            .lag(version.map(|version| (version.epoch.as_str(), version.rev)))
    }

    /// What to tell the server that is held, for `have.list` and `have.staging`. To ask for a snapshot the cursor is left out,
    /// at most once a minute; in between the true cursor is told, and a delta from there may set things right sooner.
    pub fn have(&mut self, now: Duration) -> (Option<ListCursor>, Option<Staging>) {
        if self.staged.is_none() && self.trouble.asks(now) {
            return (None, None);
        }
        (self.cursor(), self.staging())
    }

    /// Applies an update. A refused one has changed nothing that look-ups see. Ask [`speak_after`](Self::speak_after) what it
    /// leads to.
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
        self.trouble.mention(update);
        let applied = match update.mode {
            ListMode::None => self.confirm(update),
            ListMode::Delta => self.apply_delta(update, now, watch),
            ListMode::Snapshot => self.apply_page(update, now, watch),
        };
        applied.unwrap_or_else(|problem| {
            self.trouble.refused(&problem, now);
            Applied::Refused(problem)
        })
    }

    /// What snapshots have made of the agent's own entries since this was asked last: to be saved
    /// as bans are, and forgotten likewise. To be asked after each [`Applied::Swapped`].
    pub fn take_carried(&mut self) -> Carried {
        std::mem::take(&mut self.carried)
    }

    /// Whether what became of an update calls for an exchange: the next page, or what sets right what did not fit.
    pub fn speak_after(&mut self, applied: &Applied) -> Option<Speak> {
        self.trouble.speak_after(applied)
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
        self.trouble.settle();
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
