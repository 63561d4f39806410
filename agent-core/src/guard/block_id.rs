//! The names of refusals.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use ipnet::IpNet;
use uuid::Uuid;

use crate::model::blacklist::ban_id::ban_id;

/// The name of a refusal: sixteen hexadecimal digits, which no other refusal of the fleet has, but by a chance of one in 2^64.
///
/// The refused client sees it, and whoever is asked "why was I blocked" finds the event and the line in the log by it. It says
/// nothing by itself: it is no counter from which the number of refusals could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(u64);

/// What a name that was typed in may be wrong in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block id is 16 hexadecimal digits")]
pub struct NoBlockId;

impl BlockId {
    /// The response header that bears it, in lower case.
    pub const HEADER: &'static str = "x-block-id";

    /// What is replaced by it in the content of a refusal.
    pub const PLACEHOLDER: &'static str = "{{id}}";

    /// The id as a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for BlockId {
    type Err = NoBlockId;

    fn from_str(text: &str) -> Result<Self, NoBlockId> {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).map_err(|_| NoBlockId)?;
        if is_id { Ok(Self(number)) } else { Err(NoBlockId) }
    }
}

/// Gives out names.
#[derive(Debug)]
pub(super) struct BlockIds {
    next: AtomicU64,
}

impl Default for BlockIds {
    /// Begins at random.
    fn default() -> Self {
        let (random, _) = Uuid::new_v4().as_u64_pair();
        Self {
            next: AtomicU64::new(random),
        }
    }
}

impl BlockIds {
    /// The odd constant of Weyl sequences (2^64 divided by the golden ratio): every number comes once before any comes again.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// A name that was not given out before.
    pub(super) fn next(&self) -> BlockId {
        BlockId(mixed(self.next.fetch_add(Self::STEP, Relaxed)))
    }
}

impl BlockId {
    /// The name of the ban of a network, for agents that do not know the refusal that it began
    /// with.
    pub(super) fn of_ban(network: IpNet) -> Self {
        Self(ban_id(network))
    }
}

/// One to one, and such that neighbours have nothing in common: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_read_back() {
        let ids = BlockIds::default();
        let given: BTreeSet<BlockId> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(given.len(), 10_000);
        for id in given {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().len(), 16);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "1", "+123456789abcdef", "0123456789abcdeg", "00123456789abcdef"] {
            assert_eq!(text.parse::<BlockId>(), Err(NoBlockId), "{text}");
        }
    }
}
