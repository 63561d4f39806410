//! One table: keys of one width and their ends, open addressing with linear probing, one writer and any number of readers.
//!
//! # Why a reader is never wrong
//! A slot is written once: its key goes in, then, with release, its ends. From then on the key stays for as long as the table
//! lives; a removal only writes [`Ends::NOWHERE`], and the same key coming again finds its old slot. So
//! - a reader that sees ends other than [`Ends::VACANT`] (with acquire) sees the key that belongs to them;
//! - an entry is found as long as its table lives: the slots before it were in use when it was put, and are never vacant again;
//! - both ends are one word: a reader sees them together, as they were before a change or as they are after it.
//!
//! Slots of removed entries are won back when the table is built anew: the writer fills a second table that nobody sees, and its
//! owner swaps it in. A reader that is in the old table at that moment ends its look-up there.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::{ends::Ends, seed::Seed};

/// Slots of the smallest table.
const MIN_SLOTS: usize = 16;

/// What a table is keyed by: an address or the leading bits of one.
pub(super) trait Key: Copy + Eq {
    /// Where a key is kept. Read and written a word at a time.
    type Cell: Default;
    /// Bits of a key.
    const BITS_OF_KEY: u8;

    fn hash(self, seed: &Seed) -> u64;
    fn put(self, cell: &Self::Cell);
    fn read(cell: &Self::Cell) -> Self;
    /// The first `bits` bits; the others cleared.
    fn leading(self, bits: u8) -> Self;
}

/// Keys and ends. Everything but [`get`](Self::get) and [`for_each`](Self::for_each) is the writer's.
pub(super) struct Table<K: Key> {
    seed: Seed,
    ends: Box<[AtomicU64]>,
    keys: Box<[K::Cell]>,
    /// Slots that are not vacant.
    used: AtomicUsize,
    /// Slots listed in a scope.
    live: AtomicUsize,
}

/// The table has no room for another key.
#[derive(Debug)]
pub(super) struct Full;

impl<K: Key> Table<K> {
    /// A table half full when it holds `entries`: three quarters are the most, so a quarter of its slots can be used before
    /// the next one is built, which makes the cost of an insertion constant in the mean.
    pub(super) fn for_entries(entries: usize, seed: Seed) -> Self {
        let slots = entries.saturating_mul(2).max(MIN_SLOTS);
        Self {
            seed,
            ends: (0..slots).map(|_| AtomicU64::new(Ends::VACANT.word())).collect(),
            keys: (0..slots).map(|_| K::Cell::default()).collect(),
            used: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
        }
    }

    /// The ends of `key`; [`Ends::NOWHERE`] where it is not listed.
    pub(super) fn get(&self, key: K) -> Ends {
        match self.find(key) {
            Some(Found::Used(_, ends)) => ends,
            Some(Found::Vacant(_)) | None => Ends::NOWHERE,
        }
    }

    /// Writes the ends of `key`.
    pub(super) fn put(&self, key: K, ends: Ends) -> Result<(), Full> {
        let (at, before) = match self.find(key) {
            Some(Found::Used(at, before)) => (at, before),
            Some(Found::Vacant(_)) | None if ends == Ends::NOWHERE => return Ok(()),
            Some(Found::Vacant(at)) if self.has_room() => {
                self.keys.get(at).map(|cell| key.put(cell)).ok_or(Full)?;
                add(&self.used, 1);
                (at, Ends::NOWHERE)
            }
            Some(Found::Vacant(_)) | None => return Err(Full),
        };
        self.ends
            .get(at)
            .map(|cell| cell.store(ends.word(), Ordering::Release))
            .ok_or(Full)?;
        match (before == Ends::NOWHERE, ends == Ends::NOWHERE) {
            (true, false) => add(&self.live, 1),
            (false, true) => add(&self.live, -1),
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    /// A table of the right size with the same entries, and with room for more.
    pub(super) fn rebuilt(&self) -> Self {
        // under the same secret both tables are walked from front to back, as a slot's place is its hash scaled to the table's size
        let seed = if self.has_gaps() { Seed::random() } else { self.seed };
        let table = Self::for_entries(self.live().saturating_add(1), seed);
        self.for_each(|key, ends| {
            let put = table.put(key, ends);
            debug_assert!(put.is_ok(), "a table half full has room");
        });
        table
    }

    /// Every entry that is listed in a scope.
    pub(super) fn for_each(&self, visit: impl FnMut(K, Ends)) {
        self.for_each_in(0, usize::MAX, visit);
    }

    /// Those in `count` slots from the slot `first` on.
    pub(super) fn for_each_in(&self, first: usize, count: usize, mut visit: impl FnMut(K, Ends)) {
        for (ends, key) in self.ends.iter().zip(&self.keys).skip(first).take(count) {
            let ends = Ends::from_word(ends.load(Ordering::Acquire));
            if ends != Ends::VACANT && ends != Ends::NOWHERE {
                visit(K::read(key), ends);
            }
        }
    }

    /// Slots.
    pub(super) fn slots(&self) -> usize {
        self.ends.len()
    }

    /// Entries listed in a scope.
    pub(super) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether so few entries are left that a smaller table would do, or none.
    pub(super) fn is_sparse(&self) -> bool {
        self.live() == 0 || (self.live() < self.slots() / 8 && self.slots() > MIN_SLOTS)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.slots() * (size_of::<AtomicU64>() + size_of::<K::Cell>())
    }

    /// Whether more than an eighth was removed. A sweep removes from front to back: what is left may all stand in the last slots, and
    /// would under the same secret crowd those of a smaller table.
    fn has_gaps(&self) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        self.live() < used - used / 8
    }

    fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.slots() - self.slots() / 4
    }

    /// The slot of `key`, or the vacant one where it would go; `None` only if no slot is vacant, which [`has_room`](Self::has_room) rules out.
    fn find(&self, key: K) -> Option<Found> {
        let home = self.home(key);
        let slots = self.slots();
        (home..slots).chain(0..home).find_map(|at| {
            let ends = Ends::from_word(self.ends.get(at)?.load(Ordering::Acquire));
            if ends == Ends::VACANT {
                return Some(Found::Vacant(at));
            }
            (K::read(self.keys.get(at)?) == key).then_some(Found::Used(at, ends))
        })
    }

    /// Where the search for `key` begins: its hash scaled to the number of slots, which need not be a power of two.
    #[expect(clippy::cast_possible_truncation, reason = "less than the number of slots")]
    fn home(&self, key: K) -> usize {
        ((u128::from(key.hash(&self.seed)) * self.slots() as u128) >> u64::BITS) as usize
    }
}

/// What a search came upon.
enum Found {
    Used(usize, Ends),
    Vacant(usize),
}

/// Counts, without the cost of an atomic addition: there is one writer.
pub(super) fn add(count: &AtomicUsize, change: isize) {
    count.store(
        count.load(Ordering::Relaxed).saturating_add_signed(change),
        Ordering::Relaxed,
    );
}

impl Key for u32 {
    type Cell = AtomicU32;
    const BITS_OF_KEY: u8 = 32;

    fn hash(self, seed: &Seed) -> u64 {
        seed.hash(u64::from(self))
    }
    fn put(self, cell: &AtomicU32) {
        cell.store(self, Ordering::Relaxed);
    }
    fn read(cell: &AtomicU32) -> Self {
        cell.load(Ordering::Relaxed)
    }
    fn leading(self, bits: u8) -> Self {
        self & Self::MAX
            .checked_shl(Self::from(Self::BITS_OF_KEY.saturating_sub(bits)))
            .unwrap_or(0)
    }
}

impl Key for u64 {
    type Cell = AtomicU64;
    const BITS_OF_KEY: u8 = 64;

    fn hash(self, seed: &Seed) -> u64 {
        seed.hash(self)
    }
    fn put(self, cell: &AtomicU64) {
        cell.store(self, Ordering::Relaxed);
    }
    fn read(cell: &AtomicU64) -> Self {
        cell.load(Ordering::Relaxed)
    }
    fn leading(self, bits: u8) -> Self {
        self & Self::MAX
            .checked_shl(u32::from(Self::BITS_OF_KEY.saturating_sub(bits)))
            .unwrap_or(0)
    }
}

impl Key for u128 {
    type Cell = [AtomicU64; 2];
    const BITS_OF_KEY: u8 = 128;

    fn hash(self, seed: &Seed) -> u64 {
        let [high, low] = halves(self);
        seed.hash_pair(high, low)
    }
    fn put(self, cell: &[AtomicU64; 2]) {
        for (cell, half) in cell.iter().zip(halves(self)) {
            half.put(cell);
        }
    }
    fn read([high, low]: &[AtomicU64; 2]) -> Self {
        (Self::from(u64::read(high)) << u64::BITS) | Self::from(u64::read(low))
    }
    fn leading(self, bits: u8) -> Self {
        self & Self::MAX
            .checked_shl(u32::from(Self::BITS_OF_KEY.saturating_sub(bits)))
            .unwrap_or(0)
    }
}

/// The upper and the lower 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits are meant")]
pub(super) const fn halves(wide: u128) -> [u64; 2] {
    [(wide >> u64::BITS) as u64, wide as u64]
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::atomic::AtomicBool, time::Duration};

    use super::*;
    use crate::model::blacklist::{Scope, ends::End};

    /// Ends that belong to `n` and to no other.
    fn ends(n: u32) -> Ends {
        let end = |s: u32| Some(End::new(Some(Duration::from_secs(s.into()))));
        Ends::NOWHERE
            .with(Scope::Local, end(n))
            .with(Scope::Shared, end(n + 1_000_000))
    }

    fn listed<K: Key + Ord>(table: &Table<K>) -> BTreeMap<K, u64> {
        let mut listed = BTreeMap::new();
        table.for_each(|key, ends| assert_eq!(listed.insert(key, ends.word()), None, "a key is in two slots"));
        listed
    }

    #[test]
    fn a_full_table_says_so_and_one_built_from_it_has_room() {
        let mut table = Table::<u32>::for_entries(0, Seed::random());
        assert_eq!(table.slots(), MIN_SLOTS);
        let mut growths = 0;
        for n in 0..10_000 {
            if table.put(n, ends(n)).is_err() {
                table = table.rebuilt();
                growths += 1;
                table.put(n, ends(n)).unwrap();
            }
        }
        assert_eq!(table.live(), 10_000);
        assert!(growths < 20, "each growth is by half at least: {growths}");
        assert!(table.slots() <= 20_000, "half full or more: {}", table.slots());
        assert!((0..10_000).all(|n| table.get(n) == ends(n)));
        assert!((10_000..20_000).all(|n| table.get(n) == Ends::NOWHERE));
    }

    #[test]
    fn every_key_can_be_listed() {
        let (small, wide) = (
            Table::for_entries(8, Seed::random()),
            Table::for_entries(8, Seed::random()),
        );
        let keys = [0, 1, u32::MAX];
        let wides = [0, 1, 1 << 64, u128::MAX, u128::from(u64::MAX)];
        keys.iter().for_each(|key| small.put(*key, ends(7)).unwrap());
        wides.iter().for_each(|key| wide.put(*key, ends(7)).unwrap());
        assert!(keys.iter().all(|key| small.get(*key) == ends(7)));
        assert!(wides.iter().all(|key| wide.get(*key) == ends(7)));
        assert_eq!((small.live(), wide.live()), (3, 5));
    }

    #[test]
    fn who_comes_back_gets_the_old_slot_and_the_dead_are_left_behind() {
        let table = Table::<u64>::for_entries(100, Seed::random());
        (0..100).for_each(|key| table.put(key, ends(1)).unwrap());
        for _ in 0..1000 {
            table.put(5, Ends::NOWHERE).unwrap();
            table.put(5, ends(2)).unwrap();
        }
        assert_eq!(table.live(), 100);
        (10..100).for_each(|key| table.put(key, Ends::NOWHERE).unwrap());
        assert_eq!(table.live(), 10);
        assert!(table.is_sparse());
        let rebuilt = table.rebuilt();
        assert_eq!(listed(&rebuilt), listed(&table));
        assert_eq!(rebuilt.slots(), 22);
        assert!(!rebuilt.is_sparse());
    }

    #[test]
    fn what_a_sweep_leaves_at_the_end_is_spread_anew() {
        let table = Table::<u32>::for_entries(10_000, Seed::random());
        for key in 0..10_000 {
            table.put(key, ends(1)).unwrap();
        }
        let mut in_order = Vec::new();
        table.for_each(|key, _| in_order.push(key));
        for key in &in_order[..9_000] {
            table.put(*key, Ends::NOWHERE).unwrap();
        }
        let rebuilt = table.rebuilt();
        let slots = rebuilt.slots();
        let distance = |key: u32| match rebuilt.find(key) {
            Some(Found::Used(at, _)) => (at + slots - rebuilt.home(key)) % slots,
            Some(Found::Vacant(_)) | None => panic!("{key} is lost"),
        };
        let farthest = in_order[9_000..].iter().map(|key| distance(*key)).max();
        assert!(farthest < Some(slots / 8), "{farthest:?} of {slots}");
    }

    #[test]
    fn leading_bits() {
        assert_eq!(0xcb00_7109_u32.leading(24), 0xcb00_7100);
        assert_eq!((u32::MAX.leading(0), u32::MAX.leading(32)), (0, u32::MAX));
        assert_eq!((u64::MAX.leading(0), u64::MAX.leading(48)), (0, 0xffff_ffff_ffff_0000));
        assert_eq!((u128::MAX.leading(128), u128::MAX.leading(1)), (u128::MAX, 1 << 127));
    }

    /// What the module's first lines promise, also for processors that reorder: Miri runs this with their liberties.
    #[test]
    fn a_reader_sees_a_key_with_its_own_ends_or_not_at_all() {
        const KEYS: u32 = 24;
        const ROUNDS: u32 = if cfg!(miri) { 3 } else { 3000 };
        let wide = |n: u32| u128::from(n) << 64 | u128::from(n);
        for _ in 0..if cfg!(miri) { 1 } else { 20 } {
            let table = Table::<u128>::for_entries(20, Seed::random());
            let (first, done) = (ends(KEYS), AtomicBool::new(false));
            table.put(wide(KEYS), first).unwrap();
            std::thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        while !done.load(Ordering::Acquire) {
                            assert_eq!(table.get(wide(KEYS)), first, "who stays is never missed");
                            for n in 0..KEYS {
                                assert!([ends(n), Ends::NOWHERE].contains(&table.get(wide(n))), "key {n}");
                            }
                            table.for_each(|key, found| {
                                let n = u32::try_from(key >> 64).unwrap();
                                assert_eq!((key, found), (wide(n), ends(n)));
                            });
                        }
                    });
                }
                for round in 0..ROUNDS {
                    for n in (0..KEYS).filter(|n| (n + round) % 3 != 0) {
                        table
                            .put(wide(n), if round % 2 == 0 { ends(n) } else { Ends::NOWHERE })
                            .unwrap();
                    }
                }
                done.store(true, Ordering::Release);
            });
        }
    }
}
