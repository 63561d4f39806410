//! How often the server is asked for a sign of life: as configured, and more often behind a proxy
//! that cuts silent connections.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_rt::time::Instant;

/// A connection that breaks off after less silence than this was not cut for it.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);
/// The shortest pace, where no shorter one is configured: proxies that cut earlier carry no
/// WebSocket.
const FASTEST: Duration = Duration::from_secs(1);

/// The pace of a transport's connections, from one to the next. Every clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Pace(Rc<Cell<Duration>>);

impl Pace {
    /// Begins as configured.
    pub(crate) fn new(every: Duration) -> Self {
        Self(Rc::new(Cell::new(every)))
    }

    /// How often to ask.
    pub(crate) fn every(&self) -> Duration {
        self.0.get()
    }

    /// A connection broke off after so much silence, and had survived `longest` before: where that
    /// was less, the silence is the likely cause, and the next connection is never silent for more
    /// than half of it.
    pub(crate) fn cut_after(&self, silence: Duration, longest: Duration) {
        let every = (silence / 2).max(FASTEST);
        if silence < SHORTEST_SILENCE || silence <= longest || every >= self.every() {
            return;
        }
        self.0.set(every);
        tracing::info!(
            ?silence,
            ?every,
            "the WebSocket was cut in silence: it is pinged more often from now on"
        );
    }
}

/// How long nothing has passed over a connection, in either direction.
#[derive(Debug)]
pub(crate) struct Silence {
    since: Instant,
    longest: Duration,
}

impl Silence {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            longest: Duration::ZERO,
        }
    }

    /// Something passed.
    pub(crate) fn broken(&mut self) {
        self.longest = self.longest.max(self.now());
        self.since = Instant::now();
    }

    /// How long it has been.
    pub(crate) fn now(&self) -> Duration {
        self.since.elapsed()
    }

    /// The longest that the connection has survived.
    pub(crate) const fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_cut_in_silence_is_answered_with_more_pings() {
        let pace = Pace::new(seconds(20));
        pace.cut_after(seconds(15), seconds(3));
        assert_eq!(pace.every(), Duration::from_millis(7_500));
        pace.cut_after(seconds(5), seconds(2));
        assert_eq!(pace.every(), Duration::from_millis(2_500));
    }

    #[test]
    fn what_was_not_cut_for_its_silence_changes_nothing() {
        let pace = Pace::new(seconds(20));
        pace.cut_after(seconds(15), seconds(16));
        pace.cut_after(Duration::from_millis(900), Duration::ZERO);
        pace.cut_after(seconds(60), seconds(3));
        assert_eq!(pace.every(), seconds(20));
        let fast = Pace::new(Duration::from_millis(500));
        fast.cut_after(seconds(2), Duration::ZERO);
        assert_eq!(
            fast.every(),
            Duration::from_millis(500),
            "an operator's own pace is never slowed"
        );
    }
}
