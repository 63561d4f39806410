//! The way from the workers to the actors: a bounded ring that nobody waits for.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    task::Waker,
};

use crossbeam_queue::ArrayQueue;
use futures_util::task::AtomicWaker;

use super::verdict::Detection;

/// What workers found, until the actors take it. Pushing never waits: what does not fit is counted and gone.
///
/// A part of the ring is kept for detections that ban, so that a scanner that sets off a check that only logs cannot hide the one
/// request that would have shut it out.
#[derive(Debug)]
pub struct Intake {
    queue: ArrayQueue<Detection>,
    generated: AtomicU64,
    lost: AtomicU64,
    reader: AtomicWaker,
}

impl Intake {
    /// Detections that the default ring holds, about 200 bytes each: what two busy workers find in
    /// the milliseconds that the actors are away, and 1 MiB at most.
    pub const CAPACITY: usize = 4096;

    /// One in this many places is kept for detections that ban.
    const RESERVE: usize = 4;

    /// A ring for this many detections, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            queue: ArrayQueue::new(capacity.max(1)),
            generated: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            reader: AtomicWaker::new(),
        }
    }

    /// Hands a detection to the actors, or counts it as lost where the ring is full.
    pub fn push(&self, detection: Detection) {
        self.generated.fetch_add(1, Ordering::Relaxed);
        let kept = self.has_room(&detection) && self.queue.push(detection).is_ok();
        if !kept {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.reader.wake();
    }

    /// Counts an event that no worker found: the host banned a client, or let one in.
    pub(crate) fn count_of_host(&self) {
        self.generated.fetch_add(1, Ordering::Relaxed);
    }

    /// Has this task woken by the next push, once. Register first, then look whether anything waits: what was pushed between is
    /// seen. Only the reader registers.
    pub fn register(&self, reader: &Waker) {
        self.reader.register(reader);
    }

    /// The oldest detection. Only the actor that owns the reading side takes any.
    #[must_use]
    pub fn pop(&self) -> Option<Detection> {
        self.queue.pop()
    }

    /// The most it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Detections that wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Detections that were pushed since start, lost ones included.
    #[must_use]
    pub fn generated(&self) -> u64 {
        self.generated.load(Ordering::Relaxed)
    }

    /// Detections that were lost since start because the ring was full (`queue_full`).
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn has_room(&self, detection: &Detection) -> bool {
        let capacity = self.capacity();
        detection.ban_for.is_some() || self.len() < capacity - capacity / Self::RESERVE
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Wake};

    use super::*;
    use crate::{
        model::policy::{Check, Level},
        protocol::v2::{AddressOrigin, Evidence},
    };

    fn detection(level: Level) -> Detection {
        Detection {
            check: Check::Decoy,
            level,
            source: [203, 0, 113, 9].into(),
            origin: AddressOrigin::Socket,
            bannable: true,
            evidence: Evidence::Certain,
            count: None,
            clean_requests: 0,
            ban_for: level.bans().then_some(std::time::Duration::from_secs(300)),
            rule: "decoy".into(),
            score: 100,
            id: None,
            place: "path".into(),
            excerpt: "/.env".into(),
            at_ms: 0,
            config_version: None,
            request: crate::guard::RequestInfo::default(),
            path: "/.env".into(),
            span: tracing::Span::none(),
            exception: None,
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let intake = Intake::new(8);
        (0..20).for_each(|_| intake.push(detection(Level::Ban)));
        assert_eq!((intake.len(), intake.generated(), intake.lost()), (8, 20, 12));
        assert!(intake.pop().is_some());
        intake.push(detection(Level::Ban));
        assert_eq!((intake.len(), intake.generated(), intake.lost()), (8, 21, 12));
    }

    #[test]
    fn a_log_flood_leaves_room_for_bans() {
        let intake = Intake::new(8);
        (0..20).for_each(|_| intake.push(detection(Level::Log)));
        assert_eq!((intake.len(), intake.lost()), (6, 14));
        intake.push(detection(Level::Ban));
        intake.push(detection(Level::Block));
        assert_eq!((intake.len(), intake.lost()), (7, 15));
    }

    #[test]
    fn the_smallest_ring_holds_one_of_any_level() {
        let intake = Intake::new(0);
        intake.push(detection(Level::Log));
        assert_eq!((intake.capacity(), intake.len(), intake.lost()), (1, 1, 0));
    }

    #[test]
    fn a_push_wakes_the_reader_once_for_each_registration() {
        struct Bell(AtomicU64);
        impl Wake for Bell {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let bell = Arc::new(Bell(AtomicU64::new(0)));
        let intake = Intake::new(8);
        intake.push(detection(Level::Ban));
        intake.register(&Waker::from(Arc::clone(&bell)));
        assert_eq!(bell.0.load(Ordering::Relaxed), 0);
        intake.push(detection(Level::Ban));
        intake.push(detection(Level::Ban));
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn nothing_is_unaccounted_for_while_two_threads_push_and_one_takes() {
        const EACH: u64 = 5_000;
        let intake = Intake::new(64);
        let mut taken = 0;
        std::thread::scope(|scope| {
            let workers = [(); 2].map(|()| scope.spawn(|| (0..EACH).for_each(|_| intake.push(detection(Level::Ban)))));
            while workers.iter().any(|worker| !worker.is_finished()) || !intake.is_empty() {
                taken += u64::from(intake.pop().is_some());
            }
        });
        assert_eq!(intake.generated(), 2 * EACH);
        assert_eq!(taken + intake.lost(), 2 * EACH);
    }
}
