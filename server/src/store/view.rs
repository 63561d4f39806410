//! What the admin API shows of the store. No key is in here, and nothing from which one could be made.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr, sync::Arc};

use buckler::{
    model::address,
    protocol::{Telemetry, v2},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CredentialState, Origin, Transport};
use crate::{
    list::{Entry, FleetList},
    moment::{Moment, Tick},
};

/// What is known of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentView {
    /// Its `agent_id`, or the address that version 1 agents with this key speak from.
    pub id: String,
    /// The profile of its key.
    pub profile: Arc<str>,
    /// The fleet of that profile.
    pub fleet: Arc<str>,
    /// The protocol version it spoke last.
    pub proto: u32,
    /// Where it spoke from last.
    pub peer: IpAddr,
    /// By what.
    pub transport: Transport,
    /// The framework it guards.
    pub platform: String,
    /// Its own version.
    pub version: String,
    /// What people know it by, as its host says it.
    #[serde(default, skip_serializing_if = "v2::Identity::is_empty")]
    pub identity: v2::Identity,
    /// How many routes it told of.
    pub routes: usize,
    /// Whether it has registered since the server started.
    pub registered: bool,
    /// When it was heard first, in milliseconds since the Unix epoch.
    pub first_seen_ms: u64,
    /// When it was heard last.
    pub last_seen_ms: u64,
    /// Its run of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Uuid>,
    /// Load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// Requests since its start; of a version 1 agent, the sum of what it reported since the server's.
    pub totals: v2::Totals,
    /// Events it lost, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Events that are missing from what came here.
    pub missing: u64,
    /// How it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<v2::Health>,
    /// The configuration it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<v2::ConfigCursor>,
    /// What became of the newest configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_status: Option<v2::ConfigStatus>,
    /// The newest configuration that it refused, since it was heard here first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_config: Option<v2::ConfigStatus>,
    /// The list it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<v2::ListCursor>,
    /// Revisions it is behind, where it has this list at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_lag: Option<u64>,
    /// What it shared.
    pub shared: Shared,
    /// The credential of its own, revoked or not; absent where it speaks with a key that agents
    /// share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialView>,
}

/// An agent's credential as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialView {
    /// The profile of the agent.
    pub profile: Arc<str>,
    /// The agent.
    pub agent: Uuid,
    /// The name of the key that it enrolled with.
    pub key: Arc<str>,
    /// When it enrolled, in milliseconds since the Unix epoch.
    pub made_ms: u64,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

impl From<&CredentialState> for CredentialView {
    fn from(state: &CredentialState) -> Self {
        Self {
            profile: Arc::clone(&state.profile),
            agent: state.agent,
            key: Arc::clone(&state.key),
            made_ms: state.made.unix_ms(),
            revoked_ms: state.revoked.map(Tick::unix_ms),
        }
    }
}

/// What an agent shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Entries it added that are still listed.
    pub live: u32,
    /// Bans it reported that were taken.
    pub bans: u64,
    /// Unbans it reported that were taken.
    pub unbans: u64,
    /// Attacks it reported.
    pub attacks: u64,
    /// Events that were refused, by code.
    pub refused: BTreeMap<Cow<'static, str>, u64>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryView {
    /// The network, or the bare address.
    pub address: String,
    /// Seconds left; absent for what never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
    /// Seconds since it was banned last.
    pub age_s: u64,
    /// `operator`, or the agent's id.
    pub by: String,
    /// The profile of that agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Arc<str>>,
    /// Whether an operator listed it, first or later.
    pub operator: bool,
    /// The check that found it, or the operator's reason.
    pub why: Arc<str>,
}

impl EntryView {
    /// Shows an entry.
    #[must_use]
    pub(super) fn new(network: IpNet, entry: &Entry, operator: bool, now: Moment) -> Self {
        let (by, profile) = match &entry.by {
            Origin::Operator => ("operator".to_owned(), None),
            Origin::Agent(who) => (who.to_string(), Some(Arc::clone(who.profile()))),
        };
        Self {
            address: address::to_text(network),
            ttl_s: (entry.end != Tick::FOREVER).then(|| entry.end.left(now.tick)),
            age_s: now.tick.since(entry.made),
            by,
            profile,
            operator,
            why: Arc::clone(&entry.why),
        }
    }
}

/// A list at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FleetView {
    /// Its history.
    pub epoch: String,
    /// Its revision.
    pub rev: u64,
    /// Entries.
    pub count: u64,
    /// Their digest.
    pub digest: String,
    /// Entries that version 1 agents never hear of, because they are networks.
    pub networks: u64,
}

impl FleetView {
    pub(super) fn new(list: &FleetList) -> Self {
        let v2::ListCursor {
            epoch,
            rev,
            count,
            digest,
        } = list.head().cursor();
        Self {
            epoch,
            rev,
            count,
            digest,
            networks: list.networks(),
        }
    }
}
