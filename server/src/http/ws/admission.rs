//! How many WebSockets there may be, of all and of one key, and how many new ones in a second: a
//! fleet that lost its server comes back at once.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{config::Limits, http::reply::Refusal};

/// Between how many seconds those are spread for whom there is no place: agents honour 5 seconds to 15 minutes.
const COME_AGAIN_S: std::ops::RangeInclusive<u64> = 5..=30;

/// The most WebSockets of one agent that has enrolled: it needs one, processes that share its state
/// one each, and what broke off counts until it is found to be idle.
const OF_AGENT: usize = 64;
/// Counters of keys, by hash, and of agents: half a megabyte. Of 50,000 agents hardly ten share
/// one.
const KEYS: usize = 1_024;
const AGENTS: usize = 65_536;

/// Who may open a WebSocket.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    most_of_key: usize,
    /// How many are open of keys that are shared, and of agents with a credential of their own.
    keys: Box<[AtomicUsize]>,
    agents: Box<[AtomicUsize]>,
    hasher: RandomState,
    open: AtomicUsize,
    turned_away: AtomicU64,
    pace: Pace,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.ws_connections.get(),
            most_of_key: limits.ws_connections_of_key(),
            keys: counters(KEYS),
            agents: counters(AGENTS),
            hasher: RandomState::new(),
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

    /// A place for one more WebSocket on this account, until it is dropped: a key's, or that of one
    /// agent.
    pub(super) fn enter(self: &Arc<Self>, account: &str, is_agent: bool, now: Duration) -> Result<Place, Refusal> {
        let before = self.open.fetch_add(1, Ordering::SeqCst);
        let place = Place {
            admission: Arc::clone(self),
            account: self.hasher.hash_one(account),
            is_agent,
        };
        let of_account = self.counter(place.account, is_agent).fetch_add(1, Ordering::SeqCst);
        let most_of_account = if is_agent { OF_AGENT } else { self.most_of_key };
        let (refusal, again_s) = if before >= self.most {
            ("as many connections are open as may be", fastrand::u64(COME_AGAIN_S))
        } else if of_account >= most_of_account {
            (
                "as many connections of this key are open as may be",
                fastrand::u64(COME_AGAIN_S),
            )
        } else if self.pace.admits(now) {
            return Ok(place);
        } else {
            ("too many connect at once", self.pace.turn(now))
        };
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        Err(Refusal::crowded(refusal, again_s))
    }

    fn counter(&self, account: u64, is_agent: bool) -> &AtomicUsize {
        let counters = if is_agent { &self.agents } else { &self.keys };
        let place = usize::try_from(account % counters.len() as u64).unwrap_or_default();
        // there is always one: its number is below their number
        counters.get(place).unwrap_or(&self.open)
    }
}

fn counters(number: usize) -> Box<[AtomicUsize]> {
    (0..number).map(|_| AtomicUsize::new(0)).collect()
}

/// The place of one WebSocket.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    account: u64,
    is_agent: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::SeqCst);
        self.admission
            .counter(self.account, self.is_agent)
            .fetch_sub(1, Ordering::SeqCst);
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
        let enter = |_| admission.enter("key", false, Duration::from_millis(at_ms)).is_ok();
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
                .enter("key", false, at)
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
        let enter = || admission.enter("key", false, now);
        let places = [enter().unwrap(), enter().unwrap()];
        let refusal = enter().unwrap_err();
        assert!(COME_AGAIN_S.contains(&refusal.retry_after_s().unwrap()));
        drop(places);
        assert!(enter().is_ok());
        let of_key = admission.keys.iter().map(|counter| counter.load(Ordering::SeqCst));
        assert_eq!(of_key.sum::<usize>(), 0, "its key's places too");
    }

    #[test]
    fn one_key_leaves_places_for_others_and_one_agent_for_its_key() {
        let admission = Arc::new(Admission::new(&Limits {
            ws_connections: NonZeroUsize::new(1_000).unwrap(),
            ws_connects_per_second: NonZeroU32::new(100_000).unwrap(),
            ..Limits::default()
        }));
        let enter = |account: &str, is_agent| -> Vec<_> {
            let places = (0..2_000).map(|_| admission.enter(account, is_agent, Duration::from_secs(1)));
            places.filter_map(Result::ok).collect()
        };
        let stolen = enter("stolen", false);
        assert_eq!((stolen.len(), enter("agent", true).len()), (800, OF_AGENT));
        assert_eq!(enter("good", false).len(), 200);
        drop(stolen);
        assert_eq!(enter("stolen", false).len(), 800);
    }
}
