//! How much the guard's findings may write to the log: an attack must not become an attack on the log.

use std::time::Duration;

use crate::guard::{Detection, DetectorHealth};

/// Lines a second that detections may write.
const LOG_LINES: u32 = 20;
/// How often spared requests are told of: they are no news, but nobody should have to look at the status to learn of them.
const SPARED_EVERY: Duration = Duration::from_mins(1);

/// Lets detections write a bounded number of lines a second, and says how many it held back.
#[derive(Default)]
pub(super) struct LogBudget {
    /// The second that is being counted.
    second: u64,
    written: u32,
    held_back: u64,
    /// Spared requests that were told of, and when.
    spared: (u64, Duration),
    /// Detectors as they were told of last.
    detectors: Vec<DetectorHealth>,
}

impl LogBudget {
    /// Writes a detection down, unless too many were within this second.
    pub(super) fn detection(&mut self, detection: &Detection, now: Duration) {
        if now.as_secs() != self.second {
            if self.held_back > 0 {
                tracing::warn!(target: "buckler::guard", detections = self.held_back, "further detections, not logged one by one");
            }
            *self = Self {
                second: now.as_secs(),
                spared: self.spared,
                detectors: std::mem::take(&mut self.detectors),
                ..Self::default()
            };
        }
        if self.written == LOG_LINES {
            self.held_back += 1;
            return;
        }
        self.written += 1;
        let Detection {
            check,
            level,
            source,
            place,
            excerpt,
            bannable,
            rule,
            score,
            id,
            config_version,
            ..
        } = detection;
        let id = id.map(tracing::field::display);
        tracing::warn!(target: "buckler::guard", %source, ?level, bannable, %rule, score, id, config_version, "{}: {place} -> {excerpt:?}", check.title());
    }

    /// Says which detectors have failed, and which are not asked any more, whenever that has changed.
    pub(super) fn detectors(&mut self, now: Vec<DetectorHealth>) {
        for health in now.iter().filter(|health| !self.detectors.contains(health)) {
            if health.is_on {
                tracing::warn!(target: "buckler::guard", "{health}: requests are judged by the others");
            } else {
                tracing::error!(target: "buckler::guard", "{health}: it is not asked any more");
            }
        }
        self.detectors = now;
    }

    /// Says now and then how many requests of listed sources have passed since start because the list is not in force.
    pub(super) fn spared(&mut self, total: u64, now: Duration) {
        let (told, at) = self.spared;
        if total > told && (told == 0 || now.saturating_sub(at) >= SPARED_EVERY) {
            tracing::warn!(target: "buckler::guard", requests = total - told, "requests of listed sources passed: the list is not in force");
            self.spared = (total, now);
        }
    }
}
