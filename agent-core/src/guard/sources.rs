//! A bounded table of what is known of each source: one word a source, and never more memory than at the start.
//!
//! The table is set-associative, as a processor's cache is: a keyed hash of the source names a set of [`WAYS`] slots on one cache
//! line, and the source is in one of them or nowhere. Where a set is full, the value that its user ranks lowest gives way.
//!
//! A slot is one word, tag and value together, and changes by compare-and-swap alone: a change cannot be lost, nor can it land in a
//! slot that another source has taken over meanwhile.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::model::address::canonical;

/// Slots of a set: eight words are one cache line.
const WAYS: usize = 8;

/// Bits of a tag. With eight ways and 22 bits, a source finds itself in another's slot once in 500,000 look-ups of a full table, and
/// nobody can choose whose: the hash is keyed.
const TAG_BITS: u32 = 22;

/// Bits of a value: what the tag leaves of a word.
pub(super) const VALUE_BITS: u32 = u64::BITS - TAG_BITS;

/// A table of values. All methods take `&self`, are non-blocking and allocate nothing.
pub(super) struct Sources {
    sets: Box<[Set]>,
    keys: RandomState,
}

/// On a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

impl Sources {
    /// A table of at least this many slots.
    pub(super) fn with_slots(slots: usize) -> Self {
        let sets = slots.div_ceil(WAYS).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            keys: RandomState::new(),
        }
    }

    /// The value of a source. Each `number` stands for values of its own. An IPv6 source is its /64.
    pub(super) fn get(&self, number: u64, source: IpAddr) -> Option<u64> {
        let (set, tag) = self.place(number, source);
        find(&set?.words(), tag).map(|(_, word)| word & mask(VALUE_BITS))
    }

    /// Changes the value of a source; `change` gets the one before and returns the next one beside what is made of it. It may run
    /// more than once. Where there is no room, the value with the lowest `rank` is lost.
    pub(super) fn update<T>(
        &self,
        number: u64,
        source: IpAddr,
        rank: impl Fn(u64) -> u64,
        change: impl Fn(Option<u64>) -> (u64, T),
    ) -> T {
        let (set, tag) = self.place(number, source);
        loop {
            // One look for both questions. A second one could find the place taken that another
            // worker has just given the same newcomer, and take another: the source would be there
            // twice.
            let words = set.map(Set::words).unwrap_or_default();
            let known = find(&words, tag);
            let (next, made) = change(known.map(|(_, word)| word & mask(VALUE_BITS)));
            let Some((place, word)) = known.or_else(|| victim(&words, tag, &rank)) else {
                return made;
            };
            let Some(slot) = set.and_then(|set| set.0.get(place)) else {
                return made;
            };
            let next = (tag << VALUE_BITS) | (next & mask(VALUE_BITS));
            if next == word || slot.compare_exchange_weak(word, next, Relaxed, Relaxed).is_ok() {
                return made;
            }
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The set that may hold a source, and the tag it has there, which is never 0. There is always a set: their number is not zero.
    fn place(&self, number: u64, source: IpAddr) -> (Option<&Set>, u64) {
        let (family, source) = match canonical(source) {
            IpAddr::V4(v4) => (4_u8, u64::from(u32::from(v4))),
            IpAddr::V6(v6) => (6_u8, subscriber(v6)),
        };
        let hash = self.keys.hash_one((family, source, number));
        let index = usize::try_from(hash >> TAG_BITS).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        (self.sets.get(index), (hash & mask(TAG_BITS)).max(1))
    }

    /// Whether these sources differ in their tags, so that a table of one set tells them apart.
    #[cfg(test)]
    pub(super) fn tells_apart(&self, sources: &[IpAddr]) -> bool {
        let tags: std::collections::HashSet<u64> = sources.iter().map(|source| self.place(0, *source).1).collect();
        tags.len() == sources.len()
    }
}

/// The first 64 bits of an address: one subscriber has all addresses that begin with them.
fn subscriber(v6: Ipv6Addr) -> u64 {
    let [a, b, c, d, ..] = v6.segments().map(u64::from);
    (a << 48) | (b << 32) | (c << 16) | d
}

impl Set {
    /// Returns what the slots hold; 0 is an empty one.
    fn words(&self) -> [u64; WAYS] {
        self.0.each_ref().map(|slot| slot.load(Relaxed))
    }
}

/// Returns the place and the word with this tag.
fn find(words: &[u64; WAYS], tag: u64) -> Option<(usize, u64)> {
    let place = words.iter().position(|word| word >> VALUE_BITS == tag)?;
    Some((place, *words.get(place)?))
}

/// Returns the place that a newcomer takes, and its word: an empty one, else the one that ranks
/// lowest, and of these one that depends on the newcomer, so that no slot is the first to go for
/// everyone.
fn victim(words: &[u64; WAYS], newcomer: u64, rank: impl Fn(u64) -> u64) -> Option<(usize, u64)> {
    let ranked = words.iter().zip(0_u64..).enumerate().min_by_key(|(_, (word, place))| {
        let turn = (place ^ newcomer) % WAYS as u64;
        (**word != 0, rank(**word & mask(VALUE_BITS)), turn)
    });
    ranked.map(|(place, (word, _))| (place, *word))
}

/// A word whose lowest bits are set.
pub(super) const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("slots", &self.slots())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    fn count(table: &Sources, number: u64, source: IpAddr) -> u64 {
        table.update(
            number,
            source,
            |value| value,
            |before| {
                let next = before.unwrap_or(0) + 1;
                (next, next)
            },
        )
    }

    #[test]
    fn a_source_in_all_its_spellings_is_one() {
        let table = Sources::with_slots(1 << 12);
        let hit = |text: &str| count(&table, 0, text.parse().unwrap());
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
        assert_eq!(count(&table, 1, source(1)), 1);
        assert_eq!((table.get(1, source(1)), table.get(0, source(1))), (Some(1), None));
    }

    #[test]
    fn a_value_stays_within_its_bits() {
        let table = Sources::with_slots(8);
        table.update(0, source(1), |value| value, |_| (u64::MAX, ()));
        assert_eq!(table.get(0, source(1)), Some(mask(VALUE_BITS)));
        assert_eq!(table.get(0, source(2)), None);
    }

    #[test]
    fn two_threads_lose_no_change() {
        const EACH: u32 = 50_000;
        let table = Sources::with_slots(8);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        count(&table, 0, source(n % 4));
                    }
                });
            }
        });
        let counts = [0, 1, 2, 3].map(|n| table.get(0, source(n)));
        assert_eq!(counts, [Some((EACH / 2).into()); 4]);
    }

    #[test]
    fn the_lowest_rank_gives_way() {
        let table = Sources::with_slots(WAYS);
        for n in 0..8 {
            (0..=n).for_each(|_| {
                count(&table, 0, source(n));
            });
        }
        count(&table, 0, source(8));
        assert_eq!(table.get(0, source(0)), None, "it had the lowest count");
        assert!((1..=8).all(|n| table.get(0, source(n)).is_some()));
    }
}
