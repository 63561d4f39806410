//! Events until they are acknowledged: rule 1 of the protocol, seen from the agent.
//!
//! `seq` rises by one without gaps within a stream, so that what is to be lost is lost *before* it gets a number: a full outbox
//! refuses new events and counts them. Bans are worth more than reports of attacks, so the last fifth of the room is theirs.
//!
//! **A stream belongs to one process and is never continued by another.** What earlier processes left is sent to its end under
//! its own streams and numbers, the oldest stream first; then comes the own one. So a state file that is stale, restored from a
//! backup or copied to another machine can repeat events, which the server knows by their numbers, and can never give two
//! events the same number.
//!
//! A ban's end is fixed when it is made (rule 4). Within the process it is kept in process time, which nobody can set; for what
//! an earlier process left, the wall clock says once, at the start, how much time has passed: never less than none, so that a
//! clock that went back prolongs nothing.
//!
//! **A ban that the server had no room for** stays pending: it waits a minute or more without a
//! number, and is then offered again under a new one. What it lost meanwhile is its place, and, if
//! the process ends, its turn: it is in force here.

mod stream;
mod waiting;

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use uuid::Uuid;

use self::{
    stream::{Pending, Stream},
    waiting::{Taken, Waiting},
};
use crate::protocol::v2::{AddressOrigin, Detail, Event, EventKind, Evidence, MAX_EVENTS, Nack};

/// Events that are kept at most, those of earlier processes included: at about 300 bytes each, 3 MB; at one batch a second,
/// 40 s to send.
pub const CAPACITY: usize = 10_000;
/// Room for reports of attacks; the rest is kept for bans.
const ATTACKS_AT_MOST: usize = CAPACITY / 5 * 4;

/// Events in the order in which they happened, until the server has them.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// What earlier processes left, oldest stream first; none is empty.
    left: VecDeque<Stream>,
    own: Stream,
    waiting: Waiting,
    next: u64,
    acknowledged: u64,
    refused: u64,
    restored: u64,
}

/// What an earlier process left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The stream that the numbers belong to.
    pub stream: Uuid,
    /// Its events, by rising number, as they were when they were made.
    pub events: Vec<Event>,
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
    pub why: Cow<'static, str>,
    /// How sure it is.
    pub evidence: Evidence,
    /// Where the address came from.
    pub peer: AddressOrigin,
    /// What was found.
    pub detail: Option<Box<Detail>>,
}

/// What an outbox has seen: every event that was offered or restored is in exactly one of the others, or was
/// [withdrawn](Outbox::withdraw).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Acknowledged by the server.
    pub acknowledged: u64,
    /// Waiting, to be sent or to be offered again.
    pub pending: u64,
    /// Refused because there was no room.
    pub outbox_full: u64,
    /// Left by earlier processes.
    pub restored: u64,
}

impl Outbox {
    /// An empty outbox; `stream` must never have been used before.
    #[must_use]
    pub const fn new(stream: Uuid) -> Self {
        Self {
            left: VecDeque::new(),
            own: Stream::new(stream),
            waiting: Waiting::new(),
            next: 1,
            acknowledged: 0,
            refused: 0,
            restored: 0,
        }
    }

    /// An outbox that sends first what earlier processes left, the oldest first. `own` must never have been used before.
    /// `now` is process time, `unix` what the wall clock shows.
    #[must_use]
    pub fn restore(own: Uuid, left: Vec<Left>, now: Duration, unix: Duration) -> Self {
        let streams = left.into_iter().map(|left| Stream::restore(left, now, unix));
        let left: VecDeque<Stream> = streams.filter(|stream| !stream.pending.is_empty()).collect();
        let restored = left.iter().map(|stream| stream.pending.len() as u64).sum();
        Self {
            left,
            restored,
            ..Self::new(own)
        }
    }

    /// The stream that [`first`](Self::first) and [`batch`](Self::batch) speak of: the oldest one with events, or the own one.
    #[must_use]
    pub fn stream(&self) -> Uuid {
        self.current().id
    }

    /// The stream that new events go to.
    #[must_use]
    pub const fn own_stream(&self) -> Uuid {
        self.own.id
    }

    /// Every stream that has events waiting, in the order in which they are sent.
    pub fn streams(&self) -> impl Iterator<Item = Uuid> + '_ {
        let own = (!self.own.pending.is_empty()).then_some(self.own.id);
        self.left.iter().map(|stream| stream.id).chain(own)
    }

    /// The number that the next event will get.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next
    }

    /// Takes an event in at `now` in process time and numbers it; `None` where there is no room for it.
    pub fn push(&mut self, draft: Draft, now: Duration) -> Option<&Event> {
        let room = if draft.kind == EventKind::Attack {
            ATTACKS_AT_MOST
        } else {
            CAPACITY
        };
        if self.len() + self.waiting.len() >= room {
            self.refused += 1;
            return None;
        }
        let end = now.saturating_add(Duration::from_secs(draft.ttl_s));
        let event = draft.numbered(self.next);
        self.next += 1;
        self.own.pending.push_back(Pending { event, end });
        self.own.pending.back().map(|pending| &pending.event)
    }

    /// The lowest number of [`stream`](Self::stream) that is not acknowledged: of the oldest event, or of the next one.
    #[must_use]
    pub fn first(&self) -> u64 {
        let oldest = self.current().pending.front();
        oldest.map_or(self.next, |pending| pending.event.seq)
    }

    /// The oldest events of [`stream`](Self::stream), at most one message's worth and never past a gap, each with the time that
    /// its ban has left at `now` in process time.
    #[must_use]
    pub fn batch(&self, now: Duration) -> Vec<Event> {
        let numbered = self.current().pending.iter().zip(self.first()..);
        numbered
            .take(MAX_EVENTS)
            .take_while(|(pending, seq)| pending.event.seq == *seq)
            .map(|(pending, _)| pending.at(now))
            .collect()
    }

    /// Forgets what the server has of a stream, up to and including `seq`; how many those were. A number that was never given is
    /// taken as the last one, and a stream that is not known as one that was acknowledged long ago.
    ///
    /// Bans among them that it refused for a [quota](Nack::QUOTA) stay pending, and are
    /// [offered again](Self::offer_again) later.
    pub fn acknowledge(&mut self, stream: Uuid, seq: u64, nack: &[Nack], now: Duration) -> usize {
        let no_room = nack.iter().filter(|refused| refused.code == Nack::QUOTA);
        let mut no_room: Vec<u64> = no_room.map(|refused| refused.seq).collect();
        no_room.sort_unstable();
        let streams = self.left.iter_mut().chain([&mut self.own]);
        let known: Vec<Pending> = streams
            .filter(|known| known.id == stream)
            .flat_map(|known| known.acknowledge(seq))
            .collect();
        self.left.retain(|stream| !stream.pending.is_empty());
        let count = known.len();
        let refused = known
            .into_iter()
            .filter(|known| no_room.binary_search(&known.event.seq).is_ok());
        let Taken { came, gave_way } = self.waiting.take(refused, now);
        self.acknowledged += (count + gave_way - came) as u64;
        count
    }

    /// Gives some of the bans that the server had no room for new numbers, if it is time to offer
    /// them again and they are still in force here. They are returned as they are now, to be kept
    /// where events are.
    pub fn offer_again(&mut self, now: Duration, is_in_force: impl Fn(&Event) -> bool) -> Vec<Event> {
        let (offered, ended) = self.waiting.offered(now, is_in_force);
        self.acknowledged += ended as u64;
        let mut events = Vec::new();
        for mut ban in offered {
            ban.event.seq = self.next;
            self.next += 1;
            events.push(ban.event.clone());
            self.own.pending.push_back(ban);
        }
        events
    }

    /// Takes out every event that waits, and says how many those were: they are not for the server after all.
    pub fn withdraw(&mut self) -> u64 {
        let withdrawn = (self.len() + self.waiting.len()) as u64;
        self.waiting.clear();
        self.left.clear();
        self.own.pending.clear();
        withdrawn
    }

    /// An event that waits, by its stream and number.
    #[must_use]
    pub fn get(&self, stream: Uuid, seq: u64) -> Option<&Event> {
        let mut streams = self.left.iter().chain([&self.own]);
        streams.find(|known| known.id == stream)?.get(seq)
    }

    /// Events that are to be sent, of all streams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.iter().map(|stream| stream.pending.len()).sum::<usize>() + self.own.pending.len()
    }

    /// Whether nothing is to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that waits, for [`restore`](Self::restore): by stream, in the order in which it is sent.
    #[must_use]
    pub fn left(&self) -> Vec<Left> {
        let streams = self.left.iter().chain([&self.own]);
        streams
            .filter(|stream| !stream.pending.is_empty())
            .map(|stream| Left {
                stream: stream.id,
                events: stream.pending.iter().map(|pending| pending.event.clone()).collect(),
            })
            .collect()
    }

    /// What became of every event since this outbox was made or restored.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            acknowledged: self.acknowledged,
            pending: (self.len() + self.waiting.len()) as u64,
            outbox_full: self.refused,
            restored: self.restored,
        }
    }

    fn current(&self) -> &Stream {
        self.left.front().unwrap_or(&self.own)
    }
}

impl Draft {
    fn numbered(self, seq: u64) -> Event {
        let Self {
            kind,
            address,
            at_ms,
            ttl_s,
            why,
            evidence,
            peer,
            detail,
        } = self;
        Event {
            seq,
            kind,
            address,
            at_ms,
            ttl_s,
            why: why.into_owned(),
            evidence,
            peer,
            detail,
        }
    }
}

#[cfg(test)]
mod tests;
