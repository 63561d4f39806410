//! What did not fit, and what is done about it: rule 3 of the protocol, "a gap or a digest that does not match leads to a
//! snapshot, at most one a minute".
//!
//! A gap in the list's own history is most likely a push that was lost, so it is first answered with the true cursor: the
//! server sends the changes from there, or a snapshot where it remembers no such revision. Only a server that still sends what
//! does not follow a minute later is asked for the whole list. All else that does not fit no delta can set right.

use std::time::Duration;

use super::{Applied, ListProblem};
use crate::{model::session::Speak, protocol::v2::ListUpdate};

/// How long to wait for a snapshot before another is asked for, and for a delta before a snapshot is (rule 3).
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(60);

/// How the list and what the server says of it differ.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Only a snapshot sets it right.
    pub(super) snapshot: bool,
    /// There are revisions between the list and what came.
    pub(super) behind: bool,
    /// Since that is known: when the true cursor was first told.
    told: Option<Duration>,
    /// When a snapshot was last asked for.
    asked: Option<Duration>,
    /// That something did not fit has led to an exchange already.
    hurried: bool,
    /// The newest revision that the server has mentioned, and its epoch.
    newest: Option<(String, u64)>,
}

impl Trouble {
    /// Remembers what the server says of its own list.
    pub(super) fn mention(&mut self, update: &ListUpdate) {
        match &mut self.newest {
            Some((epoch, rev)) if *epoch == update.epoch => *rev = update.to.max(*rev),
            newest => *newest = Some((update.epoch.clone(), update.to)),
        }
    }

    /// Revisions between `rev` of `epoch` and the newest one that the server has mentioned.
    pub(super) fn lag(&self, version: Option<(&str, u64)>) -> u64 {
        match (&self.newest, version) {
            (None, _) => 0,
            (Some((newest, to)), Some((epoch, rev))) if newest == epoch => to.saturating_sub(rev),
            (Some((_, to)), _) => *to,
        }
    }

    pub(super) fn refused(&mut self, problem: &ListProblem, now: Duration) {
        let lasts = |told| now.saturating_sub(told) >= SNAPSHOT_INTERVAL;
        let is_gap = matches!(problem, ListProblem::Gap { .. });
        self.snapshot |= problem.wants_snapshot() || (is_gap && self.told.is_some_and(lasts));
        self.behind |= is_gap;
    }

    /// Whether the cursor is to be left out now, to ask for a snapshot.
    pub(super) fn asks(&mut self, now: Duration) -> bool {
        if self.behind {
            self.told.get_or_insert(now);
        }
        let lately = |asked| now.saturating_sub(asked) < SNAPSHOT_INTERVAL;
        let asks = self.snapshot && !self.asked.is_some_and(lately);
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    /// Whether what became of an update calls for an exchange. What does not fit does so once: what the next exchange does not
    /// mend, the interval may.
    pub(super) fn speak_after(&mut self, applied: &Applied) -> Option<Speak> {
        match applied {
            Applied::Refused(_) => (!std::mem::replace(&mut self.hurried, true)).then_some(Speak::Soon),
            Applied::Page { .. } => {
                self.hurried = false;
                Some(Speak::Now)
            }
            Applied::Delta { .. } | Applied::Swapped { .. } => {
                self.hurried = false;
                None
            }
            Applied::Nothing => {
                self.hurried &= self.snapshot || self.behind;
                None
            }
        }
    }

    /// The list is in step.
    pub(super) fn settle(&mut self) {
        self.snapshot = false;
        self.behind = false;
        self.told = None;
    }
}
