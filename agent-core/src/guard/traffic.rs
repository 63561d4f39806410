//! How many requests each client sent in the last minutes, in memory that never grows: what its refused requests are a share of.
//!
//! Set-associative, as the flood table is: a keyed hash of the client names a set of [`WAYS`] slots on one cache line. Where a set is
//! full, the client with the fewest requests gives way, so that passers-by replace passers-by, and a network that sends thousands of
//! requests keeps its count whatever else comes.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{recent::key_of, sliding::SlidingCount};
use crate::model::blacklist::seed::Seed;

/// Slots of a set: with their keys they are one cache line.
const WAYS: usize = 4;

/// Sets of the table: 131,072 clients in 2 MiB, as many as the flood table is made for.
const SETS: usize = 1 << 15;

/// Requests of each client. All methods take `&self`, never wait and never allocate.
pub(super) struct Traffic {
    sets: Box<[Set]>,
    seed: Seed,
}

/// On a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Set {
    keys: [AtomicU64; WAYS],
    counts: [SlidingCount; WAYS],
}

impl Traffic {
    /// Counts a request.
    pub(super) fn add(&self, source: IpAddr, period: Duration, now: Duration) {
        let (key, hash) = self.place(source);
        let Some(set) = self.set(hash) else { return };
        if let Some(count) = set.find(key) {
            return count.add(period, now);
        }
        let fewest = set.slots().zip(0_u64..).min_by_key(|((_, count), place)| {
            // of equals one that depends on the newcomer, so that no slot is the first to go for all
            (count.within(period, now), (place ^ hash) % WAYS as u64)
        });
        if let Some(((own, count), _)) = fewest {
            count.clear();
            own.store(key, Relaxed);
            count.add(period, now);
        }
    }

    /// The requests of a client within one period of now.
    pub(super) fn within(&self, source: IpAddr, period: Duration, now: Duration) -> u64 {
        let (key, hash) = self.place(source);
        let count = self.set(hash).and_then(|set| set.find(key));
        count.map_or(0, |count| count.within(period, now))
    }

    fn place(&self, source: IpAddr) -> (u64, u64) {
        let (key, _) = key_of(source);
        (key, self.seed.hash(key))
    }

    /// The set that may hold a client. There is always one: their number is not zero.
    fn set(&self, hash: u64) -> Option<&Set> {
        let index = usize::try_from(hash >> 32).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        self.sets.get(index)
    }
}

impl Set {
    fn find(&self, key: u64) -> Option<&SlidingCount> {
        let at = self.keys.iter().position(|own| own.load(Relaxed) == key)?;
        self.counts.get(at)
    }

    fn slots(&self) -> impl Iterator<Item = (&AtomicU64, &SlidingCount)> {
        self.keys.iter().zip(&self.counts)
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            sets: (0..SETS).map(|_| Set::default()).collect(),
            seed: Seed::random(),
        }
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic")
            .field("slots", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(300);

    fn source(n: u32) -> IpAddr {
        Ipv4Addr::from(n).into()
    }

    #[test]
    fn a_busy_network_keeps_its_count_while_strangers_come() {
        let (traffic, now) = (Traffic::default(), Duration::from_secs(1));
        let busy = source(0xc633_6407);
        (0..1000).for_each(|_| traffic.add(busy, PERIOD, now));
        (0..1_000_000).for_each(|n| traffic.add(source(0x0a00_0000 + n), PERIOD, now));
        assert_eq!(traffic.within(busy, PERIOD, now), 1000);
        assert_eq!(traffic.within(source(1), PERIOD, now), 0, "of one that never came");
        assert!(size_of::<Set>() * SETS <= 2 << 20);
    }

    #[test]
    fn a_subscriber_is_one_client() {
        let (traffic, now) = (Traffic::default(), Duration::from_secs(1));
        for text in ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"] {
            traffic.add(text.parse().unwrap(), PERIOD, now);
        }
        assert_eq!(traffic.within("2001:db8::9".parse().unwrap(), PERIOD, now), 2);
    }
}
