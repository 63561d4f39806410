//! What becomes of a detector that fails: its panic is caught, its time is watched, and the request is judged by the rest.
//!
//! Buckler's own detectors are always asked: a switch that a request can throw would be the attacker's, who would send three costly
//! payloads and then the attack. Their failures are counted and shown, and concern the request that caused them alone.
//!
//! A detector of the host's own may wait for something that is down, and then would hold up every request. It has a circuit
//! breaker: after [`Supervision::STRIKES`] failures it rests, and every [`Supervision::REST`] one request is shown to it, which closes
//! the breaker again where it goes well.
//!
//! An inspection costs one look at the clock. Only where one has taken too long are the detectors of the next ones timed, each by
//! itself. Nothing can stop a detector that has begun to look, and its answer counts however late it comes: being slow leaves no
//! gap in the judgement, as a panic does.

use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use buckler_waf::detect::{Ask, Detectors, Family, Finding};
use serde::Serialize;

use crate::clock::Clock;

/// How a detector does that has failed, or does not look any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DetectorHealth {
    /// Its family's name.
    pub family: &'static str,
    /// How often it panicked since start.
    pub panics: u32,
    /// Inspections since start in which it alone took longer than all may together, of those that were timed.
    pub slow: u32,
    /// Whether it is asked. Detectors of Buckler's own always are; one of the host's own that failed again and again rests, and is
    /// tried again every minute.
    pub is_on: bool,
}

impl fmt::Display for DetectorHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            family, panics, slow, ..
        } = self;
        write!(f, "detector {family}: {panics} panics, {slow} slow looks")
    }
}

/// Every detector's record.
#[derive(Debug)]
pub(super) struct Supervision {
    detectors: Box<[Record]>,
    /// Inspections whose detectors are still to be timed.
    timed: AtomicU32,
}

#[derive(Debug)]
struct Record {
    family: Family,
    panics: AtomicU32,
    slow: AtomicU32,
    /// Panics since the breaker was closed last.
    panics_in_row: AtomicU32,
    /// Slow looks since detectors began to be timed.
    strikes: AtomicU32,
    breaker: Breaker,
}

/// Whether a detector of the host's own rests, and when it is tried again.
///
/// The word is the time of the next trial in milliseconds, and zero while the breaker is closed.
#[derive(Debug, Default)]
struct Breaker(AtomicU64);

impl Supervision {
    /// What one inspection may take: a thousand times what it usually does, and still less than a person notices.
    const BUDGET: Duration = Duration::from_millis(20);

    /// Inspections whose detectors are timed after one was too slow: an attacker who has found what takes long sends it again at
    /// once.
    const TIMED: u32 = 64;

    /// Detectors that are timed, the standard ones first: thrice as many as there are of those, and few enough to cost nothing.
    const MOST_TIMED: usize = 48;

    /// Panics, or slow looks within [`TIMED`](Self::TIMED) inspections, after which a detector of the host's own rests: one can be
    /// chance, three are a fault.
    const STRIKES: u32 = 3;

    /// How long it rests before one request is shown to it: a service that was restarted is back by then, and one look a minute
    /// that fails holds up no site.
    const REST: Duration = Duration::from_secs(60);

    pub(super) fn new(detectors: &Detectors) -> Self {
        let record = |family| Record {
            family,
            panics: AtomicU32::new(0),
            slow: AtomicU32::new(0),
            panics_in_row: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            breaker: Breaker::default(),
        };
        Self {
            detectors: detectors.families().map(record).collect(),
            timed: AtomicU32::new(0),
        }
    }

    /// Detectors that have failed.
    pub(super) fn failing(&self) -> Vec<DetectorHealth> {
        let health = self.detectors.iter().map(|record| DetectorHealth {
            family: record.family.name(),
            panics: record.panics.load(Relaxed),
            slow: record.slow.load(Relaxed),
            is_on: !record.breaker.is_open(),
        });
        health.filter(|health| health.panics > 0 || health.slow > 0).collect()
    }

    /// For an inspection that is part of a judgement.
    pub(super) fn attend<'s>(&'s self, clock: &'s dyn Clock, began: Duration) -> Attended<'s> {
        let is_timed = self.timed.load(Relaxed) > 0
            && self
                .timed
                .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_ok();
        Attended {
            watch: Some(Watch {
                clock,
                began,
                is_timed,
                times: [const { Cell::new(0) }; Self::MOST_TIMED],
            }),
            ..self.accompany()
        }
    }

    /// For an inspection by another policy than the one in force: panics are caught, and nothing is counted.
    pub(super) const fn accompany(&self) -> Attended<'_> {
        Attended {
            supervision: self,
            panicked: Cell::new(Vec::new()),
            tried: Cell::new(Vec::new()),
            asks_all: false,
            watch: None,
        }
    }

    /// As [`accompany`](Self::accompany), and detectors are asked that rest.
    pub(super) fn retrace(&self) -> Attended<'_> {
        Attended {
            asks_all: true,
            ..self.accompany()
        }
    }

    /// Has the detectors of the next inspections timed.
    fn begin_timing(&self) {
        for record in &self.detectors {
            record.strikes.store(0, Relaxed);
        }
        self.timed.store(Self::TIMED, Relaxed);
    }
}

impl Record {
    /// Whether requests of one client could switch it off for all others: then it never is.
    const fn is_of_the_host(&self) -> bool {
        matches!(self.family, Family::Custom(_))
    }

    fn panicked(&self, now: Duration) {
        self.panics.fetch_add(1, Relaxed);
        let in_row = self.panics_in_row.fetch_add(1, Relaxed) + 1;
        if self.is_of_the_host() && in_row >= Supervision::STRIKES {
            self.breaker.open(now);
        }
    }

    fn was_slow(&self, now: Duration) {
        self.slow.fetch_add(1, Relaxed);
        let strikes = self.strikes.fetch_add(1, Relaxed) + 1;
        if self.is_of_the_host() && strikes >= Supervision::STRIKES {
            self.breaker.open(now);
        }
    }

    /// A trial went well: it is asked again, with a clean record.
    fn recovered(&self) {
        self.panics_in_row.store(0, Relaxed);
        self.strikes.store(0, Relaxed);
        self.breaker.close();
    }

    /// What a look is timed by. Ours only compute: their time is the thread's, or a busy machine would have them blamed. The host's
    /// own may wait for something, which holds up a worker as much.
    fn stopwatch<'c>(&self, clock: &'c dyn Clock) -> impl Fn() -> Duration + 'c {
        let is_of_the_host = self.is_of_the_host();
        move || {
            if is_of_the_host {
                clock.elapsed()
            } else {
                clock.thread()
            }
        }
    }
}

impl Breaker {
    fn is_open(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    fn open(&self, now: Duration) {
        self.0.store(Self::after_rest(now), Relaxed);
    }

    fn close(&self) {
        self.0.store(0, Relaxed);
    }

    /// Whether this look is the trial of a breaker that is open. One worker is given it, and the next a rest
    /// later.
    fn tries(&self, now: Duration) -> bool {
        let due = self.0.load(Relaxed);
        due != 0
            && milliseconds(now) >= due
            && self
                .0
                .compare_exchange(due, Self::after_rest(now), Relaxed, Relaxed)
                .is_ok()
    }

    fn after_rest(now: Duration) -> u64 {
        milliseconds(now.saturating_add(Supervision::REST)).max(1)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One inspection.
pub(super) struct Attended<'s> {
    supervision: &'s Supervision,
    /// Detectors that panicked. One that does over every value of a request has failed once.
    panicked: Cell<Vec<usize>>,
    /// Detectors that rest, and that this inspection tries.
    tried: Cell<Vec<usize>>,
    asks_all: bool,
    watch: Option<Watch<'s>>,
}

struct Watch<'s> {
    clock: &'s dyn Clock,
    began: Duration,
    is_timed: bool,
    /// The time that each detector took, where it is timed, in microseconds.
    times: [Cell<u32>; Supervision::MOST_TIMED],
}

impl Attended<'_> {
    /// The inspection is over. Whether a detector panicked in it, so that it is not complete.
    pub(super) fn end(self) -> bool {
        let panicked = self.panicked.take();
        if let Some(watch) = self.watch {
            let supervision = self.supervision;
            if watch.is_timed {
                let now = watch.clock.elapsed();
                for (index, record) in supervision.detectors.iter().enumerate() {
                    if watch.was_slow(index) {
                        record.was_slow(now);
                    }
                }
            } else if watch.clock.elapsed().saturating_sub(watch.began) > Supervision::BUDGET {
                supervision.begin_timing();
            }
            for index in self.tried.take() {
                let is_well = !panicked.contains(&index) && !watch.was_slow(index);
                if let Some(record) = supervision.detectors.get(index).filter(|_| is_well) {
                    record.recovered();
                }
            }
        }
        !panicked.is_empty()
    }

    /// Whether a detector that rests is asked in this inspection: where its breaker is due for a trial, for all of its values.
    fn tries(&self, index: usize, record: &Record) -> bool {
        let Some(watch) = &self.watch else {
            return false;
        };
        let mut tried = self.tried.take();
        let is_tried = tried.contains(&index) || record.breaker.tries(watch.clock.elapsed());
        if is_tried && !tried.contains(&index) {
            tried.push(index);
        }
        self.tried.set(tried);
        is_tried
    }

    fn caught(&self, index: usize, record: &Record, look: &mut dyn FnMut() -> Option<Finding>) -> Option<Finding> {
        // unwind-safe: a detector changes nothing that anybody else sees, unless it is the host's own, who answers for that
        catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| {
            self.panicked(index, record);
            None
        })
    }

    fn panicked(&self, index: usize, record: &Record) {
        let mut panicked = self.panicked.take();
        if !panicked.contains(&index) {
            panicked.push(index);
            if let Some(watch) = &self.watch {
                record.panicked(watch.clock.elapsed());
            }
        }
        self.panicked.set(panicked);
    }
}

impl Watch<'_> {
    fn was_slow(&self, index: usize) -> bool {
        let took = self.times.get(index).map_or(0, Cell::get);
        Duration::from_micros(took.into()) > Supervision::BUDGET
    }

    fn took(&self, index: usize, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        if let Some(sum) = self.times.get(index) {
            sum.set(sum.get().saturating_add(micros));
        }
    }
}

impl Ask for Attended<'_> {
    fn ask(&self, index: usize, look: &mut dyn FnMut() -> Option<Finding>) -> Option<Finding> {
        let record = self.supervision.detectors.get(index)?;
        let rests = record.breaker.is_open() && !self.asks_all;
        if rests && !self.tries(index, record) {
            return None;
        }
        let Some(watch) = self.watch.as_ref().filter(|watch| watch.is_timed || rests) else {
            return self.caught(index, record, look);
        };
        let now = record.stopwatch(watch.clock);
        let began = now();
        let finding = self.caught(index, record, look);
        watch.took(index, now().saturating_sub(began));
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use buckler_waf::detect::Detectors;

    #[test]
    fn detectors_of_our_own_are_asked_whatever_fails() {
        let detectors = Detectors::standard().unwrap();
        let supervision = Supervision::new(&detectors);
        let clock = SystemClock::default();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        for index in 0..detectors.families().count() {
            for _ in 0..100 {
                let attended = supervision.attend(&clock, clock.elapsed());
                let found = attended.ask(index, &mut || panic!("a value that one of ours fails over"));
                assert!(found.is_none() && attended.end(), "the request was not judged whole");
            }
            for record in &supervision.detectors {
                (0..100).for_each(|_| record.was_slow(clock.elapsed()));
            }
        }
        std::panic::set_hook(hook);
        let finding = || Some(Finding::new("any", 100, 0..1));
        for (index, health) in supervision.failing().iter().enumerate() {
            assert!(health.is_on && health.panics == 100 && health.slow > 0, "{health}");
            let attended = supervision.attend(&clock, clock.elapsed());
            assert!(attended.ask(index, &mut finding.clone()).is_some(), "{health}");
        }
    }
}
