//! A running agent, and the process that it runs in.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::AcqRel},
    },
    thread,
    time::Duration,
};

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

/// Which of a process's threads starts its agent. No lock, which a fork might find held: a child's claim is its own.
#[derive(Debug, Default)]
pub(crate) struct Claim(AtomicU64);

impl Claim {
    /// How often a thread that waits looks up. A start takes some hundred milliseconds, once in a process's life.
    const LOOK: Duration = Duration::from_millis(2);
    /// Looks after which the other thread is taken to have failed: some ten seconds.
    const LOOKS: usize = 5000;

    /// Returns at once to the first caller of this process, and to others when there is what they wait for.
    pub(crate) fn claim_or_wait(&self, is_there: impl Fn() -> bool) {
        // zero is nobody
        let mine = fork::generation() + 1;
        if self.0.swap(mine, AcqRel) == mine {
            for _ in 0..Self::LOOKS {
                if is_there() {
                    break;
                }
                thread::park_timeout(Self::LOOK);
            }
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
