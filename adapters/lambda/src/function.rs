//! The function with the guard around it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use buckler_tower::{Buckler, BucklerService, GuardedBody, Peer, Replayed};
use bytes::Bytes;
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use http_body_util::BodyExt;
use lambda_http::{Body, IntoResponse, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    event,
    lent::{Kept, Lent},
};

/// A guarded function. Events that are no requests go around the guard.
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    function: S,
    guarded: BucklerService<Restored<S>>,
}

impl<S: Clone> Guarded<S> {
    pub(crate) fn new(function: S, buckler: &Buckler) -> Self {
        Self {
            guarded: buckler.layer(Restored(function.clone())),
            function,
        }
    }
}

impl<S, R, E> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = R, Error = E> + Clone + Send + 'static,
    S::Future: Send + 'static,
    R: IntoResponse + Send + 'static,
    E: Send + 'static,
{
    type Response = Answer;
    type Error = E;
    type Future = BoxFuture<'static, Result<Answer, E>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.guarded.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if !event::is_request(&request) {
            // the guard's was polled ready, of which it is a clone
            let mut function = self.function.clone();
            return async move {
                std::future::poll_fn(|cx| function.poll_ready(cx)).await?;
                Ok(Answer(function.call(request).await?.into_response().await))
            }
            .boxed();
        }
        if let Some(peer) = event::peer(&request) {
            request.extensions_mut().insert(Peer(peer));
        }
        if let Some(pattern) = event::pattern(&request) {
            request.extensions_mut().insert(pattern);
        }
        let asked_for = event::asked_for(&request);
        let (mut parts, body) = request.into_parts();
        let body = Arc::new(body);
        let uri = std::mem::replace(&mut parts.uri, asked_for);
        parts.extensions.insert(Kept {
            body: Arc::clone(&body),
            uri,
        });
        let answer = self.guarded.call(http::Request::from_parts(parts, Lent::new(body)));
        answer.and_then(|answer| whole(answer).map(Ok)).boxed()
    }
}

/// The function's answer, or the guard's.
#[derive(Debug)]
pub(crate) struct Answer(Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> std::pin::Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        std::future::ready(self.0).boxed()
    }
}

/// How the function gave its body: text goes into the answer as it is, anything else in Base64.
#[derive(Debug, Clone, Copy)]
struct IsBinary;

/// Puts together what the guard let through, in the form in which the function gave it.
async fn whole(answer: Response<GuardedBody<Body>>) -> Answer {
    let (mut parts, body) = answer.into_parts();
    let is_binary = parts.extensions.remove::<IsBinary>().is_some();
    let bytes = body.collect().await.map(|body| body.to_bytes());
    let bytes = bytes.unwrap_or_else(|error| {
        tracing::error!(%error, "the answer's body broke off");
        Bytes::new()
    });
    let body = match String::from_utf8(bytes.into()) {
        Ok(text) if text.is_empty() && !is_binary => Body::Empty,
        Ok(text) if !is_binary => Body::Text(text),
        Ok(text) => Body::Binary(text.into_bytes()),
        Err(no_text) => Body::Binary(no_text.into_bytes()),
    };
    Answer(Response::from_parts(parts, body))
}

/// Whether the guard refuses what follows the beginning of a body. All of it is there, and the
/// function gets all of it at once.
fn is_refused(mut lent: Replayed<Lent>) -> bool {
    let read = async {
        while let Some(frame) = lent.frame().await {
            if frame.is_err() {
                return true;
            }
        }
        false
    };
    // what is lent is never waited for
    read.now_or_never().unwrap_or_default()
}

/// The function, which is given the request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Restored<S>(S);

impl<S, R, E> Service<http::Request<Replayed<Lent>>> for Restored<S>
where
    S: Service<Request, Response = R, Error = E>,
    S::Future: Send + 'static,
    R: IntoResponse + Send + 'static,
    E: Send + 'static,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = BoxFuture<'static, Result<Response<Body>, E>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Replayed<Lent>>) -> Self::Future {
        let (mut parts, lent) = request.into_parts();
        if is_refused(lent) {
            // the guard's refusal takes the place of it
            return std::future::ready(Ok(Response::new(Body::Empty))).boxed();
        }
        let mut body = Body::Empty;
        if let Some(kept) = parts.extensions.remove::<Kept>() {
            parts.uri = kept.uri.clone();
            body = kept.into_body();
        }
        let answer = self.0.call(Request::from_parts(parts, body));
        async move {
            let mut answer = answer.await?.into_response().await;
            if matches!(answer.body(), Body::Binary(_)) {
                answer.extensions_mut().insert(IsBinary);
            }
            Ok(answer)
        }
        .boxed()
    }
}
