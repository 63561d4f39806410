//! Time as the server counts it: whole seconds since its start for ends and ages, the wall clock only for what people and
//! version 1 agents read.

use std::time::Duration;

use buckler::clock::Clock;

/// Whole seconds since the server's clock began. Four bytes instead of sixteen matter with a million entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u32);

impl Tick {
    /// The end of what never ends; no clock gets here (136 years).
    pub const FOREVER: Self = Self(u32::MAX);

    /// The second that `elapsed` lies in.
    #[must_use]
    pub fn at(elapsed: Duration) -> Self {
        Self(u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX - 1))
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

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// For ends, ages and windows: it never jumps.
    pub tick: Tick,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Moment {
    /// Reads both clocks.
    #[must_use]
    pub fn read(clock: &dyn Clock) -> Self {
        let unix_ms = u64::try_from(clock.unix().as_millis()).unwrap_or(u64::MAX);
        Self {
            tick: Tick::at(clock.elapsed()),
            unix_ms,
        }
    }

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
