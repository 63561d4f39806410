//! A request on its way: the beginning of its body is judged before the application sees it, its answer when it is there.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpMessage as _,
    body::EitherBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{HeaderValue, SERVER},
    },
};
use buckler::guard::{Guard, Refusal, RouteMatch, Verdict};
use pin_project_lite::pin_project;

use crate::{
    peek::{End, Peek, Peeked},
    refusal::refusal,
    replay::{Late, Watch},
    route_match::after_routing,
    seen::Seen,
    view::{HeaderList, view},
};

pin_project! {
    /// The answer to a request that met [`Buckler`](crate::Buckler). Dropped before it is ready, because the client went away,
    /// it has counted nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<ServiceRequest>,
    {
        /// Its body is being read; the request is `None` once the application has it.
        Peeking { peek: Peek, request: Option<ServiceRequest>, route: RouteMatch, service: Rc<S>, guard: Rc<Guard> },
        /// With the application.
        Forwarded { #[pin] answer: S::Future, seen: Seen, late: Option<Late>, guard: Rc<Guard> },
        /// Refused before the application saw it; `None` once the response was given out.
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
    }
}

impl<S, B> Guarded<S, B>
where
    S: Service<ServiceRequest>,
{
    pub(crate) fn peeking(
        mut request: ServiceRequest,
        wanted: NonZeroUsize,
        route: RouteMatch,
        service: Rc<S>,
        guard: Rc<Guard>,
    ) -> Self {
        Self {
            state: State::Peeking {
                peek: Peek::new(request.take_payload(), wanted),
                request: Some(request),
                route,
                service,
                guard,
            },
        }
    }

    pub(crate) fn forwarded(request: ServiceRequest, service: &S, guard: Rc<Guard>) -> Self {
        Self {
            state: State::forwarded(request, None, service, guard),
        }
    }

    pub(crate) fn refused(request: ServiceRequest, refused: &Refusal, guard: &Guard) -> Self {
        Self {
            state: State::refused(request, refused, guard),
        }
    }
}

impl<S, B> State<S, B>
where
    S: Service<ServiceRequest>,
{
    fn forwarded(request: ServiceRequest, late: Option<Late>, service: &S, guard: Rc<Guard>) -> Self {
        let seen = Seen::of(request.head());
        Self::Forwarded {
            answer: service.call(request),
            seen,
            late,
            guard,
        }
    }

    fn refused(request: ServiceRequest, refused: &Refusal, guard: &Guard) -> Self {
        let response = request.into_response(refusal(refused));
        Self::Refused {
            response: Some(named(guard, response.map_into_right_body())),
        }
    }

    /// What follows once the beginning of the body is there.
    fn after(peeked: Peeked, mut request: ServiceRequest, route: RouteMatch, service: &S, guard: &Rc<Guard>) -> Self {
        if let Some(body) = peeked.view() {
            let headers = HeaderList(request.headers());
            let verdict = guard.check_body(&view(request.head(), &headers, route), body);
            if let Verdict::Block(refused) = verdict {
                return Self::refused(request, &refused, guard);
            }
        }
        let mut late = None;
        let body = if matches!(peeked.end, End::Slow) {
            let watch = Watch::new(Rc::clone(guard), request.head().clone(), route, peeked.beginning());
            late = Some(watch.late());
            peeked.give_back_watched(watch)
        } else {
            peeked.give_back()
        };
        request.set_payload(body);
        Self::forwarded(request, late, service, Rc::clone(guard))
    }
}

impl<S, B> Future for Guarded<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Peeking {
                    peek,
                    request,
                    route,
                    service,
                    guard,
                } => {
                    let peeked = ready!(peek.poll(cx));
                    let Some(request) = request.take() else {
                        return Poll::Pending; // polled again after a panic, which no executor does
                    };
                    let next = State::after(peeked, request, *route, &**service, guard);
                    state.set(next);
                }
                StateProjection::Forwarded {
                    answer,
                    seen,
                    late,
                    guard,
                } => {
                    let answer = ready!(answer.poll(cx));
                    return Poll::Ready(match late.as_ref().and_then(|late| late.take()) {
                        Some(refused) => replaced(guard, &refused, answer),
                        None => judged(guard, seen, answer),
                    });
                }
                // polled again after it was ready, which no executor does
                StateProjection::Refused { response } => {
                    return response.take().map_or(Poll::Pending, |it| Poll::Ready(Ok(it)));
                }
            }
        }
    }
}

type Answer<B> = Result<ServiceResponse<B>, Error>;

/// The guard's refusal of what the application was still reading when it began with its answer; counted already.
fn replaced<B>(guard: &Guard, refused: &Refusal, answer: Answer<B>) -> Answer<EitherBody<B>> {
    match answer {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Ok(named(guard, response.map_into_left_body()))
        }
        Ok(response) => Ok(named(
            guard,
            response.into_response(refusal(refused)).map_into_right_body(),
        )),
        Err(error) => Err(InternalError::from_response(error, refusal(refused)).into()),
    }
}

fn judged<B>(guard: &Guard, seen: &Seen, answer: Answer<B>) -> Answer<EitherBody<B>> {
    match answer {
        Ok(response) => Ok(judged_response(guard, seen, response)),
        Err(error) => Err(judged_error(guard, seen, error)),
    }
}

/// The application's response, or the guard's in its place.
fn judged_response<B>(guard: &Guard, seen: &Seen, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
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

impl<S, B> std::fmt::Debug for Guarded<S, B>
where
    S: Service<ServiceRequest>,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Peeking { .. } => "peeking",
            State::Forwarded { .. } => "forwarded",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("Guarded").field("state", &state).finish_non_exhaustive()
    }
}
