//! For how long each source has been throttled without a pause, in memory that never grows.
//!
//! To be throttled is no offence: a page with more pictures than anybody thought of is throttled for a moment. What goes on is one,
//! see [`Spell::goes_on`].

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::sources::{Sources, VALUE_BITS, mask};
use crate::model::policy::Window;

/// The sources that are throttled at a time: a botnet of the size that one application sees, in 512 KiB.
const SLOTS: usize = 1 << 16;

/// Bits of a count, of a length and of a start, the latter two in seconds: a spell is seen to last up to an hour and eight minutes,
/// which is longer than any configuration asks for.
const COUNT_BITS: u32 = 16;
const LENGTH_BITS: u32 = 12;
const START_BITS: u32 = VALUE_BITS - COUNT_BITS - LENGTH_BITS;

/// A table of spells. All methods take `&self`, are non-blocking and allocate nothing.
#[derive(Debug)]
pub(super) struct Spells {
    table: Sources,
    /// The last second, counted from 1, in which any source was throttled: while none is, nothing is looked up.
    last: AtomicU64,
}

/// A time in which a source was throttled again and again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spell {
    start: u64,
    /// Seconds from the first throttled request to the last.
    length: u64,
    /// The throttled requests; the count stops at what it has bits for.
    count: u64,
}

/// What a throttled request makes of its source's spell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Throttled {
    before: Spell,
    pub(super) spell: Spell,
}

impl Default for Spells {
    fn default() -> Self {
        Self {
            table: Sources::with_slots(SLOTS),
            last: AtomicU64::new(0),
        }
    }
}

impl Spells {
    /// A source that was not throttled for so many seconds has paused: what floods sends several requests a second, and a person
    /// who waits for the page and tries again does not.
    pub(super) const PAUSE: u64 = 5;

    /// Counts a throttled request.
    pub(super) fn note(&self, number: u64, source: IpAddr, now: Duration) -> Throttled {
        let now = now.as_secs();
        if self.last.load(Relaxed) != now + 1 {
            self.last.store(now + 1, Relaxed);
        }
        let rank = |value| Spell::of(value).count;
        self.table.update(number, source, rank, |value| {
            let before = value.map(Spell::of).filter(|spell| spell.lasts(now));
            let before = before.unwrap_or_default();
            let spell = before.with_one_more(now);
            (spell.value(), Throttled { before, spell })
        })
    }

    /// Whether a source was throttled within so many seconds, at most those of a pause.
    pub(super) fn is_throttled(&self, number: u64, source: IpAddr, within: u64, now: Duration) -> bool {
        let now = now.as_secs();
        let any = self.last.load(Relaxed);
        if any == 0 || now + 1 > any + within {
            return false;
        }
        let spell = self.table.get(number, source).map(Spell::of);
        spell.is_some_and(|spell| spell.since_last(now) <= within.min(Self::PAUSE))
    }
}

impl Spell {
    fn of(value: u64) -> Self {
        Self {
            start: value >> (COUNT_BITS + LENGTH_BITS) & mask(START_BITS),
            length: value >> COUNT_BITS & mask(LENGTH_BITS),
            count: value & mask(COUNT_BITS),
        }
    }

    const fn value(self) -> u64 {
        (self.start << (COUNT_BITS + LENGTH_BITS)) | (self.length << COUNT_BITS) | self.count
    }

    /// Seconds since the last throttled request.
    const fn since_last(self, now: u64) -> u64 {
        now.wrapping_sub(self.start + self.length) & mask(START_BITS)
    }

    const fn lasts(self, now: u64) -> bool {
        self.count > 0 && self.since_last(now) <= Spells::PAUSE
    }

    fn with_one_more(self, now: u64) -> Self {
        if self.count == 0 {
            return Self {
                start: now & mask(START_BITS),
                length: 0,
                count: 1,
            };
        }
        let length = self.length + self.since_last(now);
        let excess = length.saturating_sub(mask(LENGTH_BITS));
        Self {
            start: (self.start + excess) & mask(START_BITS),
            length: length - excess,
            count: (self.count + 1).min(mask(COUNT_BITS)),
        }
    }

    /// Whether it is a flood that goes on: it lasts for `ban_after`, and as many requests were throttled meanwhile as may be sent in
    /// such a time, so that the source sends at least twice what it may. A crowd that is a little above the rate is none.
    pub(super) fn goes_on(self, window: Window, ban_after: Duration) -> bool {
        let rate = u64::from(window.limit) * self.length / window.period.as_secs().max(1);
        self.length >= ban_after.as_secs() && self.count >= rate.min(mask(COUNT_BITS)).max(1)
    }
}

impl Throttled {
    /// Whether it is to be reported: the first, then whenever the number has doubled, and the one with which the flood goes on.
    /// Thousands of reports of one flood would fill the ring and say no more.
    pub(super) fn is_news(self, window: Window, ban_after: Duration) -> bool {
        let goes_on = |spell: Spell| spell.goes_on(window, ban_after);
        let is_counted = self.spell.count < mask(COUNT_BITS);
        (is_counted && self.spell.count.is_power_of_two()) || (goes_on(self.spell) && !goes_on(self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const WINDOW: Window = Window {
        limit: 60,
        period: MINUTE,
        burst: 60,
    };

    fn source(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// Throttles a source at these times, in seconds, and returns the last result.
    fn throttled(times: impl IntoIterator<Item = f64>) -> Throttled {
        let spells = Spells::default();
        let notes = times
            .into_iter()
            .map(|time| spells.note(0, source(1), Duration::from_secs_f64(time)));
        notes.last().unwrap()
    }

    /// So many a second, for so many seconds.
    fn steady(rate: u32, seconds: u32) -> impl Iterator<Item = f64> {
        (0..=rate * seconds).map(move |n| f64::from(n) / f64::from(rate))
    }

    #[test]
    fn a_flood_goes_on_when_it_lasts() {
        let goes_on = |throttled: Throttled| throttled.spell.goes_on(WINDOW, MINUTE);
        assert!(!goes_on(throttled(steady(1000, 59))), "many at once are a burst");
        assert!(goes_on(throttled(steady(10, 60))));
        assert!(goes_on(throttled(steady(1, 60))), "twice the rate");
        assert!(
            !goes_on(throttled((0..40).map(|n| f64::from(n) * 4.0))),
            "a little above the rate"
        );
        assert!(
            throttled([1.0]).spell.goes_on(WINDOW, Duration::ZERO),
            "at once where a configuration says so"
        );
    }

    #[test]
    fn a_pause_begins_another_spell() {
        let times = steady(10, 50).chain(steady(10, 50).map(|time| time + 57.0));
        assert_eq!(throttled(times).spell.length, 50);
        let times = steady(10, 50).chain(steady(10, 50).map(|time| time + 55.0));
        assert_eq!(throttled(times).spell.length, 105);
    }

    #[test]
    fn it_is_news_as_it_doubles_and_when_it_goes_on() {
        let spells = Spells::default();
        let news: Vec<f64> = steady(10, 100)
            .filter(|time| {
                let throttled = spells.note(0, source(1), Duration::from_secs_f64(*time));
                throttled.is_news(WINDOW, MINUTE)
            })
            .collect();
        assert_eq!(news.len(), 11, "1, 2, 4, … 512, and the one that goes on: {news:?}");
        assert!(news.contains(&60.0));
    }

    #[test]
    fn a_long_spell_fills_its_bits_and_no_others() {
        let throttled = throttled(steady(20, 6000));
        let Spell { length, count, .. } = throttled.spell;
        assert_eq!((length, count), (mask(LENGTH_BITS), mask(COUNT_BITS)));
        assert_eq!(Spell::of(throttled.spell.value()), throttled.spell);
        assert!(!throttled.is_news(WINDOW, MINUTE));
        assert_eq!(throttled.spell.since_last(6000), 0);
    }

    #[test]
    fn a_throttled_source_is_known_as_long_as_it_does_not_pause() {
        let spells = Spells::default();
        let is_throttled = |n, within, seconds| spells.is_throttled(0, source(n), within, Duration::from_secs(seconds));
        assert!(!is_throttled(1, Spells::PAUSE, 0));
        spells.note(0, source(1), Duration::from_secs(10));
        assert!(is_throttled(1, 0, 10) && !is_throttled(1, 0, 11));
        assert!(is_throttled(1, Spells::PAUSE, 15) && !is_throttled(1, Spells::PAUSE, 16));
        assert!(!is_throttled(2, Spells::PAUSE, 10));
    }
}
