//! How often each client was banned, in memory that never grows: bans grow with repetition.
//!
//! The agent's thread writes, and every worker reads: the refusal that bans a client says until when. The table is set-associative, as
//! the others of the guard are; where a set is full, the client that would be forgotten first gives way.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use ipnet::IpNet;

use super::{
    let_in::LetIn,
    recent::{address_of, key_of},
};
use crate::model::{address::ban_scope, blacklist::seed::Seed};

/// Slots of a set: with their words they are one cache line.
const WAYS: usize = 4;

/// Sets of the table: 8,192 clients in 128 KiB. As many are caught in a week by a large site.
const SETS: usize = 2048;

/// Bits of a number of bans; the others of the word are the second in which it is forgotten.
const COUNT_BITS: u32 = 8;

/// Bans of each client.
pub struct BanHistory {
    sets: Box<[Set]>,
    seed: Seed,
}

/// One client's bans, to be kept on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repetition {
    /// The client, as far as its ban reaches.
    pub(crate) network: IpNet,
    /// How often it was banned.
    pub(crate) bans: u32,
    /// When it is forgotten, in process time.
    pub(crate) until: Duration,
}

#[derive(Default)]
#[repr(align(64))]
struct Set([Slot; WAYS]);

#[derive(Default)]
struct Slot {
    key: AtomicU64,
    word: AtomicU64,
}

impl BanHistory {
    /// How long a ban is remembered after its end: a scanner that comes back within the week is the same one, and after it an address
    /// has often changed hands.
    pub const MEMORY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// How often this client was banned, as far as that is remembered.
    #[must_use]
    pub fn bans(&self, client: IpAddr, now: Duration) -> u32 {
        let (key, set) = self.place(client);
        let slot = set.and_then(|set| set.0.iter().find(|slot| slot.is_of(key, now)));
        slot.map_or(0, |slot| bans_of(slot.word.load(Relaxed)))
    }

    /// Notes a ban that ends at `end`. Only the agent's thread calls this.
    pub(crate) fn note(&self, client: IpAddr, end: Duration, now: Duration) {
        let bans = self.bans(client, now).saturating_add(1);
        self.put(client, bans, end.saturating_add(Self::MEMORY), now);
    }

    /// Takes over what an earlier process noted.
    pub(crate) fn restore(&self, repetition: &Repetition, now: Duration) {
        self.put(repetition.network.addr(), repetition.bans, repetition.until, now);
    }

    /// Forgets the bans of these clients.
    pub(super) fn forget(&self, let_in: &LetIn) {
        for slot in self.sets.iter().flat_map(|set| &set.0) {
            let key = slot.key.load(Relaxed);
            if slot.word.load(Relaxed) != 0 && let_in.holds(ban_scope(address_of(key, 0))) {
                slot.word.store(0, Relaxed);
            }
        }
    }

    /// All that is remembered.
    pub(crate) fn all(&self, now: Duration) -> Vec<Repetition> {
        let slots = self.sets.iter().flat_map(|set| &set.0);
        let known = slots.filter(|slot| is_live(slot.word.load(Relaxed), now));
        known
            .map(|slot| {
                let word = slot.word.load(Relaxed);
                Repetition {
                    network: ban_scope(address_of(slot.key.load(Relaxed), 0)),
                    bans: bans_of(word),
                    until: Duration::from_secs(word >> COUNT_BITS),
                }
            })
            .collect()
    }

    fn put(&self, client: IpAddr, bans: u32, until: Duration, now: Duration) {
        let (key, set) = self.place(client);
        let Some(set) = set else { return };
        let known = set.0.iter().find(|slot| slot.is_of(key, now));
        let slot = known.or_else(|| set.0.iter().min_by_key(|slot| slot.word.load(Relaxed) >> COUNT_BITS));
        if let Some(slot) = slot {
            let bans = u64::from(bans).min((1 << COUNT_BITS) - 1);
            slot.key.store(key, Relaxed);
            slot.word.store((until.as_secs() << COUNT_BITS) | bans, Relaxed);
        }
    }

    fn place(&self, client: IpAddr) -> (u64, Option<&Set>) {
        let (key, _) = key_of(client);
        let hash = self.seed.hash(key);
        let index = usize::try_from(hash >> 32).unwrap_or(usize::MAX) & (self.sets.len() - 1);
        (key, self.sets.get(index))
    }
}

impl Slot {
    fn is_of(&self, key: u64, now: Duration) -> bool {
        self.key.load(Relaxed) == key && is_live(self.word.load(Relaxed), now)
    }
}

const fn is_live(word: u64, now: Duration) -> bool {
    word != 0 && word >> COUNT_BITS > now.as_secs()
}

const fn bans_of(word: u64) -> u32 {
    (word & ((1 << COUNT_BITS) - 1)) as u32
}

impl Default for BanHistory {
    fn default() -> Self {
        Self {
            sets: (0..SETS).map(|_| Set::default()).collect(),
            seed: Seed::random(),
        }
    }
}

impl fmt::Debug for BanHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BanHistory")
            .field("slots", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn bans_are_remembered_for_a_week_after_the_last_one() {
        let history = BanHistory::default();
        let client = ip("203.0.113.9");
        assert_eq!(history.bans(client, at(0)), 0);
        history.note(client, at(300), at(0));
        history.note(client, at(5000), at(1000));
        let week = BanHistory::MEMORY.as_secs();
        let seen = [1000, 5000 + week - 1, 5000 + week].map(|now| history.bans(client, at(now)));
        assert_eq!(seen, [2, 2, 0]);
        history.note(client, at(6000 + week), at(5000 + week));
        assert_eq!(history.bans(client, at(5000 + week)), 1, "from the beginning");
    }

    #[test]
    fn a_subscriber_is_one_client_and_what_is_kept_comes_back() {
        let (history, next) = (BanHistory::default(), BanHistory::default());
        history.note(ip("2001:db8::1"), at(300), at(0));
        history.note(ip("2001:db8::2"), at(300), at(0));
        history.note(ip("203.0.113.9"), at(300), at(0));
        let mut all = history.all(at(0));
        all.sort_by_key(|repetition| repetition.bans);
        let kept: Vec<_> = all
            .iter()
            .map(|known| (known.network.to_string(), known.bans))
            .collect();
        assert_eq!(
            kept,
            [("203.0.113.9/32".to_owned(), 1), ("2001:db8::/64".to_owned(), 2)]
        );
        all.iter().for_each(|repetition| next.restore(repetition, at(0)));
        assert_eq!(
            [next.bans(ip("2001:db8::3"), at(0)), next.bans(ip("203.0.113.9"), at(0))],
            [2, 1]
        );
        next.forget(&LetIn::new(&["203.0.113.0/24".parse().unwrap()]));
        assert_eq!(
            [next.bans(ip("2001:db8::3"), at(0)), next.bans(ip("203.0.113.9"), at(0))],
            [2, 0]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let history = BanHistory::default();
        (0..100_000_u32).for_each(|n| history.note(Ipv4Addr::from(n).into(), at(u64::from(n)), at(0)));
        assert!(history.all(at(0)).len() <= SETS * WAYS);
        assert!(
            history.bans(Ipv4Addr::from(99_999).into(), at(0)) == 1,
            "the newest is there"
        );
        assert!(size_of::<Set>() * SETS <= 128 << 10);
    }
}
