//! How often each network was banned: a fleet's bans grow with repetition, whichever of its applications catches the client.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::touched::Touched;
use crate::moment::Tick;

/// How long a ban is remembered after it was made, in seconds: a week, as the agents do. After it an address has often changed hands.
const MEMORY_S: u64 = 7 * 24 * 3_600;

/// The most networks that are remembered (about 10 MB); those that were banned longest ago go
/// first, and of one second the lowest.
const MOST: usize = 100_000;

/// The repetitions of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Repetitions {
    /// How often, and when last.
    bans: BTreeMap<IpNet, (u32, Tick)>,
    /// In the order in which they are forgotten.
    order: BTreeSet<(Tick, IpNet)>,
    pub(super) touched: Touched<IpNet>,
}

impl Repetitions {
    /// How often a network was banned.
    pub(super) fn of(&self, network: IpNet, now: Tick) -> u32 {
        let known = self.bans.get(&network).filter(|(_, last)| now.since(*last) <= MEMORY_S);
        known.map_or(0, |(bans, _)| *bans)
    }

    /// Notes a ban.
    pub(super) fn note(&mut self, network: IpNet, now: Tick) {
        let bans = self.of(network, now).saturating_add(1);
        self.set(network, bans, now);
        let is_over = |at: Tick| now.since(at) > MEMORY_S;
        while self.order.len() > MOST || self.order.first().is_some_and(|(at, _)| is_over(*at)) {
            self.forget_oldest();
        }
    }

    /// Notes as it was written down.
    pub(super) fn set(&mut self, network: IpNet, bans: u32, last: Tick) {
        self.forget(network);
        self.bans.insert(network, (bans, last));
        self.order.insert((last, network));
    }

    /// How often a network was banned, and when last.
    pub(super) fn get(&self, network: IpNet) -> Option<(u32, Tick)> {
        self.bans.get(&network).copied()
    }

    /// Every network that is remembered.
    pub(super) fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.bans.keys().copied()
    }

    /// Forgets a network: it was let in, and begins again.
    pub(super) fn forget(&mut self, network: IpNet) {
        self.touched.note(network);
        if let Some((_, last)) = self.bans.remove(&network) {
            self.order.remove(&(last, network));
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, network)) = self.order.first().copied() {
            self.forget(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn network(n: u32) -> IpNet {
        IpNet::from(std::net::IpAddr::from(Ipv4Addr::from(n)))
    }

    #[test]
    fn repetitions_are_remembered_for_a_week_after_the_last() {
        let (mut repetitions, start) = (Repetitions::default(), Tick::default());
        repetitions.note(network(1), start);
        repetitions.note(network(1), start.plus(MEMORY_S));
        let seen = [MEMORY_S, 2 * MEMORY_S, 2 * MEMORY_S + 1].map(|at| repetitions.of(network(1), start.plus(at)));
        assert_eq!(seen, [2, 2, 0]);
        repetitions.forget(network(1));
        assert_eq!(repetitions.of(network(1), start.plus(MEMORY_S)), 0);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (mut repetitions, start) = (Repetitions::default(), Tick::default());
        repetitions.note(network(0), start);
        for n in 1..=u32::try_from(MOST).unwrap() {
            repetitions.note(network(n), start.plus(1));
        }
        assert_eq!([0, 1].map(|n| repetitions.of(network(n), start.plus(1))), [0, 1]);
        assert!(repetitions.bans.len() <= MOST && repetitions.order.len() <= MOST);
    }
}
