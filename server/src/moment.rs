//! Time as the server counts it: whole seconds since the Unix epoch for ends and ages, which every
//! node and every start of the server reads alike, and the wall clock in milliseconds for what
//! people and version 1 agents read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use buckler::clock::Clock;
use serde::{Deserialize, Serialize};

/// Whole seconds since the Unix epoch. Four bytes instead of sixteen matter with a million entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(u32);

impl Tick {
    /// The end of what never ends; no clock gets here before 2106.
    pub const FOREVER: Self = Self(u32::MAX);

    /// The second that `elapsed` lies in.
    #[must_use]
    pub fn at(elapsed: Duration) -> Self {
        Self(u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX - 1))
    }

    /// As it is written down: seconds since the Unix epoch.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// As people and programs are told: milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        u64::from(self.0) * 1_000
    }

    /// What [`seconds`](Self::seconds) wrote down.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// This many seconds later; what would not end within the clock's range never ends.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(u32::try_from(seconds).map_or(u32::MAX, |s| self.0.saturating_add(s)))
    }

    /// This many seconds earlier, at most back to the clock's beginning.
    #[must_use]
    pub fn minus(self, seconds: u64) -> Self {
        Self(u32::try_from(seconds).map_or(0, |s| self.0.saturating_sub(s)))
    }

    /// Seconds from `earlier` until this, 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        u64::from(self.0.saturating_sub(earlier.0))
    }

    /// Seconds left at `now` of what ends at this tick: [`FOREVER_S`] for what never ends.
    #[must_use]
    pub fn left(self, now: Self) -> u64 {
        if self == Self::FOREVER {
            FOREVER_S
        } else {
            self.since(now)
        }
    }
}

/// How "for ever" travels in messages, which know only seconds left: 100 years.
pub(crate) const FOREVER_S: u64 = 100 * 365 * 24 * 3_600;

/// One reading of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// For ends, ages and windows: it never goes back.
    pub tick: Tick,
    /// Milliseconds since the Unix epoch by the wall clock.
    pub unix_ms: u64,
}

/// When a key or token was used last; copies say the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastUse(Arc<AtomicU32>);

impl LastUse {
    pub(crate) fn note(&self, now: Tick) {
        self.0.store(now.seconds(), Ordering::Relaxed);
    }

    /// Nothing where it was not used since the start.
    pub(crate) fn get(&self) -> Option<Tick> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds > 0).then(|| Tick::from_seconds(seconds))
    }
}

/// Where a running server reads the time.
///
/// Ticks are the wall clock's at the start and go on with the clock that cannot be set: while the
/// server runs, a jump of the wall clock ends no ban and prolongs none. They begin no earlier than
/// the newest stamp in the journal, so that a machine that starts with its clock in the past goes
/// on where it was.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Arc<dyn Clock>,
    began: Duration,
    base: Duration,
}

impl Timeline {
    /// The time from now on, no earlier than `earliest`.
    pub(crate) fn new(clock: Arc<dyn Clock>, earliest: Tick) -> Self {
        let (began, wall) = (clock.elapsed(), clock.unix());
        Self {
            clock,
            began,
            base: wall.max(Duration::from_secs(earliest.0.into())),
        }
    }

    /// Reads the time.
    pub(crate) fn now(&self) -> Moment {
        let passed = self.clock.elapsed().saturating_sub(self.began);
        let unix_ms = u64::try_from(self.clock.unix().as_millis()).unwrap_or(u64::MAX);
        Moment {
            tick: Tick::at(self.base.saturating_add(passed)),
            unix_ms,
        }
    }

    /// Time since the clock was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

impl Moment {
    /// The wall clock in whole seconds.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.unix_ms / 1_000
    }

    /// What the wall clock shows, in seconds, when `tick` comes or when it was.
    #[must_use]
    pub fn unix_s_of(self, tick: Tick) -> u64 {
        if tick >= self.tick {
            self.unix_s().saturating_add(tick.left(self.tick))
        } else {
            self.unix_s().saturating_sub(self.tick.since(tick))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_off_and_never_wrap() {
        assert_eq!(Tick::at(Duration::from_millis(1_999)), Tick(1));
        assert_eq!(Tick(5).plus(u64::MAX), Tick::FOREVER);
        assert_eq!(Tick(5).minus(9), Tick(0));
        assert_eq!(Tick::FOREVER.left(Tick(7)), FOREVER_S);
        assert_eq!(Tick(7).left(Tick(9)), 0);
    }

    #[test]
    fn a_jump_of_the_wall_clock_moves_no_end() {
        #[derive(Debug, Default)]
        struct Jumping(std::sync::atomic::AtomicU64);
        impl Clock for Jumping {
            fn elapsed(&self) -> Duration {
                Duration::from_secs(7)
            }
            fn unix(&self) -> Duration {
                Duration::from_secs(self.0.load(Ordering::SeqCst))
            }
        }
        let clock = Arc::new(Jumping(1_000.into()));
        let timeline = Timeline::new(Arc::clone(&clock) as _, Tick(900));
        clock.0.store(90_000, Ordering::SeqCst);
        assert_eq!((timeline.now().tick, timeline.now().unix_ms), (Tick(1_000), 90_000_000));
        let later = Timeline::new(clock, Tick(95_000));
        assert_eq!(later.now().tick, Tick(95_000), "no earlier than what was written down");
    }

    #[test]
    fn ticks_have_a_wall_clock_time() {
        let now = Moment {
            tick: Tick(100),
            unix_ms: 1_795_338_371_500,
        };
        assert_eq!(now.unix_s_of(Tick(100)), 1_795_338_371);
        assert_eq!(now.unix_s_of(Tick(90)), 1_795_338_361);
        assert_eq!(now.unix_s_of(Tick(160)), 1_795_338_431);
    }
}
