//! Room for bodies whose senders have shown no key yet: agents bring theirs in the body, so the
//! server must read what any client sends, and bounds what that takes.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use buckler::model::address::ban_scope;

use super::reply::Refusal;

/// Bytes of all bodies that are on their way at once: 128 of the largest.
const ALL: usize = 512 << 20;
/// Bytes of one source: 32,000 beacons without events, or 16 of the largest bodies.
const SOURCE: usize = 64 << 20;
/// Counters of sources, by hash: 8 KiB. Two sources share one once in a thousand pairs.
const SOURCES: usize = 1_024;
/// When a source may come again, in seconds: bodies have 30 to arrive.
const COME_AGAIN_S: u64 = 10;

/// Bytes that are on their way.
#[derive(Debug)]
pub(super) struct Bodies {
    all: AtomicUsize,
    sources: Box<[AtomicUsize]>,
    hasher: RandomState,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            all: AtomicUsize::new(0),
            sources: (0..SOURCES).map(|_| AtomicUsize::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Bodies {
    /// Room for a body, until it is dropped.
    pub(super) fn enter(&self, peer: IpAddr, bytes: usize) -> Result<Room<'_>, Refusal> {
        let place = self.hasher.hash_one(ban_scope(peer)) % SOURCES as u64;
        let source = usize::try_from(place).ok().and_then(|place| self.sources.get(place));
        let source = source.unwrap_or(&self.all);
        let room = Room {
            all: &self.all,
            source,
            bytes,
        };
        let of_source = source.fetch_add(bytes, Ordering::Relaxed);
        let of_all = self.all.fetch_add(bytes, Ordering::Relaxed);
        if of_source.saturating_add(bytes) > SOURCE || of_all.saturating_add(bytes) > ALL {
            return Err(Refusal::crowded("too many bodies are on their way", COME_AGAIN_S));
        }
        Ok(room)
    }
}

/// Room for one body.
#[derive(Debug)]
pub(super) struct Room<'a> {
    all: &'a AtomicUsize,
    source: &'a AtomicUsize,
    bytes: usize,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.source.fetch_sub(self.bytes, Ordering::Relaxed);
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_cannot_take_the_room_of_others() {
        let bodies = Bodies::default();
        let attacker = IpAddr::from([203, 0, 113, 9]);
        let held: Vec<_> = (0..40).map(|_| bodies.enter(attacker, 4 << 20)).collect();
        assert_eq!(held.iter().filter(|room| room.is_ok()).count(), 16);
        let others = (0..100_u8).filter(|n| bodies.enter(IpAddr::from([198, 51, 100, *n]), 4 << 20).is_ok());
        assert!(others.count() >= 98, "all but one that may share its counter");
        drop(held);
        assert!(bodies.enter(attacker, 4 << 20).is_ok());
        assert_eq!(
            bodies.all.load(Ordering::Relaxed),
            0,
            "what was refused is given back too"
        );
    }

    #[test]
    fn all_together_are_bounded() {
        let bodies = Bodies::default();
        let held: Vec<_> = (0..=255_u8)
            .map(|n| bodies.enter(IpAddr::from([198, 51, 100, n]), 4 << 20))
            .collect();
        assert_eq!(held.iter().filter(|room| room.is_ok()).count(), 128);
    }
}
