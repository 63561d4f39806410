//! Networks that were let in again: an unban beats a late copy of the ban.
//!
//! A ban is a late copy if it was made, by the clock of the agent that made it, before the unban arrived here. Clocks of a
//! fleet differ by little; where they do, the unban wins on the side of an agent that is behind, and a late copy of an agent
//! that is ahead can pass for as long as it is ahead.

use std::collections::{HashMap, VecDeque};

use ipnet::IpNet;

use crate::moment::{Moment, Tick};

/// How long an unban is remembered, in seconds: an agent that was cut off for longer has long given up its copy, as
/// pyrasp's `BLACKLIST_DELAY` is an hour.
const MEMORY_S: u64 = 24 * 3_600;

/// The most unbans that are remembered (about 5 MB); the oldest go first.
const MOST: usize = 100_000;

/// The unbans of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Unbans {
    /// When each came, in milliseconds since the Unix epoch.
    at: HashMap<IpNet, u64>,
    /// In the order in which they are forgotten. A network that was let in twice is here twice.
    order: VecDeque<(Tick, IpNet, u64)>,
}

impl Unbans {
    pub(super) fn remember(&mut self, network: IpNet, now: Moment) {
        self.at.insert(network, now.unix_ms);
        self.order.push_back((now.tick, network, now.unix_ms));
        while self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    /// Whether the network was let in after this time.
    pub(super) fn came_after(&self, network: IpNet, unix_ms: u64) -> bool {
        self.at.get(&network).is_some_and(|at| unix_ms < *at)
    }

    pub(super) fn forget(&mut self, network: IpNet) {
        self.at.remove(&network);
    }

    pub(super) fn sweep(&mut self, now: Tick) {
        while self.order.front().is_some_and(|(at, ..)| now.since(*at) > MEMORY_S) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, network, unix_ms)) = self.order.pop_front()
            && self.at.get(&network) == Some(&unix_ms)
        {
            self.at.remove(&network);
        }
    }
}
