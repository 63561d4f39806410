//! Bans whose evidence is too weak for others: each waits for a second witness of another
//! application, and then it is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AgentIdent, quota::is_same_maker};
use crate::{list::Touched, moment::Tick};

/// The most proposals of one profile, at some 200 bytes each: of more, those go that end soonest,
/// and no other profile's.
const MOST: usize = 1_000;

/// A ban that one application asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The agent.
    pub by: Arc<AgentIdent>,
    /// When its ban ends.
    pub end: Tick,
    /// When it was proposed.
    pub made: Tick,
    /// The check that found it.
    pub why: Arc<str>,
}

/// Where a proposal stands.
type Place = (Arc<str>, IpNet);

/// All proposals.
#[derive(Debug, Clone, Default)]
pub(super) struct Proposals {
    all: BTreeMap<Place, Proposal>,
    /// Those of each profile, the one that ends soonest first.
    of: BTreeMap<Arc<str>, BTreeSet<(Tick, Place)>>,
    pub(super) touched: Touched<Place>,
}

impl Proposals {
    /// What another application proposed of this network: with this agent's word it is listed.
    pub(super) fn by_another(
        &self,
        fleet: &Arc<str>,
        network: IpNet,
        who: &AgentIdent,
        now: Tick,
    ) -> Option<&Proposal> {
        let known = self.all.get(&(Arc::clone(fleet), network))?;
        (known.end > now && !is_same_maker(&known.by, who)).then_some(known)
    }

    /// Forgets what is proposed of a network: it is listed, or was let in again.
    pub(super) fn withdraw(&mut self, fleet: &Arc<str>, network: IpNet) {
        self.remove(&(Arc::clone(fleet), network));
    }

    /// Forgets what is proposed that holds something of a network, or lies within it: it is
    /// allowed. What that was is returned, since those who proposed it ban it themselves.
    pub(super) fn withdraw_touching(&mut self, fleet: &Arc<str>, network: IpNet) -> Vec<IpNet> {
        let of_fleet = self.all.range((Arc::clone(fleet), IpNet::default())..);
        let of_fleet = of_fleet.take_while(|((of, _), _)| of == fleet).map(|(place, _)| place);
        let touching: Vec<Place> = of_fleet
            .filter(|(_, proposed)| network.contains(proposed) || proposed.contains(&network))
            .cloned()
            .collect();
        for place in &touching {
            self.remove(place);
        }
        touching.into_iter().map(|(_, proposed)| proposed).collect()
    }

    /// An application lets a network in again: its own word does not wait any longer.
    pub(super) fn take_back(&mut self, fleet: &Arc<str>, network: IpNet, who: &AgentIdent) {
        let place = (Arc::clone(fleet), network);
        if self.all.get(&place).is_some_and(|known| is_same_maker(&known.by, who)) {
            self.remove(&place);
        }
    }

    /// When the proposal ends that ends first.
    pub(super) fn soonest_end(&self) -> Option<Tick> {
        let soonest = self.of.values().filter_map(|own| own.first());
        soonest.map(|(end, _)| *end).min()
    }

    /// Keeps a proposal. The one of the same application before it is forgotten.
    pub(super) fn keep(&mut self, fleet: &Arc<str>, network: IpNet, proposal: Proposal) {
        let place = (Arc::clone(fleet), network);
        self.remove(&place);
        let own = self.of.entry(Arc::clone(proposal.by.profile())).or_default();
        own.insert((proposal.end, place.clone()));
        let over = (own.len() > MOST).then(|| own.first().cloned()).flatten();
        self.touched.note(place.clone());
        self.all.insert(place, proposal);
        if let Some((_, place)) = over {
            self.remove(&place);
        }
    }

    /// Forgets what has ended.
    pub(super) fn sweep(&mut self, now: Tick) {
        let ended = self
            .of
            .values()
            .flat_map(|own| own.iter().take_while(|(end, _)| *end <= now));
        let ended: Vec<Place> = ended.map(|(_, place)| place.clone()).collect();
        for place in ended {
            self.remove(&place);
        }
    }

    fn remove(&mut self, place: &Place) -> Option<Proposal> {
        let known = self.all.remove(place)?;
        self.touched.note(place.clone());
        let profile = known.by.profile();
        if let Some(own) = self.of.get_mut(profile) {
            own.remove(&(known.end, place.clone()));
            if own.is_empty() {
                self.of.remove(profile);
            }
        }
        Some(known)
    }

    pub(super) fn get(&self, place: &Place) -> Option<&Proposal> {
        self.all.get(place)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, &Proposal)> {
        self.all.iter()
    }
}
