//! The layer.

use buckler::{Agent, guard::Guard};
use tower_layer::Layer;

use crate::service::BucklerService;

/// Guards what it wraps. Made once, and cloned wherever a stack of layers is built.
#[derive(Debug, Clone)]
pub struct Buckler {
    guard: Guard,
}

impl Buckler {
    /// A layer that asks this agent's guard. It may outlive the agent: the guard then goes on with what it knew last.
    #[must_use]
    pub fn new(agent: &Agent) -> Self {
        Self::from(agent.guard())
    }
}

impl From<Guard> for Buckler {
    fn from(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for Buckler {
    type Service = BucklerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BucklerService::new(inner, self.guard.clone())
    }
}
