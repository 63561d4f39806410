//! Version 2: cursors, acknowledgements, totals and versions beside version 1's fields.
//!
//! Where a list is paged, the agent asks for the next page by `have.staging` (the page it holds last); a server that no longer
//! has that snapshot answers with page 1 of a newer one.

mod identity;
mod server;
mod signature;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    identity::{Identity, MAX_BYTES as MAX_IDENTITY_BYTES, MAX_LABELS, is_shown},
    server::{ConfigUpdate, Flag, ListMode, ListUpdate, Nack, Next, ServerPart},
    signature::{KeyChange, Signature, Signed},
};

/// The agent's part of a registration or beacon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentPart {
    /// Names the installation; kept on disk where there is a state directory.
    pub agent_id: Uuid,
    /// Names this run of the process.
    pub instance_id: Uuid,
    /// What the agent has.
    #[serde(default)]
    pub have: Have,
    /// What became of the newest configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_status: Option<ConfigStatus>,
    /// Names the outbox; a new one starts its `seq` at 1.
    pub stream: Uuid,
    /// The lowest `seq` that was not acknowledged, or the next one where nothing is pending.
    pub first: u64,
    /// Events from `first` on, without gaps, at most [`MAX_EVENTS`].
    #[serde(default)]
    pub events: Vec<Event>,
    /// Counts since start.
    #[serde(default)]
    pub totals: Totals,
    /// Events that were lost since start, by reason.
    #[serde(default)]
    pub lost: BTreeMap<String, u64>,
    /// How the agent is.
    #[serde(default)]
    pub health: Health,
    /// The BLAKE3 hash of the credential that it wants to speak with from now on: 64 hexadecimal
    /// digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol: Option<String>,
    /// What people know it by; with registrations alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Box<Identity>>,
}

/// The most events one message carries.
pub const MAX_EVENTS: usize = 256;

/// What an agent has of the list and of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// The list that is in force; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListCursor>,
    /// A snapshot whose pages are still coming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<Staging>,
    /// The configuration that is in force; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigCursor>,
}

/// Where an agent is in the list's history, and the proof of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCursor {
    /// The history this revision belongs to; a server that lost its memory starts another.
    pub epoch: String,
    /// The revision.
    pub rev: u64,
    /// Entries at that revision.
    pub count: u64,
    /// The set's digest in lower-case hexadecimal, 64 characters.
    pub digest: String,
}

/// The last page of a snapshot that the agent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// As in the snapshot.
    pub epoch: String,
    /// The snapshot's revision.
    pub to: u64,
    /// The page, counted from 1.
    pub page: u32,
}

/// A configuration's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCursor {
    /// Rises with every change.
    pub version: u64,
    /// BLAKE3 of the body as compact JSON with sorted keys, in lower-case hexadecimal.
    pub hash: String,
    /// The version of its signature, 0 where it has none; absent from agents that look at none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<u64>,
}

/// What became of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// Which one.
    pub version: u64,
    /// What became of it.
    pub state: ConfigState,
    /// Why it failed or was rolled back, or what of one in force is below the host's floor and was
    /// not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What can become of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigState {
    /// In force.
    Applied,
    /// In force, and watched.
    Probation,
    /// Refused; the running one stayed.
    Failed,
    /// Taken back; the one before runs again.
    RolledBack,
}

/// Something that happened at an agent and is reported at least once and counted once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Rises by one within a stream.
    pub seq: u64,
    /// What happened.
    pub kind: EventKind,
    /// The source, canonical: an address, or a network in CIDR notation.
    pub address: String,
    /// When, in milliseconds since the Unix epoch by the agent's clock; for people.
    pub at_ms: u64,
    /// How long the ban still lasts, in seconds.
    #[serde(default)]
    pub ttl_s: u64,
    /// The check that found it, by its configuration name: `decoy`, `flood`, `sqli`, …
    pub why: String,
    /// How sure it is.
    pub evidence: Evidence,
    /// Where the address came from.
    pub peer: AddressOrigin,
    /// What was found; absent from agents that do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
}

/// What was found, as far as it answers "why was I blocked". Nothing of the request itself is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The name of the refusal, as the client was told it: 16 hexadecimal digits. Absent where the request passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The rule that found it, `sqli/tautology`, or the check's name.
    pub rule: String,
    /// Where in the request: `query:q`, `path`; 120 bytes at most.
    pub place: String,
    /// How sure the rule is, in hundredths.
    pub score: u8,
    /// What the configuration made of it: 1 (block), 2 (block, as evidence for a ban) or 3 (log only).
    pub level: u8,
    /// The version of the configuration that it was judged by; absent where none came from the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_version: Option<u64>,
    /// The request's method; absent from agents that do not tell, as all that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The pattern of the application's route, `/items/{id}`, where the host knows it. Never the
    /// path itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The narrowest exception by which the request would have passed, as JSON for the key
    /// `EXCEPTIONS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Refused requests that spoke against the client by then, or those of which there were too
    /// many; 0 from agents that do not tell.
    pub requests: u64,
    /// Different values in them.
    pub values: u32,
    /// The ban that would have followed was not made, because it would have blocked too much of the site.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
}

/// What an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The source was banned.
    Ban,
    /// The source was let in again.
    Unban,
    /// An attack was seen, and no ban followed.
    Attack,
}

/// How a source was found out, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A count exceeded its limit.
    Threshold,
    /// Requests with different values were refused, each of which may have been a mistake.
    Repeated,
    /// One request was proof, as the exact path of a scanner is. `confirmed` was its name before there was `repeated`.
    #[serde(alias = "confirmed")]
    Certain,
}

/// Where a client's address was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressOrigin {
    /// From the socket.
    #[default]
    Socket,
    /// From a header that a trusted proxy set.
    Header,
}

/// Counts since start: a lost or repeated beacon changes no sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How long ago counting started, in milliseconds.
    #[serde(default)]
    pub since_ms: u64,
    /// Requests answered with a status below 400.
    #[serde(default)]
    pub success: u64,
    /// Requests answered with 400 or above.
    #[serde(default)]
    pub errors: u64,
    /// Requests in which an attack was found, blocked or not.
    #[serde(default)]
    pub attacks: u64,
    /// Requests that were refused.
    #[serde(default)]
    pub blocked: u64,
}

/// How an agent is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Time since the list was last confirmed by the server, in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_age_ms: Option<u64>,
    /// Restarts of the actors since start.
    #[serde(default)]
    pub restarts: u64,
    /// The conversation's state, by name.
    #[serde(default)]
    pub state: String,
    /// What somebody should look at, in words: the list would shut out the site's own clients, or nothing is enforced. Absent where
    /// all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// What a candidate configuration would have decided otherwise; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRunTotals>,
    /// Requests that passed although their bodies were not inspected, since start, by reason;
    /// absent where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uninspected: BTreeMap<String, u64>,
    /// The guarded process's load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessLoad>,
}

/// What a candidate configuration would have decided otherwise, since it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DryRunTotals {
    /// Requests that both configurations judged.
    pub requests: u64,
    /// Refusals that there would have been.
    pub would_block: u64,
    /// Refusals that there would not have been.
    pub would_pass: u64,
}

/// What the guarded process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessLoad {
    /// In percent of one core.
    pub cpu: f64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}
