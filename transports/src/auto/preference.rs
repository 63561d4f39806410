//! When the WebSocket may be tried: always, but for a while after polling did what it could not.

use std::time::Duration;

/// The longest while.
pub(super) const LONGEST: Duration = Duration::from_secs(600);
/// A WebSocket that carried for so long was no accident: the next failure is a first one again.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// What the past says about the WebSocket. Times are those of the agent's clock.
#[derive(Debug)]
pub(super) struct Preference {
    return_after: Duration,
    /// After the next failure.
    pause: Duration,
    until: Duration,
    carrying_since: Option<Duration>,
}

impl Preference {
    /// Prefers the WebSocket, and pauses for `return_after` at first.
    pub(super) const fn new(return_after: Duration) -> Self {
        Self {
            return_after,
            pause: return_after,
            until: Duration::ZERO,
            carrying_since: None,
        }
    }

    /// Whether it may be tried.
    pub(super) fn allows_websocket(&self, now: Duration) -> bool {
        now >= self.until
    }

    /// It carried an exchange.
    pub(super) fn succeeded(&mut self, now: Duration) {
        let since = *self.carrying_since.get_or_insert(now);
        if now.saturating_sub(since) >= GOOD_FOR {
            self.pause = self.return_after;
        }
    }

    /// It failed where polling did not. Gives how long polling goes on.
    pub(super) fn failed(&mut self, now: Duration) -> Duration {
        let pause = self.pause;
        self.until = now.saturating_add(pause);
        self.pause = pause.saturating_mul(2).min(LONGEST);
        self.carrying_since = None;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut preference = Preference::new(seconds(60));
        let mut now = seconds(5);
        for pause in [60, 120, 240, 480, 600, 600] {
            assert!(preference.allows_websocket(now));
            assert_eq!(preference.failed(now), seconds(pause));
            assert!(!preference.allows_websocket(now + seconds(pause - 1)));
            now += seconds(pause);
        }
        assert!(preference.allows_websocket(now));
    }

    #[test]
    fn a_minute_of_success_forgets_earlier_failures() {
        let mut preference = Preference::new(seconds(60));
        preference.failed(seconds(0));
        preference.succeeded(seconds(100));
        preference.succeeded(seconds(159));
        assert_eq!(preference.failed(seconds(159)), seconds(120), "59 seconds are none");
        preference.succeeded(seconds(300));
        preference.succeeded(seconds(360));
        assert_eq!(preference.failed(seconds(361)), seconds(60));
    }
}
