//! What an update is about to make of the list, shown to whoever keeps customers from being shut out, before it does.

use std::{collections::HashSet, net::IpAddr, time::Duration};

use ipnet::IpNet;

use crate::model::{
    blacklist::{Blacklist, Breadth, Scope},
    ipset::IpSet,
};

/// An update that fits, just before it is written. Its answers are of the list as it will be.
#[derive(Debug)]
pub struct Proposal<'l> {
    list: &'l Blacklist,
    added: IpSet,
    removed: HashSet<IpNet>,
    rev: Option<u64>,
    breadth: Breadth,
}

impl<'l> Proposal<'l> {
    /// A list that takes the place of the one in force.
    pub(super) fn whole(list: &'l Blacklist, rev: Option<u64>) -> Self {
        Self {
            list,
            added: IpSet::default(),
            removed: HashSet::new(),
            rev,
            breadth: list.breadth(),
        }
    }

    /// Networks that come to a list and go from it.
    pub(super) fn changes(
        list: &'l Blacklist,
        added: impl Iterator<Item = IpNet>,
        removed: impl Iterator<Item = IpNet>,
        rev: Option<u64>,
    ) -> Self {
        let added: Vec<IpNet> = added.collect();
        let removed: HashSet<IpNet> = removed.collect();
        let mut breadth = list.breadth();
        for network in added.iter().filter(|network| !list.is_member(**network, Scope::Shared)) {
            breadth += Breadth::of(*network);
        }
        Self {
            list,
            added: added.into_iter().collect(),
            removed,
            rev,
            breadth,
        }
    }

    /// The list that the update is written to, or that is published when it has been: [suspend](Blacklist::suspend_shared) it, and
    /// nothing that the update lists is ever in force.
    #[must_use]
    pub const fn list(&self) -> &Blacklist {
        self.list
    }

    /// Whether the fleet's list will hold a source.
    #[must_use]
    pub fn lists(&self, source: IpAddr, now: Duration) -> bool {
        let stays = || {
            let hit = self.list.lookup_in(Scope::Shared, source, now);
            hit.is_some_and(|hit| !self.removed.contains(&hit.network))
        };
        self.added.contains(source) || stays()
    }

    /// What it will cover. Networks that the update removes still count.
    #[must_use]
    pub const fn breadth(&self) -> Breadth {
        self.breadth
    }

    /// The revision that it leads to; none from a version 1 server.
    #[must_use]
    pub const fn rev(&self) -> Option<u64> {
        self.rev
    }
}
