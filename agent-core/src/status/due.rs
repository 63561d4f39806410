//! When an agent that speaks on demand is due, for every request to read.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use crate::store::Times;

/// On both clocks: the one that measures intervals may stand still while the machine does, and the wall clock may be set.
///
/// The fields are written one by one. Whoever reads between two of them may ask for an exchange that is not due, and is told so.
#[derive(Debug)]
pub(crate) struct DueLine {
    elapsed_ms: AtomicU64,
    unix_ms: AtomicU64,
    /// Whether what is caught may be told at once: not where the server has just failed.
    hears: AtomicBool,
    /// Detections that the conversation knows of. There are more where some are still on their way to it.
    known: AtomicU64,
}

impl Default for DueLine {
    fn default() -> Self {
        Self {
            elapsed_ms: AtomicU64::new(u64::MAX),
            unix_ms: AtomicU64::new(u64::MAX),
            hears: AtomicBool::new(false),
            known: AtomicU64::new(0),
        }
    }
}

impl DueLine {
    /// It is due then.
    pub(crate) fn is_at(&self, at: Times) {
        self.elapsed_ms.store(rounded_up(at.elapsed), Ordering::Relaxed);
        self.unix_ms.store(rounded_up(at.unix), Ordering::Relaxed);
    }

    /// It will not be due, for all that is known.
    pub(crate) fn clear(&self) {
        self.elapsed_ms.store(u64::MAX, Ordering::Relaxed);
        self.unix_ms.store(u64::MAX, Ordering::Relaxed);
        self.hears.store(false, Ordering::Relaxed);
    }

    /// Whether what is caught makes it due.
    pub(crate) fn hears(&self, hears: bool) {
        self.hears.store(hears, Ordering::Relaxed);
    }

    /// The conversation knows of so many detections.
    pub(crate) fn knows(&self, detections: u64) {
        self.known.store(detections, Ordering::Relaxed);
    }

    /// Whether it is due, where so many detections were made.
    pub(crate) fn has_come(&self, now: Times, detections: u64) -> bool {
        let is_past = |now: Duration, line: &AtomicU64| now.as_millis() >= u128::from(line.load(Ordering::Relaxed));
        let waits = detections != self.known.load(Ordering::Relaxed);
        (waits && self.hears.load(Ordering::Relaxed))
            || is_past(now.elapsed, &self.elapsed_ms)
            || is_past(now.unix, &self.unix_ms)
    }

    /// Whether the wall clock alone says so.
    pub(crate) fn has_come_by_unix(&self, unix: Duration) -> bool {
        unix.as_millis() >= u128::from(self.unix_ms.load(Ordering::Relaxed))
    }
}

/// Whole milliseconds, so that what is due by this line is due by the exact time too.
fn rounded_up(at: Duration) -> u64 {
    u64::try_from(at.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
