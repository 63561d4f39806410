//! The store: all that must last, as a function of the records that were applied to it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    AgentIdent, Answer, Batch, BatchEvents, Command, Enrolment, EntryView, KeyState, Origin, ProfileState, Record,
    Rules,
    access::Access,
    agent::Agents,
    allowed::{Allowed, Allowlist},
    audit::Audit,
    candidates::Candidates,
    credentials::Credentials,
    desk::Desk,
    proposals::Proposals,
    quota::Buckets,
    refusals::Refusals,
    versions::Versions,
};
use crate::{
    list::{Ban, Banned, Entry, FleetList, Touched},
    moment::{Moment, Tick},
};

/// How many ended entries one command removes of each list: about 5 ms of work. The rest has its
/// turn with the next, and no client is banned by it meanwhile, since agents judge ends themselves.
const EXPIRY_BUDGET: usize = 5_000;

/// All that must last: lists, marks, quotas, refusals and profiles.
///
/// Nothing changes it but [`apply`](Self::apply), which reads no clock and draws no number: stores
/// to which the same records were applied are equal.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) rules: Rules,
    pub(super) agents: Agents,
    pub(super) fleets: BTreeMap<Arc<str>, FleetList>,
    pub(super) refusals: Refusals,
    pub(super) profiles: BTreeMap<Arc<str>, ProfileState>,
    pub(super) versions: Versions,
    pub(super) candidates: Candidates,
    pub(super) access: Access,
    pub(super) audit: Audit,
    pub(super) proposals: Proposals,
    pub(super) allowlist: Allowlist,
    pub(super) credentials: Credentials,
    pub(super) buckets: Buckets,
    /// The time of the newest record.
    pub(super) now: Moment,
    pub(super) changed_profiles: Touched<Arc<str>>,
    pub(super) changed_rules: bool,
    pub(super) profile_changes: u64,
    pub(super) tracks: bool,
    reasons: Reasons,
}

impl Store {
    /// An empty store that holds everybody to these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            agents: Agents::new(rules.agents),
            rules,
            fleets: BTreeMap::new(),
            refusals: Refusals::default(),
            profiles: BTreeMap::new(),
            versions: Versions::default(),
            candidates: Candidates::default(),
            access: Access::default(),
            audit: Audit::default(),
            proposals: Proposals::default(),
            allowlist: Allowlist::default(),
            credentials: Credentials::default(),
            buckets: Buckets::default(),
            now: Moment::default(),
            changed_profiles: Touched::default(),
            changed_rules: false,
            profile_changes: 0,
            tracks: false,
            reasons: Reasons::default(),
        }
    }

    /// Takes a record: its commands in their order, at its time, or at that of the record before if
    /// that is later.
    pub fn apply(&mut self, record: &Record) -> Vec<Answer> {
        self.now = Moment {
            tick: self.now.tick.max(record.at.tick),
            unix_ms: record.at.unix_ms,
        };
        record.commands.iter().map(|command| self.take(command)).collect()
    }

    fn take(&mut self, command: &Command) -> Answer {
        match command {
            Command::Rules(rules) => self.set_rules(rules),
            Command::Found { fleet, epoch } => self.found(fleet, epoch),
            Command::Renew { fleet, epoch, complete } => {
                if let Some(list) = self.fleets.get_mut(fleet) {
                    list.renew(epoch, *complete);
                }
            }
            Command::Report(batch) => return self.report(batch),
            Command::Ban {
                fleet,
                network,
                ttl_s,
                why,
            } => return self.ban(fleet, *network, *ttl_s, why),
            Command::Unban { fleet, network } => return self.unban(fleet, *network),
            Command::Allow {
                fleet,
                network,
                ttl_s,
                why,
                by,
            } => return self.allow((fleet, *network), *ttl_s, (why, by)),
            Command::Disallow { fleet, network } => self.allowlist.remove(fleet, *network),
            Command::Expire => self.expire(),
            Command::Profile(profile) => self.set_profile(profile),
            Command::ForgetProfile { name } => self.forget_profile(name),
            Command::Stage(candidate) => {
                self.profile_changes += 1;
                self.candidates.stage(candidate, self.profiles.get(&candidate.name));
            }
            Command::Unstage { name } => {
                self.profile_changes += 1;
                self.candidates.end(name);
            }
            Command::Key(key) => self.set_key(key),
            Command::Enrol(enrolment) => self.enrol(enrolment),
            Command::ForgetBrought { key } => self.forget_brought(key),
            Command::RevokeCredential { profile, agent } => {
                self.credentials.revoke(&(Arc::clone(profile), *agent), self.now.tick);
                self.access.changes += 1;
            }
            Command::ResetCredential { profile, agent } => {
                self.credentials.reset(&(Arc::clone(profile), *agent));
                self.access.changes += 1;
            }
            Command::Token(token) => self.access.set_token(token),
            Command::ForgetToken { id } => self.access.forget_token(id),
            // a node's own, which follows the record
            Command::ForgetAgent { .. } => {}
            Command::Audit(note) => self.audit.note(note, self.now),
        }
        Answer::Done
    }

    /// An operator's ban.
    fn ban(&mut self, fleet: &str, network: ipnet::IpNet, ttl_s: Option<u64>, why: &str) -> Answer {
        let entry = Entry {
            end: ttl_s.map_or(Tick::FOREVER, |ttl| self.now.tick.plus(ttl)),
            made: self.now.tick,
            by: Origin::Operator,
            why: self.reasons.get(why),
        };
        let ban = Ban {
            network,
            entry,
            at_unix_ms: self.now.unix_ms,
        };
        if self.allowlist.touching(fleet, network, self.now.tick).is_some() {
            return Answer::Banned(Banned::Allowed);
        }
        self.fleets
            .get_mut(fleet)
            .map_or(Answer::Done, |list| Answer::Banned(list.ban(ban, self.now)))
    }

    /// Allows a network. All that is listed and touches it is let in again, and remembered as an
    /// unban is; agents are told of the network itself and of what they are known to ban of it, so
    /// that they let go of bans of their own.
    fn allow(
        &mut self,
        (fleet, network): (&Arc<str>, ipnet::IpNet),
        ttl_s: Option<u64>,
        (why, by): (&str, &Arc<str>),
    ) -> Answer {
        let now = self.now;
        if !self.allowlist.has_room(fleet, network) {
            return Answer::Allowed(None);
        }
        let Some(list) = self.fleets.get_mut(fleet) else {
            return Answer::Done;
        };
        let touching = list.touching(network);
        let mut banned_there = self.refusals.banned_touching(fleet, network, now);
        banned_there.extend(self.proposals.withdraw_touching(fleet, network));
        banned_there.insert(network);
        for banned in banned_there.difference(&touching) {
            list.retract(*banned, now.tick);
        }
        let mut lifted = 0;
        for listed in touching {
            let Some(entry) = list.unban(listed, now) else { continue };
            lifted += 1;
            if let Origin::Agent(who) = &entry.by {
                let key = self.agents.release(who);
                self.buckets.release(key.as_ref(), fleet);
            }
        }
        let allowed = Allowed {
            end: ttl_s.map_or(Tick::FOREVER, |ttl| now.tick.plus(ttl)),
            made: now.tick,
            by: Arc::clone(by),
            why: self.reasons.get(why),
        };
        self.allowlist.keep(fleet, network, allowed);
        Answer::Allowed(Some(lifted))
    }

    fn forget_profile(&mut self, name: &Arc<str>) {
        self.profile_changes += 1;
        self.changed_profiles.note(Arc::clone(name));
        self.profiles.remove(name);
        self.versions.forget(name);
        self.candidates.end(name);
    }

    /// What was in force before is kept for who goes back. A candidate that was made over it ends.
    fn set_profile(&mut self, profile: &ProfileState) {
        self.profile_changes += 1;
        self.changed_profiles.note(Arc::clone(&profile.name));
        let before = self.profiles.insert(Arc::clone(&profile.name), profile.clone());
        if let Some(before) = before.filter(|before| before.version != profile.version) {
            self.versions.keep(before);
            self.candidates.end(&profile.name);
        }
    }

    /// A key that is revoked takes the credentials along that it has brought.
    fn set_key(&mut self, key: &KeyState) {
        self.access.set_key(key, self.now.tick);
        if key.revoked.is_some() {
            self.credentials.forget_of(&key.id);
        }
    }

    /// What a key has brought that is known no more: connections are looked at again.
    fn forget_brought(&mut self, key: &str) {
        self.credentials.forget_of(key);
        self.access.changes += 1;
    }

    /// Whether an agent may have the credential that it asks for at this moment. What it asked with
    /// may have ended since it asked, so that this is decided once more where the record is
    /// applied.
    #[must_use]
    pub fn may_enrol(&self, enrolment: &Enrolment, now: Tick) -> bool {
        let Enrolment {
            profile,
            agent,
            key,
            fingerprint,
            by,
            is_own,
        } = enrolment;
        let known = self.credential(profile, *agent);
        if known.is_some_and(|known| known.revoked.is_some() || known.fingerprint == *fingerprint) {
            return false;
        }
        let is_key = |key: &KeyState| key.fingerprint == *fingerprint;
        if self.credentials.is_anothers(fingerprint, (profile, *agent))
            || self.access.keys.get(&fingerprint.name()).is_some_and(is_key)
        {
            return false;
        }
        match known {
            Some(known) => *is_own && known.is_good(by, now) && known.may_be_exchanged(now),
            None => !is_own && self.access.keys.get(key).is_none_or(|key| key.is_in_force(now)),
        }
    }

    /// An agent that is new here counts among those that its key may bring.
    fn enrol(&mut self, enrolment: &Enrolment) {
        let Enrolment {
            profile,
            agent,
            key,
            fingerprint,
            ..
        } = enrolment;
        let (now, place) = (self.now.tick, (Arc::clone(profile), *agent));
        if !self.may_enrol(enrolment, now) {
            return;
        }
        let who = AgentIdent::Installed {
            profile: Arc::clone(profile),
            id: *agent,
        };
        let is_new = !self.credentials.all.contains_key(&place) && self.agents.get(&who).is_none();
        if is_new && !self.buckets.may_enter(key, self.rules.quotas.key_new_agents, now) {
            return;
        }
        if is_new {
            self.buckets.enter(key, now);
        }
        if !self.credentials.all.contains_key(&place) {
            self.credentials.make_room(self.rules.agents);
        }
        self.credentials.enrol(&place, key, *fingerprint, now);
    }

    fn set_rules(&mut self, rules: &Rules) {
        self.agents.limit(rules.agents);
        for list in self.fleets.values_mut() {
            list.set_bounds(rules.bounds);
        }
        self.rules = rules.clone();
        self.changed_rules = true;
    }

    pub(super) fn found(&mut self, fleet: &Arc<str>, epoch: &str) {
        if self.fleets.contains_key(fleet) {
            return;
        }
        let mut list = FleetList::new(epoch, self.rules.bounds);
        if self.tracks {
            list.track();
        }
        self.fleets.insert(Arc::clone(fleet), list);
    }

    fn report(&mut self, batch: &Batch) -> Answer {
        let Batch {
            who,
            fleet,
            bans,
            events,
            ..
        } = batch;
        let known = match events {
            BatchEvents::V1 { .. } => None,
            BatchEvents::V2 { stream, .. } => self.agents.mark(who, *stream),
        };
        let before = known.unwrap_or_else(|| before_first(events));
        let Some(counted_as) = self.counted_as(batch) else {
            return Answer::Taken {
                known: before,
                ack: before,
                nack: Vec::new(),
            };
        };
        let Some(list) = self.fleets.get_mut(fleet) else {
            return Answer::Done;
        };
        let (reasons, now, quotas) = (&mut self.reasons, self.now, self.rules.quotas);
        let agent = self.agents.enter(who, fleet, now.tick);
        agent.counted_as.clone_from(&counted_as);
        let (key, shared) = self.buckets.of(counted_as.as_ref(), fleet);
        let mut desk = Desk {
            who,
            agent,
            list,
            fleet,
            key: key.map(|key| (key, quotas.for_key(events))),
            shared,
            proposals: &mut self.proposals,
            allowlist: &self.allowlist,
            rules: &self.rules,
            now,
            bans: *bans,
            refusals: &mut self.refusals,
            released: Vec::new(),
        };
        let (ack, nack) = match events {
            BatchEvents::V1 { bans, ban_for } => {
                desk.take_bans(bans, *ban_for, &reasons.get("shared"));
                (0, Vec::new())
            }
            BatchEvents::V2 { first, events, .. } => desk.take_events((known, *first), events, |why| reasons.get(why)),
        };
        for released in desk.released {
            let key = self.agents.release(&released);
            self.buckets.release(key.as_ref(), fleet);
        }
        if let BatchEvents::V2 { stream, .. } = events {
            self.agents.set_mark(who, *stream, ack);
        }
        Answer::Taken {
            known: before,
            ack,
            nack,
        }
    }

    /// What an agent's changes are counted under beside its own and its fleet's, if anything; there
    /// is room for the agent then. `None` where its key has brought too many for it to be one more.
    fn counted_as(&mut self, batch: &Batch) -> Option<Option<Arc<str>>> {
        let Batch {
            who,
            fleet,
            via,
            events,
            ..
        } = batch;
        let (now, most) = (self.now.tick, self.rules.quotas.key_new_agents);
        let counted_as = via.counted_as(fleet, events);
        let is_enrolled = self.credential_of(who).is_some();
        match (self.agents.get(who), &via.key) {
            // counted when it enrolled
            (None, Some(_)) if is_enrolled => {}
            (None, Some(key)) if !self.buckets.may_enter(key, most, now) => return None,
            (None, Some(key)) => self.buckets.enter(key, now),
            (Some(agent), _) if agent.counted_as != counted_as => {
                let (from, live) = (agent.counted_as.clone(), agent.shared.live);
                self.buckets.pass_on(from.as_ref(), counted_as.as_ref(), live);
            }
            (Some(_), _) | (None, None) => {}
        }
        for (key, live) in self.agents.make_room(who) {
            self.buckets.pass_on(Some(&key), None, live);
        }
        Some(counted_as)
    }

    fn unban(&mut self, fleet: &Arc<str>, network: ipnet::IpNet) -> Answer {
        self.proposals.withdraw(fleet, network);
        let Some(list) = self.fleets.get_mut(fleet) else {
            return Answer::Unbanned(None);
        };
        let operator = list.is_standing(network);
        let Some(entry) = list.unban(network, self.now) else {
            return Answer::Unbanned(None);
        };
        let view = EntryView::new(network, &entry, operator, self.now);
        if let Origin::Agent(who) = &entry.by {
            let key = self.agents.release(who);
            self.buckets.release(key.as_ref(), fleet);
        }
        Answer::Unbanned(Some(Box::new(view)))
    }

    fn expire(&mut self) {
        self.proposals.sweep(self.now.tick);
        self.allowlist.sweep(self.now);
        self.buckets.sweep(self.now.tick);
        for (fleet, list) in &mut self.fleets {
            for (_, entry) in list.expire(self.now, EXPIRY_BUDGET) {
                if let Origin::Agent(who) = &entry.by {
                    let key = self.agents.release(who);
                    self.buckets.release(key.as_ref(), fleet);
                }
            }
        }
    }

    /// A reason, kept once.
    pub(crate) fn reason(&mut self, text: &str) -> Arc<str> {
        self.reasons.get(text)
    }
}

/// The number before the lowest that was not acknowledged.
const fn before_first(events: &BatchEvents) -> u64 {
    match events {
        BatchEvents::V1 { .. } => 0,
        BatchEvents::V2 { first, .. } => first.saturating_sub(1),
    }
}

/// Reasons, each kept once: a million entries share a dozen. They decide nothing.
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
