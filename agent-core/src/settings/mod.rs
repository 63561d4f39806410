//! What the host decides: where the server is, which transport carries the conversation, what is guarded and how.
//!
//! Settings are layered, and a later layer wins: defaults, file, environment, the host's code. Every problem is named with its
//! place, with what was found there and with what is allowed, and several are listed together.

mod agent;
mod builder;
mod error;
mod files;
mod layers;
mod section;
mod suggest;
mod transport;
mod units;
mod value;

use url::Url;

pub use self::{
    agent::AgentSettings,
    builder::SettingsBuilder,
    error::{Problem, SettingsError},
    section::Section,
    transport::TransportSettings,
};
use self::{files::Files, layers::Tree};
use crate::protocol::AgentKey;

/// Everything the host decides, read and checked.
///
/// `Debug` shows all of it but the agent's key.
#[derive(Debug, Clone)]
pub struct Settings {
    agent: AgentSettings,
    transport: TransportSettings,
}

impl Settings {
    /// Settings made in code, from the defaults alone.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// What the host decides about the agent itself.
    #[must_use]
    pub fn agent(&self) -> &AgentSettings {
        &self.agent
    }

    /// Which transport carries the conversation.
    #[must_use]
    pub fn transport(&self) -> &TransportSettings {
        &self.transport
    }

    /// The options of one transport: `[transport.<kind>]`.
    pub fn section(&self, kind: &str) -> Section<'_> {
        self.transport.section(kind)
    }

    /// Where to register, and with which key. `None` where the agent guards with local settings alone.
    #[must_use]
    pub fn cloud(&self) -> Option<(Url, AgentKey)> {
        self.agent.cloud_url.clone().zip(self.agent.key.clone())
    }

    /// Why there is no conversation with a server, if there is none by these settings.
    #[must_use]
    pub fn local_reason(&self) -> Option<&'static str> {
        match (&self.agent.cloud_url, &self.agent.key) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("agent.cloud_url is set, but no agent.key"),
            (None, Some(_)) => Some("agent.key is set, but no agent.cloud_url"),
            (None, None) => Some("neither agent.cloud_url nor agent.key is set"),
        }
    }

    /// Merges the trees and reads them by type.
    fn assemble(trees: Vec<Tree>, files: &Files) -> Result<Self, SettingsError> {
        let merged = layers::merge(trees)?;
        let part = |name: &str| value::table(&merged).and_then(|table| table.get(name));
        let (agent, mut problems) = AgentSettings::read(part("agent"), files);
        let (transport, more) = TransportSettings::read(part("transport"), files);
        problems.extend(more);
        SettingsError::unless_empty(problems)?;
        Ok(Self { agent, transport })
    }
}
