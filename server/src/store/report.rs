//! What is said to a store, and what it answers.

use std::{fmt, net::IpAddr, sync::Arc};

use buckler::protocol::{
    Epoch, Routes, Telemetry,
    v2::{self, Evidence},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Via,
    command::{Batch, BatchEvents, bounded},
};
use crate::{
    list::{Head, Snapshot},
    moment::Tick,
};

/// Who an agent is. The profile is part of it: whoever has another key cannot speak for this agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentIdent {
    /// A version 2 installation.
    Installed {
        /// Its key's profile.
        profile: Arc<str>,
        /// Its `agent_id`.
        id: Uuid,
    },
    /// The version 1 processes behind one address that are of one application: they share a key,
    /// and tell their platform, version and routes.
    Keyed {
        /// Their key's profile.
        profile: Arc<str>,
        /// Where they speak from.
        peer: IpAddr,
        /// What they told of themselves, in short; `None` of those whose beacons do not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Mark>,
    },
}

/// What a version 1 agent told of itself at its registration, in short: 32 bits tell the
/// applications behind one address apart. It stands in the URL that the agent is given for its
/// beacons, since they say nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(u32);

impl Mark {
    /// The mark of what was told.
    #[must_use]
    pub fn of(platform: &str, version: &str, routes: &Routes) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        add(platform);
        add(version);
        for (name, route) in routes {
            add(name);
            add(&route.path);
            let mut methods: Vec<&str> = route.methods.iter().map(String::as_str).collect();
            methods.sort_unstable();
            methods.into_iter().for_each(&mut add);
        }
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_mark = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(text, 16).ok().filter(|_| is_mark).map(Self)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl AgentIdent {
    /// The profile of the agent's key.
    #[must_use]
    pub fn profile(&self) -> &Arc<str> {
        match self {
            Self::Installed { profile, .. } | Self::Keyed { profile, .. } => profile,
        }
    }
}

impl fmt::Display for AgentIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed { id, .. } => write!(f, "{id}"),
            Self::Keyed { peer, mark: None, .. } => write!(f, "{peer}"),
            Self::Keyed {
                peer, mark: Some(mark), ..
            } => write!(f, "{peer}/{mark}"),
        }
    }
}

/// Who put an entry on a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An operator, through the admin API.
    Operator,
    /// An agent.
    Agent(Arc<AgentIdent>),
}

/// What an agent says in a registration or a beacon.
#[derive(Debug, Clone)]
pub struct Report {
    /// Who speaks.
    pub who: Arc<AgentIdent>,
    /// The fleet of its profile.
    pub fleet: Arc<str>,
    /// By what right.
    pub via: Via,
    /// Where it speaks from.
    pub peer: IpAddr,
    /// By what.
    pub transport: Transport,
    /// Its version.
    pub version: String,
    /// Only in a registration: its platform and how many routes it has.
    pub introduction: Option<(String, usize)>,
    /// Load and, from version 1 agents, counts.
    pub telemetry: Option<Telemetry>,
    /// What its profile makes of bans.
    pub bans: BanRules,
    /// What happened there.
    pub events: Events,
}

/// What a profile makes of its agents' bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRules {
    /// How long the first ban of a client in the fleet lasts, the second, and every later one, in seconds: at least.
    pub lengths: [u64; 3],
    /// The weakest evidence of a ban that the fleet shares.
    pub share_from: Evidence,
}

impl BanRules {
    /// How long a client's ban lasts at least that was banned this many times before, in seconds. The first lasts as long as
    /// its agent says.
    #[must_use]
    pub fn length_after(&self, earlier: u32) -> u64 {
        let [_, second, later] = self.lengths;
        match earlier {
            0 => 0,
            1 => second,
            _ => later,
        }
    }
}

/// Each ban lasts as long as its agent says, and all are shared.
impl Default for BanRules {
    fn default() -> Self {
        Self {
            lengths: [0; 3],
            share_from: Evidence::Threshold,
        }
    }
}

/// What carried an agent's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Requests, one at a time.
    Http,
    /// A connection that stays, over which the server can push.
    WebSocket,
}

/// What happened at an agent, in either version.
#[derive(Debug, Clone)]
pub enum Events {
    /// What version 1 says.
    V1 {
        /// Bans by address and time.
        bans: Vec<(String, Epoch)>,
        /// How long the agent's profile bans for, in seconds.
        ban_for: u64,
        /// How long changes are told again to agents with its interval, in seconds.
        told_again: u64,
    },
    /// Everything version 2 says.
    V2(Box<v2::AgentPart>),
}

impl Report {
    /// Takes the events out of the report: what of it is the store's. The rest is the node's.
    pub(crate) fn take_batch(&mut self) -> Batch {
        let events = match &mut self.events {
            Events::V1 { bans, ban_for, .. } => BatchEvents::V1 {
                bans: std::mem::take(bans),
                ban_for: *ban_for,
            },
            Events::V2(part) => BatchEvents::V2 {
                stream: part.stream,
                first: part.first,
                events: bounded(std::mem::take(&mut part.events)),
            },
        };
        Batch {
            who: Arc::clone(&self.who),
            fleet: Arc::clone(&self.fleet),
            via: self.via.clone(),
            bans: self.bans,
            events,
        }
    }
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether the agent has registered since the server began.
    pub registered: bool,
    /// Every event up to this one was kept before.
    pub known: u64,
    /// Every event up to this one is kept.
    pub ack: u64,
    /// Events among them that were refused.
    pub nack: Vec<v2::Nack>,
    /// Since when a version 1 agent may have missed changes.
    pub missed_since: Tick,
}

/// What a version 2 agent must be told of the list.
#[derive(Debug)]
pub enum ListStep {
    /// Nothing: it has the newest revision.
    Current(Head),
    /// Changes.
    Delta {
        /// The revision they build on.
        from: u64,
        /// Where they lead.
        head: Head,
        /// Networks and their ends.
        add: Vec<(IpNet, Tick)>,
        /// Networks that are no longer listed.
        remove: Vec<IpNet>,
    },
    /// A page of the whole list.
    Page(Arc<Snapshot>, u32),
}

/// Which changes a version 1 agent is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Changes from here on.
    pub since: Tick,
    /// Its `BLACKLIST_DELAY`, in seconds: bans older than this are over for it.
    pub ban_for: u64,
}
