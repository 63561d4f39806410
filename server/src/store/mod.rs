//! What the server remembers, behind typed operations: agents, what they reported, and each fleet's list.
//!
//! A [`Store`] is owned by one thread (see [`crate::owner`]) and called with the time, so it needs neither locks nor a clock,
//! and every call is one transaction: the effect of an agent's events and the mark up to which they are known are kept
//! together or not at all. [`MemoryStore`] forgets everything at a restart, and begins every list with a new epoch, so that
//! agents notice; a durable one can implement the same operations.

mod agent;
mod desk;
mod memory;
mod refusals;
mod report;
mod view;

use std::{fmt, net::IpAddr, sync::Arc};

use buckler::protocol::v2;
use ipnet::IpNet;

pub use self::{
    memory::MemoryStore,
    refusals::RefusalView,
    report::{AgentIdent, BanRules, Events, ListStep, Mark, OperatorBan, Origin, Receipt, Report, Transport, Window},
    view::{AgentView, EntryView, FleetView, Shared},
};
use crate::{
    list::{Banned, ListBounds, Recent},
    moment::{Moment, Tick},
    protect::Protected,
};

/// Remembers for the server.
pub trait Store: Send + fmt::Debug {
    /// Takes what an agent says: itself, its counts, its events and the mark up to which they are known now.
    ///
    /// # Errors
    /// If nothing of it could be kept.
    fn report(&mut self, report: &Report, now: Moment) -> Result<Receipt, StoreError>;

    /// What a version 2 agent must be told to have the newest list.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn list_for(&mut self, fleet: &str, have: &v2::Have, now: Moment) -> Result<ListStep, StoreError>;

    /// Every single address on the list and its end, for a version 1 registration: networks are left out, since such an
    /// agent compares addresses as text.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn addresses(&mut self, fleet: &str, now: Moment) -> Result<Vec<(IpAddr, Tick)>, StoreError>;

    /// What a version 1 agent is told in a beacon's reply.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn recent(&mut self, fleet: &str, window: &Window, now: Moment) -> Result<Recent, StoreError>;

    /// An operator's ban.
    ///
    /// # Errors
    /// If it could not be kept.
    fn ban(&mut self, fleet: &str, ban: OperatorBan, now: Moment) -> Result<Banned, StoreError>;

    /// An operator's unban. What was listed is returned, and the unban is remembered even if nothing was.
    ///
    /// # Errors
    /// If it could not be kept.
    fn unban(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError>;

    /// A fleet's list at a glance.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn fleet(&mut self, fleet: &str, now: Moment) -> Result<FleetView, StoreError>;

    /// Entries in order, after `after`, at most `limit`.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn entries(
        &mut self,
        fleet: &str,
        after: Option<IpNet>,
        limit: usize,
        now: Moment,
    ) -> Result<Vec<EntryView>, StoreError>;

    /// One entry, or the network whose entry covers it.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn entry(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError>;

    /// What agents have told of a refusal, by the name under which its client knows it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn refusal(&mut self, id: &str, now: Moment) -> Result<Option<RefusalView>, StoreError>;

    /// The entry that a ban's id is made of, of any fleet: what agents show to clients that another
    /// agent or an operator banned.
    ///
    /// # Errors
    /// If it cannot be read.
    fn ban_by_id(&mut self, id: &str, now: Moment) -> Result<Option<EntryView>, StoreError>;

    /// The newest refusals, the newest first, at most `limit`.
    ///
    /// # Errors
    /// If they cannot be read.
    fn refusals(&mut self, limit: usize, now: Moment) -> Result<Vec<RefusalView>, StoreError>;

    /// Every agent, the one heard last first.
    ///
    /// # Errors
    /// If they cannot be read.
    fn agents(&mut self, now: Moment) -> Result<Vec<AgentView>, StoreError>;

    /// Removes what has ended from every list. It is called every second; any other call sees to its own list first.
    ///
    /// # Errors
    /// If the removal could not be kept.
    fn expire(&mut self, now: Moment) -> Result<(), StoreError>;
}

/// A store that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

/// What a store holds everybody to.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What no agent can ban.
    pub protected: Arc<Protected>,
    /// How large lists may grow before they are paged and forgotten.
    pub bounds: ListBounds,
    /// The most agents that are remembered.
    pub agents: usize,
    /// The most live entries that one agent may have put on a list.
    pub shared_live: u32,
    /// The most entries that one agent may put on a list in a minute.
    pub shared_per_minute: u32,
}
