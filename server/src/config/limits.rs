//! How much the server takes and keeps.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::Deserialize;

/// Bounds of what the server takes and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: NonZeroUsize,
    /// The most agents that are remembered; beyond it, those that were silent longest are forgotten.
    pub agents: NonZeroUsize,
    /// Entries of a page of a snapshot, and the most of a delta.
    pub page_entries: NonZeroUsize,
    /// Changes of a list that are remembered for deltas; agents that are further behind fetch a snapshot.
    pub history: NonZeroUsize,
    /// The most live entries that one agent may have put on its fleet's list.
    pub shared_live: NonZeroU32,
    /// The most entries that one agent may put on it in a minute.
    pub shared_per_minute: NonZeroU32,
    /// The most live entries that the agents of one key may have put on their fleet's list.
    pub key_shared_live: NonZeroU32,
    /// The most bans, lifts and prolongations of the agents of one key in a minute.
    pub key_shared_per_minute: NonZeroU32,
    /// The most agents that one key may bring in an hour; of more, events wait at the agent.
    pub key_new_agents_per_hour: NonZeroU32,
    /// The most live entries that agents may have put on one fleet's list.
    pub fleet_shared_live: NonZeroU32,
    /// The most bans, lifts and prolongations of one fleet's agents in a minute.
    pub fleet_shared_per_minute: NonZeroU32,
    /// The most live entries that all version 1 agents of one fleet may have put on its list.
    pub v1_shared_live: NonZeroU32,
    /// The most bans of all version 1 agents of one fleet in a minute.
    pub v1_shared_per_minute: NonZeroU32,
    /// The longest that an agent's ban lasts for the fleet, in seconds.
    pub longest_ban_s: NonZeroU32,
    /// The most WebSockets that are open at once.
    pub ws_connections: NonZeroUsize,
    /// The most WebSockets that the agents of one key have open at once; four fifths of all, where
    /// it is not said.
    pub ws_connections_per_key: Option<NonZeroUsize>,
    /// The most WebSockets that are opened in a second: a fleet that comes back at once is let in one after another.
    pub ws_connects_per_second: NonZeroU32,
    /// After how many seconds a WebSocket is closed over which nothing came: agents ping every 20.
    pub ws_idle_s: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // a beacon with 256 events is 60 kB, a registration with 5,000 routes 1 MB
            body_bytes: at_least_one(4 << 20),
            // 1 kB each, and up to 10 kB more of one that says much of itself
            agents: at_least_one(100_000),
            // 300 kB of JSON: read in 2 ms, well below any agent's cap
            page_entries: at_least_one(10_000),
            // 72 bytes each
            history: at_least_one(50_000),
            shared_live: NonZeroU32::MIN.saturating_add(9_999),
            shared_per_minute: NonZeroU32::MIN.saturating_add(999),
            // five agents that are attacked by as many as they can share
            key_shared_live: NonZeroU32::MIN.saturating_add(49_999),
            key_shared_per_minute: NonZeroU32::MIN.saturating_add(4_999),
            // three a second: applications that scale out, and restart without a state directory
            key_new_agents_per_hour: NonZeroU32::MIN.saturating_add(9_999),
            // 121 MB, and pushed to every agent: a third of a thousand a second
            fleet_shared_live: NonZeroU32::MIN.saturating_add(999_999),
            fleet_shared_per_minute: NonZeroU32::MIN.saturating_add(19_999),
            // they send one ban at a time, and say nothing of its evidence
            v1_shared_live: NonZeroU32::MIN.saturating_add(9_999),
            v1_shared_per_minute: NonZeroU32::MIN.saturating_add(999),
            // a week: seven times what a client gets that was banned twice before
            longest_ban_s: NonZeroU32::MIN.saturating_add(604_799),
            // 20 kB each
            ws_connections: at_least_one(50_000),
            // a stolen key leaves places for the others
            ws_connections_per_key: None,
            // a registration each: half of what one core answers
            ws_connects_per_second: NonZeroU32::MIN.saturating_add(1_999),
            // four pings and a half
            ws_idle_s: NonZeroU32::MIN.saturating_add(89),
        }
    }
}

impl Limits {
    /// The most WebSockets of one key.
    pub(crate) fn ws_connections_of_key(&self) -> usize {
        let all = self.ws_connections.get();
        self.ws_connections_per_key.map_or(all - all / 5, NonZeroUsize::get)
    }
}

pub(super) const fn at_least_one(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}
