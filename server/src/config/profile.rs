//! A configuration and the keys of the agents that get it, as the operator writes them down.

use buckler::protocol::{ConfigMap, v2::Evidence};
use serde::Deserialize;

use crate::secret::Secret;

/// A configuration and the agents that get it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The keys of its agents.
    #[serde(default)]
    pub keys: Vec<Secret>,
    /// The fleet whose list its agents share.
    #[serde(default = "default_name")]
    pub fleet: String,
    /// The template that the configuration builds on.
    #[serde(default = "default_name")]
    pub template: String,
    /// From which evidence on a ban is shared with the fleet: `certain`, `repeated` or `threshold`, the weakest.
    #[serde(default = "default_evidence")]
    pub share_from: Evidence,
    /// pyrasp's keys in upper or lower case.
    #[serde(default)]
    pub config: ConfigMap,
}

/// The name of the fleet and of the template where none is given.
fn default_name() -> String {
    "default".to_owned()
}

/// What only exceeded a limit stays with the application that counted: an office that is too eager in one is no attacker in all.
const fn default_evidence() -> Evidence {
    Evidence::Repeated
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            fleet: default_name(),
            template: default_name(),
            share_from: default_evidence(),
            config: ConfigMap::new(),
        }
    }
}

impl Profile {
    /// A profile of the default fleet, for agents with this key.
    #[must_use]
    pub fn for_key(key: &str) -> Self {
        Self {
            keys: vec![Secret::of(key)],
            ..Self::default()
        }
    }

    /// Names what is written of the configuration: another template or key changes it, and the
    /// order in which they are written does not.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> String {
        let said = serde_json::json!([self.template, self.config]);
        blake3::hash(said.to_string().as_bytes()).to_hex().to_string()
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.keys.push(Secret::of(key));
        self
    }

    /// Sets a key of the configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// Shares bans from this evidence on.
    #[must_use]
    pub const fn share_from(mut self, evidence: Evidence) -> Self {
        self.share_from = evidence;
        self
    }

    /// Puts the agents into another fleet.
    #[must_use]
    pub fn fleet(mut self, fleet: &str) -> Self {
        fleet.clone_into(&mut self.fleet);
        self
    }
}
