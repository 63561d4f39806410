//! The layer: says of each request where it came from, has it guarded, and carries beacons.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    task::{Context, Poll},
};

use buckler::Agent;
use buckler_tower::{BoxError, Buckler, BucklerService, Guarded, GuardedBody, Peer, Replayed};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    environment::{Environment, Signature},
    event::is_event,
};
use crate::{
    beacons::{Answering, Beacons},
    front::written_last,
};

/// Whom an event is from: nobody who could be banned, counted or listed.
const NOBODY: Peer = Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// Guards a function: a layer around the whole application, the outermost one.
#[derive(Debug, Clone)]
pub struct Google {
    beacons: Arc<Beacons>,
    environment: Arc<Environment>,
    events_at: Arc<[String]>,
}

impl Google {
    /// For an agent, in this environment.
    #[must_use]
    pub fn new(agent: impl Into<Arc<Agent>>, environment: Environment) -> Self {
        Self {
            beacons: Beacons::of(agent.into()),
            environment: Arc::new(environment),
            events_at: Arc::default(),
        }
    }

    /// Events are delivered to this path, too; it is given as it stands in requests. Whoever may invoke it may deliver what is not looked up
    /// in the list: restrict who may.
    #[must_use]
    pub fn events_at(mut self, path: impl Into<String>) -> Self {
        let known = self.events_at.iter().cloned();
        self.events_at = known.chain([path.into()]).collect();
        self
    }

    pub(super) fn agent(&self) -> &Arc<Agent> {
        self.beacons.agent()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where a request came from, if not from where its connection did.
    fn peer<B>(&self, request: &Request<B>) -> Option<Peer> {
        if self.takes_events(request.uri().path()) && is_event(request) {
            return Some(NOBODY);
        }
        self.environment.service.as_ref()?;
        written_last(request.headers()).map(Peer)
    }

    fn takes_events(&self, path: &str) -> bool {
        self.environment.signature == Signature::Event || self.events_at.iter().any(|own| own == path)
    }
}

impl<S> Layer<S> for Google {
    type Service = GoogleService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GoogleService {
            guarded: Buckler::new(self.agent()).layer(inner),
            google: self.clone(),
        }
    }
}

/// [`Google`] around a service.
#[derive(Debug, Clone)]
pub struct GoogleService<S> {
    guarded: BucklerService<S>,
    google: Google,
}

impl<S, B, R> Service<Request<B>> for GoogleService<S>
where
    S: Service<Request<Replayed<B>>, Response = Response<R>> + Clone,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = Answering<Guarded<S, B, R>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.guarded.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(peer) = self.google.peer(&request) {
            request.extensions_mut().insert(peer);
        }
        self.google.beacons.beside(self.guarded.call(request))
    }
}
