//! What the store can be asked. Nothing here changes anything: what has ended and was not removed
//! yet is left out.

use std::{net::IpAddr, sync::Arc};

use buckler::model::blacklist::ban_id::ban_id;
use ipnet::IpNet;
use uuid::Uuid;

use super::{
    AgentIdent, Allowed, AuditEntry, Batch, BatchEvents, CandidateState, Command, CredentialState, EntryView,
    FleetView, KeyState, ProfileState, Proposal, RefusalView, Rules, Shared, Store, StoreError, TokenState, Window,
    new_epoch, refusals,
};
use crate::{
    list::{Entry, FleetList, Recent, is_exact},
    moment::{Moment, Tick},
};

impl Store {
    /// What it holds everybody to.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The time of the newest record.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// A fleet's list.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn list(&self, fleet: &str) -> Result<&FleetList, StoreError> {
        let list = self.fleets.get(fleet);
        list.ok_or_else(|| StoreError::Failed(format!("there is no fleet {fleet:?}")))
    }

    /// The digest of all lists: where they are, and what is on them.
    #[must_use]
    pub(crate) fn lists_digest(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for (fleet, list) in &self.fleets {
            let head = list.head();
            hasher.update(fleet.as_bytes());
            hasher.update(&[0]);
            hasher.update(head.epoch.as_bytes());
            hasher.update(&head.rev.to_be_bytes());
            hasher.update(&head.count.to_be_bytes());
            hasher.update(head.digest.to_string().as_bytes());
        }
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        u64::from_be_bytes(first)
    }

    /// Every fleet.
    pub fn fleets(&self) -> impl Iterator<Item = &Arc<str>> {
        self.fleets.keys()
    }

    /// What has every list go on under another name.
    pub(crate) fn renewals(&self) -> impl Iterator<Item = Command> {
        self.fleets.keys().map(|fleet| Command::Renew {
            fleet: Arc::clone(fleet),
            epoch: new_epoch(),
            complete: false,
        })
    }

    /// Whether an entry or a proposal has ended by now and is still there.
    #[must_use]
    pub fn has_ended(&self, now: Tick) -> bool {
        let ends = self.fleets.values().filter_map(FleetList::soonest_end);
        let ends = ends.chain(self.proposals.soonest_end());
        let mut ends = ends.chain(self.allowlist.soonest_end());
        ends.any(|end| end <= now)
    }

    /// Up to where the events of a report are known before it is applied, and whether applying it
    /// would change anything.
    #[must_use]
    pub fn foresee(&self, batch: &Batch) -> (u64, bool) {
        match &batch.events {
            BatchEvents::V1 { bans, .. } => (0, !bans.is_empty()),
            BatchEvents::V2 { stream, first, events } => {
                let before_first = first.saturating_sub(1);
                let known = self.agents.mark(&batch.who, *stream);
                let is_new = !self.agents.knows(&batch.who, *stream);
                let mark = known.unwrap_or(before_first);
                let most = self.rules.quotas.key_new_agents;
                if let Some(key) = &batch.via.key
                    && self.credential_of(&batch.who).is_none()
                    && self.agents.get(&batch.who).is_none()
                    && !self.buckets.may_enter(key, most, self.now.tick)
                {
                    return (mark, false);
                }
                (mark, is_new || !events.is_empty() || before_first > mark)
            }
        }
    }

    /// What an agent shared, and how many of its events are missing.
    #[must_use]
    pub fn shared_by(&self, who: &AgentIdent) -> (Shared, u64) {
        let agent = self.agents.get(who);
        agent.map_or_else(Default::default, |agent| (agent.shared.clone(), agent.missing))
    }

    /// What an operator allows of a fleet, in order.
    pub fn allowed<'s>(&'s self, fleet: &str, now: Tick) -> impl Iterator<Item = (IpNet, &'s Allowed)> + use<'s> {
        self.allowlist.of(fleet, now)
    }

    /// What an operator allows that holds something of a network, or lies within it.
    #[must_use]
    pub fn allowed_at(&self, fleet: &str, network: IpNet, now: Tick) -> Option<(IpNet, &Allowed)> {
        self.allowlist.touching(fleet, network, now)
    }

    /// Whether one more network may be allowed.
    pub(crate) fn has_room_to_allow(&self, fleet: &str, network: IpNet) -> bool {
        self.allowlist.has_room(fleet, network)
    }

    /// Every single address on the list and its end, for a version 1 registration: networks are
    /// left out, since such an agent compares addresses as text.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn addresses(&self, fleet: &str, now: Moment) -> Result<Vec<(IpAddr, Tick)>, StoreError> {
        let listed = self.list(fleet)?.entries_after(None);
        let single = listed.filter(|(network, entry)| is_exact(*network) && entry.end > now.tick);
        Ok(single.map(|(network, entry)| (network.addr(), entry.end)).collect())
    }

    /// What a version 1 agent is told in a beacon's reply.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn recent(&self, fleet: &str, window: &Window, now: Moment) -> Result<Recent, StoreError> {
        let Window { since, ban_for } = *window;
        Ok(self.list(fleet)?.recent(since, ban_for, now.tick))
    }

    /// A fleet's list at a glance.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn fleet(&self, fleet: &str) -> Result<FleetView, StoreError> {
        Ok(FleetView::new(self.list(fleet)?))
    }

    /// Entries in order, after `after`, at most `limit`.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn entries(
        &self,
        fleet: &str,
        after: Option<IpNet>,
        limit: usize,
        now: Moment,
    ) -> Result<Vec<EntryView>, StoreError> {
        let list = self.list(fleet)?;
        let view = |(network, entry): (IpNet, &Entry)| EntryView::new(network, entry, list.is_standing(network), now);
        let active = list.entries_after(after).filter(|(_, entry)| entry.end > now.tick);
        Ok(active.take(limit).map(view).collect())
    }

    /// One entry, or the network whose entry covers it.
    ///
    /// # Errors
    /// If there is no such fleet.
    pub fn entry(&self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError> {
        let list = self.list(fleet)?;
        let Some(network) = list.covering(network, now.tick) else {
            return Ok(None);
        };
        Ok(list
            .get(network)
            .map(|entry| EntryView::new(network, entry, list.is_standing(network), now)))
    }

    /// The entry of exactly this network, whatever else covers it.
    #[must_use]
    pub(crate) fn own_entry(&self, fleet: &str, network: IpNet, now: Moment) -> Option<EntryView> {
        let list = self.fleets.get(fleet)?;
        let entry = list.get(network).filter(|entry| entry.end > now.tick)?;
        Some(EntryView::new(network, entry, list.is_standing(network), now))
    }

    /// What agents have reported of a refusal, by the id that its client was shown.
    #[must_use]
    pub fn refusal(&self, id: &str) -> Option<&RefusalView> {
        self.refusals.get(id)
    }

    /// The newest refusals, the newest first.
    pub fn refusals(&self) -> impl Iterator<Item = &RefusalView> {
        self.refusals.newest()
    }

    /// The entry that a ban's id is made of, of any fleet that is asked for: what agents show to
    /// clients that another agent or an operator banned.
    #[must_use]
    pub fn ban_by_id(&self, id: &str, is_asked: impl Fn(&str) -> bool, now: Moment) -> Option<EntryView> {
        let id = refusals::number(id)?;
        // some nanoseconds an entry, and asked by people only: an index would cost each ban more
        // than all questions do
        let asked = self.fleets.iter().filter(|(fleet, _)| is_asked(fleet));
        asked.map(|(_, list)| list).find_map(|list| {
            let mut active = list.entries_after(None).filter(|(_, entry)| entry.end > now.tick);
            let (network, entry) = active.find(|(network, _)| ban_id(*network) == id)?;
            Some(EntryView::new(network, entry, list.is_standing(network), now))
        })
    }

    /// What is known of a profile.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&ProfileState> {
        self.profiles.get(name)
    }

    /// Configurations of a profile that were in force before, the newest first.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &ProfileState> {
        self.versions.of(name)
    }

    /// One of them.
    #[must_use]
    pub fn version(&self, name: &str, version: u64) -> Option<&ProfileState> {
        self.versions.get(name, version)
    }

    /// The configuration that a share of a profile's agents run.
    #[must_use]
    pub fn candidate(&self, name: &str) -> Option<&CandidateState> {
        self.candidates.get(name)
    }

    /// Those of all profiles.
    pub fn candidates(&self) -> impl Iterator<Item = &CandidateState> {
        self.candidates.iter()
    }

    /// Every agent key that the admin API made or decided of.
    pub fn keys(&self) -> impl Iterator<Item = &KeyState> {
        self.access.keys.values()
    }

    /// Whether one more key can be kept.
    #[must_use]
    pub fn has_room_for_a_key(&self, now: Tick) -> bool {
        self.access.has_room(now)
    }

    /// Every token that the admin API made.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenState> {
        self.access.tokens.values()
    }

    /// Rises with every change of a key or token since the start.
    #[must_use]
    pub const fn access_changes(&self) -> u64 {
        self.access.changes
    }

    /// What an agent has enrolled with, revoked or not.
    #[must_use]
    pub fn credential(&self, profile: &Arc<str>, agent: Uuid) -> Option<&CredentialState> {
        self.credentials.all.get(&(Arc::clone(profile), agent))
    }

    /// Rises with every change of a credential since the start.
    #[must_use]
    pub const fn credential_changes(&self) -> u64 {
        self.credentials.changes
    }

    /// What has become of credentials since there were so many changes: what was there before each,
    /// and what is there now. `None` where not all changes are remembered.
    pub(crate) fn credentials_since(
        &self,
        known: u64,
    ) -> Option<impl Iterator<Item = (Option<&CredentialState>, Option<&CredentialState>)>> {
        let changes = self.credentials.since(known)?;
        Some(changes.map(|(place, before)| (before, self.credentials.all.get(place))))
    }

    /// Every credential.
    pub fn credentials(&self) -> impl Iterator<Item = &CredentialState> {
        self.credentials.all.values()
    }

    /// What an agent has enrolled with, if it has.
    #[must_use]
    pub fn credential_of(&self, who: &AgentIdent) -> Option<&CredentialState> {
        match who {
            AgentIdent::Installed { profile, id } => self.credential(profile, *id),
            AgentIdent::Keyed { .. } => None,
        }
    }

    /// Bans of a fleet that wait for a second witness.
    pub fn proposals(&self, fleet: &str, now: Tick) -> impl Iterator<Item = (IpNet, &Proposal)> {
        let waiting = self.proposals.iter().filter(move |(_, proposal)| proposal.end > now);
        waiting.filter_map(move |((theirs, network), proposal)| (**theirs == *fleet).then_some((*network, proposal)))
    }

    /// Who changed what, the newest first.
    pub fn audit(&self) -> impl Iterator<Item = &AuditEntry> {
        self.audit.newest()
    }

    /// Rises with every change of a profile since the start.
    #[must_use]
    pub const fn profile_changes(&self) -> u64 {
        self.profile_changes
    }

    /// Every profile that is known.
    pub fn profiles(&self) -> impl Iterator<Item = &ProfileState> {
        self.profiles.values()
    }
}
