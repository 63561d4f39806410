//! The service: judges a request before the application sees it.

use std::task::{Context, Poll};

use buckler::guard::{Guard, Verdict};
use bytes::Bytes;
use http::{
    Request, Response,
    header::{CONTENT_TYPE, UPGRADE},
    request::Parts,
};
use http_body::Body;
use tower_service::Service;

use crate::{
    body::{GuardedBody, Replayed},
    future::Guarded,
    seen::Seen,
    view::{HeaderList, view},
};

/// [`Buckler`](crate::Buckler) around a service.
#[derive(Debug, Clone)]
pub struct BucklerService<S> {
    inner: S,
    guard: Guard,
}

impl<S> BucklerService<S> {
    pub(crate) const fn new(inner: S, guard: Guard) -> Self {
        Self { inner, guard }
    }
}

impl<S, B, R> Service<Request<B>> for BucklerService<S>
where
    S: Service<Request<Replayed<B>>, Response = Response<R>> + Clone,
    B: Body<Data = Bytes> + Unpin,
{
    type Response = Response<GuardedBody<R>>;
    type Error = S::Error;
    type Future = Guarded<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let headers = HeaderList(&parts.headers);
        let view = view(&parts, &headers);
        if let Verdict::Block(refused) = self.guard.check(&view) {
            return Guarded::refused(self.guard.clone(), refused);
        }
        let wanted = if has_readable_body(&parts, &body) {
            self.guard.wants_body(&view)
        } else {
            None
        };
        let body = Replayed::untouched(body);
        if let Some(most) = wanted {
            let next = self.inner.clone();
            // the one that was polled ready
            let ready = std::mem::replace(&mut self.inner, next);
            return Guarded::peeking(self.guard.clone(), parts, body, most, ready);
        }
        let seen = Seen::of(&parts);
        let answer = self.inner.call(Request::from_parts(parts, body));
        Guarded::forwarded(self.guard.clone(), answer, seen)
    }
}

/// Whether a request has a body that can be waited for: not one of a conversation, where the client waits for us.
fn has_readable_body<B: Body>(parts: &Parts, body: &B) -> bool {
    let is_grpc = || {
        let content_type = parts.headers.get(CONTENT_TYPE);
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
    };
    let is_tunnel = || parts.method == http::Method::CONNECT || parts.headers.contains_key(UPGRADE);
    !body.is_end_stream() && !is_grpc() && !is_tunnel()
}
