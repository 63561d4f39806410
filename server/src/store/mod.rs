//! What the server remembers: agents' marks and quotas, refusals, profiles, keys, tokens, who
//! changed what, and each fleet's list.
//!
//! ```text
//!  Command ─▶ Record (with the time) ─▶ journal ─▶ Store::apply ─▶ Answer
//!                                                      │
//!                                          queries (`&self`), rows of a checkpoint
//! ```
//!
//! [`Store`] is a function of the records that were applied to it: the effect of an agent's events
//! and the mark up to which they are known change together, and stores that were given the same
//! records are equal, wherever and whenever that was. What need not last, such as when an agent was
//! heard last, is [`crate::node`]'s.

mod access;
mod agent;
mod allowed;
mod audit;
mod candidates;
mod command;
mod credentials;
mod desk;
mod packed;
mod proposals;
mod query;
mod quota;
pub(crate) mod refusals;
mod report;
mod rows;
mod state;
pub(crate) mod versions;
mod view;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::{
    access::{KeyState, Role, TokenState},
    allowed::Allowed,
    audit::{AuditEntry, AuditNote},
    candidates::CandidateState,
    command::{Answer, Batch, BatchEvents, Command, ProfileState, RECORD_VERSION, Record},
    credentials::{CredentialState, Enrolment},
    proposals::Proposal,
    quota::{Bucket, Quota, Quotas, Together, Via},
    refusals::RefusalView,
    report::{AgentIdent, BanRules, Events, ListStep, Mark, Origin, Receipt, Report, Transport, Window},
    rows::{AgentRow, Row},
    state::Store,
    view::{AgentView, CredentialView, EntryView, FleetView, Shared},
};
pub(crate) use self::{
    access::{MOST_KEYS, MOST_TOKENS},
    allowed::{MOST_ALLOWED, may_be_allowed},
    packed::RowReader,
    rows::Changes,
};
use crate::{list::ListBounds, protect::Protected};

/// What could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A defect of the server.
    #[error("the store failed: {0}")]
    Failed(String),
    /// Nothing can be kept at this moment: the request is to be repeated, and nothing counts twice.
    #[error("nothing can be kept at this moment: {0}")]
    Unavailable(String),
}

/// What a store holds everybody to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What keys and fleets are held to.
    #[serde(default)]
    pub quotas: Quotas,
}

impl Rules {
    /// Rules of a store that is only read: its own, once they are read.
    pub(crate) fn none() -> Self {
        Self {
            protected: Arc::new(Protected::new(false, [])),
            bounds: ListBounds {
                page: 1,
                history: usize::MAX,
            },
            agents: usize::MAX,
            shared_live: 0,
            shared_per_minute: 0,
            quotas: Quotas::default(),
        }
    }
}

/// A name that no history had before.
#[must_use]
pub fn new_epoch() -> Arc<str> {
    let name = uuid::Uuid::new_v4().simple().to_string();
    name.chars().take(16).collect::<String>().into()
}

#[cfg(test)]
pub(crate) mod tests;
