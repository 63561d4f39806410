//! A delta, checked before anything is changed: what it leads to is computed beside the list.

use std::{collections::HashMap, time::Duration};

use ipnet::IpNet;

use super::{Applied, ListProblem, Proposal, end_of_ttl, network};
use crate::{
    model::blacklist::{Blacklist, Digest, Scope, ends::Now},
    protocol::v2::ListUpdate,
};

/// The net effect of an update.
pub(super) struct Delta {
    /// Each network once, with the seconds that it has left, or none where it is no longer listed.
    changes: HashMap<IpNet, Option<u64>>,
    /// The digest of the list with the changes.
    pub(super) digest: Digest,
}

impl Delta {
    /// Works out what `update` makes of the list, whose digest is `digest`.
    pub(super) fn check(update: &ListUpdate, list: &Blacklist, mut digest: Digest) -> Result<Self, ListProblem> {
        ListProblem::check_size(update.count)?;
        let mut changes = HashMap::with_capacity(update.remove.len() + update.add.len());
        for text in &update.remove {
            changes.insert(network(text)?, None);
        }
        for (text, ttl_s) in &update.add {
            changes.insert(network(text)?, Some(*ttl_s));
        }
        let mut count = list.count();
        for (network, ttl_s) in &changes {
            match (list.is_member(*network, Scope::Shared), ttl_s.is_some()) {
                (false, true) => {
                    digest += *network;
                    count += 1;
                }
                (true, false) => {
                    digest -= *network;
                    count -= 1;
                }
                (true, true) | (false, false) => {}
            }
        }
        ListProblem::check(update.count, count, &update.digest, digest)?;
        Ok(Self { changes, digest })
    }

    /// What the list will be.
    pub(super) fn proposal<'l>(&self, list: &'l Blacklist, rev: u64) -> Proposal<'l> {
        let running = |ttl_s: &Option<u64>| ttl_s.is_some_and(|ttl_s| ttl_s > 0);
        let added = self.changes.iter().filter(|(_, ttl_s)| running(ttl_s));
        let removed = self.changes.iter().filter(|(_, ttl_s)| !running(ttl_s));
        Proposal::changes(
            list,
            added.map(|(network, _)| *network),
            removed.map(|(network, _)| *network),
            Some(rev),
        )
    }

    /// Changes the list.
    pub(super) fn write(&self, list: &Blacklist, now: Duration) -> Applied {
        let (mut added, mut removed) = (0, 0);
        for (network, ttl_s) in &self.changes {
            match ttl_s {
                Some(ttl_s) => added += usize::from(list.insert(*network, end_of_ttl(*ttl_s, now), Scope::Shared)),
                None => removed += usize::from(unlist(list, *network, now)),
            }
        }
        Applied::Delta { added, removed }
    }
}

/// Does what a removal from the fleet's list asks for. It is an unban, which lets the agent's own entry go too, unless the
/// shared one has ended: then the server only tidies up. True if the network was on the fleet's list.
pub(super) fn unlist(list: &Blacklist, network: IpNet, now: Duration) -> bool {
    let shared = list.ends_of(network).get(Scope::Shared);
    if shared.is_none_or(|end| end.is_live(Now::from(now))) {
        list.remove(network, Scope::Local);
    }
    list.remove(network, Scope::Shared)
}
