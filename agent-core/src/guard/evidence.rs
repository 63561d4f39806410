//! What speaks against a client: the different values for which its requests were refused in the last minutes.
//!
//! A finding of level 2 refuses its request and counts here. What is certain by itself (the exact path of a scanner), and a limit
//! that was exceeded, ban at once; what a detector took for an attack does when `BAN_EVIDENCE` requests with different values were
//! refused within `BAN_WINDOW`, and they are at least `BAN_SHARE` of what the client sent in that time.
//!
//! # Different values
//! A browser that sends a request again, or a page that does so for each letter that is typed, shows one value: a value that begins
//! as one that is known is that one, gone on with.
//!
//! # Requests that another site made
//! A page can have its readers' browsers send anything anywhere, and must not have them banned. What a browser marks as such (see
//! [`is_foreign`]) is refused, and counts apart: only [`FOREIGN_VALUES`] different values ban, for headers are written by the sender
//! of the request.
//!
//! # Memory
//! A set-associative table, as the flood table is, of [`SETS`] × [`WAYS`] slots of 304 bytes.
//! A newcomer takes the slot with the fewest values in the window. Words are written one by one:
//! where two workers write the same slot at once, a value may be lost, and the client needs one
//! more. None can come in that it did not send.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use buckler_waf::detect::Compared;

use super::{
    let_in::LetIn,
    recent::{address_of, key_of},
    sliding::SlidingCount,
};
use crate::model::{address::ban_scope, blacklist::seed::Seed, policy::BanTerms};

/// Slots of a set.
const WAYS: usize = 4;

/// Sets of the table: 8,192 clients that were refused within the window, in 2.4 MiB.
const SETS: usize = 2048;

/// Values that are remembered for each client: as many as `BAN_EVIDENCE` may ask for.
const VALUES: usize = BanTerms::MOST_EVIDENCE as usize;

/// Different values, of requests that other sites seem to have made, that ban all the same: a page that wants its readers banned
/// rarely sends them that many requests within the window, and a scanner that writes the header sends more.
pub(super) const FOREIGN_VALUES: u32 = 100;

/// Words of the bitmap in which the values of foreign requests are counted.
const BITMAP: usize = 8;

/// Bits of it that so many different values set on average: 512 × (1 − e^(−100/512)) = 90.8.
const FOREIGN_BITS: u32 = 91;

/// The shortest beginning, in bytes, that makes a longer value the same one: shorter ones are common to different attacks.
const BEGINNING: usize = 8;

/// How often a value may be gone on with and stay the same one: letters of a line that is saved
/// while it is typed. An attacker who begins every attempt alike is found by the next.
const MOST_STEPS: u8 = 100;

/// Bits of a value's time, in seconds; it wraps after half a year. The others are its hash.
const TIME_BITS: u32 = 24;

/// The clients that were refused in the last minutes. All methods take `&self`, never wait and never allocate.
pub(super) struct Evidence {
    sets: Box<[[Slot; WAYS]]>,
    seed: Seed,
}

/// One client's.
#[derive(Default)]
struct Slot {
    key: AtomicU64,
    refused: SlidingCount,
    foreign_refused: SlidingCount,
    /// The window that the newer bitmap is of.
    foreign_period: AtomicU64,
    /// The values of foreign requests in windows with even and with odd numbers.
    foreign: [[AtomicU64; BITMAP]; 2],
    /// A hash and the time it was seen last; 0 is an empty place.
    values: [AtomicU64; VALUES],
    /// How often each was gone on with.
    steps: [AtomicU8; VALUES],
}

/// What speaks against a client by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Against {
    /// Different values.
    pub(super) values: u32,
    /// How many ban.
    pub(super) needed: u32,
    /// Requests refused for them.
    pub(super) refused: u64,
}

/// The values within a time.
#[derive(Clone, Copy)]
struct Span {
    window: Duration,
    now: Duration,
}

impl Evidence {
    /// Counts a refused request with a value that a rule of this name found, and returns what there is by now.
    pub(super) fn add(
        &self,
        source: IpAddr,
        (rule, value): (&str, &str),
        is_foreign: bool,
        terms: BanTerms,
        now: Duration,
    ) -> Option<Against> {
        let span = Span {
            window: terms.window,
            now,
        };
        let slot = self.slot(source, span)?;
        if is_foreign {
            slot.foreign_refused.add(span.window, now);
            let (values, refused) = (slot.add_foreign(self.hash(rule, value), span), &slot.foreign_refused);
            return Some(Against {
                values,
                needed: FOREIGN_VALUES,
                refused: refused.within(span.window, now),
            });
        }
        slot.refused.add(span.window, now);
        // what stands behind is not compared: two that begin alike may be two
        let is_cut = value.len() + char::MAX.len_utf8() > Compared::LONGEST;
        slot.add(|visit| self.beginnings(rule, value, visit), is_cut, span);
        let values = slot.count(span);
        Some(Against {
            values,
            needed: terms.evidence,
            // the values are told apart by the second, the requests by parts of the window
            refused: slot.refused.within(span.window, now).max(u64::from(values)),
        })
    }

    /// Forgets what speaks against these clients.
    pub(super) fn forget(&self, let_in: &LetIn) {
        for slot in self.sets.iter().flatten() {
            if let_in.holds(ban_scope(address_of(slot.key.load(Relaxed), 0))) {
                slot.clear();
            }
        }
    }

    /// The slot of a client, a new one where it has none.
    fn slot(&self, source: IpAddr, span: Span) -> Option<&Slot> {
        let (key, _) = key_of(source);
        let hash = self.seed.hash(key);
        let index = usize::try_from(hash >> 32).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        let set = self.sets.get(index)?;
        let known = set.iter().find(|slot| slot.key.load(Relaxed) == key);
        if known.is_some() {
            return known;
        }
        let fewest = set.iter().zip(0_u64..).min_by_key(|(slot, place)| {
            let in_all = slot.count(span) + slot.foreign_count(span);
            (in_all, (place ^ hash) % WAYS as u64)
        });
        let (slot, _) = fewest?;
        slot.clear();
        slot.key.store(key, Relaxed);
        Some(slot)
    }

    /// The hashes of the beginnings of a value, the whole last.
    fn beginnings(&self, rule: &str, value: &str, visit: &mut dyn FnMut(u64)) {
        let add = |hash, byte: &u8| self.seed.hash(hash ^ u64::from(*byte));
        let mut hash = rule.as_bytes().iter().fold(0, add);
        let shortest = BEGINNING.min(value.len());
        for (byte, length) in value.as_bytes().iter().zip(1..) {
            hash = add(hash, byte);
            if length >= shortest {
                visit(hash);
            }
        }
        if value.is_empty() {
            visit(hash);
        }
    }

    fn hash(&self, rule: &str, value: &str) -> u64 {
        let mut whole = 0;
        self.beginnings(rule, value, &mut |hash| whole = hash);
        whole
    }
}

impl Slot {
    fn clear(&self) {
        self.refused.clear();
        self.foreign_refused.clear();
        self.foreign
            .iter()
            .flatten()
            .chain(&self.values)
            .for_each(|word| word.store(0, Relaxed));
    }

    /// Notes a value by the hashes of its beginnings: in the place of the one that it goes on with, else in an empty or the oldest.
    fn add(&self, beginnings: impl Fn(&mut dyn FnMut(u64)), is_cut: bool, span: Span) {
        let (mut whole, mut same) = (0, None);
        beginnings(&mut |hash| {
            whole = hash;
            let is_alike = |(_, _, word): &(_, _, u64)| word >> TIME_BITS == hash >> TIME_BITS;
            let alike = self.live(span).filter(is_alike);
            same = alike.min_by_key(|(_, steps, _)| steps.load(Relaxed)).or(same);
        });
        let noted = (whole >> TIME_BITS) << TIME_BITS | span.second();
        if let Some((place, steps, word)) = same {
            let goes_on = is_cut || word >> TIME_BITS != whole >> TIME_BITS;
            let step = steps.load(Relaxed) + u8::from(goes_on);
            if step <= MOST_STEPS {
                steps.store(step, Relaxed);
                return place.store(noted, Relaxed);
            }
        }
        let age = |(place, _): &(&AtomicU64, _)| span.age(place.load(Relaxed)).unwrap_or(u64::MAX);
        if let Some((place, steps)) = self.values.iter().zip(&self.steps).max_by_key(age) {
            steps.store(0, Relaxed);
            place.store(noted, Relaxed);
        }
    }

    /// Different values in the window.
    fn count(&self, span: Span) -> u32 {
        u32::try_from(self.live(span).count()).unwrap_or(u32::MAX)
    }

    /// Values in the window, each with its place and its steps.
    fn live(&self, span: Span) -> impl Iterator<Item = (&AtomicU64, &AtomicU8, u64)> {
        let places = self.values.iter().zip(&self.steps);
        let words = places.map(|(place, steps)| (place, steps, place.load(Relaxed)));
        words.filter(move |(.., word)| span.age(*word).is_some_and(|age| age <= span.window.as_secs()))
    }

    /// Notes a value of a foreign request, and returns how many there were by now.
    fn add_foreign(&self, hash: u64, span: Span) -> u32 {
        let before = self.foreign_period.load(Relaxed);
        let period = span.period_beside(before);
        self.foreign_period.store(period, Relaxed);
        let [newer, older] = self.bitmaps(period);
        if before != period {
            newer.iter().for_each(|word| word.store(0, Relaxed));
        }
        if before != period && before + 1 != period {
            older.iter().for_each(|word| word.store(0, Relaxed));
        }
        let bit = hash % (u64::from(u64::BITS) * BITMAP as u64);
        let at = usize::try_from(bit / u64::from(u64::BITS)).unwrap_or_default();
        if let Some(word) = newer.get(at) {
            word.fetch_or(1 << (bit % u64::from(u64::BITS)), Relaxed);
        }
        self.foreign_count(span)
    }

    /// Returns about how many different values foreign requests had, [`FOREIGN_VALUES`] from there
    /// on.
    ///
    /// The window before this one counts too: else a scanner that knows where windows end would
    /// send its values around that moment.
    fn foreign_count(&self, span: Span) -> u32 {
        let noted = self.foreign_period.load(Relaxed);
        let period = span.period_beside(noted);
        let [newer, older] = self.bitmaps(noted);
        let ones = |at: usize| {
            let word = |bitmap: &[AtomicU64; BITMAP]| bitmap.get(at).map_or(0, |word| word.load(Relaxed));
            match period.checked_sub(noted) {
                Some(0) => word(newer) | word(older),
                Some(1) => word(newer),
                Some(_) | None => 0,
            }
        };
        let bits: u32 = (0..BITMAP).map(|at| ones(at).count_ones()).sum();
        if bits >= FOREIGN_BITS { FOREIGN_VALUES } else { bits }
    }

    /// Returns the bitmap of the window with this number, and of the one before it.
    const fn bitmaps(&self, period: u64) -> [&[AtomicU64; BITMAP]; 2] {
        let [even, odd] = &self.foreign;
        if period.is_multiple_of(2) {
            [even, odd]
        } else {
            [odd, even]
        }
    }
}

impl Span {
    /// Returns the number of the window, or the noted one where that is the next: another worker
    /// has read the clock a moment later. One that is further ahead was noted for shorter windows.
    const fn period_beside(self, noted: u64) -> u64 {
        let period = self.period();
        if noted == period + 1 { noted } else { period }
    }

    /// Seconds, from 1 on: 0 is an empty place.
    const fn second(self) -> u64 {
        (self.now.as_secs() + 1) & mask()
    }

    /// How long ago a value was seen; none of an empty place. Another worker may have seen it a moment after `now`.
    const fn age(self, word: u64) -> Option<u64> {
        if word == 0 {
            return None;
        }
        let age = self.second().wrapping_sub(word) & mask();
        Some(if age > mask() / 2 { 0 } else { age })
    }

    /// The number of the window, from 1 on.
    const fn period(self) -> u64 {
        let length = self.window.as_secs();
        self.now.as_secs() / (if length > 0 { length } else { 1 }) + 1
    }
}

const fn mask() -> u64 {
    (1 << TIME_BITS) - 1
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            sets: (0..SETS).map(|_| Default::default()).collect(),
            seed: Seed::random(),
        }
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("slots", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const TERMS: BanTerms = BanTerms {
        evidence: 3,
        window: Duration::from_secs(300),
        share: 0.1,
    };

    fn source(n: u32) -> IpAddr {
        Ipv4Addr::from(n).into()
    }

    fn add(evidence: &Evidence, source: IpAddr, value: &str, seconds: u64) -> (u32, u64) {
        let against = evidence.add(source, ("sqli", value), false, TERMS, Duration::from_secs(seconds));
        against.map(|against| (against.values, against.refused)).unwrap()
    }

    #[test]
    fn different_values_count_and_the_same_again_does_not() {
        let evidence = Evidence::default();
        let values = ["1' OR 1=1", "1' OR 1=1", "2' UNION SELECT", "1' OR 1=1"];
        let seen = values.map(|value| add(&evidence, source(1), value, 10));
        assert_eq!(seen, [(1, 1), (1, 2), (2, 3), (2, 4)]);
        assert_eq!(add(&evidence, source(2), "1' OR 1=1", 10), (1, 1), "another client");
    }

    #[test]
    fn what_is_typed_on_is_one_value() {
        let evidence = Evidence::default();
        let text = "select one, drop table users; and so on";
        for end in 12..text.len() {
            let typed = text.get(..end).unwrap();
            assert_eq!(add(&evidence, source(1), typed, 10).0, 1, "{typed}");
        }
        assert_eq!(add(&evidence, source(1), "a';--", 10).0, 2);
        assert_eq!(
            add(&evidence, source(1), "a';-- b", 10).0,
            3,
            "short ones are no beginning"
        );
        assert_eq!(add(&evidence, source(1), "", 10).0, 4, "nothing is a value too");
    }

    #[test]
    fn many_that_begin_alike_are_not_one_value() {
        let evidence = Evidence::default();
        let comment = format!("1' OR 1=1/*{}*/", "A".repeat(Compared::LONGEST));
        let cut = &comment[..Compared::LONGEST];
        let banned_at = (1..1000).find(|_| add(&evidence, source(1), cut, 10).0 >= 3).unwrap();
        assert!((100..400).contains(&banned_at), "{banned_at}");
        // of a short one all is compared, and a browser that repeats it does not ban itself
        assert!((1..1000).all(|_| add(&evidence, source(2), "1' OR 1=1--", 10).0 == 1));
        let banned_at = (20..256).find(|end| add(&evidence, source(3), &comment[..*end], 10).0 >= 3);
        assert!(banned_at.is_some(), "what grows without end is no typing");
    }

    #[test]
    fn a_value_counts_for_the_length_of_the_window() {
        let evidence = Evidence::default();
        add(&evidence, source(1), "first value", 0);
        add(&evidence, source(1), "second value", 200);
        assert_eq!(add(&evidence, source(1), "third value", 300).0, 3);
        assert_eq!(add(&evidence, source(1), "fourth value", 301).0, 3, "the first is over");
        assert_eq!(add(&evidence, source(1), "fifth value", 1000).0, 1);
    }

    #[test]
    fn foreign_requests_count_apart_until_they_are_a_hundred() {
        let evidence = Evidence::default();
        let foreign = |n: u32, seconds| {
            let value = format!("value {n} of many");
            let added = evidence.add(source(1), ("xss", &value), true, TERMS, Duration::from_secs(seconds));
            added.unwrap()
        };
        assert_eq!(foreign(0, 10).values, 1);
        assert_eq!(add(&evidence, source(1), "own value", 10).0, 1, "apart");
        let banned_at = (1..400).find(|n| foreign(*n, 10).values >= FOREIGN_VALUES).unwrap();
        assert!((80..120).contains(&banned_at), "{banned_at}");
        (0..400).for_each(|_| {
            assert_eq!(foreign(7, 1000).values, 1, "long after, and one value again and again");
        });
        let straddling =
            (1000..1400).find(|n| foreign(*n, if n % 2 == 0 { 2399 } else { 2400 }).values >= FOREIGN_VALUES);
        assert!(
            straddling.is_some_and(|n| n < 1120),
            "the end of a window is no way out: {straddling:?}"
        );
    }

    #[test]
    fn a_window_that_is_made_longer_forgets_the_foreign_values_of_shorter_ones() {
        let (evidence, day) = (Evidence::default(), 86_400);
        let foreign = |n: u32, window, seconds| {
            let terms = BanTerms {
                window: Duration::from_secs(window),
                ..TERMS
            };
            let value = format!("value {n} of many");
            let added = evidence.add(source(1), ("xss", &value), true, terms, Duration::from_secs(seconds));
            added.unwrap().values
        };
        for n in 0..60 {
            foreign(n, 60, 10 * day);
        }
        assert_eq!(foreign(60, 3600, 10 * day), 1);
        for n in 61..100 {
            foreign(n, 3600, 10 * day + 7200 * u64::from(n));
        }
        assert_eq!(foreign(100, 3600, 30 * day), 1, "each is forgotten with its window");
    }

    #[test]
    fn memory_is_bounded_and_the_one_with_most_values_stays() {
        let (evidence, worst) = (Evidence::default(), source(7));
        add(&evidence, worst, "first value", 10);
        add(&evidence, worst, "second value", 10);
        (0..100_000).for_each(|n| {
            add(&evidence, source(1000 + n), "one value", 10);
        });
        assert_eq!(add(&evidence, worst, "third value", 10).0, 3);
        let bytes = size_of_val(&*evidence.sets);
        assert_eq!(bytes, SETS * WAYS * 304);
    }
}
