//! `[agents]`: what becomes of agents that say nothing any longer.

use std::num::NonZeroU32;

use serde::Deserialize;

/// What becomes of agents that say nothing any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentRules {
    /// After how many seconds of silence an agent that is gone is no longer shown.
    pub forget_after_s: NonZeroU32,
}

impl Default for AgentRules {
    fn default() -> Self {
        Self {
            // a week: who looks on a Monday sees what was lost on Friday
            forget_after_s: NonZeroU32::MIN.saturating_add(7 * 86_400 - 1),
        }
    }
}
