//! How many WebSockets there may be, and how many new ones in a second: a fleet that lost its server comes back at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{config::Limits, http::reply::Refusal};

/// Between how many seconds those are spread for whom there is no place: agents honour 5 seconds to 15 minutes.
const COME_AGAIN_S: std::ops::RangeInclusive<u64> = 5..=30;

/// Who may open a WebSocket.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    open: AtomicUsize,
    turned_away: AtomicU64,
    pace: Pace,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.ws_connections.get(),
            open: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            pace: Pace::new(limits.ws_connects_per_second.get()),
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The most that may be.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// How many were turned away.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// A place for one more WebSocket, until it is dropped.
    pub(super) fn enter(self: &Arc<Self>, now: Duration) -> Result<Place, Refusal> {
        let before = self.open.fetch_add(1, Ordering::SeqCst);
        let place = Place(Arc::clone(self));
        let (refusal, again_s) = if before >= self.most {
            let again_s = fastrand::u64(COME_AGAIN_S);
            ("as many connections are open as may be", again_s)
        } else if self.pace.admits(now) {
            return Ok(place);
        } else {
            ("too many connect at once", self.pace.turn(now))
        };
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::crowded(refusal, again_s))
    }
}

/// The place of one WebSocket.
#[derive(Debug)]
pub(super) struct Place(Arc<Admission>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A token bucket that holds what a second refills, kept as the one time at which it would be full again (the generic cell
/// rate algorithm, ITU-T I.371).
#[derive(Debug)]
struct Pace {
    /// What one token takes to be refilled, in nanoseconds.
    token_ns: u64,
    /// When the bucket is full again, in nanoseconds of the server's clock.
    full_at_ns: AtomicU64,
    /// When the last of those who were turned away has its turn.
    last_turn_ns: AtomicU64,
}

/// How much the bucket holds, by the time it takes to be refilled.
const BURST_NS: u64 = 1_000_000_000;

/// The first turn of those who are turned away, from now: agents come back no sooner.
const FIRST_TURN_NS: u64 = 5_000_000_000;
/// And the last: agents wait no longer.
const LAST_TURN_S: u64 = 15 * 60;

impl Pace {
    fn new(per_second: u32) -> Self {
        Self {
            token_ns: BURST_NS / u64::from(per_second.max(1)),
            full_at_ns: AtomicU64::new(0),
            last_turn_ns: AtomicU64::new(0),
        }
    }

    /// In how many seconds somebody who is turned away now has a turn. Turns are given out one after the other, at half the rate,
    /// so that a storm is over as soon as the server can take it, and newcomers are let in beside it.
    fn turn(&self, now: Duration) -> u64 {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let turn = |last: u64| {
            last.max(now.saturating_add(FIRST_TURN_NS))
                .saturating_add(2 * self.token_ns)
        };
        let given = self
            .last_turn_ns
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(turn(last)));
        let (Ok(last) | Err(last)) = given;
        turn(last).saturating_sub(now).div_ceil(BURST_NS).min(LAST_TURN_S)
    }

    fn admits(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let take = |full_at: u64| {
            let after = full_at.max(now).saturating_add(self.token_ns);
            (after.saturating_sub(now) <= BURST_NS).then_some(after)
        };
        let taken = self.full_at_ns.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use super::*;

    fn admission(most: usize, per_second: u32) -> Arc<Admission> {
        Arc::new(Admission::new(&Limits {
            ws_connections: NonZeroUsize::new(most).unwrap(),
            ws_connects_per_second: NonZeroU32::new(per_second).unwrap(),
            ..Limits::default()
        }))
    }

    fn admitted(admission: &Arc<Admission>, at_ms: u64, tries: usize) -> usize {
        let enter = |_| admission.enter(Duration::from_millis(at_ms)).is_ok();
        (0..tries).filter(|n| enter(*n)).count()
    }

    #[test]
    fn a_second_of_burst_and_then_the_rate() {
        let admission = admission(1_000, 10);
        assert_eq!(admitted(&admission, 5_000, 50), 10);
        assert_eq!(admitted(&admission, 5_250, 50), 2);
        assert_eq!(admitted(&admission, 5_300, 50), 1);
        assert_eq!(admitted(&admission, 60_000, 50), 10, "and no more after a pause");
        assert_eq!(admission.turned_away(), 200 - 23);
        assert_eq!(admission.open(), 0, "who is turned away has no place");
    }

    #[test]
    fn who_is_turned_away_gets_a_turn_after_those_before() {
        let admission = admission(100_000, 100);
        let turn = |at: Duration| {
            admission
                .enter(at)
                .map(|_| 0)
                .unwrap_or_else(|refusal| refusal.retry_after_s().unwrap())
        };
        let now = Duration::from_secs(100);
        let turns: Vec<u64> = (0..600).map(|_| turn(now)).collect();
        assert_eq!(turns.iter().filter(|turn| **turn == 0).count(), 100);
        let of = |second| turns.iter().filter(|turn| **turn == second).count();
        assert_eq!((6..=15).map(of).collect::<Vec<_>>(), [50; 10], "half the rate");
        let storm: u64 = (0..100_000).map(|_| turn(now)).max().unwrap();
        assert_eq!(storm, LAST_TURN_S);
        assert_eq!(admitted(&admission, 200_000, 150), 100);
    }

    #[test]
    fn a_place_is_free_again_once_it_is_left() {
        let admission = admission(2, 1_000);
        let now = Duration::from_secs(1);
        let places = [admission.enter(now).unwrap(), admission.enter(now).unwrap()];
        let refusal = admission.enter(now).unwrap_err();
        assert!(COME_AGAIN_S.contains(&refusal.retry_after_s().unwrap()));
        drop(places);
        assert!(admission.enter(now).is_ok());
    }
}
