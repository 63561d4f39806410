//! Token buckets per source, in memory that never grows.
//!
//! A bucket holds `burst` tokens, each request takes one, and they come back one by one at the rate of the [`Window`]; a request that
//! finds none is throttled. So a page with all its pictures passes at once, and what goes on faster than the rate does not. A bucket
//! is kept as one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371): a request moves it
//! on by one token's time. What is throttled takes no token, so that a source that sends too much gets through what it may send.
//!
//! Where the [table](super::sources) has no room, the bucket that is full first gives way: strangers push out strangers, not the
//! source that floods.

use std::{fmt, net::IpAddr, time::Duration};

use super::sources::{Sources, VALUE_BITS, mask};
use crate::model::policy::Window;

/// A table of buckets. All methods take `&self`, are non-blocking and allocate nothing.
pub struct Flood(Sources);

/// A window as the table counts it, in microseconds.
#[derive(Clone, Copy)]
struct Quota {
    /// A token comes back in this time.
    token: u64,
    /// A bucket that is full only after this time has no token left.
    most: u64,
}

impl Flood {
    /// Slots of the default table: 2 MiB. Of a thousand sources that send 60 requests in a minute among five million strangers, it
    /// counts each to 59 or 60.
    pub const SLOTS: usize = 1 << 18;

    /// The longest time in which a bucket fills: 20 days, of the 25 that a time may lie ahead in 42 bits of microseconds.
    const LONGEST: u64 = 20 * 86_400 * 1_000_000;

    /// A table of the default size.
    #[must_use]
    pub fn new() -> Self {
        Self::with_slots(Self::SLOTS)
    }

    /// A table of at least this many slots.
    #[must_use]
    pub fn with_slots(slots: usize) -> Self {
        Self(Sources::with_slots(slots))
    }

    /// Takes a token of this source's. An IPv6 source is its /64; each `number` stands for buckets of their own, in the same memory.
    ///
    /// # Errors
    /// The time until there is a token, where there is none.
    pub fn take(&self, number: u64, source: IpAddr, window: Window, now: Duration) -> Result<(), Duration> {
        let (quota, now) = (Quota::of(window), micros(now));
        let rank = |full_at| ahead(full_at, now);
        self.0.update(number, source, rank, |full_at| {
            let wait = quota.wait(full_at, now);
            match wait.checked_sub(quota.most) {
                None | Some(0) => (now + wait + quota.token, Ok(())),
                Some(missing) => (now + wait, Err(Duration::from_micros(missing))),
            }
        })
    }

    /// The time until this source has a token; zero where it has one. Takes none.
    #[must_use]
    pub fn wait(&self, number: u64, source: IpAddr, window: Window, now: Duration) -> Duration {
        let (quota, now) = (Quota::of(window), micros(now));
        let wait = quota.wait(self.0.get(number, source), now);
        Duration::from_micros(wait.saturating_sub(quota.most))
    }
}

impl Quota {
    fn of(window: Window) -> Self {
        let period = u64::try_from(window.period.as_micros()).unwrap_or(u64::MAX);
        let token = (period / u64::from(window.limit.max(1))).clamp(1, Flood::LONGEST);
        let burst = u64::from(window.burst.max(1));
        Self {
            token,
            most: (burst - 1).saturating_mul(token).min(Flood::LONGEST),
        }
    }

    /// The time until a bucket is full. One that would be full later than any can be was last used before its time wrapped around,
    /// or when it held more: it is full.
    fn wait(self, full_at: Option<u64>, now: u64) -> u64 {
        let wait = full_at.map_or(0, |full_at| ahead(full_at, now));
        if wait <= self.most + self.token { wait } else { 0 }
    }
}

/// How far a time lies ahead; zero where it is past.
const fn ahead(time: u64, now: u64) -> u64 {
    let ahead = time.wrapping_sub(now) & mask(VALUE_BITS);
    if ahead > mask(VALUE_BITS - 1) { 0 } else { ahead }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Default for Flood {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flood")
            .field("slots", &self.0.slots())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Sixty a minute, and sixty at once.
    const MINUTE: Window = Window {
        limit: 60,
        period: Duration::from_secs(60),
        burst: 60,
    };

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn source(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// How many of these requests pass.
    fn passed(flood: &Flood, source: IpAddr, window: Window, requests: u32, now: f64) -> usize {
        (0..requests)
            .filter(|_| flood.take(0, source, window, at(now)).is_ok())
            .count()
    }

    #[test]
    fn a_burst_passes_and_then_one_request_a_token() {
        let flood = Flood::with_slots(64);
        assert_eq!(passed(&flood, source(7), MINUTE, 100, 10.0), 60);
        assert_eq!(flood.take(0, source(7), MINUTE, at(10.0)), Err(at(1.0)));
        assert_eq!(flood.take(0, source(7), MINUTE, at(10.75)), Err(at(0.25)));
        assert_eq!(
            passed(&flood, source(7), MINUTE, 9, 11.0),
            1,
            "what was throttled took no token"
        );
        assert_eq!(passed(&flood, source(7), MINUTE, 9, 16.0), 5);
        assert_eq!(
            passed(&flood, source(7), MINUTE, 100, 90.0),
            60,
            "no more than a full bucket"
        );
        assert_eq!(passed(&flood, source(8), MINUTE, 100, 90.0), 60, "another source");
        assert_eq!(flood.take(1, source(7), MINUTE, at(90.0)), Ok(()), "counted apart");
    }

    #[test]
    fn a_burst_may_be_larger_than_what_comes_back_in_the_period() {
        let flood = Flood::with_slots(64);
        let window = Window { burst: 100, ..MINUTE };
        assert_eq!(passed(&flood, source(7), window, 200, 1.0), 100);
        assert_eq!(passed(&flood, source(7), window, 200, 61.0), 60);
        assert_eq!(flood.wait(0, source(7), window, at(61.0)), at(1.0));
        assert_eq!(flood.wait(0, source(7), window, at(62.0)), Duration::ZERO);
    }

    #[test]
    fn a_smaller_window_begins_with_a_full_bucket() {
        let flood = Flood::with_slots(64);
        let large = Window { burst: 1000, ..MINUTE };
        assert_eq!(passed(&flood, source(7), large, 1000, 1.0), 1000);
        assert_eq!(passed(&flood, source(7), MINUTE, 100, 1.0), 60);
    }

    #[test]
    fn a_time_may_wrap() {
        let wrap = Duration::from_micros(1 << VALUE_BITS);
        let flood = Flood::with_slots(8);
        let take = |now| flood.take(0, source(1), Window { burst: 2, ..MINUTE }, now).is_ok();
        assert!(take(wrap - at(0.5)) && take(wrap - at(0.5)) && !take(wrap - at(0.1)));
        assert!(take(wrap + at(0.6)) && !take(wrap + at(0.7)));
        assert!(take(wrap + wrap / 2 + at(9.0)), "long after");
    }

    #[test]
    fn every_window_that_can_be_configured_counts() {
        for (limit, period, burst) in [
            (1, 86_400, 1_000_000),
            (1_000_000, 1, 1_000_000),
            (1, 86_400, 1),
            (7, 60, 7),
        ] {
            let flood = Flood::with_slots(8);
            let period = Duration::from_secs(period);
            let window = Window { limit, period, burst };
            assert!(flood.take(0, source(1), window, at(5.0)).is_ok());
            if burst == 1 {
                let wait = flood.take(0, source(1), window, at(5.0)).unwrap_err();
                assert_eq!(wait, period / limit);
            }
        }
    }

    #[test]
    fn heavy_sources_survive_strangers() {
        // As on the default table in a flood of 5 million strangers: 20 to a slot in a minute, in which each heavy source comes 200
        // times, faster than its tokens come back.
        const SLOTS: u32 = 1 << 12;
        const HEAVY: u32 = 16;
        const ROUNDS: u32 = 200;
        let flood = Flood::with_slots(SLOTS as usize);
        let mut stranger = 1 << 24;
        let mut passes = 0;
        for round in 0..ROUNDS {
            let now = f64::from(round) * 0.3;
            passes += (0..HEAVY)
                .map(|heavy| passed(&flood, source(heavy), MINUTE, 1, now))
                .sum::<usize>();
            for _ in 0..SLOTS * 20 / ROUNDS {
                passed(&flood, source(stranger), MINUTE, 1, now);
                stranger += 1;
            }
        }
        // sixty at once and sixty in the minute, of two hundred
        let most = (120 + 12) * HEAVY as usize;
        assert!(passes <= most, "{passes} of {most}");
    }

    #[test]
    fn ten_million_strangers_push_out_no_source_that_is_known_and_need_no_memory() {
        // a default table, of which this is a part in 64, has 40 strangers to a slot, all within one minute
        const KNOWN: u32 = 64;
        let flood = Flood::with_slots(Flood::SLOTS / 64);
        for known in 0..KNOWN {
            assert_eq!(passed(&flood, source(known), MINUTE, 60, 1.0), 60);
        }
        let strangers = u32::try_from(10_000_000 / 64).unwrap();
        for n in 0..strangers {
            // every other one has an IPv6 subscriber's network
            let stranger = if n % 2 == 0 {
                source((1 << 24) + n)
            } else {
                IpAddr::from(std::net::Ipv6Addr::from(
                    ((0x2001_0db8_u128 << 32) | u128::from(n)) << 64,
                ))
            };
            passed(&flood, stranger, MINUTE, 1, 1.5);
        }
        for known in 0..KNOWN {
            assert_eq!(passed(&flood, source(known), MINUTE, 1, 1.5), 0, "{known}");
        }
        assert_eq!(Flood::new().0.slots(), Flood::SLOTS);
    }

    proptest! {
        /// Few sources in one set: they pass exactly as by an unbounded map of buckets.
        #[test]
        fn buckets_are_those_of_a_map(requests in prop::collection::vec((0_u32..8, 0_u64..3000), 0..300)) {
            let flood = Flood::with_slots(8);
            let window = Window { burst: 5, ..MINUTE };
            let all: Vec<IpAddr> = (0..8).map(source).collect();
            prop_assume!(flood.0.tells_apart(&all));
            let mut model = HashMap::new();
            let mut now = 0;
            for (who, pause) in requests {
                now += pause;
                // tokens in thousandths: one a second is one a millisecond
                let (tokens, seen) = model.entry(who).or_insert((5000, now));
                *tokens = (*tokens + now - *seen).min(5000);
                *seen = now;
                let passes = *tokens >= 1000;
                if passes {
                    *tokens -= 1000;
                }
                prop_assert_eq!(flood.take(0, source(who), window, Duration::from_millis(now)).is_ok(), passes);
            }
        }
    }
}
