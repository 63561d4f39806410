//! The agent key: a secret that travels in a request's body and must appear nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The key that names an agent's security profile and proves that it may have it.
///
/// `Debug` prints a placeholder and there is no `Display`, so that a key cannot reach a log line, an error or a status page
/// by accident; [`AgentKey::expose`] is the one way to read it, and serialisation is for the wire alone.
///
/// ```
/// let key = buckler::protocol::AgentKey::new("0b7e2d54");
/// assert_eq!(format!("{key:?}"), "AgentKey(…)");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentKey(Zeroizing<String>);

impl AgentKey {
    /// Wraps a key as the operator wrote it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(Zeroizing::new(key.into()))
    }

    /// The key itself, for the request body and for comparison by a server.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it: such a key is treated as none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentKey(…)")
    }
}
