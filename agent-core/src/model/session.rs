//! The conversation with the server as a state machine: `step(input, now, random) → actions`.
//!
//! It knows neither the messages' contents nor how they travel; [`CloudLink`](crate::actors) carries out what it says.
//!
//! | state | input | next state | actions |
//! |---|---|---|---|
//! | any, nothing under way, due | `Wake`, not registered or registration older than 24 h or `register_again` | `Speaking` | `Register` |
//! | any, nothing under way, due | `Wake`, registered, beacons on | `Speaking` | `Beacon` |
//! | any, nothing under way, due | `Wake`, registered, beacons off | `Quiet` | – |
//! | `Synced` | `SpeakSoon` | `Synced`, due at once, but 1 s after the last beacon at the earliest | – |
//! | `Synced` | `SpeakNow` (a page of a snapshot came, the next is wanted) | `Synced`, due at once | – |
//! | `Connecting`, `Retrying`, `Blocked` | `SpeakSoon`, `SpeakNow` | unchanged: a failing server is not hurried | – |
//! | `Speaking` | `Answered(Ok)` | `Synced`, due by the schedule | – |
//! | `Speaking` | `Answered(Err(Retry or Wait))` | `Retrying`, due by the schedule | – |
//! | `Speaking` | `Answered(Err(Extended))` | `Blocked`, due by the schedule; the next exchange registers | – |
//! | any, nothing under way | `Close` | `Closing` | `Register` or `Beacon` if something waits, else `Closed` |
//! | `Speaking` | `Close` | `Closing` | –: what is under way ends first |
//! | `Closing` | `Answered(Ok)` | `Closing` | `Beacon` where something came since the exchange began, or while something waits and each exchange makes progress; then `Closed` |
//! | `Closing` | `Answered(Err)` | `Closing` | `Closed` |

use std::time::Duration;

use super::schedule::{Advice, Schedule};
use crate::protocol::v2::Next;

/// A registration is repeated after this long: version 1 has no cursor, and what drifted apart meets again.
const REGISTER_EVERY: Duration = Duration::from_hours(24);
/// The least time between two beacons however much there is to tell: bans of one second travel together.
const SPACING: Duration = Duration::from_secs(1);

/// The conversation.
#[derive(Debug, Clone)]
pub struct Session {
    state: State,
    schedule: Schedule,
    /// When to speak next.
    due: Duration,
    under_way: Option<Exchange>,
    registered_at: Option<Duration>,
    last_spoke: Option<Duration>,
    /// The configured interval.
    interval: Duration,
    /// Whether the configuration or the peer's version allows beacons at all.
    beacons: bool,
    /// Something waits to be told.
    waiting: bool,
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
    /// The last exchange failed; likely to pass.
    Retrying,
    /// The last exchange failed in a way that needs a person: wrong key, no profile, TLS.
    Blocked,
    /// The agent is shutting down.
    Closing,
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
    /// Something waits to be told.
    SpeakSoon,
    /// The server has more to give.
    SpeakNow,
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

/// What the session must know of an answer that was good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// When the server wants to hear again.
    pub next: Option<Next>,
    /// The server does not know this agent any more.
    pub register_again: bool,
    /// Events that wait after what this exchange delivered.
    pub waiting: bool,
    /// Whether this exchange delivered any.
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
            schedule: Schedule::new(),
            due: now,
            under_way: None,
            registered_at: None,
            last_spoke: None,
            interval,
            beacons: false,
            waiting: false,
        }
    }

    /// Where the conversation stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// When the session wants to be woken; `None` while an exchange is under way.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        if self.under_way.is_some() { None } else { Some(self.due) }
    }

    /// Takes an input and says what to do. `random` is in `[0, 1)`.
    pub fn step(&mut self, input: Input, now: Duration, random: f64) -> Option<Action> {
        match input {
            Input::Wake => self.wake(now),
            Input::SpeakSoon => {
                self.waiting = true;
                self.hurry(now, SPACING);
                None
            }
            Input::SpeakNow => {
                self.hurry(now, Duration::ZERO);
                None
            }
            Input::Answered(answer) => self.answered(answer, now, random),
            Input::Configured { interval, beacons } => {
                self.configured(interval, beacons, now);
                None
            }
            Input::Close { waiting } => self.close(waiting, now),
        }
    }

    fn wake(&mut self, now: Duration) -> Option<Action> {
        if self.under_way.is_some() || now < self.due || self.state == State::Closing {
            return None;
        }
        self.speak(now)
    }

    /// Begins whichever exchange is next.
    fn speak(&mut self, now: Duration) -> Option<Action> {
        let exchange = match self.registered_at {
            Some(at) if now.saturating_sub(at) < REGISTER_EVERY => {
                if !self.beacons {
                    self.state = State::Quiet;
                    self.due = at + REGISTER_EVERY;
                    return None;
                }
                Exchange::Beacon
            }
            Some(_) | None => Exchange::Register,
        };
        self.under_way = Some(exchange);
        self.last_spoke = Some(now);
        self.waiting = false;
        Some(Action::Begin(exchange))
    }

    /// Speaks earlier than planned, where the server is well.
    fn hurry(&mut self, now: Duration, spacing: Duration) {
        if self.state == State::Synced && self.beacons {
            let earliest = self.last_spoke.map_or(now, |at| at + spacing).max(now);
            self.due = self.due.min(earliest);
        }
    }

    fn answered(&mut self, answer: Result<Answer, Advice>, now: Duration, random: f64) -> Option<Action> {
        let exchange = self.under_way.take()?;
        match answer {
            Ok(answer) => {
                if exchange == Exchange::Register {
                    self.registered_at = Some(now);
                }
                if answer.register_again {
                    self.registered_at = None;
                }
                self.succeeded(answer, now, random)
            }
            Err(advice) => {
                self.due = now + self.schedule.after_failure(advice, random);
                if advice == Advice::Extended {
                    self.registered_at = None;
                }
                self.failed(advice)
            }
        }
    }

    fn succeeded(&mut self, answer: Answer, now: Duration, random: f64) -> Option<Action> {
        self.due = now + self.schedule.after_success(now, self.interval, answer.next, random);
        if self.state == State::Closing {
            // what came while the exchange was under way was not part of it
            return if self.waiting || answer.waiting && answer.delivered {
                self.speak(now)
            } else {
                Some(Action::Closed)
            };
        }
        self.state = State::Synced;
        if answer.register_again || answer.waiting || self.waiting {
            self.due = self.due.min(now + SPACING);
        }
        None
    }

    fn failed(&mut self, advice: Advice) -> Option<Action> {
        if self.state == State::Closing {
            return Some(Action::Closed);
        }
        self.state = match advice {
            Advice::Extended => State::Blocked,
            Advice::Retry | Advice::Wait(_) => State::Retrying,
        };
        None
    }

    /// A shorter interval takes effect at once, a longer one after the next beacon.
    fn configured(&mut self, interval: Duration, beacons: bool, now: Duration) {
        self.interval = interval;
        let switched_on = beacons && !self.beacons;
        self.beacons = beacons;
        match self.state {
            State::Quiet if switched_on => {
                self.state = State::Synced;
                self.due = now;
            }
            State::Synced => self.due = self.due.min(now + interval),
            State::Quiet | State::Connecting | State::Retrying | State::Blocked | State::Closing => {}
        }
    }

    fn close(&mut self, waiting: bool, now: Duration) -> Option<Action> {
        let was = std::mem::replace(&mut self.state, State::Closing);
        if self.under_way.is_some() {
            return None;
        }
        // a server that needs a person will not take a farewell either
        if waiting && was != State::Blocked && was != State::Closing {
            self.speak(now)
        } else {
            Some(Action::Closed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn ok() -> Input {
        Input::Answered(Ok(Answer::default()))
    }

    /// A session that registered at 0 s and sends beacons.
    fn synced() -> Session {
        let mut session = Session::new(secs(0), INTERVAL);
        assert_eq!(
            session.step(Input::Wake, secs(0), 0.5),
            Some(Action::Begin(Exchange::Register))
        );
        session.step(
            Input::Configured {
                interval: INTERVAL,
                beacons: true,
            },
            secs(0),
            0.5,
        );
        assert_eq!(session.step(ok(), secs(0), 0.5), None);
        assert_eq!((session.state(), session.due()), (State::Synced, Some(secs(30))));
        session
    }

    #[test]
    fn it_registers_then_sends_beacons_at_the_interval() {
        let mut session = synced();
        assert_eq!(session.step(Input::Wake, secs(29), 0.5), None);
        assert_eq!(
            session.step(Input::Wake, secs(30), 0.5),
            Some(Action::Begin(Exchange::Beacon))
        );
        assert_eq!(session.due(), None);
        assert_eq!(session.step(Input::Wake, secs(99), 0.5), None, "one exchange at a time");
        session.step(ok(), secs(31), 0.5);
        assert_eq!(session.due(), Some(secs(61)));
    }

    #[test]
    fn it_registers_again_after_a_day_and_when_asked() {
        let mut session = synced();
        let day = REGISTER_EVERY;
        assert_eq!(
            session.step(Input::Wake, day, 0.5),
            Some(Action::Begin(Exchange::Register))
        );
        let again = Answer {
            register_again: true,
            ..Answer::default()
        };
        session.step(Input::Answered(Ok(again)), day, 0.5);
        assert_eq!(session.due(), Some(day + SPACING));
        assert_eq!(
            session.step(Input::Wake, day + SPACING, 0.5),
            Some(Action::Begin(Exchange::Register))
        );
    }

    #[test]
    fn news_travel_within_a_second_but_never_faster() {
        let mut session = synced();
        session.step(Input::SpeakSoon, secs(10), 0.5);
        assert_eq!(session.due(), Some(secs(10)));
        session.step(Input::Wake, secs(10), 0.5);
        session.step(Input::SpeakSoon, secs(10), 0.5);
        session.step(ok(), secs(10), 0.5);
        assert_eq!(
            session.due(),
            Some(secs(11)),
            "what came meanwhile goes with the next one"
        );
        session.step(Input::SpeakNow, secs(10), 0.5);
        assert_eq!(
            session.due(),
            Some(secs(10)),
            "a snapshot's next page is fetched at once"
        );
    }

    #[test]
    fn a_failing_server_is_not_hurried() {
        let mut session = synced();
        session.step(Input::Wake, secs(30), 0.5);
        session.step(Input::Answered(Err(Advice::Wait(secs(60)))), secs(30), 0.5);
        assert_eq!((session.state(), session.due()), (State::Retrying, Some(secs(90))));
        session.step(Input::SpeakSoon, secs(31), 0.5);
        session.step(Input::SpeakNow, secs(31), 0.5);
        assert_eq!(session.due(), Some(secs(90)));
        assert_eq!(
            session.step(Input::Wake, secs(90), 0.5),
            Some(Action::Begin(Exchange::Beacon))
        );
        session.step(Input::Answered(Err(Advice::Extended)), secs(90), 0.0);
        assert_eq!((session.state(), session.due()), (State::Blocked, Some(secs(90 + 300))));
        assert_eq!(
            session.step(Input::Wake, secs(390), 0.5),
            Some(Action::Begin(Exchange::Register))
        );
    }

    #[test]
    fn without_beacons_it_stays_quiet_and_registers_daily() {
        let mut session = Session::new(secs(0), INTERVAL);
        session.step(Input::Wake, secs(0), 0.5);
        session.step(ok(), secs(0), 0.5);
        assert_eq!(session.step(Input::Wake, secs(30), 0.5), None);
        assert_eq!((session.state(), session.due()), (State::Quiet, Some(REGISTER_EVERY)));
        session.step(
            Input::Configured {
                interval: INTERVAL,
                beacons: true,
            },
            secs(40),
            0.5,
        );
        assert_eq!(
            session.step(Input::Wake, secs(40), 0.5),
            Some(Action::Begin(Exchange::Beacon))
        );
    }

    #[test]
    fn closing_tells_what_waits_while_that_makes_progress() {
        let mut session = synced();
        assert_eq!(
            session.step(Input::Close { waiting: true }, secs(1), 0.5),
            Some(Action::Begin(Exchange::Beacon))
        );
        let more = Answer {
            waiting: true,
            delivered: true,
            ..Answer::default()
        };
        assert_eq!(
            session.step(Input::Answered(Ok(more)), secs(1), 0.5),
            Some(Action::Begin(Exchange::Beacon))
        );
        let stuck = Answer {
            waiting: true,
            delivered: false,
            ..Answer::default()
        };
        assert_eq!(
            session.step(Input::Answered(Ok(stuck)), secs(1), 0.5),
            Some(Action::Closed)
        );
        assert_eq!(
            synced().step(Input::Close { waiting: false }, secs(1), 0.5),
            Some(Action::Closed)
        );
    }

    #[test]
    fn closing_tells_what_came_while_an_exchange_was_under_way() {
        let mut session = synced();
        session.step(Input::Wake, secs(30), 0.5);
        session.step(Input::SpeakSoon, secs(30), 0.5);
        assert_eq!(session.step(Input::Close { waiting: true }, secs(30), 0.5), None);
        let last = Some(Action::Begin(Exchange::Beacon));
        assert_eq!(session.step(ok(), secs(31), 0.5), last);
        assert_eq!(session.step(ok(), secs(32), 0.5), Some(Action::Closed));
    }

    #[test]
    fn closing_waits_for_what_is_under_way_and_not_for_a_server_that_fails() {
        let mut session = synced();
        session.step(Input::Wake, secs(30), 0.5);
        assert_eq!(session.step(Input::Close { waiting: true }, secs(30), 0.5), None);
        assert_eq!(
            session.step(Input::Answered(Err(Advice::Retry)), secs(31), 0.5),
            Some(Action::Closed)
        );
        let mut blocked = synced();
        blocked.step(Input::Wake, secs(30), 0.5);
        blocked.step(Input::Answered(Err(Advice::Extended)), secs(30), 0.5);
        assert_eq!(
            blocked.step(Input::Close { waiting: true }, secs(31), 0.5),
            Some(Action::Closed)
        );
    }
}
