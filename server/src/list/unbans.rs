//! Networks that were let in again: an unban beats a late copy of the ban.
//!
//! A ban is a late copy if it was made, by the clock of the agent that made it, before the unban arrived here. Clocks of a
//! fleet differ by little; where they do, the unban wins on the side of an agent that is behind, and a late copy of an agent
//! that is ahead can pass for as long as it is ahead.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;

use super::touched::Touched;
use crate::moment::{Moment, Tick};

/// How long an unban is remembered, in seconds: an agent that was cut off for longer has long given up its copy, as
/// pyrasp's `BLACKLIST_DELAY` is an hour.
const MEMORY_S: u64 = 24 * 3_600;

/// The most unbans that are remembered (about 10 MB); the oldest go first, and of one second the
/// lowest networks.
const MOST: usize = 100_000;

/// The most applications whose lifts of one network are remembered, at some 60 bytes each: fleets
/// have a handful. Of more, the one goes that lifted it longest ago, of one millisecond the first.
const MOST_LIFTED: usize = 16;

/// When each application lifted its own ban last, by the wall clock in milliseconds.
pub(super) type Lifted = BTreeMap<Arc<str>, u64>;

/// What is remembered of a network that was let in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unban {
    /// When an operator let it in, in milliseconds since the Unix epoch by the wall clock; 0 where
    /// none did. It speaks against all late bans.
    pub(super) unix_ms: u64,
    /// The applications whose agents lifted bans of their own, and when each did last. That speaks
    /// against late bans of this application alone.
    pub(super) lifted: Lifted,
    /// When it was let in last, by the store's time.
    pub(super) at: Tick,
}

/// The unbans of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Unbans {
    at: BTreeMap<IpNet, Unban>,
    /// In the order in which they are forgotten.
    order: BTreeSet<(Tick, IpNet)>,
    pub(super) touched: Touched<IpNet>,
}

impl Unbans {
    /// By an operator, where no application is named.
    pub(super) fn remember(&mut self, network: IpNet, by: Option<Arc<str>>, now: Moment) {
        let unban = match by {
            None => Unban {
                unix_ms: now.unix_ms,
                lifted: Lifted::new(),
                at: now.tick,
            },
            Some(by) => {
                let known = self.at.get(&network);
                let known = known.map(|known| (known.unix_ms, known.lifted.clone()));
                let (unix_ms, mut lifted) = known.unwrap_or_default();
                lifted.insert(by, now.unix_ms);
                if lifted.len() > MOST_LIFTED
                    && let Some((oldest, _)) = lifted.iter().min_by_key(|(_, at)| **at)
                {
                    let oldest = Arc::clone(oldest);
                    lifted.remove(&oldest);
                }
                Unban {
                    unix_ms,
                    lifted,
                    at: now.tick,
                }
            }
        };
        self.set(network, unban);
        while self.order.len() > MOST {
            self.forget_oldest();
        }
    }

    /// Remembers as it was written down.
    pub(super) fn set(&mut self, network: IpNet, unban: Unban) {
        self.forget(network);
        self.order.insert((unban.at, network));
        self.at.insert(network, unban);
    }

    /// When a network was let in again.
    pub(super) fn get(&self, network: IpNet) -> Option<&Unban> {
        self.at.get(&network)
    }

    /// Every network that is remembered.
    pub(super) fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.at.keys().copied()
    }

    /// Whether the network was let in after this time, as far as it concerns this application.
    pub(super) fn came_after(&self, network: IpNet, profile: &str, unix_ms: u64) -> bool {
        self.at.get(&network).is_some_and(|unban| {
            let lifted = unban.lifted.get(profile);
            unix_ms < unban.unix_ms || lifted.is_some_and(|at| unix_ms < *at)
        })
    }

    pub(super) fn forget(&mut self, network: IpNet) {
        self.touched.note(network);
        if let Some(unban) = self.at.remove(&network) {
            self.order.remove(&(unban.at, network));
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
