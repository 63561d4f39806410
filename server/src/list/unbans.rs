//! Networks that were let in again: an unban beats a late copy of the ban.
//!
//! A ban is a late copy if it was made, by the clock of the agent that made it, before the unban arrived here. Clocks of a
//! fleet differ by little; where they do, the unban wins on the side of an agent that is behind, and a late copy of an agent
//! that is ahead can pass for as long as it is ahead.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::touched::Touched;
use crate::moment::{Moment, Tick};

/// How long an unban is remembered, in seconds: an agent that was cut off for longer has long given up its copy, as
/// pyrasp's `BLACKLIST_DELAY` is an hour.
const MEMORY_S: u64 = 24 * 3_600;

/// The most unbans that are remembered (about 10 MB); the oldest go first, and of one second the
/// lowest networks.
const MOST: usize = 100_000;

/// The unbans of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Unbans {
    /// When each came: in milliseconds since the Unix epoch by the wall clock, and by the store's
    /// time.
    at: BTreeMap<IpNet, (u64, Tick)>,
    /// In the order in which they are forgotten.
    order: BTreeSet<(Tick, IpNet)>,
    pub(super) touched: Touched<IpNet>,
}

impl Unbans {
    pub(super) fn remember(&mut self, network: IpNet, now: Moment) {
        self.set(network, now.unix_ms, now.tick);
        while self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    /// Remembers as it was written down.
    pub(super) fn set(&mut self, network: IpNet, unix_ms: u64, at: Tick) {
        self.forget(network);
        self.at.insert(network, (unix_ms, at));
        self.order.insert((at, network));
    }

    /// When a network was let in again.
    pub(super) fn get(&self, network: IpNet) -> Option<(u64, Tick)> {
        self.at.get(&network).copied()
    }

    /// Every network that is remembered.
    pub(super) fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.at.keys().copied()
    }

    /// Whether the network was let in after this time.
    pub(super) fn came_after(&self, network: IpNet, unix_ms: u64) -> bool {
        self.at.get(&network).is_some_and(|(at, _)| unix_ms < *at)
    }

    pub(super) fn forget(&mut self, network: IpNet) {
        self.touched.note(network);
        if let Some((_, at)) = self.at.remove(&network) {
            self.order.remove(&(at, network));
        }
    }

    pub(super) fn sweep(&mut self, now: Tick) {
        while self.order.first().is_some_and(|(at, _)| now.since(*at) > MEMORY_S) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, network)) = self.order.first().copied() {
            self.forget(network);
        }
    }
}
