//! A store that forgets everything at a restart.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use buckler::{model::blacklist::ban_id::ban_id, protocol::v2};
use ipnet::IpNet;
use uuid::Uuid;

use super::{
    AgentIdent, AgentView, EntryView, Events, FleetView, ListStep, OperatorBan, Origin, Receipt, RefusalView, Report,
    Rules, Store, StoreError, Window, agent::Agents, desk::Desk, refusals::Refusals,
};
use crate::{
    list::{Ban, Banned, Entry, FleetList, Recent, Step, is_exact},
    moment::{Moment, Tick},
};

/// How many ended entries a call removes before it does what it was called for: about 5 ms of work. The rest has its turn at
/// the next call, and nobody is banned by it meanwhile, since agents judge ends themselves.
const EXPIRY_BUDGET: usize = 5_000;

/// Everything in memory. A copy is a backup: it can take the original's place, and agents that are ahead of it notice.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    rules: Rules,
    agents: Agents,
    fleets: BTreeMap<Arc<str>, FleetList>,
    reasons: Reasons,
    refusals: Refusals,
}

impl MemoryStore {
    /// An empty store. Each of its lists begins a new history.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            agents: Agents::new(rules.agents),
            rules,
            fleets: BTreeMap::new(),
            reasons: Reasons::default(),
            refusals: Refusals::default(),
        }
    }

    /// The fleet's list, without what has ended.
    fn list(&mut self, fleet: &str, now: Moment) -> &mut FleetList {
        let Self {
            rules, agents, fleets, ..
        } = self;
        if !fleets.contains_key(fleet) {
            fleets.insert(fleet.into(), FleetList::new(&new_epoch(), rules.bounds));
        }
        let list = fleets
            .entry(fleet.into())
            .or_insert_with(|| FleetList::new(&new_epoch(), rules.bounds));
        expire(list, agents, now);
        list
    }
}

impl Store for MemoryStore {
    fn report(&mut self, report: &Report, now: Moment) -> Result<Receipt, StoreError> {
        if let Some(who) = self.agents.known_as(report) {
            let report = Report { who, ..report.clone() };
            return self.report(&report, now);
        }
        self.list(&report.fleet, now);
        let Self {
            rules,
            agents,
            fleets,
            reasons,
            refusals,
        } = self;
        let Some(list) = fleets.get_mut(&report.fleet) else {
            return Err(StoreError("the list is gone".to_owned()));
        };
        let told_again = if let Events::V1 { told_again, .. } = &report.events {
            *told_again
        } else {
            0
        };
        let (agent, missed_since) = agents.hear(report, told_again, now);
        let registered = agent.view.registered;
        let mut desk = Desk {
            who: &report.who,
            agent,
            list,
            rules,
            now,
            bans: report.bans,
            refusals,
            released: Vec::new(),
        };
        let (ack, nack) = match &report.events {
            Events::V1 { bans, ban_for, .. } => {
                desk.take_bans(bans, *ban_for, &reasons.get("shared"));
                (0, Vec::new())
            }
            Events::V2(part) => desk.take_events(part, |why| reasons.get(why)),
        };
        for who in desk.released {
            agents.release(&who);
        }
        Ok(Receipt {
            registered,
            ack,
            nack,
            missed_since,
        })
    }

    fn list_for(&mut self, fleet: &str, have: &v2::Have, now: Moment) -> Result<ListStep, StoreError> {
        let list = self.list(fleet, now);
        if let Some(staging) = &have.staging
            && let Some(snapshot) = list.kept_snapshot(&staging.epoch, staging.to)
            && staging.page < snapshot.pages()
        {
            return Ok(ListStep::Page(snapshot, staging.page + 1));
        }
        let step = have
            .list
            .as_ref()
            .map_or(Step::Snapshot, |cursor| list.step_from(cursor));
        Ok(match step {
            Step::Current => ListStep::Current(list.head().clone()),
            Step::Delta { add, remove } => {
                let from = have.list.as_ref().map_or(0, |cursor| cursor.rev);
                ListStep::Delta {
                    from,
                    head: list.head().clone(),
                    add,
                    remove,
                }
            }
            Step::Snapshot => ListStep::Page(list.snapshot(now.tick), 1),
        })
    }

    fn addresses(&mut self, fleet: &str, now: Moment) -> Result<Vec<(IpAddr, Tick)>, StoreError> {
        let listed = self.list(fleet, now).entries_after(None);
        let single = listed.filter(|(network, entry)| is_exact(*network) && entry.end > now.tick);
        Ok(single.map(|(network, entry)| (network.addr(), entry.end)).collect())
    }

    fn recent(&mut self, fleet: &str, window: &Window, now: Moment) -> Result<Recent, StoreError> {
        let Window { since, ban_for } = *window;
        Ok(self.list(fleet, now).recent(since, ban_for, now.tick))
    }

    fn ban(&mut self, fleet: &str, ban: OperatorBan, now: Moment) -> Result<Banned, StoreError> {
        let OperatorBan { network, ttl_s, why } = ban;
        let entry = Entry {
            end: ttl_s.map_or(Tick::FOREVER, |ttl| now.tick.plus(ttl)),
            made: now.tick,
            by: Origin::Operator,
            why: self.reasons.get(&why),
        };
        Ok(self.list(fleet, now).ban(
            Ban {
                network,
                entry,
                at_unix_ms: now.unix_ms,
            },
            now,
        ))
    }

    fn unban(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError> {
        let list = self.list(fleet, now);
        let operator = list.is_standing(network);
        let Some(entry) = list.unban(network, now) else {
            return Ok(None);
        };
        let view = EntryView::new(network, &entry, operator, now);
        if let Origin::Agent(who) = entry.by {
            self.agents.release(&who);
        }
        Ok(Some(view))
    }

    fn fleet(&mut self, fleet: &str, now: Moment) -> Result<FleetView, StoreError> {
        Ok(FleetView::new(self.list(fleet, now)))
    }

    fn entries(
        &mut self,
        fleet: &str,
        after: Option<IpNet>,
        limit: usize,
        now: Moment,
    ) -> Result<Vec<EntryView>, StoreError> {
        let list = self.list(fleet, now);
        let view = |(network, entry): (IpNet, &Entry)| EntryView::new(network, entry, list.is_standing(network), now);
        Ok(list.entries_after(after).take(limit).map(view).collect())
    }

    fn entry(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError> {
        let list = self.list(fleet, now);
        let Some(network) = list.covering(network) else {
            return Ok(None);
        };
        Ok(list
            .get(network)
            .map(|entry| EntryView::new(network, entry, list.is_standing(network), now)))
    }

    fn refusal(&mut self, id: &str, _now: Moment) -> Result<Option<RefusalView>, StoreError> {
        Ok(self.refusals.get(id).cloned())
    }

    fn ban_by_id(&mut self, id: &str, now: Moment) -> Result<Option<EntryView>, StoreError> {
        let Some(id) = super::refusals::number(id) else {
            return Ok(None);
        };
        // some nanoseconds an entry, and asked by people only: an index would cost each ban more
        // than all questions do
        let found = self.fleets.values().find_map(|list| {
            let (network, entry) = list.entries_after(None).find(|(network, _)| ban_id(*network) == id)?;
            Some(EntryView::new(network, entry, list.is_standing(network), now))
        });
        Ok(found)
    }

    fn refusals(&mut self, limit: usize, _now: Moment) -> Result<Vec<RefusalView>, StoreError> {
        Ok(self.refusals.newest().take(limit).cloned().collect())
    }

    fn agents(&mut self, _now: Moment) -> Result<Vec<AgentView>, StoreError> {
        let mut views: Vec<AgentView> = self.agents.iter().map(|agent| agent.view.clone()).collect();
        for view in &mut views {
            let head = self.fleets.get(&view.fleet).map(FleetList::head);
            view.list_lag = view
                .list
                .as_ref()
                .zip(head)
                .filter(|(list, head)| *list.epoch == *head.epoch)
                .map(|(list, head)| head.rev.saturating_sub(list.rev));
        }
        views.sort_by(|a, b| (Reverse(a.last_seen_ms), &a.id).cmp(&(Reverse(b.last_seen_ms), &b.id)));
        Ok(views)
    }

    fn expire(&mut self, now: Moment) -> Result<(), StoreError> {
        let Self { agents, fleets, .. } = self;
        for list in fleets.values_mut() {
            expire(list, agents, now);
        }
        Ok(())
    }
}

fn expire(list: &mut FleetList, agents: &mut Agents, now: Moment) {
    for (_, entry) in list.expire(now, EXPIRY_BUDGET) {
        if let Origin::Agent(who) = &entry.by {
            let who: &AgentIdent = who;
            agents.release(who);
        }
    }
}

/// A name that no history had before.
fn new_epoch() -> String {
    Uuid::new_v4().simple().to_string().chars().take(16).collect()
}

/// Reasons, each kept once: a million entries share a dozen.
#[derive(Debug, Clone, Default)]
struct Reasons(HashSet<Arc<str>>);

impl Reasons {
    /// The most that are kept; agents send names of checks, so more is nonsense.
    const MOST: usize = 1_000;
    /// The longest that is kept, in characters.
    const LENGTH: usize = 200;

    fn get(&mut self, text: &str) -> Arc<str> {
        let text: String = text.chars().take(Self::LENGTH).collect();
        if let Some(known) = self.0.get(text.as_str()) {
            return Arc::clone(known);
        }
        let reason: Arc<str> = text.into();
        if self.0.len() < Self::MOST {
            self.0.insert(Arc::clone(&reason));
        }
        reason
    }
}
