//! The conversation with the server as a state machine: `step(input, now, random) → action`.
//!
//! It knows neither the messages' contents nor how they travel; [`Conversation`](super::conversation::Conversation) knows the
//! contents, and whoever drives that carries out what both say.
//!
//! Every transition; a test holds this table, and the implementation, against the same one as data. "Open" is every state before
//! `closing`. "Something may be said" where beacons are on or a registration is due: there is none yet, it is a day old (without
//! beacons, as old as the refresh interval), or it was forgotten. What comes while an exchange is under way is told with the next one. "–" in the column "then" says that the
//! state stays; in the column "due", that nothing is while an exchange is under way, or all is told.
//!
//! | state | under way | input | where | then | do | due | registration |
//! |---|---|---|---|---|---|---|---|
//! | open | no | `Wake` | not due | – | – | as it was | – |
//! | open | no | `Wake` | due, something may be said | – | `Begin` | – | – |
//! | open | no | `Wake` | due, nothing may be said | quiet | – | a refresh interval after the registration | – |
//! | open, closing | yes | `Wake` | – | – | – | – | – |
//! | synced, quiet | no | `Speak(Soon)` | something may be said | – | – | now, but spaced, if it was to be later | – |
//! | synced, quiet | no | `Speak(Now)` | something may be said | – | – | now, if it was to be later | – |
//! | synced, quiet | no | `Pull` | something may be said | – | – | as asked, but spaced, if it was to be later | – |
//! | synced, quiet | no | `Speak(Soon)`, `Speak(Now)`, `Pull` | nothing may be said | – | – | as it was | – |
//! | connecting, retrying, blocked | no | `Speak(Soon)`, `Speak(Now)`, `Pull` | – | – | – | as it was | – |
//! | open, closing | yes | `Speak(Soon)`, `Speak(Now)`, `Pull` | – | – | – | – | – |
//! | synced, quiet | no | `Introduce` | – | – | – | now, but spaced, if it was to be later | forgotten |
//! | connecting, retrying, blocked | no | `Introduce` | – | – | – | as it was | forgotten |
//! | open, closing | yes | `Introduce` | – | – | – | – | forgotten |
//! | connecting, synced, quiet | no | `Goodbye` | – | retrying | – | as asked, at least 1 s | – |
//! | retrying | no | `Goodbye` | – | – | – | as it was or as asked, the later | – |
//! | blocked | no | `Goodbye` | – | – | – | as it was | – |
//! | open, closing | yes | `Goodbye` | – | – | – | – | – |
//! | synced, quiet | no | `LinkOpened` | something may be said | – | – | now, but spaced, if it was to be later | – |
//! | synced, quiet | no | `LinkOpened` | nothing may be said | – | – | as it was | – |
//! | connecting, retrying, blocked | no | `LinkOpened` | – | – | – | as it was | – |
//! | open | no | `LinkClosed(Retry)`, `LinkClosed(Wait)`, `LinkClosed(Extended)` | link closed | – | – | as it was | – |
//! | connecting, synced, quiet | no | `LinkClosed(Retry)`, `LinkClosed(Wait)` | link open | retrying | – | by the schedule | – |
//! | connecting, synced, quiet | no | `LinkClosed(Extended)` | link open | blocked | – | by the schedule | forgotten |
//! | retrying | no | `LinkClosed(Retry)` | link open | – | – | as it was | – |
//! | retrying | no | `LinkClosed(Wait)` | link open | – | – | as it was or by the schedule, the later | – |
//! | retrying | no | `LinkClosed(Extended)` | link open | blocked | – | as it was or by the schedule, the later | forgotten |
//! | blocked | no | `LinkClosed(Retry)`, `LinkClosed(Wait)`, `LinkClosed(Extended)` | link open | – | – | as it was | – |
//! | open, closing | yes | `LinkOpened`, `LinkClosed(Retry)`, `LinkClosed(Wait)`, `LinkClosed(Extended)` | – | – | – | – | – |
//! | open | no | `Answered(Ok)`, `Answered(Err(Retry))`, `Answered(Err(Wait))`, `Answered(Err(Extended))` | – | – | – | as it was | – |
//! | open | yes | `Answered(Ok)` | goodbye | retrying | – | as asked, at least 1 s | by the answer |
//! | open | yes | `Answered(Ok)` | more to tell | synced | – | by the schedule, but within the spacing | by the answer |
//! | open | yes | `Answered(Ok)` | pull, no more to tell | synced | – | as asked, but spaced | by the answer |
//! | open | yes | `Answered(Ok)` | no more to tell | synced | – | by the schedule | by the answer |
//! | open | yes | `Answered(Err(Retry))`, `Answered(Err(Wait))` | – | retrying | – | by the schedule | – |
//! | open | yes | `Answered(Err(Extended))` | – | blocked | – | by the schedule | forgotten |
//! | closing | yes | `Answered(Ok)` | more to tell that may be said | – | `Begin` | – | by the answer |
//! | closing | yes | `Answered(Ok)` | else | closed | `Closed` | – | by the answer |
//! | closing | yes | `Answered(Err(Retry))`, `Answered(Err(Wait))`, `Answered(Err(Extended))` | – | closed | `Closed` | – | – |
//! | quiet | no | `Configured` | beacons on | synced | – | now | – |
//! | quiet | yes | `Configured` | beacons on | synced | – | – | – |
//! | quiet | no | `Configured` | beacons off | – | – | as it was | – |
//! | quiet | yes | `Configured` | beacons off | – | – | – | – |
//! | synced | no | `Configured` | – | – | – | an interval from now, if it was to be later | – |
//! | connecting, retrying, blocked | no | `Configured` | – | – | – | as it was | – |
//! | connecting, synced, retrying, blocked, closing | yes | `Configured` | – | – | – | – | – |
//! | connecting, synced, quiet, retrying | no | `Close` | something waits that may be said | closing | `Begin` | – | – |
//! | connecting, synced, quiet, retrying | no | `Close` | else | closed | `Closed` | – | – |
//! | blocked | no | `Close` | – | closed | `Closed` | – | – |
//! | open, closing | yes | `Close` | – | closing | – | – | – |
//! | closed | no | any | – | – | – | – | – |
//!
//! An agent that speaks [on demand](Session::on_demand) has no "but within the spacing": what is left to tell follows at once, since
//! nobody may ask again for hours. Whoever drives it may also [hasten](Session::hasten) what is due, and
//! [abandon](Session::abandon) an exchange.

mod demand;
mod step;

use std::time::Duration;

use super::schedule::{Advice, Schedule};
use crate::protocol::v2::Next;

/// A registration is repeated after this long: version 1 has no cursor, and what drifted apart meets again.
const REGISTER_EVERY: Duration = Duration::from_hours(24);
/// Without beacons the configuration is asked for again after this long, where none says how long: five minutes pass unnoticed
/// by an operator who changed something, and cost the server less than a beacon every 30 s.
const REFRESH: Duration = Duration::from_mins(5);
/// The part of the refresh interval by which it is prolonged at most, so that a fleet that started at once spreads.
const REFRESH_SPREAD: f64 = 0.2;
/// The least time between two beacons however much there is to tell: bans of one second travel together.
const SPACING: Duration = Duration::from_secs(1);
/// The same while the link is open: a frame costs the server a fiftieth of a request, and what it tells is pushed at once.
const LINK_SPACING: Duration = Duration::from_millis(100);
/// While the link is open the interval is so many times the configured one: everything is pushed, and a beacon only checks that
/// nothing was lost (rule 6 of the protocol).
const LINK_FACTOR: u32 = 10;
/// But at least so often, where the configured interval is not longer: a lost push is to heal within the hour.
const LINK_SLOWEST: Duration = Duration::from_hours(1);
/// What a server asks for that asks to be pulled and does not say when.
const AT_ONCE: Next = Next {
    after_ms: 0,
    jitter_ms: 0,
};
/// How long a server that said goodbye is left alone where it did not say how long: a restart takes a second, and its agents
/// are not to come back all at once.
const FAREWELL: Next = Next {
    after_ms: 1_000,
    jitter_ms: 4_000,
};
/// The longest that a server may put off being pulled, before the jitter, and the widest jitter (rule 7).
const LATEST: Duration = Duration::from_mins(15);

/// The conversation.
#[derive(Debug, Clone)]
pub struct Session {
    state: State,
    link: Link,
    schedule: Schedule,
    /// When to speak next.
    due: Duration,
    under_way: Option<Exchange>,
    registered_at: Option<Duration>,
    last_spoke: Option<Duration>,
    /// The configured interval.
    interval: Duration,
    /// How long a registration counts where no beacon is sent.
    refresh: Duration,
    /// Whether the configuration or the peer's version allows beacons at all.
    beacons: bool,
    /// Came up while an exchange was under way, or while the server is not well: to be told with the next exchange.
    waiting: bool,
    /// Whether the agent speaks only when it is asked to.
    on_demand: bool,
}

/// Where the conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No exchange has succeeded yet.
    Connecting,
    /// The last exchange went well.
    Synced,
    /// The last exchange went well, and the server's configuration wants no beacons (`BEACON` is off).
    Quiet,
    /// The last exchange failed, or the link broke, or the server said goodbye; likely to pass.
    Retrying,
    /// The last exchange failed in a way that needs a person: wrong key, no profile, TLS.
    Blocked,
    /// The agent is shutting down: the last exchanges are under way.
    Closing,
    /// All is told.
    Closed,
}

impl State {
    /// As status, logs and the protocol's `health.state` write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Synced => "synced",
            Self::Quiet => "quiet",
            Self::Retrying => "retrying",
            Self::Blocked => "blocked",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// Whether the server can push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Link {
    /// It is asked at every interval.
    #[default]
    Closed,
    /// It says what changed as it changes.
    Open,
}

impl Link {
    /// As status and logs write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// The two kinds of exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Says who the agent is; brings configuration and list.
    Register,
    /// Says what happened; brings changes.
    Beacon,
}

/// What happens to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Wake,
    /// There is something to tell or to fetch.
    Speak(Speak),
    /// The server asks, unasked itself, for a beacon: at once, or when it says.
    Pull(Option<Next>),
    /// The server says, unasked, that it does not know this agent.
    Introduce,
    /// The server says, unasked, that it goes away, and perhaps for how long.
    Goodbye(Option<Next>),
    /// The server can push from now on.
    LinkOpened,
    /// The server cannot push any more.
    LinkClosed(Advice),
    /// The exchange under way ended.
    Answered(Result<Answer, Advice>),
    /// The configuration changed.
    Configured {
        /// The interval between beacons.
        interval: Duration,
        /// Whether to send beacons.
        beacons: bool,
    },
    /// Tell what waits, then end.
    Close {
        /// Whether anything waits.
        waiting: bool,
    },
}

/// How urgent it is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speak {
    /// Something waits to be told, or an update did not fit: within a second.
    Soon,
    /// The server has more to give, the next page of a snapshot: at once.
    Now,
}

/// What the session must know of an answer that was good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// When the server wants to hear again.
    pub next: Option<Next>,
    /// The server does not know this agent any more. Means nothing in the answer to a registration.
    pub register_again: bool,
    /// The server wants a beacon when `next` says, or at once.
    pub pull: bool,
    /// The server goes away, until `next` at least.
    pub goodbye: bool,
    /// Events wait after what this exchange delivered.
    pub waiting: bool,
    /// This exchange delivered any.
    pub delivered: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Begin this exchange; answer with [`Input::Answered`].
    Begin(Exchange),
    /// All that could be told is told.
    Closed,
}

impl Session {
    /// A session that speaks at once.
    #[must_use]
    pub const fn new(now: Duration, interval: Duration) -> Self {
        Self {
            state: State::Connecting,
            link: Link::Closed,
            schedule: Schedule::new(),
            due: now,
            under_way: None,
            registered_at: None,
            last_spoke: None,
            interval,
            refresh: REFRESH,
            beacons: false,
            waiting: false,
            on_demand: false,
        }
    }

    /// Sets how long a registration counts where no beacon is sent: then the configuration is asked for again.
    pub const fn refresh_every(&mut self, interval: Duration) {
        self.refresh = interval;
    }

    /// Where the conversation stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the server can push.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// When the session wants to be woken; `None` while an exchange is under way, and when all is told.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        if self.under_way.is_some() || matches!(self.state, State::Closed) {
            None
        } else {
            Some(self.due)
        }
    }
}

#[cfg(test)]
mod tests;
