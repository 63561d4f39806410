//! The service: judges a request before the application sees it.

use std::task::{Context, Poll};

use buckler::guard::{Guard, Remembered, Verdict};
use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use crate::{
    begun::Begun,
    drain::Drain,
    future::{Guarded, Peeking},
    grpc,
    guarded_body::GuardedBody,
    peer::Peers,
    replayed::{BoxError, Replayed, Watch},
    seen::Seen,
    view::{Head, HeaderList, view},
};

/// [`Buckler`](crate::Buckler) around a service.
#[derive(Debug, Clone)]
pub struct BucklerService<S> {
    inner: S,
    guard: Guard,
    peers: Peers,
}

impl<S> BucklerService<S> {
    pub(crate) const fn new(inner: S, guard: Guard, peers: Peers) -> Self {
        Self { inner, guard, peers }
    }
}

impl<S, B, R> Service<Request<B>> for BucklerService<S>
where
    S: Service<Request<Replayed<B>>, Response = Response<R>> + Clone,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = Guarded<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let peer = self.peers.of(&parts.extensions);
        let headers = HeaderList::of(&parts);
        let view = view(&parts, &headers, peer);
        let guard = self.guard.clone();
        if let Verdict::Block(refused) = guard.check(&view) {
            let drain = Drain::of(&parts, Begun::untouched(body));
            return Guarded::refused(guard, refused, grpc::kind(&parts), drain);
        }
        let wanted = has_body(&parts, &body).then(|| guard.wants_body(&view)).flatten();
        let seen = Seen::of(&parts, peer, Remembered(guard.client(&view)));
        let body = Begun::untouched(body);
        let Some(wanted) = wanted else {
            let request = Request::from_parts(parts, Replayed::new(body));
            return Guarded::forwarded(guard, self.inner.call(request), seen, None);
        };
        if seen.grpc().is_some() {
            let watch = Watch::new(guard.clone(), Head::of(&parts, peer), wanted);
            let late = Some(watch.late());
            let request = Request::from_parts(parts, Replayed::watched(body, watch));
            return Guarded::forwarded(guard, self.inner.call(request), seen, late);
        }
        let next = self.inner.clone();
        // the one that was polled ready
        let ready = std::mem::replace(&mut self.inner, next);
        Guarded::peeking(guard, Peeking::new(parts, peer, body, wanted, ready))
    }
}

/// Whether a request has a body that can be looked into. What follows a `CONNECT` is no body, though it comes the same way: it begins
/// only once the application has answered. Of a protocol that HTTP/1 is upgraded to, nothing comes as a body.
fn has_body<B: Body>(parts: &Parts, body: &B) -> bool {
    !body.is_end_stream() && parts.method != Method::CONNECT
}
