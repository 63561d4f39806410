//! The conversation as one pure piece: [`Session`] says when to speak, and this what to say and what to make of the answer, for
//! servers of either version and over any transport.
//!
//! It has no clock, no I/O and no list of its own. Whoever drives it
//! 1. calls [`step`](Conversation::step) with [`Input::Wake`] when [`due`](Conversation::due) has come;
//! 2. on [`Action::Begin`] gathers [`Parts`], has them [composed](Conversation::compose) and sends what comes of it;
//! 3. gives the reply to [`answered`](Conversation::answered) or the failure to [`failed`](Conversation::failed), and whatever
//!    comes unasked to [`pushed`](Conversation::pushed), [`Input::LinkOpened`] and [`Input::LinkClosed`];
//! 4. carries out the [`Effects`], then their action.
//!
//! CloudLink does so for an agent; a simulation or a load generator does the same for thousands in one process.
//!
//! **Nothing that comes late or twice does harm.** Every message has a number, and a reply counts only while its message is
//! under way. An acknowledgement is of the stream that the message carried, and of no event beyond it.

mod compose;
mod parts;
mod understand;

use std::time::Duration;

use self::understand::Sent;
pub use self::{
    compose::{Introduction, Outgoing},
    parts::{ConfigPart, ListPart, Parts, TelemetryPart},
    understand::{ConfigReceived, Effects, EventsAcknowledged, ListReceived, Reply},
};
use super::{
    policy::Policy,
    schedule::Advice,
    session::{Action, Input, Link, Session, State},
};
use crate::protocol::PROTO;

/// One agent's conversation with its server.
#[derive(Debug, Clone)]
pub struct Conversation {
    session: Session,
    peer: Peer,
    interval: Duration,
    /// Whether the configuration has beacons sent to a version 1 server.
    beacons: bool,
    /// The number of the exchange that was begun last.
    number: u64,
    /// What that message carried, until its answer has come.
    sent: Option<Sent>,
}

/// What is known of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Peer {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// It answers as version 1.
    Version1,
    /// It answers with `data.v2`.
    Version2,
}

impl Peer {
    /// The version that it speaks, if that is known.
    #[must_use]
    pub const fn version(self) -> Option<u32> {
        match self {
            Self::Unknown => None,
            Self::Version1 => Some(1),
            Self::Version2 => Some(PROTO),
        }
    }
}

impl Conversation {
    /// A conversation that begins at once.
    #[must_use]
    pub fn new(policy: &Policy, now: Duration) -> Self {
        let mut session = Session::new(now, policy.beacon_delay());
        session.refresh_every(policy.refresh_delay());
        Self {
            session,
            peer: Peer::default(),
            interval: policy.beacon_delay(),
            beacons: policy.beacon(),
            number: 0,
            sent: None,
        }
    }

    /// The same of an agent that speaks when it is asked to: see [`Session::on_demand`].
    #[must_use]
    pub fn on_demand(mut self) -> Self {
        self.session = self.session.on_demand();
        self
    }

    /// It is time, by another clock: see [`Session::hasten`].
    pub fn hasten(&mut self, now: Duration) {
        self.session.hasten(now);
    }

    /// Gives up the exchange under way: see [`Session::abandon`]. Its answer is no news any more.
    pub fn abandon(&mut self, now: Duration) {
        self.sent = None;
        self.session.abandon(now);
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.session.state()
    }

    /// Whether the server can push.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.session.link()
    }

    /// What is known of the server.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// When it wants to be woken; `None` while an exchange is under way, and when all is told.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        self.session.due()
    }

    /// Takes an input that carries no message, and says what to do. `random` is in `[0, 1)`.
    pub fn step(&mut self, input: Input, now: Duration, random: f64) -> Option<Action> {
        let action = self.session.step(input, now, random);
        if matches!(action, Some(Action::Begin(_))) {
            self.number += 1;
            self.sent = None;
        }
        action
    }

    /// A configuration is in force.
    pub fn configure(&mut self, policy: &Policy, now: Duration) {
        self.interval = policy.beacon_delay();
        self.beacons = policy.beacon();
        self.session.refresh_every(policy.refresh_delay());
        self.pace(now);
    }

    /// The exchange under way failed, or could not begin. That of an earlier one is no news.
    pub fn failed(&mut self, number: u64, advice: Advice, now: Duration, random: f64) -> Option<Action> {
        if number != self.number {
            return None;
        }
        self.sent = None;
        self.step(Input::Answered(Err(advice)), now, random)
    }

    /// The number of the exchange that was begun last: the one that is under way, if any is.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Version 2's conversation is not subject to `BEACON`: pyrasp's default is off, and an agent that nobody told anything must
    /// not fall silent.
    fn pace(&mut self, now: Duration) {
        let input = Input::Configured {
            interval: self.interval,
            beacons: self.peer == Peer::Version2 || self.beacons,
        };
        // a configuration begins nothing by itself
        self.session.step(input, now, 0.0);
    }

    fn is_known_as(&mut self, peer: Peer, now: Duration) {
        if self.peer != peer {
            self.peer = peer;
            self.pace(now);
        }
    }
}

#[cfg(test)]
mod tests;
