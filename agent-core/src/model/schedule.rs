//! When to speak next: the agent's interval, and rule 7 of the protocol, "nobody hammers".
//!
//! Pure: time comes in as [`Clock::elapsed`](crate::clock::Clock::elapsed), chance as a number in `[0, 1)`.

use std::{fmt, time::Duration};

use crate::protocol::v2::Next;

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Likely to pass: 1 s doubling to 60 s, with full jitter.
    Retry,
    /// The server said when; honoured between 5 s and 15 min.
    Wait(Duration),
    /// Only a person can mend it: 5 minutes to 1 hour.
    Extended,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry => f.write_str("trying again soon"),
            Self::Wait(after) => write!(f, "trying again in {after:?}, as the server asks"),
            Self::Extended => f.write_str("trying again in 5 minutes to 1 hour: this needs a person"),
        }
    }
}

/// First ceiling between failures that are likely to pass (rule 7).
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Last ceiling between failures that are likely to pass (rule 7).
const RETRY_LAST: Duration = Duration::from_secs(60);
/// Full jitter may draw nothing at all; a fleet of agents whose server resets each connection would then spin.
const RETRY_FLOOR: Duration = Duration::from_millis(100);
/// First ceiling between failures that need a person: its half is the five minutes of rule 7.
const EXTENDED_FIRST: Duration = Duration::from_mins(10);
/// Last ceiling between failures that need a person (rule 7).
const EXTENDED_LAST: Duration = Duration::from_hours(1);
/// What a server may ask for (rule 7): less would be hammering, more would be silence.
const ASKED: std::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_mins(15);
/// Good health for this long forgets the failures before it (rule 7): a server that answers once between failures does not
/// bring the agents back to one try a second.
const FORGIVEN_AFTER: Duration = Duration::from_mins(1);
/// Share of the interval that is left to chance, so that agents that started together drift apart.
const JITTER: f64 = 0.1;

/// Decides when to speak next.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Failures in a row that were likely to pass.
    retries: u32,
    /// Failures in a row that need a person.
    extended: u32,
    /// Since when every exchange went well.
    healthy_since: Option<Duration>,
}

impl Schedule {
    /// A schedule without a history.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            retries: 0,
            extended: 0,
            healthy_since: None,
        }
    }

    /// How long to wait after an exchange that went well: what the server asked for, or the configured interval.
    pub fn after_success(&mut self, now: Duration, interval: Duration, asked: Option<Next>, random: f64) -> Duration {
        self.healthy_since.get_or_insert(now);
        self.forgive(now);
        match asked {
            Some(Next { after_ms, jitter_ms }) => {
                // an interval that is configured shorter than what may be asked for is no hammering: the operator wants it
                let least = interval.min(*ASKED.start());
                let after = Duration::from_millis(after_ms).clamp(least, *ASKED.end());
                after + Duration::from_millis(jitter_ms).min(*ASKED.end()).mul_f64(random)
            }
            None => interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * random),
        }
    }

    /// How long to wait after an exchange that failed.
    pub fn after_failure(&mut self, now: Duration, advice: Advice, random: f64) -> Duration {
        self.forgive(now);
        self.healthy_since = None;
        match advice {
            Advice::Wait(asked) => clamp(asked),
            Advice::Retry => {
                let ceiling = doubled(RETRY_FIRST, self.retries, RETRY_LAST);
                self.retries = self.retries.saturating_add(1);
                ceiling.mul_f64(random).max(RETRY_FLOOR)
            }
            Advice::Extended => {
                let ceiling = doubled(EXTENDED_FIRST, self.extended, EXTENDED_LAST);
                self.extended = self.extended.saturating_add(1);
                (ceiling / 2).mul_f64(1.0 + random)
            }
        }
    }

    /// Forgets failures after a time in good health.
    fn forgive(&mut self, now: Duration) {
        if self
            .healthy_since
            .is_some_and(|since| now.saturating_sub(since) >= FORGIVEN_AFTER)
        {
            self.retries = 0;
            self.extended = 0;
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

fn clamp(asked: Duration) -> Duration {
    asked.clamp(*ASKED.start(), *ASKED.end())
}

/// `first · 2ⁿ`, at most `last`.
fn doubled(first: Duration, n: u32, last: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(n)).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const INTERVAL: Duration = Duration::from_secs(30);
    /// The largest number below 1.
    const ALMOST_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

    #[test]
    fn failures_double_from_one_second_to_a_minute_with_full_jitter() {
        let mut schedule = Schedule::new();
        let ceilings: Vec<f64> = (0..9)
            .map(|_| {
                schedule
                    .after_failure(SECOND, Advice::Retry, ALMOST_ONE)
                    .as_secs_f64()
                    .ceil()
            })
            .collect();
        assert_eq!(ceilings, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
        assert_eq!(schedule.after_failure(SECOND, Advice::Retry, 0.0), RETRY_FLOOR);
    }

    #[test]
    fn what_needs_a_person_waits_five_minutes_to_an_hour() {
        let mut schedule = Schedule::new();
        for n in 0..8 {
            for random in [0.0, ALMOST_ONE] {
                let wait = Schedule {
                    extended: n,
                    ..Schedule::new()
                }
                .after_failure(SECOND, Advice::Extended, random);
                assert!(
                    wait >= Duration::from_mins(5) && wait <= Duration::from_hours(1),
                    "{n} {random} {wait:?}"
                );
            }
        }
        let first = schedule.after_failure(SECOND, Advice::Extended, 0.0);
        assert!(schedule.after_failure(SECOND, Advice::Extended, 0.0) > first);
    }

    #[test]
    fn a_servers_wish_is_honoured_within_limits() {
        let mut schedule = Schedule::new();
        let wait = |secs| Schedule::new().after_failure(SECOND, Advice::Wait(Duration::from_secs(secs)), 0.5);
        assert_eq!(wait(0), 5 * SECOND);
        assert_eq!(wait(60), 60 * SECOND);
        assert_eq!(wait(u64::MAX), 900 * SECOND);
        let mut next = |after_ms, jitter_ms, random| {
            schedule.after_success(SECOND, INTERVAL, Some(Next { after_ms, jitter_ms }), random)
        };
        assert_eq!(next(20_000, 4_000, 0.5), 22 * SECOND);
        assert_eq!(next(0, 0, 0.0), 5 * SECOND);
        assert_eq!(
            Schedule::new().after_success(
                SECOND,
                SECOND,
                Some(Next {
                    after_ms: 0,
                    jitter_ms: 0
                }),
                0.0
            ),
            SECOND
        );
        assert!(next(u64::MAX, u64::MAX, ALMOST_ONE) <= 2 * Duration::from_mins(15));
    }

    #[test]
    fn the_interval_is_spread_by_a_tenth_to_both_sides() {
        let mut schedule = Schedule::new();
        assert_eq!(schedule.after_success(SECOND, INTERVAL, None, 0.0), 27 * SECOND);
        assert_eq!(schedule.after_success(SECOND, INTERVAL, None, 0.5), 30 * SECOND);
        assert!(schedule.after_success(SECOND, INTERVAL, None, ALMOST_ONE) <= 33 * SECOND);
    }

    #[test]
    fn only_a_minute_in_good_health_forgets_failures() {
        let mut schedule = Schedule::new();
        for _ in 0..6 {
            schedule.after_failure(SECOND, Advice::Retry, 0.5);
        }
        schedule.after_success(SECOND, INTERVAL, None, 0.5);
        schedule.after_success(31 * SECOND, INTERVAL, None, 0.5);
        assert!(
            schedule.after_failure(31 * SECOND, Advice::Retry, ALMOST_ONE) > 59 * SECOND,
            "30 s of health forgive nothing"
        );
        schedule.after_success(100 * SECOND, INTERVAL, None, 0.5);
        assert!(
            schedule.after_failure(161 * SECOND, Advice::Retry, ALMOST_ONE) <= SECOND,
            "a link that held for a minute is good health, without any exchange"
        );
        for _ in 0..6 {
            schedule.after_failure(162 * SECOND, Advice::Retry, 0.5);
        }
        schedule.after_success(200 * SECOND, INTERVAL, None, 0.5);
        schedule.after_success(260 * SECOND, INTERVAL, None, 0.5);
        assert!(schedule.after_failure(270 * SECOND, Advice::Retry, ALMOST_ONE) <= SECOND);
    }
}
