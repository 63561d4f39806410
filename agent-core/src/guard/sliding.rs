//! A count over the last minutes, in one word: this period's, and a falling part of the one before.
//!
//! A window that starts again forgets a site's whole traffic at that moment, and a share of it then says nothing. Here what came in the
//! period before counts for as much of it as still lies within one period of now, as if it had come evenly.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Bits of a period's number and of each count. Of 65,536 periods none is taken for another within a day, if they last two seconds;
/// sixteen million requests are more than a host serves one address in five minutes.
const COUNT_BITS: u32 = 24;
const PERIOD_BITS: u32 = u64::BITS - 2 * COUNT_BITS;

/// The highest count; it stays there.
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// The age of counts that are of the period after the one that is asked for.
const A_PERIOD_EARLIER: u64 = (1 << PERIOD_BITS) - 1;

/// A count that every worker adds to and none waits for.
#[derive(Debug, Default)]
pub(super) struct SlidingCount(AtomicU64);

impl SlidingCount {
    /// Adds one.
    pub(super) fn add(&self, period: Duration, now: Duration) {
        let number = number_of(period, now);
        // the closure always has a next word
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            Some(Counts::of(word).at(number).with_one_more())
        });
    }

    /// What came within one period of now.
    pub(super) fn within(&self, period: Duration, now: Duration) -> u64 {
        let counts = Counts::of(self.0.load(Relaxed)).at(number_of(period, now));
        let length = period.as_secs().max(1);
        let left = length - now.as_secs() % length;
        counts.current + counts.before * left / length
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

#[derive(Clone, Copy)]
struct Counts {
    number: u64,
    before: u64,
    current: u64,
}

impl Counts {
    const fn of(word: u64) -> Self {
        Self {
            number: word >> (2 * COUNT_BITS),
            before: (word >> COUNT_BITS) & MOST,
            current: word & MOST,
        }
    }

    /// As they are in the period of this number. A worker that read the clock a moment earlier counts in the later period.
    const fn at(self, number: u64) -> Self {
        let age = number.wrapping_sub(self.number) & ((1 << PERIOD_BITS) - 1);
        match age {
            0 | A_PERIOD_EARLIER => self,
            1 => Self {
                number,
                before: self.current,
                current: 0,
            },
            _ => Self {
                number,
                before: 0,
                current: 0,
            },
        }
    }

    const fn with_one_more(self) -> u64 {
        let current = if self.current < MOST { self.current + 1 } else { MOST };
        (self.number << (2 * COUNT_BITS)) | (self.before << COUNT_BITS) | current
    }
}

/// The number of the period that a moment lies in. Periods are of whole seconds.
fn number_of(period: Duration, now: Duration) -> u64 {
    (now.as_secs() / period.as_secs().max(1)) & ((1 << PERIOD_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(100);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_came_before_fades_evenly() {
        let count = SlidingCount::default();
        (0..50).for_each(|n| count.add(PERIOD, at(1000 + n)));
        assert_eq!(count.within(PERIOD, at(1099)), 50);
        count.add(PERIOD, at(1100));
        let seen = [1100, 1150, 1190, 1199, 1200, 1300].map(|now| count.within(PERIOD, at(now)));
        assert_eq!(seen, [51, 26, 6, 1, 1, 0]);
    }

    #[test]
    fn a_worker_whose_clock_is_a_moment_behind_loses_nothing() {
        let count = SlidingCount::default();
        (0..9).for_each(|_| count.add(PERIOD, at(99)));
        count.add(PERIOD, at(100));
        count.add(PERIOD, at(99));
        assert_eq!(count.within(PERIOD, at(100)), 11);
    }

    #[test]
    fn a_full_count_stays_full_and_another_period_begins_from_nothing() {
        let count = SlidingCount(AtomicU64::new(MOST));
        count.add(PERIOD, at(0));
        assert_eq!(count.within(PERIOD, at(0)), MOST);
        assert_eq!(count.within(Duration::from_secs(1), at(5)), 0);
        count.clear();
        assert_eq!(count.within(PERIOD, at(0)), 0);
    }

    #[test]
    fn two_workers_lose_nothing() {
        const EACH: u64 = 20_000;
        let count = SlidingCount::default();
        std::thread::scope(|scope| {
            (0..2).for_each(|_| {
                scope.spawn(|| (0..EACH).for_each(|_| count.add(PERIOD, at(7))));
            });
        });
        assert_eq!(count.within(PERIOD, at(7)), 2 * EACH);
    }
}
