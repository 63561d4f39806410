//! A request on its way: the beginning of its body is judged before the application sees it, its answer when it is there.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::ConnectionType,
};
use buckler::guard::{Guard, Refusal, RouteMatch, Verdict};
use pin_project_lite::pin_project;

use crate::{
    answer::{AnswerBody, Reading, wanted_of},
    drain::{Drain, Drained},
    peek::{End, Peek, Peeked},
    refusal::refusal,
    replay::{Kept, Late, Watch},
    seen::{Answered, Seen},
    verdicts::{Answer, judged, named, replaced},
    view::{HeaderList, view},
    worker::Worker,
};

pin_project! {
    /// The answer to a request that met [`Buckler`](crate::Buckler). Dropped before it is ready, because the client went away,
    /// it has counted nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<S, B>
    where
        S: Service<ServiceRequest>,
        B: MessageBody,
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
        B: MessageBody,
    {
        /// Its body is being read; the request is `None` once the application has it.
        Peeking { peek: Peek, request: Option<ServiceRequest>, route: RouteMatch, service: Rc<S>, guard: Rc<Worker> },
        /// With the application.
        Forwarded { #[pin] answer: S::Future, seen: Seen, late: Option<Late>, guard: Rc<Worker> },
        /// Answered, and the beginning of the answer is being read; `None` once it was judged.
        Answered { reading: Option<Reading<B>>, seen: Seen, guard: Rc<Worker> },
        /// Refused before the application saw it; `None` once the response was given out.
        Refused { response: Option<ServiceResponse<EitherBody<AnswerBody<B>>>>, drain: Option<Drain> },
    }
}

impl<S, B> Guarded<S, B>
where
    S: Service<ServiceRequest>,
    B: MessageBody,
{
    pub(crate) fn peeking(
        mut request: ServiceRequest,
        wanted: NonZeroUsize,
        route: RouteMatch,
        service: Rc<S>,
        guard: Rc<Worker>,
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

    pub(crate) fn forwarded(request: ServiceRequest, service: &S, guard: Rc<Worker>) -> Self {
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
    B: MessageBody,
{
    fn forwarded(request: ServiceRequest, late: Option<Late>, service: &S, guard: Rc<Worker>) -> Self {
        let seen = Seen::of(request.head(), &guard);
        Self::Forwarded {
            answer: service.call(request),
            seen,
            late,
            guard,
        }
    }

    fn refused(mut request: ServiceRequest, refused: &Refusal, guard: &Guard) -> Self {
        let rest = request.take_payload();
        let drain = Drain::of(request.head(), rest);
        request.extensions_mut().insert(refused.blocked());
        let response = request.into_response(refusal(refused));
        Self::Refused {
            response: Some(named(guard, response.map_into_right_body())),
            drain,
        }
    }

    /// What follows once the beginning of the body is there.
    fn after(peeked: Peeked, mut request: ServiceRequest, route: RouteMatch, service: &S, guard: &Rc<Worker>) -> Self {
        let mut watch = None;
        if let Some(body) = peeked.view() {
            let headers = HeaderList::of(&request);
            let view = view(request.head(), &headers, route);
            let (verdict, mut rest) = guard.check_body_beginning(&view, body);
            let refused = match (verdict, &mut rest) {
                (Verdict::Block(refused), _) => Some(refused),
                // what came beyond the beginning has come: it can be judged before the application
                // sees anything
                (Verdict::Pass, Some(rest)) => match guard.check_body_rest(&view, rest, peeked.beyond(), false) {
                    Verdict::Block(refused) => Some(refused),
                    Verdict::Pass => None,
                },
                (Verdict::Pass, None) => None,
            };
            if let Some(refused) = refused {
                request.set_payload(peeked.give_back());
                return Self::refused(request, &refused, guard);
            }
            let (_, wanted) = peeked.beginning();
            watch = rest.map(|rest| Watch::rest(Rc::clone(guard), Kept::of(&request, route), wanted, rest));
        }
        if matches!(peeked.end, End::Slow) {
            let beginning = peeked.beginning();
            watch = Some(Watch::new(Rc::clone(guard), Kept::of(&request, route), beginning));
        }
        let late = watch.as_ref().map(Watch::late);
        let body = match watch {
            Some(watch) => peeked.give_back_watched(watch),
            None => peeked.give_back(),
        };
        request.set_payload(body);
        Self::forwarded(request, late, service, Rc::clone(guard))
    }
}

impl<S, B> Future for Guarded<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<AnswerBody<B>>>, Error>;

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
                    if let Some(refused) = late.as_ref().and_then(|late| late.take()) {
                        return Poll::Ready(replaced(guard, &refused, untouched(answer)));
                    }
                    match answer {
                        Ok(response) if let Some(wanted) = wanted_of(guard, seen, &response) => {
                            let next = State::Answered {
                                reading: Some(Reading::new(response, wanted)),
                                seen: seen.clone(),
                                guard: Rc::clone(guard),
                            };
                            state.set(next);
                        }
                        answer => return Poll::Ready(judged(guard, seen, untouched(answer))),
                    }
                }
                StateProjection::Answered { reading, seen, guard } => {
                    if let Some(reading) = reading.as_mut() {
                        ready!(reading.poll(cx));
                    }
                    // polled again after it was ready, which no executor does
                    return reading
                        .take()
                        .map_or(Poll::Pending, |reading| Poll::Ready(read(guard, seen, reading)));
                }
                StateProjection::Refused { response, drain } => {
                    let drained = ready!(Drain::poll_of(drain, cx));
                    // polled again after it was ready, which no executor does
                    return response
                        .take()
                        .map_or(Poll::Pending, |it| Poll::Ready(Ok(ended(it, drained))));
                }
            }
        }
    }
}

/// A refusal, after which the connection closes where its client is still sending what is no longer
/// read.
fn ended<B>(mut response: ServiceResponse<B>, drained: Drained) -> ServiceResponse<B> {
    if drained == Drained::Cut {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

fn untouched<B: MessageBody>(answer: Answer<B>) -> Answer<AnswerBody<B>> {
    answer.map(|response| response.map_body(|_, body| AnswerBody::untouched(body)))
}

/// The verdict on an answer whose beginning is there.
fn read<B: MessageBody>(guard: &Worker, seen: &Seen, reading: Reading<B>) -> Answer<EitherBody<AnswerBody<B>>> {
    let verdict = reading.view().map(|body| {
        let answered = Answered::new(seen, reading.request());
        guard.check_answer(&answered.view(RouteMatch::Matched), body)
    });
    match verdict {
        Some(Verdict::Block(refused)) => replaced(guard, &refused, Ok(reading.without_body())),
        Some(Verdict::Pass) | None => judged(guard, seen, Ok(reading.give_back())),
    }
}

impl<S, B> std::fmt::Debug for Guarded<S, B>
where
    S: Service<ServiceRequest>,
    B: MessageBody,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Peeking { .. } => "peeking",
            State::Forwarded { .. } => "forwarded",
            State::Answered { .. } => "answered",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("Guarded").field("state", &state).finish_non_exhaustive()
    }
}
