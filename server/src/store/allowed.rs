//! Networks that an operator has allowed: while such an entry is in force, no ban of its fleet's
//! list covers it or lies within it.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    list::Touched,
    moment::{Moment, Tick},
};

/// The most entries of a fleet: each ban is compared with all of them.
pub(crate) const MOST_ALLOWED: usize = 1_000;

/// The widest IPv4 and IPv6 network that is allowed. Bans within it are lifted at once, and who
/// allows a provider allows its attackers.
const WIDEST: (u8, u8) = (16, 32);

/// Whether a network is narrow enough to be allowed.
pub(crate) const fn may_be_allowed(network: IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() >= WIDEST.0,
        IpNet::V6(network) => network.prefix_len() >= WIDEST.1,
    }
}

/// What is known of an allowed network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// When it ends.
    pub end: Tick,
    /// When it was allowed last.
    pub made: Tick,
    /// The label of the operator's token.
    pub by: Arc<str>,
    /// Why.
    pub why: Arc<str>,
}

/// Where an entry stands.
type Place = (Arc<str>, IpNet);

/// All allowed networks, by fleet.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowlist {
    of: BTreeMap<Arc<str>, BTreeMap<IpNet, Allowed>>,
    pub(super) touched: Touched<Place>,
}

impl Allowlist {
    /// The first entry in force that holds something of a network, or lies within it.
    pub(super) fn touching(&self, fleet: &str, network: IpNet, now: Tick) -> Option<(IpNet, &Allowed)> {
        let of = self.of.get(fleet)?;
        let touches = |allowed: &IpNet| allowed.contains(&network) || network.contains(allowed);
        let mut found = of.iter().filter(|(allowed, known)| known.end > now && touches(allowed));
        found.next().map(|(allowed, known)| (*allowed, known))
    }

    /// Whether a fleet has room for this entry: it is there, or there are not too many.
    pub(super) fn has_room(&self, fleet: &str, network: IpNet) -> bool {
        let of = self.of.get(fleet);
        of.is_none_or(|of| of.len() < MOST_ALLOWED || of.contains_key(&network))
    }

    pub(super) fn keep(&mut self, fleet: &Arc<str>, network: IpNet, allowed: Allowed) {
        self.touched.note((Arc::clone(fleet), network));
        self.of.entry(Arc::clone(fleet)).or_default().insert(network, allowed);
    }

    pub(super) fn remove(&mut self, fleet: &Arc<str>, network: IpNet) {
        let Some(of) = self.of.get_mut(fleet) else { return };
        if of.remove(&network).is_some() {
            self.touched.note((Arc::clone(fleet), network));
        }
        if of.is_empty() {
            self.of.remove(fleet);
        }
    }

    /// When the entry ends that ends first.
    pub(super) fn soonest_end(&self) -> Option<Tick> {
        self.iter().map(|(_, _, allowed)| allowed.end).min()
    }

    /// Forgets what has ended.
    pub(super) fn sweep(&mut self, now: Moment) {
        let ended: Vec<Place> = self
            .iter()
            .filter(|(_, _, allowed)| allowed.end <= now.tick)
            .map(|(fleet, network, _)| (Arc::clone(fleet), network))
            .collect();
        for (fleet, network) in ended {
            self.remove(&fleet, network);
        }
    }

    pub(super) fn get(&self, (fleet, network): &Place) -> Option<&Allowed> {
        self.of.get(fleet)?.get(network)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, IpNet, &Allowed)> {
        self.of
            .iter()
            .flat_map(|(fleet, of)| of.iter().map(move |(network, allowed)| (fleet, *network, allowed)))
    }

    /// Those of a fleet that are in force, in order.
    pub(super) fn of<'s>(&'s self, fleet: &str, now: Tick) -> impl Iterator<Item = (IpNet, &'s Allowed)> + use<'s> {
        let of = self.of.get(fleet).into_iter().flatten();
        of.filter(move |(_, allowed)| allowed.end > now)
            .map(|(network, allowed)| (*network, allowed))
    }
}
