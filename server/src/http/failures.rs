//! Wrong keys and tokens: counted by source in constant memory, logged within a budget, and
//! answered slowly once there are many.
//!
//! A right key or token is answered at once whatever its neighbours do: many clients may share an
//! address, and none of them may keep an operator or an agent out. So what is slowed is the answer
//! to a wrong one.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use buckler::model::address::ban_scope;

use super::reply::Refusal;
use crate::lines::{Lines, one_more};

/// Sources that are counted at once: 8 KiB. With more, the newest takes the place of another.
const SOURCES: usize = 1_024;
/// Failures of one source within the window that are no guessing: an office of agents with a wrong
/// key, each tried three times an hour, and people who mistype.
const FREE: u64 = 30;
/// How long the answer to one more takes: a source guesses once a second and connection.
const DELAY: Duration = Duration::from_secs(1);
/// Answers that wait at once; beyond that they come at once, since a connection that waits costs
/// memory.
const WAITING: usize = 256;
/// Lines that the log gets in a window, of all sources together.
const LINES: u64 = 20;
/// When a source may come again, as it is told, in seconds.
const COME_AGAIN_S: u64 = 60;

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// An agent's key.
    Key,
    /// The admin API's token.
    Token,
}

impl Wrong {
    /// As a label.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

/// The failures of the last minute. Each counter is a word: 32 bits name the source, 16 the minute,
/// 16 are the count.
#[derive(Debug)]
pub(super) struct Failures {
    sources: Box<[AtomicU64]>,
    lines: Lines,
    hasher: RandomState,
    waiting: AtomicUsize,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            sources: (0..SOURCES).map(|_| AtomicU64::new(0)).collect(),
            lines: Lines::new(LINES),
            hasher: RandomState::new(),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Failures {
    /// The answer to one more failure, after a while where the source has failed often.
    pub(super) async fn answer(&self, peer: IpAddr, wrong: Wrong, elapsed: Duration) -> Refusal {
        let count = self.count(peer, wrong, elapsed.as_secs());
        if count <= FREE {
            return match wrong {
                Wrong::Key => Refusal::wrong_key(),
                Wrong::Token => Refusal::no_token(),
            };
        }
        let waits = Waits::enter(&self.waiting);
        if waits.is_allowed {
            actix_web::rt::time::sleep(DELAY).await;
        }
        drop(waits);
        Refusal::too_many(COME_AGAIN_S)
    }

    /// Counts a failure, and says it in the log where there is room.
    fn count(&self, peer: IpAddr, wrong: Wrong, now_s: u64) -> u64 {
        let hash = self.hasher.hash_one(ban_scope(peer));
        let (name, place) = (hash >> 32, hash % SOURCES as u64);
        let slot = usize::try_from(place).ok().and_then(|place| self.sources.get(place));
        let count = slot.map_or(1, |slot| one_more(slot, name, now_s));
        if let Some(unsaid) = self.lines.admit_at(now_s) {
            let what = match wrong {
                Wrong::Key => "agent key",
                Wrong::Token => "admin token",
            };
            tracing::warn!(%peer, count, unsaid, "a wrong or missing {what}");
        }
        count
    }
}

/// An answer that waits, until it is dropped, also with its connection.
struct Waits<'a> {
    all: &'a AtomicUsize,
    is_allowed: bool,
}

impl<'a> Waits<'a> {
    fn enter(all: &'a AtomicUsize) -> Self {
        let is_allowed = all.fetch_add(1, Ordering::Relaxed) < WAITING;
        Self { all, is_allowed }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_apart_for_a_minute() {
        let failures = Failures::default();
        let peer = IpAddr::from([203, 0, 113, 1]);
        for expected in 1..=40 {
            assert_eq!(failures.count(peer, Wrong::Key, 120), expected);
        }
        assert_eq!(failures.count(peer, Wrong::Key, 179), 41);
        assert_eq!(failures.count(peer, Wrong::Key, 180), 1, "a new minute");
        let of = |text: &str| failures.count(text.parse().unwrap(), Wrong::Token, 0);
        assert_eq!((of("2001:db8::1"), of("2001:db8::2")), (1, 2), "one customer");
    }

    #[test]
    fn a_flood_of_sources_costs_constant_memory_and_few_lines() {
        let failures = Failures::default();
        for n in 0..100_000_u32 {
            failures.count(IpAddr::from(n.to_be_bytes()), Wrong::Key, 5);
        }
        assert_eq!(failures.sources.len(), SOURCES);
        assert_eq!(failures.lines.admit_at(65), Some(100_000 - LINES));
    }
}
