//! What the agent says of itself: [`Status`], put together from a board on which each actor keeps its own line.

mod board;
mod clients;
mod due;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Serialize;
use uuid::Uuid;

pub use self::clients::Clients;
pub(crate) use self::{board::Board, due::DueLine};
use crate::{
    guard::{DetectorHealth, DryRun},
    protocol::v2::Totals,
};

/// How an agent is: for a health page, a log line, a test. It never holds the key.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// This crate's version.
    pub version: &'static str,
    /// The conversation with the server.
    pub conversation: Conversation,
    /// The configuration in force.
    pub config: ConfigInForce,
    /// The list in force.
    pub list: ListInForce,
    /// What became of every detection.
    pub events: Events,
    /// Requests since start.
    pub requests: Totals,
    /// What is odd in the settings, and keys of the configuration in force that mean nothing.
    pub warnings: Vec<String>,
    /// How well requests can be told apart by who sends them.
    pub clients: Clients,
    /// Requests whose judgement failed inside the guard, as a whole or by a detector, and that `on_detector_failure` was asked about.
    pub guard_failures: u64,
    /// Requests since start that would have cost more to look into than one may:
    /// `on_detector_failure` decided about them.
    pub unjudged: u64,
    /// Judgements that took longer than [`Guard::SLOW`](crate::guard::Guard::SLOW), of one in 256 that are timed: a check that holds up
    /// the workers.
    pub guard_slow: u64,
    /// Requests that passed although their bodies were not inspected, or not to their ends:
    /// `agent.uninspected` and `agent.compressed_bodies` say which may.
    pub uninspected: u64,
    /// The same by reason, as `agent.uninspected` names them. A request may have several.
    pub uninspected_by_reason: BTreeMap<&'static str, u64>,
    /// Where the look ended in the last of them, by reason: `body@65536`.
    pub uninspected_at: BTreeMap<&'static str, String>,
    /// Detectors that panicked or held up a request, and which of them are not asked any more.
    pub failing_detectors: Vec<DetectorHealth>,
    /// What the candidate configuration (`DRY_RUN`) would have decided otherwise; absent where there is none.
    pub dry_run: Option<DryRun>,
    /// The last ban that was not made, because it would have blocked too much of the site; absent where there was none.
    pub withheld: Option<WithheldBan>,
    /// Whether anything is refused at all.
    pub enforcement: Enforcement,
    /// Requests of listed sources that passed because the list, or all, is not in force.
    pub spared: u64,
    /// The log of findings besides the server (`LOG_…`).
    pub log: LogShipping,
    /// Restarts of the actors since start.
    pub restarts: u64,
    /// Where state is kept.
    pub store: StoreState,
}

/// The conversation with the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Conversation {
    /// `starting`, `local`, `connecting`, `synced`, `quiet`, `retrying`, `blocked`, `resting`, `closing` or `closed`.
    pub state: &'static str,
    /// Since when, as time since the agent started.
    pub since: Duration,
    /// Whether the server can push: `open` or `closed`.
    pub link: &'static str,
    /// Since when the link is as it is, as time since the agent started.
    pub link_since: Duration,
    /// The kind of transport that carries the conversation at this moment; absent while there is none.
    pub transport: Option<&'static str>,
    /// The protocol version that the server speaks; absent before its first answer.
    pub protocol: Option<u32>,
    /// The id under which the server knows this installation.
    pub agent_id: Uuid,
    /// When the next exchange is due, as time since the agent started; absent while one is under way.
    pub due: Option<Duration>,
    /// When the server last answered well, as time since the agent started.
    pub last_success: Option<Duration>,
    /// Why there is no conversation, or what failed last since the last success.
    pub problem: Option<String>,
}

/// Whether the guard refuses what it finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Enforcement {
    /// `on` or `off`.
    pub state: &'static str,
    /// Since when, as time since the agent started.
    pub since: Duration,
    /// Why it is off; absent where it is on.
    pub reason: Option<String>,
}

impl Default for Enforcement {
    fn default() -> Self {
        Self {
            state: "on",
            since: Duration::ZERO,
            reason: None,
        }
    }
}

/// The configuration in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigInForce {
    /// The template it begins from.
    pub template: String,
    /// Where it comes from: `local`, `server` or `disk` (the server's, from an earlier run).
    pub source: &'static str,
    /// The server's version; absent for local settings and for version 1 servers.
    pub version: Option<u64>,
    /// The server configuration's hash.
    pub hash: Option<String>,
    /// What became of the newest configuration: `applied`, `probation` (it is in force, and watched), `failed` or `rolled_back` (the one
    /// before is in force).
    pub state: &'static str,
    /// Why the newest configuration was refused or rolled back; absent where it is in force.
    pub refused: Option<String>,
    /// What it says that honest clients may suffer from, a sentence each.
    pub cautions: Vec<String>,
    /// What the server asks for that is below `agent.floor` and not in force, a sentence each.
    pub held: Vec<String>,
    /// In what it protects less than the one before it, a line each: `SECURITY_CHECKS.sqli: 2 (ban)
    /// -> 0 (off)`.
    pub weaker: Vec<String>,
    /// Whether that is less than what the server asked for before, which is an alarm, and not only
    /// less than the host's own settings.
    pub weakened: bool,
    /// What becomes of a configuration that the keys of `agent.signing` have not signed: `require`,
    /// `prefer` or `off`.
    pub signatures: &'static str,
    /// The version that the configuration in force is signed as; absent where it is not, or nothing
    /// is looked at.
    pub signed: Option<u64>,
    /// When that signature ends, in seconds since the Unix epoch.
    pub signed_until_s: Option<u64>,
    /// Why the newest configuration of the server is not believed.
    pub unsigned: Option<String>,
}

/// The list in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListInForce {
    /// Entries of the fleet's list.
    pub shared: usize,
    /// Entries for sources caught here.
    pub local: usize,
    /// The list's epoch and revision; absent before the first and from version 1 servers.
    pub cursor: Option<(String, u64)>,
    /// Revisions between it and the newest one that the server has mentioned.
    pub lag: u64,
    /// When the server last confirmed it, as time since the agent started.
    pub confirmed: Option<Duration>,
    /// Whether entries of the fleet's list are acted upon. Where they are not, their sources pass and are counted; bans for sources
    /// caught here are in force all the same.
    pub shared_in_force: bool,
    /// Why they are not: the list would shut out the site's own clients.
    pub breaker: Option<BreakerTripped>,
    /// Why they are not: the server has not confirmed the list for longer than `agent.stale_after`; since when, as time since the agent
    /// started.
    pub stale: Option<Duration>,
    /// Bytes it takes.
    pub memory_bytes: usize,
}

/// A ban that was not made, because it would have blocked too much of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WithheldBan {
    /// The client that is not banned.
    pub network: String,
    /// When, as time since the agent started.
    pub at: Duration,
    /// How many there were since start, this one included.
    pub bans: u64,
    /// In words.
    pub reason: String,
}

/// The fleet's list would shut out too many of the site's own clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BreakerTripped {
    /// Since when, as time since the agent started; zero where it tripped in an earlier run.
    pub since: Duration,
    /// The share of the recent clients, in percent, that the list would have shut out.
    pub share: u8,
    /// Recent clients of which that is the share.
    pub clients: usize,
    /// The revision that would have; absent from a version 1 server.
    pub revision: Option<u64>,
    /// In words.
    pub reason: String,
}

/// What became of every detection: `generated + restored = acknowledged + settled_here + pending + Σ lost`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Events {
    /// Detections that the guard made.
    pub generated: u64,
    /// Events that earlier processes made and could not deliver.
    pub restored: u64,
    /// The server has them.
    pub acknowledged: u64,
    /// Not for the server: there is none, or `BLACKLIST_SHARE` is off.
    pub settled_here: u64,
    /// On their way.
    pub pending: u64,
    /// Of those on their way, the ones that are on disk: they survive whatever becomes of the process.
    pub kept: u64,
    /// Lost, by reason: `queue_full`, `outbox_full`, `poisoned`.
    pub lost: BTreeMap<&'static str, u64>,
}

impl Events {
    /// Whether every detection is accounted for. It may be off by what is on its way between two counters at this moment.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let known = self.acknowledged + self.settled_here + self.pending + self.lost.values().sum::<u64>();
        self.generated + self.restored == known
    }
}

/// The log of findings besides the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogShipping {
    /// Empty before the first finding; then `shipping`, `retrying`, or `refused` where the configuration asks for what the host does not
    /// allow.
    pub state: &'static str,
    /// Where findings go.
    pub target: String,
    /// Why they do not get there.
    pub problem: Option<String>,
    /// Findings that went out.
    pub sent: u64,
    /// Findings on their way.
    pub waiting: u64,
    /// Findings lost, by reason: `queue_full`, `refused`.
    pub lost: BTreeMap<&'static str, u64>,
}

/// Where the agent's state is kept: ids, configuration, list, bans, and events that wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreState {
    /// Disk, memory, or none.
    pub mode: StoreMode,
    /// The file in use; absent where the disk is not used.
    pub path: Option<PathBuf>,
    /// What is wrong with the disk. It is tried again every minute.
    pub problem: Option<String>,
    /// Files that made no sense and were set aside, since start.
    pub damaged: u64,
}

/// Whether state survives the end of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StoreMode {
    /// No state directory is set: nothing survives.
    #[default]
    None,
    /// It is on disk.
    Disk,
    /// A state directory is set, but cannot be used at the moment.
    Memory,
}

/// What a shutdown achieved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Events that the server took since the shutdown began.
    pub sent: u64,
    /// Events that were not sent; kept for the next start where there is a state directory.
    pub unsent: u64,
    /// Whether what is unsent is on disk.
    pub kept: bool,
    /// Events lost since start, by reason.
    pub lost: BTreeMap<&'static str, u64>,
    /// Whether the agent ended within the deadline.
    pub in_time: bool,
}
