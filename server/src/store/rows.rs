//! The store as rows: what a checkpoint and a backup hold, and how the store is built from them
//! again.

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    AgentIdent, Allowed, AuditEntry, Bucket, CandidateState, CredentialState, KeyState, ProfileState, Proposal,
    RefusalView, Rules, Store, Together, TokenState,
    agent::Agent,
    packed::{self, network_bytes},
};
use crate::{
    list::{FleetList, ListRow, RowAt},
    moment::Moment,
};

/// One row of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// The time of the newest record.
    Now(Moment),
    /// What everybody is held to.
    Rules(Rules),
    /// A row of a fleet's list.
    List {
        /// The fleet.
        fleet: Arc<str>,
        /// The row.
        row: ListRow,
    },
    /// An agent's marks, quotas and counters.
    Agent(AgentRow),
    /// A refusal.
    Refusal {
        /// The how manieth it is.
        number: u64,
        /// What is known of it.
        refusal: Box<RefusalView>,
    },
    /// A profile.
    Profile(ProfileState),
    /// A configuration that was in force before.
    Version(ProfileState),
    /// A configuration that a share of agents run.
    Candidate(CandidateState),
    /// An agent key.
    Key(KeyState),
    /// An operator's token.
    Token(TokenState),
    /// Who changed what.
    Audit(Box<AuditEntry>),
    /// A ban that waits for a second witness.
    Proposal {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
        /// What is proposed.
        proposal: Proposal,
    },
    /// A network that an operator allows.
    Allowed {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
        /// What is known of it.
        allowed: Allowed,
    },
    /// The credential of an enrolled agent.
    Credential(CredentialState),
    /// What is counted for quotas.
    Bucket {
        /// Who is counted together.
        together: Together,
        /// The name of the key or fleet.
        name: Arc<str>,
        /// The counts.
        bucket: Bucket,
    },
}

/// An agent as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRow {
    who: Arc<AgentIdent>,
    #[serde(flatten)]
    agent: Agent,
}

/// Where a row stands. Rows are read in the order of their keys: the rules before lists, the head
/// of a list before its changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Vec<u8>);

/// What keys begin with.
pub(super) mod kind {
    pub(super) const NOW: u8 = b'a';
    pub(super) const RULES: u8 = b'b';
    pub(super) const HEAD: u8 = b'c';
    pub(in super::super) const ENTRY: u8 = b'd';
    pub(super) const CHANGE: u8 = b'e';
    pub(super) const UNBAN: u8 = b'f';
    pub(super) const REPETITION: u8 = b'g';
    pub(super) const AGENT: u8 = b'h';
    pub(super) const REFUSAL: u8 = b'i';
    pub(super) const PROFILE: u8 = b'j';
    pub(super) const KEY: u8 = b'k';
    pub(super) const TOKEN: u8 = b'l';
    pub(super) const AUDIT: u8 = b'm';
    pub(super) const PROPOSAL: u8 = b'n';
    pub(super) const BUCKET: u8 = b'o';
    pub(super) const CREDENTIAL: u8 = b'p';
    pub(super) const VERSION: u8 = b'q';
    pub(super) const CANDIDATE: u8 = b'r';
    pub(super) const ALLOWED: u8 = b's';
}

impl Key {
    /// As it is stored.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn new(kind: u8, parts: &[&[u8]]) -> Self {
        let mut key = vec![kind];
        key.extend(parts.iter().flat_map(|part| part.iter().copied()));
        Self(key)
    }

    fn of_list(fleet: &str, at: RowAt) -> Self {
        // no name of a fleet holds a zero byte that matters: what follows has a fixed length
        let name = [fleet.as_bytes(), &[0]].concat();
        match at {
            RowAt::Head => Self::new(kind::HEAD, &[&name]),
            RowAt::Entry(network) => Self::new(kind::ENTRY, &[&name, &network_bytes(network)]),
            RowAt::Change(rev) => Self::new(kind::CHANGE, &[&name, &rev.to_be_bytes()]),
            RowAt::Unban(network) => Self::new(kind::UNBAN, &[&name, &network_bytes(network)]),
            RowAt::Repetition(network) => Self::new(kind::REPETITION, &[&name, &network_bytes(network)]),
        }
    }

    fn of_agent(who: &AgentIdent) -> Self {
        let name = serde_json::to_vec(who).unwrap_or_default();
        Self::new(kind::AGENT, &[&name])
    }

    fn of_refusal(number: u64) -> Self {
        Self::new(kind::REFUSAL, &[&number.to_be_bytes()])
    }

    fn of_profile(name: &str) -> Self {
        Self::new(kind::PROFILE, &[name.as_bytes()])
    }

    fn of_version(name: &str, version: u64) -> Self {
        Self::new(kind::VERSION, &[name.as_bytes(), &[0], &version.to_be_bytes()])
    }

    fn of_candidate(name: &str) -> Self {
        Self::new(kind::CANDIDATE, &[name.as_bytes()])
    }

    fn of_key(id: &str) -> Self {
        Self::new(kind::KEY, &[id.as_bytes()])
    }

    fn of_token(id: &str) -> Self {
        Self::new(kind::TOKEN, &[id.as_bytes()])
    }

    fn of_proposal(fleet: &str, network: IpNet) -> Self {
        Self::new(kind::PROPOSAL, &[fleet.as_bytes(), &[0], &network_bytes(network)])
    }

    fn of_allowed(fleet: &str, network: IpNet) -> Self {
        Self::new(kind::ALLOWED, &[fleet.as_bytes(), &[0], &network_bytes(network)])
    }

    fn of_credential(profile: &str, agent: uuid::Uuid) -> Self {
        Self::new(kind::CREDENTIAL, &[profile.as_bytes(), &[0], agent.as_bytes()])
    }

    fn of_bucket(together: Together, name: &str) -> Self {
        let kind = match together {
            Together::Key => b'k',
            Together::Fleet => b'f',
        };
        Self::new(kind::BUCKET, &[&[kind], name.as_bytes()])
    }

    fn of_audit(number: u64) -> Self {
        Self::new(kind::AUDIT, &[&number.to_be_bytes()])
    }
}

impl Row {
    /// Where it stands.
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Now(_) => Key::new(kind::NOW, &[]),
            Self::Rules(_) => Key::new(kind::RULES, &[]),
            Self::List { fleet, row } => Key::of_list(fleet, row.at()),
            Self::Agent(row) => Key::of_agent(&row.who),
            Self::Refusal { number, .. } => Key::of_refusal(*number),
            Self::Profile(profile) => Key::of_profile(&profile.name),
            Self::Version(before) => Key::of_version(&before.name, before.version),
            Self::Candidate(candidate) => Key::of_candidate(&candidate.name),
            Self::Key(key) => Key::of_key(&key.id),
            Self::Token(token) => Key::of_token(&token.id),
            Self::Audit(entry) => Key::of_audit(entry.number),
            Self::Proposal { fleet, network, .. } => Key::of_proposal(fleet, *network),
            Self::Allowed { fleet, network, .. } => Key::of_allowed(fleet, *network),
            Self::Credential(state) => Key::of_credential(&state.profile, state.agent),
            Self::Bucket { together, name, .. } => Key::of_bucket(*together, name),
        }
    }

    /// What stands there: an entry in as few bytes as it needs, since there may be millions of
    /// them, all else as JSON.
    ///
    /// # Errors
    /// What serde says, which for these is nothing.
    pub(crate) fn value(&self) -> Result<Vec<u8>, serde_json::Error> {
        packed::entry_bytes(self).unwrap_or_else(|| serde_json::to_vec(self))
    }
}

/// Rows that differ from those of the last checkpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// As they are now.
    pub(crate) put: Vec<Row>,
    /// No longer there.
    pub(crate) gone: Vec<Key>,
}

impl Store {
    /// From now on notes what changes, for [`changes`](Self::changes).
    pub(crate) fn track(&mut self) {
        self.tracks = true;
        self.fleets.values_mut().for_each(FleetList::track);
        self.agents.touched.track();
        self.changed_profiles.track();
        self.versions.touched.track();
        self.candidates.touched.track();
        self.access.track();
        self.audit.touched.track();
        self.proposals.touched.track();
        self.allowlist.touched.track();
        self.buckets.touched.track();
        self.credentials.touched.track();
    }

    /// How many rows have changed since the last checkpoint.
    pub(crate) fn changed(&self) -> usize {
        let lists: usize = self.fleets.values().map(FleetList::changed).sum();
        lists
            + self.agents.touched.len()
            + self.refusals.changed()
            + self.changed_profiles.len()
            + self.versions.touched.len()
            + self.candidates.touched.len()
            + self.access.touched_keys.len()
            + self.access.touched_tokens.len()
            + self.audit.touched.len()
            + self.proposals.touched.len()
            + self.allowlist.touched.len()
            + self.buckets.touched.len()
            + self.credentials.touched.len()
            + usize::from(self.changed_rules)
    }

    /// Rows that have changed since this was called last, and those that are gone.
    pub(crate) fn changes(&mut self) -> Changes {
        let mut changes = Changes {
            put: vec![Row::Now(self.now), Row::Rules(self.rules.clone())],
            gone: Vec::new(),
        };
        self.changed_rules = false;
        for (fleet, list) in &mut self.fleets {
            let (put, gone) = list.changes();
            let row = |row| Row::List {
                fleet: Arc::clone(fleet),
                row,
            };
            changes.put.extend(put.into_iter().map(row));
            changes.gone.extend(gone.into_iter().map(|at| Key::of_list(fleet, at)));
        }
        for who in self.agents.touched.take() {
            match self.agents.get(&who) {
                Some(agent) => changes.put.push(agent_row(&who, agent)),
                None => changes.gone.push(Key::of_agent(&who)),
            }
        }
        let (came, forgotten) = self.refusals.changes();
        changes.put.extend(came.into_iter().map(refusal_row));
        changes.gone.extend(forgotten.map(Key::of_refusal));
        for name in self.changed_profiles.take() {
            match self.profiles.get(&name) {
                Some(profile) => changes.put.push(Row::Profile(profile.clone())),
                None => changes.gone.push(Key::of_profile(&name)),
            }
        }
        for (name, version) in self.versions.touched.take() {
            match self.versions.get(&name, version) {
                Some(before) => changes.put.push(Row::Version(before.clone())),
                None => changes.gone.push(Key::of_version(&name, version)),
            }
        }
        for name in self.candidates.touched.take() {
            match self.candidates.get(&name) {
                Some(candidate) => changes.put.push(Row::Candidate(candidate.clone())),
                None => changes.gone.push(Key::of_candidate(&name)),
            }
        }
        self.changes_of_access(&mut changes);
        changes
    }

    fn changes_of_access(&mut self, changes: &mut Changes) {
        for id in self.access.touched_keys.take() {
            match self.access.keys.get(&id) {
                Some(key) => changes.put.push(Row::Key(key.clone())),
                None => changes.gone.push(Key::of_key(&id)),
            }
        }
        for id in self.access.touched_tokens.take() {
            match self.access.tokens.get(&id) {
                Some(token) => changes.put.push(Row::Token(token.clone())),
                None => changes.gone.push(Key::of_token(&id)),
            }
        }
        for number in self.audit.touched.take() {
            match self.audit.get(number) {
                Some(entry) => changes.put.push(Row::Audit(Box::new(entry.clone()))),
                None => changes.gone.push(Key::of_audit(number)),
            }
        }
        for place in self.proposals.touched.take() {
            match self.proposals.get(&place) {
                Some(proposal) => changes.put.push(proposal_row((&place, proposal))),
                None => changes.gone.push(Key::of_proposal(&place.0, place.1)),
            }
        }
        for place in self.allowlist.touched.take() {
            match self.allowlist.get(&place) {
                Some(allowed) => changes.put.push(allowed_row((&place.0, place.1, allowed))),
                None => changes.gone.push(Key::of_allowed(&place.0, place.1)),
            }
        }
        for place in self.credentials.touched.take() {
            match self.credentials.all.get(&place) {
                Some(state) => changes.put.push(Row::Credential(state.clone())),
                None => changes.gone.push(Key::of_credential(&place.0, place.1)),
            }
        }
        for (together, name) in self.buckets.touched.take() {
            match self.buckets.get(together, &name) {
                Some(bucket) => changes.put.push(bucket_row((together, &name, bucket))),
                None => changes.gone.push(Key::of_bucket(together, &name)),
            }
        }
    }

    /// Every row: two stores are equal if these are.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let first = [Row::Now(self.now), Row::Rules(self.rules.clone())].into_iter();
        let lists = self.fleets.iter().flat_map(|(fleet, list)| {
            list.rows().map(|row| Row::List {
                fleet: Arc::clone(fleet),
                row,
            })
        });
        first
            .chain(lists)
            .chain(self.agents.iter().map(|(who, agent)| agent_row(who, agent)))
            .chain(self.refusals.rows().map(refusal_row))
            .chain(self.profiles.values().cloned().map(Row::Profile))
            .chain(self.versions.iter().cloned().map(Row::Version))
            .chain(self.candidates.iter().cloned().map(Row::Candidate))
            .chain(self.access.keys.values().cloned().map(Row::Key))
            .chain(self.access.tokens.values().cloned().map(Row::Token))
            .chain(self.audit.rows().cloned().map(Box::new).map(Row::Audit))
            .chain(self.proposals.iter().map(proposal_row))
            .chain(self.buckets.iter().map(bucket_row))
            .chain(self.allowlist.iter().map(allowed_row))
            .chain(self.credentials.all.values().cloned().map(Row::Credential))
    }

    /// Takes a row of a store that is being built. They come in the order of their keys.
    ///
    /// # Errors
    /// If the row makes no sense.
    pub(crate) fn take_row(&mut self, row: Row) -> Result<(), String> {
        match row {
            Row::Now(now) => self.now = now,
            Row::Rules(rules) => {
                self.agents.limit(rules.agents);
                self.rules = rules;
            }
            Row::List { fleet, row } => {
                self.found(&fleet, "");
                if let Some(list) = self.fleets.get_mut(&fleet) {
                    list.take_row(row)?;
                }
            }
            Row::Agent(AgentRow { who, agent }) => {
                self.buckets.found(&agent.fleet, agent.shared.live);
                self.agents.restore(&who, agent);
            }
            Row::Refusal { number, refusal } => self.refusals.restore(number, *refusal),
            Row::Profile(profile) => {
                self.profiles.insert(Arc::clone(&profile.name), profile);
            }
            Row::Version(before) => self.versions.keep(before),
            Row::Candidate(candidate) => self.candidates.restore(candidate),
            Row::Key(key) => drop(self.access.keys.insert(Arc::clone(&key.id), key)),
            Row::Token(token) => drop(self.access.tokens.insert(Arc::clone(&token.id), token)),
            Row::Audit(entry) => self.audit.restore(*entry),
            Row::Proposal {
                fleet,
                network,
                proposal,
            } => self.proposals.keep(&fleet, network, proposal),
            Row::Allowed {
                fleet,
                network,
                allowed,
            } => self.allowlist.keep(&fleet, network, allowed),
            Row::Credential(state) => self.credentials.restore(state),
            Row::Bucket { together, name, bucket } => self.buckets.restore(together, name, bucket),
        }
        Ok(())
    }

    /// Whether a store that was built from rows is whole; see [`FleetList::verify`].
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn verify(&self, thorough: bool) -> Result<(), String> {
        self.fleets.iter().try_for_each(|(fleet, list)| {
            list.verify(thorough)
                .map_err(|problem| format!("fleet {fleet:?}: {problem}"))
        })
    }
}

fn agent_row(who: &Arc<AgentIdent>, agent: &Agent) -> Row {
    Row::Agent(AgentRow {
        who: Arc::clone(who),
        agent: agent.clone(),
    })
}

fn proposal_row(((fleet, network), proposal): (&(Arc<str>, IpNet), &Proposal)) -> Row {
    Row::Proposal {
        fleet: Arc::clone(fleet),
        network: *network,
        proposal: proposal.clone(),
    }
}

fn allowed_row((fleet, network, allowed): (&Arc<str>, IpNet, &Allowed)) -> Row {
    Row::Allowed {
        fleet: Arc::clone(fleet),
        network,
        allowed: allowed.clone(),
    }
}

fn bucket_row((together, name, bucket): (Together, &Arc<str>, &Bucket)) -> Row {
    Row::Bucket {
        together,
        name: Arc::clone(name),
        bucket: *bucket,
    }
}

fn refusal_row((number, refusal): (u64, RefusalView)) -> Row {
    Row::Refusal {
        number,
        refusal: Box::new(refusal),
    }
}
