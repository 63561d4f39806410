//! All that a verdict depends on, and the cell it is exchanged in.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{client::Trusted, trial::Trial};
use crate::model::{blacklist::Blacklist, policy::Policy};

/// All that a verdict depends on. It never changes: whoever wants another one publishes another one. (The blacklist alone is
/// written in place, by its one owner, so that a ban copies nothing.)
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What the configuration says.
    pub policy: Arc<Policy>,
    /// Who is shut out.
    pub blacklist: Arc<Blacklist>,
    /// Which proxies are believed, and which addresses are never banned.
    pub trusted: Arc<Trusted>,
    /// Whether anything is refused at all.
    pub mode: Mode,
    /// The trial that the policy is on; absent where it has proven itself.
    pub trial: Option<Arc<Trial>>,
    /// Rises with every snapshot that is published.
    pub version: u64,
}

/// Whether the guard refuses what it would refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// Every request passes: the kill switch is on. What is found is logged, counted and reported all the same, and bans nobody.
    LogOnly,
}

/// The snapshot in force. One actor publishes, every worker reads, and none waits for another.
#[derive(Debug)]
pub struct Published(ArcSwap<Snapshot>);

impl Published {
    /// Begins with this snapshot.
    #[must_use]
    pub fn new(first: Arc<Snapshot>) -> Self {
        Self(ArcSwap::new(first))
    }

    /// Puts another snapshot in force. A request that is being judged meanwhile is judged by the one it began with.
    pub fn publish(&self, next: Arc<Snapshot>) {
        self.0.store(next);
    }

    /// The snapshot in force, borrowed for the time of a verdict: some nanoseconds and no shared counter. Keep it no longer; for
    /// that there is [`current`](Self::current).
    #[must_use]
    pub fn load(&self) -> impl std::ops::Deref<Target = Arc<Snapshot>> + use<> {
        self.0.load()
    }

    /// The snapshot in force, to keep.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }
}
