//! Rate windows per source, in memory that never grows.
//!
//! A window opens with a source's first request and is over after the period; within it requests are counted, and the count is
//! compared by who asks (pyrasp's semantic). The table is set-associative, as a processor's cache is: a keyed hash of the source
//! names a set of [`WAYS`] slots on one cache line, and the source is in one of them or nowhere. Where a set is full, a window that
//! is over gives way first, then the one with the lowest count: strangers push out strangers, not the source that floods.
//!
//! A slot is one word, tag, start and count together, and changes by compare-and-swap alone: an addition cannot be lost, nor can
//! it land in a window that another source has taken over meanwhile, as a bare `fetch_add` after the look-up could.

use std::{
    cmp::Reverse,
    fmt,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::model::address::canonical;

/// Slots of a set: eight words are one cache line.
const WAYS: usize = 8;

/// The unit of a window's start. A window lasts its period and up to one tick more.
const TICK: Duration = Duration::from_millis(125);

/// Bits of a count, of a start in ticks (six days until it wraps), and of a tag. With eight ways and 22 bits, a stranger finds
/// itself in another's window once in 500,000 look-ups of a full table, and nobody can choose whose: the hash is keyed.
const COUNT_BITS: u32 = 20;
const START_BITS: u32 = 22;
const TAG_BITS: u32 = u64::BITS - START_BITS - COUNT_BITS;

/// The longest window in ticks, half the range of a start (three days), so that an old window is not taken for a young one as soon
/// as the start wraps.
const LONGEST: u64 = (1 << (START_BITS - 1)) - 1;

/// A table of windows. All methods take `&self`, wait for nobody and allocate nothing.
pub struct Flood {
    sets: Box<[Set]>,
    keys: RandomState,
}

/// On a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

impl Flood {
    /// Slots of the default table: 2 MiB. Of a thousand sources that send 60 requests in a minute among five million strangers, it
    /// counts each to 59 or 60; half of it would count to 57, four times as much to 60.
    pub const SLOTS: usize = 1 << 18;

    /// The highest count a window reaches; it stays there.
    pub const MOST: u32 = (1 << COUNT_BITS) - 1;

    /// A table of the default size.
    #[must_use]
    pub fn new() -> Self {
        Self::with_slots(Self::SLOTS)
    }

    /// A table of at least this many slots.
    #[must_use]
    pub fn with_slots(slots: usize) -> Self {
        let sets = slots.div_ceil(WAYS).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            keys: RandomState::new(),
        }
    }

    /// Counts a request of this source and returns how many its window holds with it. An IPv6 source is its /64.
    #[expect(clippy::must_use_candidate, reason = "counting is what it is for")]
    pub fn hit(&self, source: IpAddr, period: Duration, now: Duration) -> u32 {
        self.hit_apart(0, source, period, now)
    }

    /// As [`hit`](Self::hit), for requests that are counted apart: each number but 0 stands for windows of its own, in the same memory.
    #[expect(clippy::must_use_candidate, reason = "counting is what it is for")]
    pub fn hit_apart(&self, number: u64, source: IpAddr, period: Duration, now: Duration) -> u32 {
        let (set, tag) = self.place(number, source);
        let (now, period) = (ticks(now), ticks(period).min(LONGEST));
        loop {
            let Some((slot, seen)) = set.and_then(|set| set.find(tag).or_else(|| set.victim(tag, now, period))) else {
                return 1;
            };
            let next = seen.with_one_more(tag, now, period);
            if next == seen || slot.compare_exchange_weak(seen.0, next.0, Relaxed, Relaxed).is_ok() {
                return next.count();
            }
        }
    }

    /// How many requests this source's window holds, without counting one.
    #[must_use]
    pub fn count(&self, source: IpAddr, period: Duration, now: Duration) -> u32 {
        self.count_apart(0, source, period, now)
    }

    /// As [`count`](Self::count), for requests that are counted apart.
    #[must_use]
    pub fn count_apart(&self, number: u64, source: IpAddr, period: Duration, now: Duration) -> u32 {
        let (set, tag) = self.place(number, source);
        let (now, period) = (ticks(now), ticks(period).min(LONGEST));
        set.and_then(|set| set.find(tag))
            .filter(|(_, window)| window.is_open(now, period))
            .map_or(0, |(_, window)| window.count())
    }

    /// The set that may hold a source, and the tag it has there. There is always a set: their number is not zero.
    fn place(&self, number: u64, source: IpAddr) -> (Option<&Set>, u64) {
        let (family, source) = match canonical(source) {
            IpAddr::V4(v4) => (4_u8, u64::from(u32::from(v4))),
            IpAddr::V6(v6) => (6_u8, subscriber(v6)),
        };
        let hash = if number == 0 {
            self.keys.hash_one((family, source))
        } else {
            self.keys.hash_one((family, source, number))
        };
        let index = usize::try_from(hash >> TAG_BITS).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        (self.sets.get(index), hash & mask(TAG_BITS))
    }
}

/// The first 64 bits of an address: one subscriber has all addresses that begin with them.
fn subscriber(v6: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = v6.segments().map(u64::from);
    (a << 48) | (b << 32) | (c << 16) | d
}

impl Set {
    /// The slot with this tag, and what it held.
    fn find(&self, tag: u64) -> Option<(&AtomicU64, Window)> {
        self.windows()
            .find(|(_, window)| !window.is_empty() && window.tag() == tag)
    }

    /// The slot that a newcomer takes: an empty one, else the one whose window is over longest, else the lowest count, of these the
    /// oldest, and of these one that depends on the newcomer, so that no slot is the first to go for everyone.
    fn victim(&self, newcomer: u64, now: u64, period: u64) -> Option<(&AtomicU64, Window)> {
        let ranked = self.windows().zip(0_u64..).min_by_key(|((_, window), place)| {
            let live = if window.is_open(now, period) { window.count() } else { 0 };
            let turn = (place ^ newcomer) % WAYS as u64;
            (!window.is_empty(), live, Reverse(window.age(now)), turn)
        });
        ranked.map(|(slot, _)| slot)
    }

    fn windows(&self) -> impl Iterator<Item = (&AtomicU64, Window)> {
        self.0.iter().map(|slot| (slot, Window(slot.load(Relaxed))))
    }
}

/// A slot's word: tag, start and count from the highest bit down. A window that is in use has counted at least one, so that zero
/// is an empty slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window(u64);

impl Window {
    /// This window with a request more, or a new one where it is over or somebody else's.
    fn with_one_more(self, tag: u64, now: u64, period: u64) -> Self {
        if self.tag() != tag || !self.is_open(now, period) {
            return Self((tag << (START_BITS + COUNT_BITS)) | ((now & mask(START_BITS)) << COUNT_BITS) | 1);
        }
        Self(self.0 + u64::from(self.count() < Flood::MOST))
    }

    const fn is_open(self, now: u64, period: u64) -> bool {
        !self.is_empty() && self.age(now) <= period
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn tag(self) -> u64 {
        self.0 >> (START_BITS + COUNT_BITS)
    }

    /// Ticks since its start.
    const fn age(self, now: u64) -> u64 {
        now.wrapping_sub(self.0 >> COUNT_BITS) & mask(START_BITS)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves 20 bits")]
    const fn count(self) -> u32 {
        (self.0 & mask(COUNT_BITS)) as u32
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Flood {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flood")
            .field("slots", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn source(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn a_window_runs_from_its_first_request() {
        let flood = Flood::with_slots(64);
        let hit = |seconds| flood.hit(source(7), MINUTE, at(seconds));
        assert_eq!([hit(10.0), hit(40.0), hit(69.9), hit(70.0)], [1, 2, 3, 4]);
        assert_eq!(
            [hit(70.2), hit(70.3)],
            [1, 2],
            "over, so the next request opens another"
        );
        assert_eq!(flood.count(source(7), MINUTE, at(70.4)), 2);
        assert_eq!(flood.count(source(7), MINUTE, at(200.0)), 0);
        assert_eq!(flood.count(source(8), MINUTE, at(70.4)), 0);
    }

    #[test]
    fn a_source_in_all_its_spellings_is_one() {
        let flood = Flood::with_slots(1 << 12);
        let hit = |text: &str| flood.hit(text.parse().unwrap(), MINUTE, at(1.0));
        assert_eq!(
            [
                hit("203.0.113.9"),
                hit("::ffff:203.0.113.9"),
                hit("64:ff9b::203.0.113.9")
            ],
            [1, 2, 3]
        );
        assert_eq!(
            [hit("2001:db8::1"), hit("2001:db8::dead:beef"), hit("2001:db8:0:1::1")],
            [1, 2, 1]
        );
        assert_eq!(hit("203.0.113.10"), 1);
    }

    #[test]
    fn a_count_stops_at_its_most() {
        let full = Window(5 << (START_BITS + COUNT_BITS) | u64::from(Flood::MOST));
        assert_eq!(full.with_one_more(5, 0, 10), full, "no carry into the start");
        assert_eq!(full.with_one_more(6, 0, 10).count(), 1);
    }

    #[test]
    fn a_start_may_wrap() {
        let wrap = TICK * (1 << START_BITS);
        let flood = Flood::with_slots(8);
        assert_eq!(flood.hit(source(1), MINUTE, wrap - at(1.0)), 1);
        assert_eq!(flood.hit(source(1), MINUTE, wrap + at(1.0)), 2);
        assert_eq!(flood.hit(source(1), MINUTE, wrap + at(60.0)), 1);
    }

    #[test]
    fn two_threads_lose_no_increment() {
        const EACH: u32 = 50_000;
        let flood = Flood::with_slots(8);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        flood.hit(source(n % 4), MINUTE, at(1.0));
                    }
                });
            }
        });
        let counts = [0, 1, 2, 3].map(|n| flood.count(source(n), MINUTE, at(1.0)));
        assert_eq!(counts, [EACH / 2; 4]);
    }

    #[test]
    fn of_equals_the_oldest_gives_way_and_first_what_is_over() {
        let flood = Flood::with_slots(WAYS);
        let kept = |now| {
            (0..10)
                .map(|n| flood.count(source(n), MINUTE, at(now)))
                .collect::<Vec<_>>()
        };
        for n in 0..8 {
            flood.hit(source(n), MINUTE, at(f64::from(n)));
        }
        flood.hit(source(8), MINUTE, at(10.0));
        assert_eq!(kept(10.0), [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
        for now in [20.0, 30.0, 40.0] {
            flood.hit(source(1), MINUTE, at(now));
        }
        flood.hit(source(9), MINUTE, at(61.9));
        assert_eq!(
            kept(61.9),
            [0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
            "a high count that is over counts no more"
        );
    }

    #[test]
    fn heavy_sources_survive_strangers() {
        // As on the default table in a flood of 5 million strangers: 20 to a slot in a minute, in which each heavy source comes 51
        // times. A first request may be pushed out before the second comes; 11 in a row are not.
        const SLOTS: u32 = 1 << 12;
        const HEAVY: u32 = 16;
        const ROUNDS: u32 = 51;
        let flood = Flood::with_slots(SLOTS as usize);
        let mut stranger = 1 << 24;
        for round in 0..ROUNDS {
            let now = at(f64::from(round));
            (0..HEAVY).for_each(|heavy| {
                flood.hit(source(heavy), MINUTE, now);
            });
            for _ in 0..SLOTS * 20 / ROUNDS {
                flood.hit(source(stranger), MINUTE, now);
                stranger += 1;
            }
        }
        for heavy in 0..HEAVY {
            let count = flood.count(source(heavy), MINUTE, at(f64::from(ROUNDS)));
            assert!(count > ROUNDS - 11, "{heavy}: {count}");
        }
    }

    #[test]
    fn ten_million_strangers_push_out_nobody_who_is_known_and_need_no_memory() {
        // a default table, of which this is a part in 64, has 40 strangers to a slot, all within one window
        const SLOTS: usize = Flood::SLOTS / 64;
        const KNOWN: u32 = 64;
        const HITS: u32 = 60;
        let flood = Flood::with_slots(SLOTS);
        for known in 0..KNOWN {
            (0..HITS).for_each(|_| {
                flood.hit(source(known), MINUTE, at(1.0));
            });
        }
        let strangers = u32::try_from(10_000_000 / 64).unwrap();
        for n in 0..strangers {
            // every other one has an IPv6 subscriber's network
            let stranger = if n % 2 == 0 {
                source((1 << 24) + n)
            } else {
                IpAddr::from(Ipv6Addr::from(((0x2001_0db8_u128 << 32) | u128::from(n)) << 64))
            };
            flood.hit(stranger, MINUTE, at(2.0));
        }
        for known in 0..KNOWN {
            assert_eq!(flood.count(source(known), MINUTE, at(3.0)), HITS, "{known}");
        }
        // requests and errors have a table each
        let both = 2 * size_of_val(&*Flood::new().sets);
        assert!(both <= 64 << 20, "{both}");
    }

    proptest! {
        /// One set only: whatever comes, the source with the highest count among eight keeps it.
        #[test]
        fn the_lowest_count_gives_way(strangers in prop::collection::vec(0_u32..40, 0..200)) {
            let flood = Flood::with_slots(WAYS);
            let heavy = source(1 << 24);
            for count in 1..=250 {
                prop_assert_eq!(flood.hit(heavy, MINUTE, at(1.0)), count);
            }
            for stranger in strangers {
                flood.hit(source(stranger), MINUTE, at(1.0));
                prop_assert!(flood.count(heavy, MINUTE, at(1.0)) >= 250);
            }
        }

        /// Few sources in one set: counted exactly as an unbounded map would.
        #[test]
        fn windows_are_those_of_a_map(hits in prop::collection::vec((0_u32..8, 0_u64..400), 0..300)) {
            let flood = Flood::with_slots(WAYS);
            prop_assume!((0..8).map(|who| flood.place(0, source(who)).1).collect::<HashSet<_>>().len() == 8);
            let mut model = HashMap::new();
            let mut now = 0;
            for (who, pause) in hits {
                now += pause;
                let window = model.entry(who).or_insert((now, 0));
                if now - window.0 > ticks(MINUTE) {
                    *window = (now, 0);
                }
                window.1 += 1;
                let ticked = TICK * u32::try_from(now).unwrap();
                prop_assert_eq!(flood.hit(source(who), MINUTE, ticked), window.1);
            }
        }
    }
}
