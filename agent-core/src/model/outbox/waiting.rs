//! Bans that the server had no room for: kept here, and offered again later, the surest and newest
//! first.

use std::{cmp::Reverse, mem, time::Duration};

use super::stream::Pending;
use crate::protocol::v2::{Event, EventKind, Evidence, MAX_EVENTS};

/// The most that wait: what an agent may share in two minutes, at some 200 bytes each.
const ROOM: usize = 2_000;
/// How long is waited before they are offered again: the server counts changes by the minute.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait, where it refuses them again and again.
const LONGEST_WAIT: Duration = Duration::from_mins(16);

/// What waits until it is offered again.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    bans: Vec<Pending>,
    due: Duration,
    wait: Duration,
    /// Whether some were refused since some were offered again.
    was_refused: bool,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self {
            bans: Vec::new(),
            due: Duration::ZERO,
            wait: FIRST_WAIT,
            was_refused: false,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.bans.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes in what the server had no room for, and says how many of it wait now: a ban that is
    /// over needs no room, and where there are too many the least sure and oldest go.
    pub(super) fn take(&mut self, refused: impl Iterator<Item = Pending>, now: Duration) -> Taken {
        let before = self.bans.len();
        self.bans
            .extend(refused.filter(|ban| ban.event.kind == EventKind::Ban && ban.end > now));
        if self.bans.len() == before {
            return Taken::default();
        }
        if !mem::replace(&mut self.was_refused, true) {
            self.due = now.saturating_add(self.wait);
        }
        // what was found is known there, under the number that the event had
        self.bans.iter_mut().for_each(|ban| ban.event.detail = None);
        let came = self.bans.len() - before;
        self.bans.sort_by_key(surest_and_newest_first);
        let gave_way = self.bans.len().saturating_sub(ROOM);
        self.bans.truncate(ROOM);
        Taken { came, gave_way }
    }

    /// What is offered again now, and how many bans have ended meanwhile: by time, or because the
    /// client was let in.
    pub(super) fn offered(&mut self, now: Duration, is_in_force: impl Fn(&Event) -> bool) -> (Vec<Pending>, usize) {
        if now < self.due {
            return (Vec::new(), 0);
        }
        let before = self.bans.len();
        self.bans.retain(|ban| ban.end > now && is_in_force(&ban.event));
        let ended = before - self.bans.len();
        let offered: Vec<Pending> = self.bans.drain(..self.bans.len().min(MAX_EVENTS)).collect();
        self.wait = if mem::take(&mut self.was_refused) {
            self.wait.saturating_mul(2).min(LONGEST_WAIT)
        } else {
            FIRST_WAIT
        };
        self.due = now.saturating_add(FIRST_WAIT);
        (offered, ended)
    }
}

/// How many bans wait that did not, and how many do no more.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) came: usize,
    pub(super) gave_way: usize,
}

fn surest_and_newest_first(ban: &Pending) -> Reverse<(Evidence, u64)> {
    Reverse((ban.event.evidence, ban.event.at_ms))
}
