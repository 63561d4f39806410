//! One process' events, with the ends of their bans in process time.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use uuid::Uuid;

use super::Left;
use crate::protocol::v2::Event;

/// One process' events.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) id: Uuid,
    pub(super) pending: VecDeque<Pending>,
}

/// An event that waits.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) event: Event,
    /// When its ban ends, in process time.
    pub(super) end: Duration,
}

impl Stream {
    pub(super) const fn new(id: Uuid) -> Self {
        Self {
            id,
            pending: VecDeque::new(),
        }
    }

    /// Whatever order a file had them in, and however often: numbers rise, and each is one event.
    pub(super) fn restore(Left { stream, events }: Left, now: Duration, unix: Duration) -> Self {
        let by_seq: BTreeMap<u64, Event> = events.into_iter().map(|event| (event.seq, event)).collect();
        let pending = by_seq.into_values().map(|event| {
            let age = unix.saturating_sub(Duration::from_millis(event.at_ms));
            let left = Duration::from_secs(event.ttl_s).saturating_sub(age);
            Pending {
                event,
                end: now.saturating_add(left),
            }
        });
        Self {
            id: stream,
            pending: pending.collect(),
        }
    }

    /// Takes out what is known up to and including this number.
    pub(super) fn acknowledge(&mut self, seq: u64) -> impl Iterator<Item = Pending> + '_ {
        let known = self.pending.partition_point(|pending| pending.event.seq <= seq);
        self.pending.drain(..known)
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Event> {
        let at = self.pending.partition_point(|pending| pending.event.seq < seq);
        let found = self.pending.get(at).map(|pending| &pending.event);
        found.filter(|event| event.seq == seq)
    }
}

impl Pending {
    /// The event as it is told at `now`: what has begun of a second is left in full.
    pub(super) fn at(&self, now: Duration) -> Event {
        let left = self.end.saturating_sub(now);
        Event {
            ttl_s: left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)),
            ..self.event.clone()
        }
    }
}
