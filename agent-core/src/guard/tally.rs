//! Request counters that every worker adds to and nobody waits for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use buckler_waf::places::{Gap, Gaps, Part};
use crossbeam_utils::CachePadded;

/// Counters per process. Threads beyond this number share one: the machines we know run fewer workers, and sharing costs
/// nanoseconds, not exactness.
const SHARDS: usize = 16;

/// What was counted since the agent started: totals, never differences, so that a lost report loses no count.
///
/// Every thread adds to its own shard: one counter that all workers share costs 8–10 ns an addition on two threads, because its
/// cache line travels between them.
#[derive(Debug)]
pub struct Tally {
    shards: Box<[CachePadded<Shard>]>,
    /// Where the look ended last, by reason: all threads write here, and seldom.
    ends: CachePadded<[AtomicU64; Gap::ALL.len()]>,
}

#[derive(Debug, Default)]
struct Shard {
    success: AtomicU64,
    errors: AtomicU64,
    attacks: AtomicU64,
    blocked: AtomicU64,
    guard_failures: AtomicU64,
    unjudged: AtomicU64,
    spared: AtomicU64,
    slow: AtomicU64,
    uninspected: AtomicU64,
    of_unknown_clients: AtomicU64,
    without_address: AtomicU64,
    gaps: [AtomicU64; Gap::ALL.len()],
}

/// The sums of a [`Tally`] at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that the application answered with a status below 400. pyrasp counts only 200, and so calls every redirect an
    /// error.
    pub success: u64,
    /// Requests that the application answered with 400 or above.
    pub errors: u64,
    /// Requests in which an attack was found, or whose source is listed; each once, refused or not.
    pub attacks: u64,
    /// Requests that were refused. They are in neither `success` nor `errors`.
    pub blocked: u64,
    /// Panics that the guard caught in itself.
    pub guard_failures: u64,
    /// Requests that would have cost more to look into than one may, see
    /// [`Fuel`](buckler_waf::detect::Fuel).
    pub unjudged: u64,
    /// Requests of listed sources that were not refused for it, because the list is not in force.
    pub spared: u64,
    /// Judgements that took longer than [`Guard::SLOW`](super::Guard::SLOW), of those that were timed.
    pub slow: u64,
    /// Requests that passed although their bodies were not inspected, or not to their ends: see
    /// [`Uninspected`](super::Uninspected).
    pub uninspected: u64,
    /// Requests that a proxy passed on which no setting declares.
    pub of_unknown_clients: u64,
    /// Requests that came without an address.
    pub without_address: u64,
    /// The same by reason, in the order of the variants of [`Gap`]. A request may have several.
    pub gaps: [u64; Gap::ALL.len()],
    /// Where the look ended in the last of them: the part, and the offset in it.
    pub ends: [Option<(Part, u64)>; Gap::ALL.len()],
}

impl Counts {
    /// Where the look ended last, for each reason for which some request was not inspected.
    pub fn uninspected_at(&self) -> impl Iterator<Item = (Gap, Part, u64)> + '_ {
        let ends = |gap: Gap| (*self.ends.get(gap as usize)?).map(|(part, at)| (gap, part, at));
        Gap::ALL.into_iter().filter_map(ends)
    }

    /// How many requests passed for each reason for which a body was not inspected; those for which
    /// some did.
    pub fn uninspected_by_reason(&self) -> impl Iterator<Item = (Gap, u64)> + '_ {
        let counts = Gap::ALL
            .into_iter()
            .filter_map(|gap| Some((gap, *self.gaps.get(gap as usize)?)));
        counts.filter(|(_, count)| *count > 0)
    }
}

impl Tally {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| CachePadded::default()).collect(),
            ends: CachePadded::default(),
        }
    }

    /// The sums over all threads. A request that is being counted meanwhile may be in or not.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let begun = Counts {
            ends: self.ends.each_ref().map(|end| read_end(end.load(Ordering::Relaxed))),
            ..Counts::default()
        };
        self.shards.iter().fold(begun, |sum, shard| Counts {
            success: sum.success + shard.success.load(Ordering::Relaxed),
            errors: sum.errors + shard.errors.load(Ordering::Relaxed),
            attacks: sum.attacks + shard.attacks.load(Ordering::Relaxed),
            blocked: sum.blocked + shard.blocked.load(Ordering::Relaxed),
            guard_failures: sum.guard_failures + shard.guard_failures.load(Ordering::Relaxed),
            unjudged: sum.unjudged + shard.unjudged.load(Ordering::Relaxed),
            spared: sum.spared + shard.spared.load(Ordering::Relaxed),
            slow: sum.slow + shard.slow.load(Ordering::Relaxed),
            uninspected: sum.uninspected + shard.uninspected.load(Ordering::Relaxed),
            of_unknown_clients: sum.of_unknown_clients + shard.of_unknown_clients.load(Ordering::Relaxed),
            without_address: sum.without_address + shard.without_address.load(Ordering::Relaxed),
            gaps: std::array::from_fn(|index| {
                let [before, here] = [
                    sum.gaps.get(index).copied(),
                    shard.gaps.get(index).map(|count| count.load(Ordering::Relaxed)),
                ];
                before.unwrap_or_default() + here.unwrap_or_default()
            }),
            ends: sum.ends,
        })
    }

    /// The application answered with this status.
    pub(crate) fn answered(&self, status: u16) {
        self.add(if status < 400 {
            |shard| &shard.success
        } else {
            |shard| &shard.errors
        });
    }

    /// An attack was found in a request.
    pub(crate) fn attacked(&self) {
        self.add(|shard| &shard.attacks);
    }

    /// A request was refused.
    pub(crate) fn blocked(&self) {
        self.add(|shard| &shard.blocked);
    }

    /// The guard panicked.
    pub(crate) fn failed(&self) {
        self.add(|shard| &shard.guard_failures);
    }

    /// A request cost more than one may.
    pub(crate) fn unjudged(&self) {
        self.add(|shard| &shard.unjudged);
    }

    /// A listed source was let through, because the list is not in force.
    pub(crate) fn spared(&self) {
        self.add(|shard| &shard.spared);
    }

    /// A judgement took too long.
    pub(crate) fn slow(&self) {
        self.add(|shard| &shard.slow);
    }

    /// A body passed, or a query, that was not inspected, or not to its end.
    pub(crate) fn uninspected(&self, gaps: &Gaps, part: Part) {
        self.add(|shard| &shard.uninspected);
        let shard = self.shards.get(thread_shard());
        let counts = shard.map(|shard| shard.gaps.as_slice()).unwrap_or_default();
        for (gap, at) in gaps.iter() {
            if let Some(count) = counts.get(gap as usize) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(end) = self.ends.get(gap as usize) {
                end.store(written_end(part, at), Ordering::Relaxed);
            }
        }
    }

    /// A request was passed on by a proxy that no setting declares.
    pub(crate) fn of_unknown_client(&self) {
        self.add(|shard| &shard.of_unknown_clients);
    }

    /// A request came without an address.
    pub(crate) fn without_address(&self) {
        self.add(|shard| &shard.without_address);
    }

    fn add(&self, counter: fn(&Shard) -> &AtomicU64) {
        if let Some(shard) = self.shards.get(thread_shard()) {
            counter(shard).fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// A place as one number, so that no reader sees the half of one: the offset, and two bits for the
/// part. Zero is none.
fn written_end(part: Part, at: usize) -> u64 {
    let bit = if part == Part::Query { 2 } else { 1 };
    u64::try_from(at).unwrap_or(u64::MAX) << 2 | bit
}

const fn read_end(written: u64) -> Option<(Part, u64)> {
    match written & 3 {
        1 => Some((Part::Body, written >> 2)),
        2 => Some((Part::Query, written >> 2)),
        _ => None,
    }
}

/// This thread's shard: given out in turn, so that workers started together never share one.
fn thread_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    MINE.with(|mine| *mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_is_counted() {
        const THREADS: u64 = SHARDS as u64 + 3;
        const EACH: u64 = 1000;
        let tally = Tally::new();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        tally.answered(200);
                        tally.attacked();
                    }
                });
            }
        });
        let expected = Counts {
            success: THREADS * EACH,
            attacks: THREADS * EACH,
            ..Counts::default()
        };
        assert_eq!(tally.totals(), expected);
    }

    #[test]
    fn the_place_is_kept_where_the_look_ended_last() {
        let tally = Tally::new();
        let ended = |gap, at, part| {
            let mut gaps = Gaps::default();
            gaps.add(gap, at);
            tally.uninspected(&gaps, part);
        };
        assert_eq!(tally.totals().uninspected_at().count(), 0);
        ended(Gap::TooLarge, 65_536, Part::Body);
        ended(Gap::TooLarge, 0, Part::Body);
        ended(Gap::ForeignCharset, 7, Part::Query);
        let ends: Vec<_> = tally.totals().uninspected_at().collect();
        assert_eq!(
            ends,
            [(Gap::ForeignCharset, Part::Query, 7), (Gap::TooLarge, Part::Body, 0)]
        );
    }

    #[test]
    fn a_status_is_a_success_below_400() {
        let tally = Tally::new();
        for status in [101, 200, 204, 302, 304, 399] {
            tally.answered(status);
        }
        for status in [400, 404, 500, 599] {
            tally.answered(status);
        }
        tally.blocked();
        tally.failed();
        let expected = Counts {
            success: 6,
            errors: 4,
            attacks: 0,
            blocked: 1,
            guard_failures: 1,
            ..Counts::default()
        };
        assert_eq!(tally.totals(), expected);
    }
}
