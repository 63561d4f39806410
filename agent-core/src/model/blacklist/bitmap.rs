//! What is asked first: one bit tells that nothing in a neighbourhood is listed, so that a clean address costs one cache line.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use zerocopy::FromZeros as _;

/// Bits of a bitmap's index: 2²⁴ bits, one a /24 of IPv4. 2 MiB stay in a processor's second or third cache.
const INDEX_BITS: u32 = 24;
/// Words of a bitmap.
const WORDS: usize = 1 << (INDEX_BITS - u64::BITS.ilog2());

/// 2²⁴ bits, allocated when the first is set. One writer, any number of readers.
#[derive(Default)]
pub(super) struct Bitmap(OnceLock<Box<[AtomicU64]>>);

impl Bitmap {
    /// Whether a bit is set.
    pub(super) fn test(&self, bit: Bit) -> bool {
        let word = self.0.get().and_then(|words| words.get(bit.word()));
        word.is_some_and(|word| word.load(Ordering::Acquire) & bit.mask() != 0)
    }

    /// Sets every bit from `first` to `last`.
    pub(super) fn set(&self, first: Bit, last: Bit) {
        let words = self.0.get_or_init(zeroed);
        spread(first, last, |at, mask| {
            if let Some(word) = words.get(at) {
                word.store(word.load(Ordering::Relaxed) | mask, Ordering::Release);
            }
        });
    }

    /// Clears every bit that `fresh` does not have. A bit that both have is never seen clear, as a word is written at once.
    pub(super) fn replace(&self, fresh: &Fresh) {
        for (word, fresh) in self.0.get().into_iter().flatten().zip(&fresh.0) {
            if word.load(Ordering::Relaxed) != *fresh {
                word.store(*fresh, Ordering::Release);
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.get().map_or(0, |words| size_of_val(&**words))
    }
}

/// Words that are zero. The system gives such memory without writing to it, so that a short list takes the few pages it
/// touches and not 2 MiB.
fn zeroed() -> Box<[AtomicU64]> {
    <[AtomicU64]>::new_box_zeroed_with_elems(WORDS).unwrap_or_else(|_| (0..WORDS).map(|_| AtomicU64::new(0)).collect())
}

/// The bitmaps of both families.
#[derive(Default)]
pub(super) struct Bitmaps {
    pub(super) v4: Bitmap,
    pub(super) v6: Bitmap,
}

impl Bitmaps {
    pub(super) fn set(&self, span: Span) {
        match span {
            Span::V4(first, last) => self.v4.set(first, last),
            Span::V6(bit) => self.v6.set(bit, bit),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.v4.memory_bytes() + self.v6.memory_bytes()
    }
}

/// The bits that tell of a network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    /// Those of every /24 that an IPv4 network touches.
    V4(Bit, Bit),
    /// That of an IPv6 network's /64.
    V6(Bit),
}

impl Span {
    /// How many.
    pub(super) const fn bits(self) -> usize {
        match self {
            Self::V4(first, last) => (last.0 - first.0) as usize + 1,
            Self::V6(_) => 1,
        }
    }
}

/// A bitmap that nobody reads yet.
pub(super) struct Fresh(Vec<u64>);

impl Fresh {
    pub(super) fn new() -> Self {
        Self(vec![0; WORDS])
    }

    /// Sets every bit from `first` to `last`.
    pub(super) fn set(&mut self, first: Bit, last: Bit) {
        spread(first, last, |at, mask| {
            if let Some(word) = self.0.get_mut(at) {
                *word |= mask;
            }
        });
    }
}

/// Calls `each` with every word that has bits from `first` to `last`, and with those bits.
fn spread(first: Bit, last: Bit, mut each: impl FnMut(usize, u64)) {
    for at in first.word()..=last.word() {
        let from = if at == first.word() {
            u64::MAX << first.within()
        } else {
            u64::MAX
        };
        let to = if at == last.word() {
            u64::MAX >> (u64::BITS - 1 - last.within())
        } else {
            u64::MAX
        };
        each(at, from & to);
    }
}

/// A bit's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bit(u32);

impl Bit {
    /// The bit of an IPv4 address: its /24.
    pub(super) const fn of_v4(address: u32) -> Self {
        Self(address >> (u32::BITS - INDEX_BITS))
    }

    /// The bit that a hash falls on.
    pub(super) const fn of_hash(hash: u64) -> Self {
        Self((hash >> (u64::BITS - INDEX_BITS)) as u32)
    }

    const fn word(self) -> usize {
        (self.0 / u64::BITS) as usize
    }

    const fn within(self) -> u32 {
        self.0 % u64::BITS
    }

    const fn mask(self) -> u64 {
        1 << self.within()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_bits(bitmap: &Bitmap, among: std::ops::Range<u32>) -> Vec<u32> {
        among.filter(|bit| bitmap.test(Bit(*bit))).collect()
    }

    #[test]
    fn ranges_set_their_bits_and_no_other() {
        for (first, last) in [(0, 0), (63, 64), (5, 9), (64, 127), (60, 200)] {
            let bitmap = Bitmap::default();
            bitmap.set(Bit(first), Bit(last));
            assert_eq!(set_bits(&bitmap, 0..400), (first..=last).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_whole_of_ipv4_fits() {
        let bitmap = Bitmap::default();
        bitmap.set(Bit::of_v4(0), Bit::of_v4(u32::MAX));
        assert!(
            bitmap.test(Bit::of_v4(0)) && bitmap.test(Bit::of_v4(0x7fff_ffff)) && bitmap.test(Bit::of_v4(u32::MAX))
        );
        assert!(bitmap.test(Bit::of_hash(u64::MAX)));
    }

    #[test]
    fn nothing_is_allocated_for_nothing() {
        let bitmap = Bitmap::default();
        assert!(!bitmap.test(Bit(7)));
        bitmap.replace(&Fresh::new());
        assert_eq!(bitmap.memory_bytes(), 0);
        bitmap.set(Bit(7), Bit(7));
        assert_eq!(bitmap.memory_bytes(), 2 << 20);
    }

    #[test]
    fn replacing_clears_what_is_stale() {
        let bitmap = Bitmap::default();
        bitmap.set(Bit(0), Bit(199));
        let mut fresh = Fresh::new();
        fresh.set(Bit(70), Bit(71));
        bitmap.replace(&fresh);
        assert_eq!(set_bits(&bitmap, 0..400), [70, 71]);
    }
}
