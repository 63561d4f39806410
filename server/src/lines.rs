//! Lines of the log that agents and strangers can cause: so many of a kind in a minute, and how
//! many were not written.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

/// How long lines are counted together, in seconds.
const WINDOW_S: u64 = 60;

/// Since when minutes are counted.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Lines of one kind.
#[derive(Debug)]
pub(crate) struct Lines {
    most: u64,
    counted: AtomicU64,
    unsaid: AtomicU64,
}

impl Lines {
    /// Up to so many a minute.
    pub(crate) const fn new(most: u64) -> Self {
        Self {
            most,
            counted: AtomicU64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// Whether one more may be written now, and how many were not since the last one.
    pub(crate) fn admit(&self) -> Option<u64> {
        self.admit_at(BEGUN.elapsed().as_secs())
    }

    /// The same at a second of the caller's clock.
    pub(crate) fn admit_at(&self, now_s: u64) -> Option<u64> {
        if one_more(&self.counted, 0, now_s) <= self.most {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Counts one more in a counter, from 1 in a new minute or for another name; up to 65,535. Of the
/// counter's word, 32 bits are the name, 16 the minute and 16 the count.
pub(crate) fn one_more(counter: &AtomicU64, name: u64, now_s: u64) -> u64 {
    let head = (name << 32) | (((now_s / WINDOW_S) & 0xffff) << 16);
    let next = |word: u64| {
        let count = if word & !0xffff == head { word & 0xffff } else { 0 };
        head | (count + 1).min(0xffff)
    };
    let before = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| Some(next(word)));
    next(before.unwrap_or_else(|word| word)) & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_writes_so_many_lines_a_minute_and_says_how_many_it_did_not() {
        let lines = Lines::new(3);
        let admitted: Vec<_> = (0..10).map(|_| lines.admit_at(59)).collect();
        assert_eq!(admitted.iter().flatten().count(), 3);
        assert_eq!(lines.admit_at(60), Some(7), "a new minute");
        assert_eq!(lines.admit_at(61), Some(0));
        assert_eq!(lines.admit(), Some(0), "by the clock, in its first minute");
    }
}
