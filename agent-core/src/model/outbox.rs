//! Events until they are acknowledged: rule 1 of the protocol, seen from the agent.
//!
//! `seq` rises by one without gaps within a stream, so that what is to be lost is lost *before* it gets a number: a full outbox
//! refuses new events and counts them. Bans are worth more than reports of attacks, so the last fifth of the room is theirs.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::protocol::v2::{AddressOrigin, Event, EventKind, Evidence, MAX_EVENTS};

/// Events that are kept at most: at about 150 bytes each, 1.5 MB; at one batch a second, 40 s to send.
pub const CAPACITY: usize = 10_000;
/// Room for reports of attacks; the rest is kept for bans.
const ATTACKS_AT_MOST: usize = CAPACITY / 5 * 4;

/// Events in the order in which they happened, until the server has them.
#[derive(Debug, Clone)]
pub struct Outbox {
    stream: Uuid,
    next: u64,
    pending: VecDeque<Event>,
    acknowledged: u64,
    refused: u64,
}

/// An event without its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What happened.
    pub kind: EventKind,
    /// The source, canonical.
    pub address: String,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How long a ban lasts, in seconds.
    pub ttl_s: u64,
    /// The check that found it.
    pub why: &'static str,
    /// How sure it is.
    pub evidence: Evidence,
    /// Where the address came from.
    pub peer: AddressOrigin,
}

/// What an outbox has seen: every offered event is in exactly one of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Acknowledged by the server.
    pub acknowledged: u64,
    /// Waiting.
    pub pending: u64,
    /// Refused because there was no room.
    pub outbox_full: u64,
}

impl Outbox {
    /// An empty outbox; `stream` must never have been used before.
    #[must_use]
    pub const fn new(stream: Uuid) -> Self {
        Self {
            stream,
            next: 1,
            pending: VecDeque::new(),
            acknowledged: 0,
            refused: 0,
        }
    }

    /// An outbox as it was saved: its events in order, and the number of the next one. `None` where they do not follow each
    /// other up to `next`: such a stream must never be continued, for the server may know other events by these numbers.
    #[must_use]
    pub fn restore(stream: Uuid, next: u64, events: Vec<Event>) -> Option<Self> {
        let first = next.checked_sub(events.len() as u64).filter(|first| *first > 0)?;
        let contiguous = events.iter().zip(first..).all(|(event, seq)| event.seq == seq);
        contiguous.then(|| Self {
            stream,
            next,
            pending: events.into(),
            acknowledged: 0,
            refused: 0,
        })
    }

    /// The stream that the numbers belong to.
    #[must_use]
    pub const fn stream(&self) -> Uuid {
        self.stream
    }

    /// The number that the next event will get.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next
    }

    /// Takes an event in and numbers it; `None` where there is no room for it.
    pub fn push(&mut self, draft: Draft) -> Option<&Event> {
        let room = if draft.kind == EventKind::Attack {
            ATTACKS_AT_MOST
        } else {
            CAPACITY
        };
        if self.pending.len() >= room {
            self.refused += 1;
            return None;
        }
        let Draft {
            kind,
            address,
            at_ms,
            ttl_s,
            why,
            evidence,
            peer,
        } = draft;
        let seq = self.next;
        self.next += 1;
        self.pending.push_back(Event {
            seq,
            kind,
            address,
            at_ms,
            ttl_s,
            why: why.to_owned(),
            evidence,
            peer,
        });
        self.pending.back()
    }

    /// The lowest number that is not acknowledged: of the oldest event, or of the next one.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.pending.front().map_or(self.next, |event| event.seq)
    }

    /// The oldest events, at most one message's worth. A ban that was made `age` ago has that much less time left.
    #[must_use]
    pub fn batch(&self, now_ms: u64) -> Vec<Event> {
        let remaining = |event: &Event| event.ttl_s.saturating_sub(now_ms.saturating_sub(event.at_ms) / 1000);
        self.pending
            .iter()
            .take(MAX_EVENTS)
            .map(|event| Event {
                ttl_s: remaining(event),
                ..event.clone()
            })
            .collect()
    }

    /// Forgets what the server has, up to and including `seq`; how many those were. A number that was never given is taken as
    /// the last one: a server cannot acknowledge what does not exist yet.
    pub fn acknowledge(&mut self, seq: u64) -> usize {
        let known = self.pending.partition_point(|event| event.seq <= seq);
        self.pending.drain(..known);
        self.acknowledged += known as u64;
        known
    }

    /// Takes out every event that waits, and says how many those were: they are not for the server after all.
    pub fn withdraw(&mut self) -> u64 {
        let withdrawn = self.pending.len() as u64;
        self.pending.clear();
        withdrawn
    }

    /// An event that waits, by its number.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Event> {
        let at = self.pending.partition_point(|event| event.seq < seq);
        self.pending.get(at).filter(|event| event.seq == seq)
    }

    /// Events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// What became of every event since this outbox was made or restored.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            acknowledged: self.acknowledged,
            pending: self.pending.len() as u64,
            outbox_full: self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(kind: EventKind) -> Draft {
        Draft {
            kind,
            address: "203.0.113.9".to_owned(),
            at_ms: 10_000,
            ttl_s: 60,
            why: "decoy",
            evidence: Evidence::Confirmed,
            peer: AddressOrigin::Socket,
        }
    }

    fn filled(n: u64) -> Outbox {
        let mut outbox = Outbox::new(Uuid::nil());
        for _ in 0..n {
            outbox.push(draft(EventKind::Ban));
        }
        outbox
    }

    #[test]
    fn numbers_rise_by_one_and_only_what_is_acknowledged_goes() {
        let mut outbox = filled(5);
        assert_eq!(outbox.first(), 1);
        assert_eq!(outbox.acknowledge(2), 2);
        assert_eq!(outbox.acknowledge(2), 0, "a repeated acknowledgement changes nothing");
        assert_eq!(
            outbox.batch(10_000).iter().map(|e| e.seq).collect::<Vec<_>>(),
            [3, 4, 5]
        );
        assert_eq!(outbox.acknowledge(99), 3);
        assert_eq!((outbox.first(), outbox.next_seq()), (6, 6));
        assert_eq!(outbox.push(draft(EventKind::Ban)).map(|e| e.seq), Some(6));
    }

    #[test]
    fn a_batch_is_bounded_and_carries_the_time_left() {
        let outbox = filled(MAX_EVENTS as u64 + 10);
        assert_eq!(outbox.batch(10_000).len(), MAX_EVENTS);
        assert_eq!(outbox.batch(25_500)[0].ttl_s, 45);
        assert_eq!(outbox.batch(10_000_000)[0].ttl_s, 0);
        assert_eq!(outbox.batch(0)[0].ttl_s, 60, "a clock that went back prolongs nothing");
    }

    #[test]
    fn a_full_outbox_keeps_room_for_bans_and_counts_what_it_refuses() {
        let mut outbox = Outbox::new(Uuid::nil());
        let mut offered = 0;
        for _ in 0..CAPACITY {
            outbox.push(draft(EventKind::Attack));
            offered += 1;
        }
        assert_eq!(outbox.len(), ATTACKS_AT_MOST);
        assert!(outbox.push(draft(EventKind::Ban)).is_some());
        offered += 1;
        outbox.acknowledge(10);
        let Ledger {
            acknowledged,
            pending,
            outbox_full,
        } = outbox.ledger();
        assert_eq!(acknowledged + pending + outbox_full, offered);
        assert_eq!(
            outbox.batch(0).windows(2).filter(|w| w[0].seq + 1 != w[1].seq).count(),
            0
        );
    }

    #[test]
    fn a_restored_outbox_goes_on_where_it_stopped() {
        let saved = filled(4);
        let mut events = saved.batch(10_000);
        let outbox = Outbox::restore(Uuid::nil(), 5, events.clone()).unwrap();
        assert_eq!((outbox.first(), outbox.next_seq(), outbox.len()), (1, 5, 4));
        assert_eq!(Outbox::restore(Uuid::nil(), 9, vec![]).map(|o| o.first()), Some(9));
        assert!(
            Outbox::restore(Uuid::nil(), 6, events.clone()).is_none(),
            "the last one is missing"
        );
        events.remove(2);
        assert!(
            Outbox::restore(Uuid::nil(), 5, events).is_none(),
            "one in the middle is missing"
        );
    }
}
