//! Entries of a list, and the bans that they come from.

use std::sync::Arc;

use ipnet::IpNet;

use crate::{moment::Tick, store::Origin};

/// What is known of a listed network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it ends.
    pub end: Tick,
    /// When it was banned last.
    pub made: Tick,
    /// Who banned it first.
    pub by: Origin,
    /// The check that found it, or the operator's reason.
    pub why: Arc<str>,
}

/// A ban to be put on the list.
#[derive(Debug, Clone)]
pub struct Ban {
    /// What is banned.
    pub network: IpNet,
    /// The entry it becomes.
    pub entry: Entry,
    /// When the ban was made, by the clock of who made it.
    pub at_unix_ms: u64,
}

/// What became of a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banned {
    /// The network was not on the list.
    Added,
    /// It was, and now ends later.
    Prolonged,
    /// It was, and ends no earlier than this ban.
    Known,
    /// The network was let in again after this ban was made.
    Late,
    /// An operator allows something of it.
    Allowed,
}
