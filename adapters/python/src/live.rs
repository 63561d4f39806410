//! A running agent, and the process that it runs in.

use std::{fmt, mem, sync::Arc};

use buckler::{AgentBuilder, guard::Guard};

use crate::{fork, logs};

/// A running agent, and the process that it runs in.
pub(crate) struct Live {
    agent: buckler::Agent,
    guard: Guard,
    generation: u64,
}

impl Live {
    /// Starts an agent in this process.
    pub(crate) fn start(builder: AgentBuilder) -> Self {
        logs::begin();
        let agent = fork::without_signals(|| builder.start());
        Self {
            guard: agent.guard(),
            agent,
            generation: fork::generation(),
        }
    }

    /// Whether it runs in this process.
    pub(crate) fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    pub(crate) fn agent(&self) -> &buckler::Agent {
        &self.agent
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Parts with an agent. A parent's is left as it is, for ever: its thread is not here, and may have left things half done that
    /// would have to be tidied up.
    pub(crate) fn part(live: Option<Arc<Self>>) {
        match live {
            Some(parents) if !parents.is_ours() => mem::forget(parents),
            Some(_) | None => {}
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
