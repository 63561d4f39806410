//! What each input does to a session.

use std::time::Duration;

use super::{
    AT_ONCE, Action, Answer, Exchange, FAREWELL, Input, LATEST, LINK_FACTOR, LINK_SLOWEST, LINK_SPACING, Link,
    REFRESH_SPREAD, REGISTER_EVERY, SPACING, Session, Speak, State,
};
use crate::{model::schedule::Advice, protocol::v2::Next};

impl Session {
    /// Takes an input and says what to do. `random` is in `[0, 1)`.
    pub fn step(&mut self, input: Input, now: Duration, random: f64) -> Option<Action> {
        if self.state == State::Closed {
            return None;
        }
        match input {
            Input::Wake => return self.wake(now, random),
            Input::Speak(Speak::Soon) => self.hurry(now, now + self.spacing_left(now)),
            Input::Speak(Speak::Now) => self.hurry(now, now),
            Input::Pull(next) => self.hurry(now, now + wish(next, AT_ONCE, random).max(self.spacing_left(now))),
            Input::Introduce => {
                self.registered_at = None;
                self.hurry(now, now + self.spacing_left(now));
            }
            Input::Goodbye(next) => self.goodbye(next, now, random),
            Input::LinkOpened => self.link_opened(now),
            Input::LinkClosed(advice) => self.link_closed(advice, now, random),
            Input::Answered(answer) => return self.answered(answer, now, random),
            Input::Configured { interval, beacons } => self.configured(interval, beacons, now),
            Input::Close { waiting } => return self.close(waiting, now),
        }
        None
    }

    fn wake(&mut self, now: Duration, random: f64) -> Option<Action> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        if self.may_speak(now) {
            return Some(self.speak(now));
        }
        self.state = State::Quiet;
        let refresh = self.refresh + self.refresh.mul_f64(REFRESH_SPREAD * random);
        self.due = self.registered_at.unwrap_or(now) + refresh;
        None
    }

    /// Whether the configuration and the server's version leave something to say: a registration that is due, or a beacon.
    fn may_speak(&self, now: Duration) -> bool {
        self.beacons || self.next_exchange(now) == Exchange::Register
    }

    fn next_exchange(&self, now: Duration) -> Exchange {
        match self.registered_at {
            Some(at) if now.saturating_sub(at) < self.registered_for() => Exchange::Beacon,
            Some(_) | None => Exchange::Register,
        }
    }

    /// How long a registration counts: without beacons it is the only way in which a change arrives.
    const fn registered_for(&self) -> Duration {
        if self.beacons { REGISTER_EVERY } else { self.refresh }
    }

    fn speak(&mut self, now: Duration) -> Action {
        let exchange = self.next_exchange(now);
        self.under_way = Some(exchange);
        self.last_spoke = Some(now);
        self.waiting = false;
        Action::Begin(exchange)
    }

    /// Speaks at `at` if that is earlier than planned, where the server is well; what cannot be told now is remembered.
    fn hurry(&mut self, now: Duration, at: Duration) {
        if self.is_well() && self.may_speak(now) {
            self.due = self.due.min(at);
        } else if self.state != State::Closing {
            // what is to be told at the end was there before the end began
            self.waiting = true;
        }
    }

    /// Nothing is under way, and the last exchange went well.
    const fn is_well(&self) -> bool {
        self.under_way.is_none() && matches!(self.state, State::Synced | State::Quiet)
    }

    fn goodbye(&mut self, next: Option<Next>, now: Duration, random: f64) {
        if self.under_way.is_some() {
            // its answer, or the want of one, says more
            return;
        }
        let back = now + away(next, random);
        match self.state {
            State::Connecting | State::Synced | State::Quiet => {
                self.state = State::Retrying;
                self.due = back;
            }
            State::Retrying => self.due = self.due.max(back),
            State::Blocked | State::Closing | State::Closed => {}
        }
    }

    /// The connection holds nothing of the conversation: the next exchange says where the agent stands.
    fn link_opened(&mut self, now: Duration) {
        self.link = Link::Open;
        if self.is_well() && self.may_speak(now) {
            self.due = self.due.min(now + self.spacing_left(now));
        }
    }

    fn link_closed(&mut self, advice: Advice, now: Duration, random: f64) {
        let was = std::mem::replace(&mut self.link, Link::Closed);
        if was == Link::Closed || self.under_way.is_some() {
            return;
        }
        match (self.state, advice) {
            (State::Connecting | State::Synced | State::Quiet, _) => self.failed(advice, now, random),
            (State::Retrying, Advice::Wait(_) | Advice::Extended) => {
                let planned = self.due;
                self.failed(advice, now, random);
                self.due = self.due.max(planned);
            }
            // it is the same failure, or the agent speaks to nobody
            (State::Retrying, Advice::Retry) | (State::Blocked | State::Closing | State::Closed, _) => {}
        }
    }

    fn answered(&mut self, answer: Result<Answer, Advice>, now: Duration, random: f64) -> Option<Action> {
        let exchange = self.under_way.take()?;
        match answer {
            Ok(answer) => {
                match exchange {
                    Exchange::Register => self.registered_at = Some(now),
                    Exchange::Beacon if answer.register_again => self.registered_at = None,
                    Exchange::Beacon => {}
                }
                let progress = answer.delivered || exchange == Exchange::Register;
                self.succeeded(answer, answer.waiting && progress, now, random)
            }
            Err(_) if self.state == State::Closing => Some(self.closed()),
            Err(advice) => {
                self.failed(advice, now, random);
                None
            }
        }
    }

    /// `more`: something waits, and the exchange made progress. Without that, a server that takes nothing would be asked to
    /// again and again.
    fn succeeded(&mut self, answer: Answer, more: bool, now: Duration, random: f64) -> Option<Action> {
        let wait = self.schedule.after_success(now, self.pace(), answer.next, random);
        if self.state == State::Closing {
            // what came while the exchange was under way was not part of it
            let goes_on = (more || self.waiting) && self.may_speak(now);
            return Some(if goes_on { self.speak(now) } else { self.closed() });
        }
        if answer.goodbye {
            self.state = State::Retrying;
            self.due = now + away(answer.next, random);
            return None;
        }
        self.state = State::Synced;
        let wait = if answer.pull {
            wish(answer.next, AT_ONCE, random).max(self.spacing())
        } else {
            wait
        };
        self.due = now + wait.min(REGISTER_EVERY);
        if more || self.waiting || self.registered_at.is_none() {
            let pause = if self.on_demand { Duration::ZERO } else { self.spacing() };
            self.due = self.due.min(now + pause);
        }
        None
    }

    fn failed(&mut self, advice: Advice, now: Duration, random: f64) {
        self.due = now + self.schedule.after_failure(now, advice, random);
        self.state = match advice {
            Advice::Extended => State::Blocked,
            Advice::Retry | Advice::Wait(_) => State::Retrying,
        };
        if advice == Advice::Extended {
            self.registered_at = None;
        }
    }

    /// A shorter interval takes effect at once, a longer one after the next beacon.
    fn configured(&mut self, interval: Duration, beacons: bool, now: Duration) {
        self.interval = interval;
        self.beacons = beacons;
        match self.state {
            State::Quiet if beacons => {
                self.state = State::Synced;
                self.due = now;
            }
            State::Synced => self.due = self.due.min(now + self.pace()),
            State::Quiet | State::Connecting | State::Retrying | State::Blocked | State::Closing | State::Closed => {}
        }
    }

    fn close(&mut self, waiting: bool, now: Duration) -> Option<Action> {
        if matches!(self.state, State::Closing | State::Closed) {
            return None;
        }
        // a server that needs a person will not take a farewell either
        let is_heard = self.state != State::Blocked && self.may_speak(now);
        self.state = State::Closing;
        if self.under_way.is_some() {
            return None;
        }
        Some(if waiting && is_heard {
            self.speak(now)
        } else {
            self.closed()
        })
    }

    const fn closed(&mut self) -> Action {
        self.state = State::Closed;
        Action::Closed
    }

    /// The interval between beacons, as the link has it.
    fn pace(&self) -> Duration {
        let interval = self.interval.max(SPACING);
        match self.link {
            Link::Closed => interval,
            Link::Open => interval.saturating_mul(LINK_FACTOR).min(LINK_SLOWEST).max(interval),
        }
    }

    const fn spacing(&self) -> Duration {
        match self.link {
            Link::Closed => SPACING,
            Link::Open => LINK_SPACING,
        }
    }

    /// How long the least time between two beacons still lasts.
    fn spacing_left(&self, now: Duration) -> Duration {
        self.last_spoke
            .map_or(Duration::ZERO, |at| (at + self.spacing()).saturating_sub(now))
    }
}

/// How long until a server wants to be asked, at most.
fn wish(next: Option<Next>, unsaid: Next, random: f64) -> Duration {
    let Next { after_ms, jitter_ms } = next.unwrap_or(unsaid);
    let within = |ms| Duration::from_millis(ms).min(LATEST);
    within(after_ms) + within(jitter_ms).mul_f64(random)
}

/// How long a server that said goodbye is left alone.
fn away(next: Option<Next>, random: f64) -> Duration {
    wish(next, FAREWELL, random).max(SPACING)
}
