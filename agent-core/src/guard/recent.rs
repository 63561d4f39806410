//! Who the site's clients are: the distinct sources whose requests passed of late, in memory that never grows.
//!
//! It answers one question: how many of those who were served a moment ago would this list, or does this configuration, shut out?
//! A request that passed without a detection writes its source down, at most once a second; one that is refused for what it did
//! takes it out again, so that attackers are not taken for customers.
//!
//! The table is set-associative, as [`Flood`](super::Flood)'s is. Where a set is full of sources of the last minute, it keeps those
//! with the lowest hash, and a newcomer with a higher one is not written down. So beyond a few thousand sources the table holds a
//! sample that no source can choose to be in, however often it comes, and shares stay right.
//!
//! An IPv6 source is its /64; of its addresses the last one is kept, so that a list of single addresses is seen for what it is.
//! Of each source the requests of the last minute are counted too, and those among them that were refused, or that the application answered
//! with an error of the client's: where these are a tenth, it is an offender, which no list and no ban can block wrongly.
//!
//! Every word is written apart from the others: where two workers fill one slot at once, it may hold half of each, or two slots may
//! hold one source. For a share of thousands that is noise.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::sliding::SlidingCount;
use crate::model::{address::canonical, blacklist::seed::Seed};

/// Sets of slots: with [`WAYS`], 3584 sources in 96 KiB. A share of so many is known to one in a hundred.
const SETS: usize = 512;

/// Slots of a set: with the door, their keys are one cache line.
const WAYS: usize = 7;

/// How many of a source's requests, one in so many, make it an offender: as many as make evidence ban (`BAN_SHARE`).
const OFFENCES: u64 = 10;

/// How long an offender that sends nothing more is known as one, in seconds: as long as clients of quiet sites count.
const OFFENDER_FOR: u32 = 3600;

/// How long a source keeps its slot against newcomers, in seconds.
const MINUTE: u32 = 60;

/// Stands before an IPv4 address in a key: as an IPv6 address that would be multicast, which sends nothing.
const V4: u64 = 0xffff_ffff_0000_0000;

/// The distinct sources that passed of late. All methods take `&self`, wait for nobody, and only [`sources`](Self::sources)
/// allocates.
pub struct Recent {
    sets: Box<[Set]>,
    seed: Seed,
}

/// A source that passed of late, or that would have, but for a configuration on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its address; of an IPv6 /64 the one that was seen last.
    pub address: IpAddr,
    /// The trial whose configuration treats it worse than the one before; 0 for none.
    pub worse_by: u32,
    /// Its requests of the last minute.
    pub requests: u64,
    /// Whether a notable part of them were refused, or errors of its own.
    pub is_offender: bool,
}

/// Field by field, so that a look for a key reads one cache line.
#[derive(Default)]
#[repr(align(64))]
struct Set {
    keys: [AtomicU64; WAYS],
    /// In the upper half the second in which the set was last found full of the last minute's sources, in the lower one the highest
    /// hash among them: within that second whoever has a higher one is turned away without a look at all of them.
    door: AtomicU64,
    hosts: [AtomicU64; WAYS],
    /// The second in which it was seen last, counted from 1; 0 is an empty slot.
    seen: [AtomicU32; WAYS],
    worse_by: [AtomicU32; WAYS],
    /// The second in which it was found to be an offender last; 0 for none.
    offended: [AtomicU32; WAYS],
    requests: [SlidingCount; WAYS],
    offences: [SlidingCount; WAYS],
}

impl Recent {
    /// The time in which a source is a client of the site: long enough to see a page's reader come back, short enough that who
    /// went away, or was shut out, no longer counts.
    pub const WINDOW: Duration = Duration::from_secs(MINUTE as u64);

    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sets: (0..SETS).map(|_| Set::default()).collect(),
            seed: Seed::random(),
        }
    }

    /// A request of this source passed.
    pub fn passed(&self, source: IpAddr, now: Duration) {
        self.write(source, now, None);
    }

    /// A request of this source was treated worse by the configuration on trial than by the one before.
    pub(super) fn treated_worse(&self, source: IpAddr, now: Duration, trial: u32) {
        self.write(source, now, Some(trial));
    }

    /// A request of this source was refused, and rightly as far as anybody knows.
    pub(super) fn forget(&self, source: IpAddr, now: Duration) {
        self.offended(source, now);
        if let Some(slot) = self.find(source) {
            slot.seen.store(0, Relaxed);
        }
    }

    /// A request of this source was an error of its own, or was refused.
    pub(super) fn offended(&self, source: IpAddr, now: Duration) {
        if let Some(slot) = self.find(source) {
            slot.offences.add(Self::WINDOW, now);
            if slot.has_offended(now) {
                slot.offended.store(second(now), Relaxed);
            }
        }
    }

    /// The requests of this source in the last minute that nothing was found in; none of an offender's.
    pub(super) fn clean_requests(&self, source: IpAddr, now: Duration) -> u64 {
        let slot = self.find(source).filter(|slot| !slot.is_offender(now));
        slot.map_or(0, |slot| slot.requests.within(Self::WINDOW, now))
    }

    fn find(&self, source: IpAddr) -> Option<Slot<'_>> {
        let (key, _) = key_of(source);
        self.set(key).and_then(|(set, _)| set.find(key))
    }

    /// The sources that were seen within `window` (a minute, or more where the site is quiet and their slots are still theirs),
    /// each once.
    #[must_use]
    pub fn sources(&self, now: Duration, window: Duration) -> Vec<Source> {
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
        let slots = self.sets.iter().flat_map(Set::slots);
        let seen = slots.filter(|slot| age(slot.seen.load(Relaxed), second(now)).is_some_and(|age| age < window));
        Self::shown(seen, now)
    }

    /// The sources that sent anything within the last minute, refused or not, each once.
    #[must_use]
    pub fn senders(&self, now: Duration) -> Vec<Source> {
        let slots = self.sets.iter().flat_map(Set::slots);
        Self::shown(slots.filter(|slot| slot.requests.within(Self::WINDOW, now) > 0), now)
    }

    fn shown<'s>(slots: impl Iterator<Item = Slot<'s>>, now: Duration) -> Vec<Source> {
        let found: BTreeMap<u64, Source> = slots
            .map(|slot| {
                let key = slot.key.load(Relaxed);
                let source = Source {
                    address: address_of(key, slot.host.load(Relaxed)),
                    worse_by: slot.worse_by.load(Relaxed),
                    requests: slot.requests.within(Self::WINDOW, now),
                    is_offender: slot.is_offender(now),
                };
                (key, source)
            })
            .collect();
        found.into_values().collect()
    }

    fn write(&self, source: IpAddr, now: Duration, worse_by: Option<u32>) {
        let (key, host) = key_of(source);
        let Some((set, hash)) = self.set(key) else { return };
        let (time, now) = (now, second(now));
        if let Some(slot) = set.find(key) {
            slot.see(host, now, worse_by);
            slot.requests.add(Self::WINDOW, time);
        } else if set.is_open(hash, now)
            && let Some(slot) = set.room(hash, now, |key| low(self.seed.hash(key)))
        {
            slot.worse_by.store(0, Relaxed);
            slot.offended.store(0, Relaxed);
            slot.requests.clear();
            slot.offences.clear();
            slot.key.store(key, Relaxed);
            slot.see(host, now, worse_by);
            slot.requests.add(Self::WINDOW, time);
        }
    }

    /// The set that may hold a key, and the key's hash. There is always a set: their number is not zero.
    fn set(&self, key: u64) -> Option<(&Set, u32)> {
        let hash = self.seed.hash(key);
        let index = usize::try_from(hash >> 32).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        self.sets.get(index).map(|set| (set, low(hash)))
    }
}

/// A slot's words.
struct Slot<'s> {
    key: &'s AtomicU64,
    host: &'s AtomicU64,
    seen: &'s AtomicU32,
    worse_by: &'s AtomicU32,
    offended: &'s AtomicU32,
    requests: &'s SlidingCount,
    offences: &'s SlidingCount,
}

impl Slot<'_> {
    /// Notes a request. Words that would not change are not written: the line stays with all workers that read it.
    fn see(&self, host: u64, now: u32, worse_by: Option<u32>) {
        if self.seen.load(Relaxed) != now {
            self.host.store(host, Relaxed);
            self.seen.store(now, Relaxed);
        }
        if let Some(trial) = worse_by {
            self.worse_by.store(trial, Relaxed);
        }
    }

    /// By what it does now, or else by what it did last.
    fn is_offender(&self, now: Duration) -> bool {
        if self.requests.within(Recent::WINDOW, now) > 0 {
            return self.has_offended(now);
        }
        let since = age(self.offended.load(Relaxed), second(now));
        self.has_offended(now) || since.is_some_and(|since| since < OFFENDER_FOR)
    }

    /// Whether offences are a notable part of its requests. Requests that were refused are not among those that passed.
    fn has_offended(&self, now: Duration) -> bool {
        let of = |count: &SlidingCount| count.within(Recent::WINDOW, now);
        let offences = of(self.offences);
        offences > 0 && offences * OFFENCES >= of(self.requests)
    }
}

impl Set {
    fn find(&self, key: u64) -> Option<Slot<'_>> {
        let at = self.keys.iter().position(|own| own.load(Relaxed) == key)?;
        Some(Slot {
            key: self.keys.get(at)?,
            host: self.hosts.get(at)?,
            seen: self.seen.get(at)?,
            worse_by: self.worse_by.get(at)?,
            offended: self.offended.get(at)?,
            requests: self.requests.get(at)?,
            offences: self.offences.get(at)?,
        })
    }

    /// Whether a newcomer may find room in this second.
    fn is_open(&self, hash: u32, now: u32) -> bool {
        let door = self.door.load(Relaxed);
        door >> 32 != u64::from(now) || hash < low(door)
    }

    /// The slot that a newcomer takes: an empty one, else the one that was not seen for longest, if that is a minute; else the one
    /// with the highest hash, if that is higher than the newcomer's.
    fn room(&self, hash: u32, now: u32, hash_of: impl Fn(u64) -> u32) -> Option<Slot<'_>> {
        let idle = |slot: &Slot<'_>| age(slot.seen.load(Relaxed), now).unwrap_or(u32::MAX);
        let oldest = self.slots().max_by_key(idle)?;
        if idle(&oldest) >= MINUTE {
            return Some(oldest);
        }
        let (highest, slot) = self
            .slots()
            .map(|slot| (hash_of(slot.key.load(Relaxed)), slot))
            .max_by_key(|(hash, _)| *hash)?;
        if highest > hash {
            return Some(slot);
        }
        self.door.store((u64::from(now) << 32) | u64::from(highest), Relaxed);
        None
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        let words = self.keys.iter().zip(&self.hosts).zip(&self.seen).zip(&self.worse_by);
        let counts = self.offended.iter().zip(&self.requests).zip(&self.offences);
        words.zip(counts).map(
            |((((key, host), seen), worse_by), ((offended, requests), offences))| Slot {
                key,
                host,
                seen,
                worse_by,
                offended,
                requests,
                offences,
            },
        )
    }
}

/// The half of a hash that orders the sources of a set; the other half has chosen the set.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn low(word: u64) -> u32 {
    word as u32
}

/// Seconds since a slot was seen; none for an empty one. Another worker may have seen it a moment after `now`.
fn age(seen: u32, now: u32) -> Option<u32> {
    (seen > 0).then(|| now.saturating_sub(seen))
}

fn second(now: Duration) -> u32 {
    u32::try_from(now.as_secs().saturating_add(1)).unwrap_or(u32::MAX)
}

/// What names a source, and what names its host among those of the same name.
pub(super) fn key_of(source: IpAddr) -> (u64, u64) {
    match canonical(source) {
        IpAddr::V4(v4) => (V4 | u64::from(u32::from(v4)), 0),
        IpAddr::V6(v6) => halves(v6),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits are meant")]
fn halves(v6: Ipv6Addr) -> (u64, u64) {
    let bits = u128::from(v6);
    ((bits >> u64::BITS) as u64, bits as u64)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the IPv4 address")]
pub(super) fn address_of(key: u64, host: u64) -> IpAddr {
    if key & V4 == V4 {
        Ipv4Addr::from(key as u32).into()
    } else {
        Ipv6Addr::from((u128::from(key) << u64::BITS) | u128::from(host)).into()
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("slots", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn v4(n: u32) -> IpAddr {
        Ipv4Addr::from(n).into()
    }

    fn seen(recent: &Recent, now: u64) -> BTreeSet<IpAddr> {
        let sources = recent.sources(at(now), Recent::WINDOW);
        sources.into_iter().map(|source| source.address).collect()
    }

    #[test]
    fn a_source_is_recent_for_a_minute_after_its_last_request() {
        let recent = Recent::new();
        recent.passed(ip("203.0.113.9"), at(0));
        recent.passed(ip("203.0.113.10"), at(0));
        recent.passed(ip("203.0.113.10"), at(30));
        assert_eq!(seen(&recent, 59).len(), 2);
        assert_eq!(seen(&recent, 60), [ip("203.0.113.10")].into());
        assert!(seen(&recent, 90).is_empty());
        assert_eq!(
            recent.sources(at(90), at(3600)).len(),
            2,
            "nobody else wanted the slots"
        );
    }

    #[test]
    fn every_spelling_is_one_source_and_a_subscriber_is_one() {
        let recent = Recent::new();
        for text in [
            "203.0.113.9",
            "::ffff:203.0.113.9",
            "64:ff9b::203.0.113.9",
            "2001:db8::1",
        ] {
            recent.passed(ip(text), at(1));
        }
        recent.passed(ip("2001:db8::2"), at(2));
        assert_eq!(
            seen(&recent, 2),
            [ip("203.0.113.9"), ip("2001:db8::2")].into(),
            "the address that was seen last stands for its /64"
        );
    }

    #[test]
    fn who_is_refused_is_forgotten() {
        let recent = Recent::new();
        recent.passed(ip("203.0.113.9"), at(1));
        recent.forget(ip("203.0.113.9"), at(1));
        recent.forget(ip("203.0.113.10"), at(1));
        assert!(seen(&recent, 1).is_empty());
        recent.passed(ip("203.0.113.9"), at(2));
        assert_eq!(seen(&recent, 2).len(), 1);
    }

    #[test]
    fn one_that_is_refused_a_tenth_of_the_time_is_an_offender_and_a_network_that_hides_one_is_not() {
        let recent = Recent::new();
        let (scanner, office, quiet) = (ip("203.0.113.9"), ip("203.0.113.10"), ip("203.0.113.11"));
        (0..9).for_each(|_| recent.passed(scanner, at(1)));
        (0..100).for_each(|_| recent.passed(office, at(1)));
        recent.passed(quiet, at(1));
        [scanner, office, quiet]
            .iter()
            .for_each(|source| recent.forget(*source, at(2)));
        let offenders = |now| {
            let sources = recent.senders(at(now)).into_iter();
            let offends = sources.filter(|source| source.is_offender).map(|source| source.address);
            offends.collect::<BTreeSet<_>>()
        };
        assert_eq!(offenders(2), [scanner, quiet].into());
        recent.passed(quiet, at(1800));
        (0..50).for_each(|_| recent.passed(scanner, at(1800)));
        assert!(offenders(1800).is_empty(), "they have been good since");
        recent.offended(quiet, at(1801));
        let hour = recent.sources(at(4000), Duration::from_secs(3600));
        let known = hour.iter().find(|source| source.address == quiet).unwrap();
        assert!(
            known.is_offender,
            "errors count, and for as long as quiet sites look back"
        );
    }

    #[test]
    fn requests_of_the_last_minute_are_counted() {
        let recent = Recent::new();
        (0..30).for_each(|_| recent.passed(ip("203.0.113.9"), at(10)));
        let requests = |now| recent.senders(at(now)).first().map(|source| source.requests);
        assert_eq!([requests(20), requests(90), requests(200)], [Some(30), Some(15), None]);
    }

    #[test]
    fn a_slot_that_changes_hands_says_nothing_of_the_one_before() {
        let recent = Recent::new();
        for n in 0..100_000 {
            recent.treated_worse(v4(n), at(0), 7);
        }
        for n in 100_000..200_000 {
            recent.passed(v4(n), at(100));
        }
        let sources = recent.sources(at(100), Recent::WINDOW);
        assert!(sources.iter().all(|source| source.worse_by == 0));
        assert_eq!(sources.len(), SETS * WAYS, "what is over gives way");
    }

    #[test]
    fn of_many_sources_a_fair_sample_is_kept_however_often_they_come() {
        // one source in four is treated worse, and comes ten times as often as the others
        let recent = Recent::new();
        for round in 0..10 {
            for n in 0..100_000_u32 {
                let source = v4(n.wrapping_mul(0x9E37_79B1));
                match n % 4 {
                    0 => recent.treated_worse(source, at(round), 7),
                    _ if round == 0 => recent.passed(source, at(round)),
                    _ => {}
                }
            }
        }
        let sources = recent.sources(at(10), Recent::WINDOW);
        let worse = sources.iter().filter(|source| source.worse_by == 7).count();
        assert_eq!(sources.len(), SETS * WAYS);
        // a fair sample of 3584 has 896 ± 26 of them; seven deviations are once in 10¹¹ runs
        assert!((896 - 182..=896 + 182).contains(&worse), "{worse}");
    }

    #[test]
    fn workers_that_write_at_once_leave_nothing_that_nobody_sent() {
        const EACH: u32 = 20_000;
        let recent = Recent::new();
        std::thread::scope(|scope| {
            for worker in 0..2 {
                let sources = (0..EACH).map(move |n| v4((n << 1) | worker));
                scope.spawn(|| sources.for_each(|source| recent.passed(source, at(1))));
            }
        });
        let sources = seen(&recent, 1);
        assert!(sources.len() > SETS * WAYS / 2, "{}", sources.len());
        assert!(sources.iter().all(|source| *source < v4(2 * EACH)));
    }
}
