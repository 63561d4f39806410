//! A request on its way through the application: when the answer is there, it is counted and judged.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error,
    body::EitherBody,
    dev::ServiceResponse,
    error::InternalError,
    http::{
        StatusCode,
        header::{HeaderValue, SERVER},
    },
};
use buckler::guard::{Guard, RouteMatch, Verdict};
use pin_project_lite::pin_project;

use crate::{refusal::refusal, route_match::after_routing, seen::Seen};

pin_project! {
    /// The answer to a request that met [`Buckler`](crate::Buckler). Dropped before it is ready, because the client went away,
    /// it has counted nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B> {
        /// With the application.
        Forwarded { #[pin] answer: F, seen: Seen, guard: Rc<Guard> },
        /// Refused before the application saw it; `None` once the response was given out.
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<F, B> Guarded<F, B> {
    pub(crate) fn forwarded(answer: F, seen: Seen, guard: Rc<Guard>) -> Self {
        Self {
            state: State::Forwarded { answer, seen, guard },
        }
    }

    pub(crate) fn refused(guard: &Guard, response: ServiceResponse) -> Self {
        Self {
            state: State::Refused {
                response: Some(named(guard, response.map_into_right_body())),
            },
        }
    }
}

impl<F, B> Future for Guarded<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Forwarded { answer, seen, guard } => Poll::Ready(match ready!(answer.poll(cx)) {
                Ok(response) => Ok(judged(guard, seen, response)),
                Err(error) => Err(judged_error(guard, seen, error)),
            }),
            // polled again after it was ready, which no executor does
            StateProjection::Refused { response } => response.take().map_or(Poll::Pending, |it| Poll::Ready(Ok(it))),
        }
    }
}

/// The application's response, or the guard's in its place.
fn judged<B>(guard: &Guard, seen: &Seen, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let status = response.status();
    let route = match status {
        StatusCode::NOT_FOUND => after_routing(response.request()),
        _ => RouteMatch::Matched, // matters to nothing but a 404
    };
    match seen.judge(guard, status, route) {
        Verdict::Block(refused) if status != StatusCode::SWITCHING_PROTOCOLS => {
            named(guard, response.into_response(refusal(&refused)).map_into_right_body())
        }
        Verdict::Pass | Verdict::Block(_) => named(guard, response.map_into_left_body()),
    }
}

/// An error that an inner middleware returned, or the guard's answer in its place. The error carries no request, so that nobody
/// can say whether there was a route: it counts as one.
fn judged_error(guard: &Guard, seen: &Seen, error: Error) -> Error {
    match seen.judge(guard, error.as_response_error().status_code(), RouteMatch::Matched) {
        Verdict::Block(refused) => InternalError::from_response(error, refusal(&refused)).into(),
        Verdict::Pass => error,
    }
}

/// The response with the name of the server that the settings want it to show; untouched where they want none.
fn named<B>(guard: &Guard, mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    if let Some(name) = guard.server_header()
        && let Ok(name) = HeaderValue::from_str(&name)
    {
        response.headers_mut().insert(SERVER, name);
    }
    response
}

impl<F, B> std::fmt::Debug for Guarded<F, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Forwarded { .. } => "forwarded",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("Guarded").field("state", &state).finish_non_exhaustive()
    }
}
