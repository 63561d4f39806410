//! What bouncers of other kinds are told of a list: networks with ends and reasons, and what has
//! changed since they asked last.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use buckler::protocol::v2::ListCursor;
use ipnet::IpNet;

use super::Node;
use crate::{
    list::{FleetList, Step},
    moment::{Moment, Tick},
    store::StoreError,
};

/// The most bouncers that are remembered, some 200 bytes each; beyond it the one that asked least
/// recently is forgotten, and told everything again.
const MOST: usize = 1_024;

/// A listed network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedNet {
    pub(crate) network: IpNet,
    pub(crate) end: Tick,
    pub(crate) why: Arc<str>,
}

/// What a bouncer lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions {
    pub(crate) new: Vec<ListedNet>,
    pub(crate) deleted: Vec<ListedNet>,
}

/// Who asks: the name of its key, and where from, since several may share a key.
pub(crate) type Bouncer = (Arc<str>, IpAddr);

/// Where bouncers are.
#[derive(Debug, Clone, Default)]
pub(super) struct Bouncers {
    all: BTreeMap<Bouncer, (ListCursor, u64)>,
    asked: u64,
}

impl Bouncers {
    fn knows(&self, who: &Bouncer) -> Option<&ListCursor> {
        self.all.get(who).map(|(cursor, _)| cursor)
    }

    fn note(&mut self, who: Bouncer, cursor: ListCursor) {
        self.asked += 1;
        if self.all.len() >= MOST && !self.all.contains_key(&who) {
            let eldest = self.all.iter().min_by_key(|(_, (_, asked))| *asked);
            if let Some(eldest) = eldest.map(|(eldest, _)| eldest.clone()) {
                self.all.remove(&eldest);
            }
        }
        self.all.insert(who, (cursor, self.asked));
    }
}

impl Node {
    /// What is listed, or what lists one network.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub(crate) fn decisions(
        &self,
        fleet: &str,
        network: Option<IpNet>,
        now: Moment,
    ) -> Result<Vec<ListedNet>, StoreError> {
        let list = self.store.list(fleet)?;
        Ok(match network {
            Some(network) => {
                let covering = list.covering(network, now.tick);
                covering.and_then(|network| listed(list, network)).into_iter().collect()
            }
            None => active(list, now),
        })
    }

    /// What a bouncer lacks: everything where it says that it begins, else what has changed since
    /// it asked last. One that is not remembered is told everything, and what went lately.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub(crate) fn decisions_since(
        &mut self,
        who: Bouncer,
        fleet: &str,
        begins: bool,
        now: Moment,
    ) -> Result<Decisions, StoreError> {
        let list = self.store.list(fleet)?;
        let known = self.bouncers.knows(&who).filter(|_| !begins);
        let step = known.map_or(Step::Snapshot, |cursor| list.step_from(cursor));
        let decisions = match step {
            Step::Current => Decisions::default(),
            Step::Delta { add, remove } => Decisions {
                new: add
                    .into_iter()
                    .filter_map(|(network, _)| listed(list, network))
                    .collect(),
                deleted: gone(remove, now),
            },
            Step::Snapshot => Decisions {
                new: active(list, now),
                deleted: if begins {
                    Vec::new()
                } else {
                    gone(list.gone_lately(), now)
                },
            },
        };
        let cursor = list.head().cursor();
        self.bouncers.note(who, cursor);
        Ok(decisions)
    }
}

fn active(list: &FleetList, now: Moment) -> Vec<ListedNet> {
    let active = list.entries_after(None).filter(|(_, entry)| entry.end > now.tick);
    active
        .map(|(network, entry)| ListedNet {
            network,
            end: entry.end,
            why: Arc::clone(&entry.why),
        })
        .collect()
}

fn listed(list: &FleetList, network: IpNet) -> Option<ListedNet> {
    list.get(network).map(|entry| ListedNet {
        network,
        end: entry.end,
        why: Arc::clone(&entry.why),
    })
}

fn gone(networks: impl IntoIterator<Item = IpNet>, now: Moment) -> Vec<ListedNet> {
    let why: Arc<str> = "".into();
    let gone = networks.into_iter().map(|network| ListedNet {
        network,
        end: now.tick,
        why: Arc::clone(&why),
    });
    gone.collect()
}
