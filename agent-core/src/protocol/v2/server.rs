//! What a version 2 server says: acknowledgements, the list's changes, a configuration, and when it wants to hear again.

use serde::{Deserialize, Serialize};

use super::Signature;
use crate::protocol::ConfigMap;

/// The server's part of a reply, or a push.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerPart {
    /// The server's clock, in milliseconds since the Unix epoch; for people.
    #[serde(default)]
    pub server_ms: u64,
    /// Every event of the agent's stream up to this `seq` is stored; absent in a push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<u64>,
    /// Events among the acknowledged that were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nack: Vec<Nack>,
    /// The list's changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListUpdate>,
    /// A configuration that the agent does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigUpdate>,
    /// When to speak next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// Wishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// The agent speaks with the credential of this BLAKE3 hash from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled: Option<String>,
}

/// An event that was refused: acknowledged, so that it is not sent again, but without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nack {
    /// Which one.
    pub seq: u64,
    /// Why: `protected_range`, `quota`, `bad_address`, …
    pub code: String,
}

impl Nack {
    /// The code of what the agent has shared too much of, in all or in the last minute: it is
    /// offered again later.
    pub const QUOTA: &str = "quota";
}

/// A change to the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListUpdate {
    /// How to read the rest.
    pub mode: ListMode,
    /// Whether nothing is to be kept that another history had listed and this one does not: an
    /// operator says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// The history that `from` and `to` belong to.
    pub epoch: String,
    /// The revision a delta builds on.
    #[serde(default)]
    pub from: u64,
    /// The revision after it.
    #[serde(default)]
    pub to: u64,
    /// Entries: network in CIDR notation or a bare address, and the time left in seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<(String, u64)>,
    /// Networks or addresses that are no longer listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// This page of a snapshot, counted from 1.
    #[serde(default = "one")]
    pub page: u32,
    /// Pages of the snapshot.
    #[serde(default = "one")]
    pub pages: u32,
    /// Entries at `to`.
    pub count: u64,
    /// Digest at `to`.
    pub digest: String,
}

/// How a list update is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListMode {
    /// The agent has the newest revision.
    None,
    /// Changes from `from` to `to`.
    Delta,
    /// A page of the whole list at `to`.
    Snapshot,
}

/// A configuration with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigUpdate {
    /// Rises with every change.
    pub version: u64,
    /// As in [`ConfigCursor::hash`](super::ConfigCursor::hash).
    pub hash: String,
    /// pyrasp's keys in upper case.
    pub body: ConfigMap,
    /// Who has signed it, where operators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// When the server wants the next beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Earliest, in milliseconds from now.
    pub after_ms: u64,
    /// Width of the random part added to it, in milliseconds.
    #[serde(default)]
    pub jitter_ms: u64,
}

/// A server's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Report routes and configuration again.
    ReportFull,
    /// Register again.
    RegisterAgain,
    /// The server is going away.
    Goodbye,
    /// There is more than a push can carry: send a beacon, within what `next` says, or at once.
    PullNow,
    /// A wish of a newer server: ignored.
    #[serde(other)]
    Unknown,
}

/// Pages of a message from a server that does not page.
const fn one() -> u32 {
    1
}
