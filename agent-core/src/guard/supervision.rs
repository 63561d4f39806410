//! What becomes of a detector that fails: its panic is caught, its time is watched, and after repeated failures it is not asked any
//! more. The request is judged by the rest.
//!
//! An inspection costs one look at the clock. Only where one has taken too long are the detectors of the next ones timed, each by
//! itself. Nothing can stop a detector that has begun to look, and its answer counts however late it comes: being slow leaves no
//! gap in the judgement, as a panic does.

use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use serde::Serialize;

use crate::{
    clock::Clock,
    model::detect::{Ask, Detectors, Family, Finding},
};

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
    /// Whether it is still asked. One that was switched off stays so until the process ends.
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
    /// Slow looks since detectors began to be timed.
    strikes: AtomicU32,
    is_off: AtomicBool,
}

impl Supervision {
    /// What one inspection may take: a thousand times what it usually does, and still less than a person notices.
    const BUDGET: Duration = Duration::from_millis(20);

    /// Inspections whose detectors are timed after one was too slow: an attacker who has found what takes long sends it again at
    /// once.
    const TIMED: u32 = 64;

    /// Detectors that are timed, the standard ones first: thrice as many as there are of those, and few enough to cost nothing.
    const MOST_TIMED: usize = 48;

    /// Panics, or slow looks within [`TIMED`](Self::TIMED) inspections, after which a detector is not asked any more.
    const STRIKES: u32 = 3;

    pub(super) fn new(detectors: &Detectors) -> Self {
        let record = |family| Record {
            family,
            panics: AtomicU32::new(0),
            slow: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            is_off: AtomicBool::new(false),
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
            is_on: !record.is_off.load(Relaxed),
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
            asks_all: false,
            watch: None,
        }
    }

    /// As [`accompany`](Self::accompany), and detectors are asked that were switched off.
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
    fn panicked(&self) {
        if self.panics.fetch_add(1, Relaxed) + 1 >= Supervision::STRIKES {
            self.is_off.store(true, Relaxed);
        }
    }

    /// What a look is timed by. Ours only compute: their time is the thread's, or a busy machine would switch them off one after the
    /// other. The host's own may wait for something, which holds up a worker as much.
    fn stopwatch<'c>(&self, clock: &'c dyn Clock) -> impl Fn() -> Duration + 'c {
        let is_own = matches!(self.family, Family::Custom(_));
        move || if is_own { clock.elapsed() } else { clock.thread() }
    }

    fn was_slow(&self) {
        self.slow.fetch_add(1, Relaxed);
        if self.strikes.fetch_add(1, Relaxed) + 1 >= Supervision::STRIKES {
            self.is_off.store(true, Relaxed);
        }
    }
}

/// One inspection.
pub(super) struct Attended<'s> {
    supervision: &'s Supervision,
    /// Detectors that panicked. One that does over every value of a request has failed once.
    panicked: Cell<Vec<usize>>,
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
        if let Some(watch) = self.watch {
            let supervision = self.supervision;
            if watch.is_timed {
                let is_slow = |took: &Cell<u32>| Duration::from_micros(took.get().into()) > Supervision::BUDGET;
                let timed = supervision.detectors.iter().zip(&watch.times);
                timed
                    .filter(|(_, took)| is_slow(took))
                    .for_each(|(record, _)| record.was_slow());
            } else if watch.clock.elapsed().saturating_sub(watch.began) > Supervision::BUDGET {
                supervision.begin_timing();
            }
        }
        !self.panicked.take().is_empty()
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
            if self.watch.is_some() {
                record.panicked();
            }
        }
        self.panicked.set(panicked);
    }
}

impl Watch<'_> {
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
        if record.is_off.load(Relaxed) && !self.asks_all {
            return None;
        }
        let Some(watch) = self.watch.as_ref().filter(|watch| watch.is_timed) else {
            return self.caught(index, record, look);
        };
        let now = record.stopwatch(watch.clock);
        let began = now();
        let finding = self.caught(index, record, look);
        watch.took(index, now().saturating_sub(began));
        finding
    }
}
