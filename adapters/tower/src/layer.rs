//! The layer.

use std::net::IpAddr;

use buckler::{Agent, guard::Guard};
use http::Extensions;
use tower_layer::Layer;

use crate::{peer::Peers, service::BucklerService};

/// Guards what it wraps. Made once, and cloned wherever a stack of layers is built.
#[derive(Debug, Clone)]
pub struct Buckler {
    guard: Guard,
    peers: Peers,
}

impl Buckler {
    /// A layer that asks this agent's guard. It may outlive the agent: the guard then goes on with what it knew last.
    #[must_use]
    pub fn new(agent: &Agent) -> Self {
        Self::from(agent.guard())
    }

    /// For a server whose connections are known one by one, as hyper's are: what is wrapped serves one connection, which came from here.
    #[must_use]
    pub fn connected_to(self, peer: IpAddr) -> Self {
        let peers = Peers::Known(peer);
        Self { peers, ..self }
    }

    /// For a server that says in a type of its own where a connection came from: this finds it among a request's extensions.
    ///
    /// ```
    /// # use std::net::IpAddr;
    /// # #[derive(Clone)]
    /// # struct TheirInfo { remote: IpAddr }
    /// # fn layer(buckler: buckler_tower::Buckler) -> buckler_tower::Buckler {
    /// buckler.peer_by(|extensions| Some(extensions.get::<TheirInfo>()?.remote))
    /// # }
    /// ```
    #[must_use]
    pub fn peer_by(self, find: fn(&Extensions) -> Option<IpAddr>) -> Self {
        let peers = Peers::By(find);
        Self { peers, ..self }
    }
}

impl From<Guard> for Buckler {
    fn from(guard: Guard) -> Self {
        let peers = Peers::Extensions;
        Self { guard, peers }
    }
}

impl<S> Layer<S> for Buckler {
    type Service = BucklerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BucklerService::new(inner, self.guard.clone(), self.peers)
    }
}
