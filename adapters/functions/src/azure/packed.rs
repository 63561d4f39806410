//! Invocations in JSON: the guard judges the client's request inside, the handler gets the `POST` that came.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{MatchedPath, OriginalUri},
};
use buckler_tower::{Buckler, Peer, Replayed};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::SERVER, request, response};
use http_body_util::BodyExt as _;
use tower_layer::Layer as _;
use tower_service::Service;

use super::{
    answer,
    bindings::{Function, HttpTrigger},
};
use crate::front::written_last;

/// Judges an invocation that was read whole, and answers it.
pub(super) async fn answer<S>(
    guard: Buckler,
    handler: S,
    function: &Function,
    trigger: &HttpTrigger,
    head: request::Parts,
    invocation: Bytes,
    asked: Request<Body>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Future: Send + 'static,
{
    let output = function.output.as_deref();
    let request = judged(asked, trigger, &head, invocation, output);
    let (mut shown, body) = guard.layer(Unpacked(handler)).call(request).await?.into_parts();
    let body = Body::new(body);
    let Some(Answered { mut head, body: whole }) = shown.extensions.remove() else {
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        return Ok(answer::refusal(shown, &body, output));
    };
    let whole = match shown.headers.get(SERVER) {
        Some(name) => answer::named(&mut head, whole, output, name),
        None => whole,
    };
    Ok(Response::from_parts(head, Body::from(whole)))
}

/// The client's request, with all that is known of it, and the invocation within.
fn judged(
    mut asked: Request<Body>,
    trigger: &HttpTrigger,
    head: &request::Parts,
    invocation: Bytes,
    output: Option<&str>,
) -> Request<Body> {
    let mut extensions = head.extensions.clone();
    if trigger.is_catch_all() {
        // the function is there; what else it has, nobody knows
        extensions.remove::<MatchedPath>();
        extensions.remove::<OriginalUri>();
    }
    if let Some(address) = written_last(asked.headers()) {
        extensions.insert(Peer(address));
    }
    extensions.insert(Packed {
        head: head.clone(),
        invocation,
        output: output.map(ToOwned::to_owned),
    });
    *asked.extensions_mut() = extensions;
    asked
}

/// What the host posted, while the guard looks at what is inside.
#[derive(Clone)]
struct Packed {
    head: request::Parts,
    invocation: Bytes,
    output: Option<String>,
}

/// What the handler answered, while the guard looks at the status inside.
#[derive(Clone)]
struct Answered {
    head: response::Parts,
    body: Bytes,
}

/// The handler, behind the guard: gets what the host posted in the place of the client's request.
#[derive(Clone)]
struct Unpacked<S>(S);

impl<S> Service<Request<Replayed<Body>>> for Unpacked<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Replayed<Body>>) -> Self::Future {
        let packed = request.extensions_mut().remove::<Packed>();
        let Some(Packed {
            head,
            invocation,
            output,
        }) = packed
        else {
            // never: it was put there before the guard saw the request
            return Box::pin(self.0.call(request.map(Body::new)));
        };
        let answer = self.0.call(Request::from_parts(head, Body::from(invocation)));
        Box::pin(async move {
            let (head, body) = answer.await?.into_parts();
            Ok(match body.collect().await {
                Ok(body) => shown(head, body.to_bytes(), output.as_deref()),
                Err(error) => broken_off(&error),
            })
        })
    }
}

/// The answer as the guard is to see it: as the client will.
fn shown(head: response::Parts, body: Bytes, output: Option<&str>) -> Response<Body> {
    let mut shown = answer::shown(head.status, &body, output);
    shown.extensions_mut().insert(Answered { head, body });
    shown
}

/// An answer that the handler did not end.
fn broken_off(error: &axum::Error) -> Response<Body> {
    tracing::warn!(%error, "the handler's answer broke off");
    let mut failed = Response::new(Body::empty());
    *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let (head, _) = failed.into_parts();
    shown(head, Bytes::new(), None)
}
