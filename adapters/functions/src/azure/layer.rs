//! The layer: tells probes, requests, packed requests and events apart, has each judged as it is to be, and carries beacons.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body, extract::ConnectInfo};
use buckler::Agent;
use buckler_tower::{Buckler, Peer, Replayed};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    uri::{Parts, PathAndQuery},
};
use http_body_util::BodyExt as _;
use tower_layer::Layer;
use tower_service::Service;

use super::{app::FunctionApp, bindings::Function, invocation::asked, packed};
use crate::{
    beacons::Beacons,
    front::{FORWARDED_FOR, written_last},
};

/// What the host adds to every invocation, and to no probe.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// The path and query that the client asked for, as the front end saw them.
const ORIGINAL_URL: &str = "x-original-url";

/// Whom an event is from: nobody who could be banned, counted or listed.
const NOBODY: Peer = Peer(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// Guards a custom handler: a layer around the whole application, the outermost one.
#[derive(Debug, Clone)]
pub struct Azure {
    beacons: Arc<Beacons>,
    app: Arc<FunctionApp>,
}

impl Azure {
    /// For an agent, in this function app.
    #[must_use]
    pub fn new(agent: impl Into<Arc<Agent>>, app: FunctionApp) -> Self {
        Self {
            beacons: Beacons::of(agent.into()),
            app: Arc::new(app),
        }
    }

    pub(super) fn agent(&self) -> &Arc<Agent> {
        self.beacons.agent()
    }
}

impl<S> Layer<S> for Azure {
    type Service = AzureService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AzureService {
            handler: inner,
            azure: self.clone(),
        }
    }
}

/// [`Azure`] around a handler.
#[derive(Debug, Clone)]
pub struct AzureService<S> {
    handler: S,
    azure: Azure,
}

/// A handler's answer.
type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for AzureService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.handler.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let next = self.handler.clone();
        // the one that was polled ready
        let mut handler = std::mem::replace(&mut self.handler, next);
        if is_probe(&request) {
            return Box::pin(handler.call(request));
        }
        let guard = Buckler::new(self.azure.agent());
        let answer: Answer<S::Error> = match packed_for(&self.azure.app, &request) {
            Some(function) => Box::pin(unpack(guard, handler, function.clone(), request)),
            None => forward(&guard, handler, request),
        };
        Box::pin(self.azure.beacons.beside(answer))
    }
}

/// Whether the host only asks if the handler is there. What a front end or the host has handed on is no probe, and neither is what comes
/// from another machine.
fn is_probe(request: &Request<Body>) -> bool {
    let is_from_here = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .is_none_or(|connection| connection.0.ip().to_canonical().is_loopback());
    let is_handed_on = [INVOCATION_ID, FORWARDED_FOR]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    request.method() == Method::GET && *request.uri() == *"/" && is_from_here && !is_handed_on
}

/// The function that this is an invocation of, in JSON. What a front end has handed on is a client's request, whatever its path.
fn packed_for<'a>(app: &'a FunctionApp, request: &Request<Body>) -> Option<&'a Function> {
    let is_forwarded = [FORWARDED_FOR, ORIGINAL_URL]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    if is_forwarded || request.method() != Method::POST {
        return None;
    }
    app.packed_at(request.uri().path())
}

/// Has an invocation judged by the request inside, or by what it carries where there is none.
async fn unpack<S>(
    guard: Buckler,
    handler: S,
    function: Function,
    request: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
{
    let (head, body) = request.into_parts();
    // whole, as the handler will read it: the host's own limit of 100 MB bounds it
    let invocation: Bytes = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::warn!(%error, "an invocation broke off");
            return Ok(status(StatusCode::BAD_REQUEST));
        }
    };
    if let Some(trigger) = &function.trigger
        && let Some(asked) = asked(&invocation, &trigger.name)
    {
        return packed::answer(guard, handler, &function, trigger, head, invocation, asked).await;
    }
    let mut event = Request::from_parts(head, Body::from(invocation));
    event.extensions_mut().insert(NOBODY);
    forward(&guard, handler, event).await
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Has a request judged as it is, and by what its original target adds to it.
fn forward<S>(guard: &Buckler, handler: S, mut request: Request<Body>) -> Answer<S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
{
    if request.extensions().get::<Peer>().is_none()
        && let Some(address) = written_last(request.headers())
    {
        request.extensions_mut().insert(Peer(address));
    }
    if let Some(judged) = with_original(&request) {
        let sent = std::mem::replace(request.uri_mut(), judged);
        request.extensions_mut().insert(Sent(sent));
    }
    let answer = guard.layer(Forwarded(handler)).call(request);
    Box::pin(async move { Ok(answer.await?.map(Body::new)) })
}

/// The target with the query of `X-Original-URL` behind its own, where they differ.
fn with_original(request: &Request<Body>) -> Option<Uri> {
    let original = request.headers().get(ORIGINAL_URL).map(HeaderValue::as_bytes)?;
    let (_, original) = str::from_utf8(original).ok()?.split_once('?')?;
    let uri = request.uri();
    let own = uri.query().unwrap_or_default();
    if original == own {
        return None;
    }
    let both = [own, original]
        .map(str::to_owned)
        .into_iter()
        .filter(|query| !query.is_empty());
    let target = format!("{}?{}", uri.path(), both.collect::<Vec<_>>().join("&"));
    let mut parts = Parts::default();
    // what no query can hold is judged as the header that it is
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// The target that the handler gets, while the guard sees another.
#[derive(Clone)]
struct Sent(Uri);

/// The handler, behind the guard: gets the request with the target that it was sent with.
#[derive(Clone)]
struct Forwarded<S>(S);

impl<S> Service<Request<Replayed<Body>>> for Forwarded<S>
where
    S: Service<Request<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Replayed<Body>>) -> Self::Future {
        if let Some(Sent(target)) = request.extensions_mut().remove() {
            *request.uri_mut() = target;
        }
        self.0.call(request.map(Body::new))
    }
}
