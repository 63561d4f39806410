//! The digests of the newest records, each with all before it: nodes that have the same digest at a
//! position read the same log.

use std::{collections::VecDeque, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::journal::Position;

/// Positions whose digests are remembered, 16 bytes each: far more than records are on their way
/// between nodes, or come between two checkpoints.
const REMEMBERED: usize = 16_384;

/// The digest of a log up to a position: 128 bits, against engines that forget, not against people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link([u8; 16]);

impl Link {
    /// The digest of this log and a record after it.
    pub(super) fn next(self, record: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(record);
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        Self(first)
    }

    /// As two numbers.
    pub(super) fn halves(self) -> (u64, u64) {
        let whole = u128::from_be_bytes(self.0);
        let half = |whole: u128| u64::try_from(whole & u128::from(u64::MAX)).unwrap_or_default();
        (half(whole >> 64), half(whole))
    }

    /// What [`halves`](Self::halves) told.
    pub(super) fn from_halves(high: u64, low: u64) -> Self {
        Self((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_digest = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let whole = u128::from_str_radix(text, 16).ok().filter(|_| is_digest)?;
        Some(Self(whole.to_be_bytes()))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("found no digest of 32 hexadecimal digits"))
    }
}

/// The newest digests of a log, without gaps.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Where the first of them stands.
    first: Position,
    links: VecDeque<Link>,
}

impl Chain {
    /// A log that goes on from here.
    pub(super) fn new(position: Position, link: Link) -> Self {
        Self {
            first: position,
            links: VecDeque::from([link]),
        }
    }

    /// Where it stands.
    pub(super) fn newest(&self) -> (Position, Link) {
        let after = (self.links.len() as u64).saturating_sub(1);
        (self.first + after, self.links.back().copied().unwrap_or_default())
    }

    /// The digest at a position, if it is remembered.
    pub(super) fn at(&self, position: Position) -> Option<Link> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.links.get(index).copied()
    }

    /// Goes on with the next record.
    pub(super) fn push(&mut self, record: &[u8]) {
        let (_, newest) = self.newest();
        self.links.push_back(newest.next(record));
        if self.links.len() > REMEMBERED && self.links.pop_front().is_some() {
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_that_differ_anywhere_differ_from_there_on() {
        let log = |records: &[&str]| {
            let mut chain = Chain::new(4, Link::default());
            records.iter().for_each(|record| chain.push(record.as_bytes()));
            chain
        };
        let (one, other) = (log(&["a", "b", "c"]), log(&["a", "x", "c"]));
        let same: Vec<bool> = (4..=7).map(|at| one.at(at) == other.at(at)).collect();
        assert_eq!(same, [true, true, false, false]);
        assert_eq!((one.newest().0, one.at(3), one.at(8)), (7, None, None));
        let link = one.newest().1;
        let (high, low) = link.halves();
        assert_eq!(Link::from_halves(high, low), link);
        assert_eq!(Link::parse(&link.to_string()), Some(link));
        assert_eq!(Link::parse("+0000000000000000000000000000001"), None);
    }

    #[test]
    fn the_oldest_digests_are_forgotten() {
        let mut chain = Chain::new(0, Link::default());
        for _ in 0..REMEMBERED + 9 {
            chain.push(b"record");
        }
        assert_eq!(chain.newest().0, REMEMBERED as u64 + 9);
        assert_eq!((chain.at(9), chain.at(10).is_some()), (None, true));
    }
}
