//! A request on its way: the beginning of its body is judged before the application sees it, its answer when it is there.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
};

use buckler::guard::{Guard, Refusal, Remembered, Verdict};
use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    answer::{Reading, wanted_of},
    begun::{Begun, Patience},
    drain::{Drain, Drained},
    grpc,
    guarded_body::GuardedBody,
    refusal::{closing, named, refusal},
    replayed::{BoxError, Late, Replayed, Watch},
    seen::Seen,
    view::{Head, HeaderList, view},
};

pin_project! {
    /// The answer to a request that met [`Buckler`](crate::Buckler). Dropped before it is ready, because the client went away, it has
    /// counted nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<S, B, R>
    where
        S: Service<Request<Replayed<B>>>,
        B: Body,
        R: Body,
    {
        #[pin]
        state: State<S, B, R>,
        guard: Guard,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, R>
    where
        S: Service<Request<Replayed<B>>>,
        B: Body,
        R: Body,
    {
        /// The beginning of the body is awaited; `None` once it is there.
        Peeking { request: Option<Box<Peeking<S, B>>> },
        /// With the application.
        Forwarded { #[pin] answer: S::Future, seen: Option<Seen>, late: Option<Late> },
        /// Answered, and the beginning of the answer is being read; `None` once it was judged.
        Answered { reading: Option<Box<Reading<R>>>, seen: Seen },
        /// Refused before the application saw it.
        Refused { refused: Refusal, grpc: Option<&'static str>, drain: Option<Box<Drain<Begun<B>>>> },
    }
}

/// A request whose body is awaited, and the service that is ready for it.
pub(crate) struct Peeking<S, B: Body> {
    parts: Parts,
    peer: Option<IpAddr>,
    body: Begun<B>,
    wanted: NonZeroUsize,
    service: S,
    patience: Patience,
    is_slow: bool,
}

impl<S, B, R> Guarded<S, B, R>
where
    S: Service<Request<Replayed<B>>>,
    B: Body,
    R: Body,
{
    pub(crate) const fn refused(
        guard: Guard,
        refused: Refusal,
        grpc: Option<&'static str>,
        drain: Option<Box<Drain<Begun<B>>>>,
    ) -> Self {
        let state = State::Refused { refused, grpc, drain };
        Self { state, guard }
    }

    pub(crate) const fn forwarded(guard: Guard, answer: S::Future, seen: Seen, late: Option<Late>) -> Self {
        let seen = Some(seen);
        let state = State::Forwarded { answer, seen, late };
        Self { state, guard }
    }

    pub(crate) fn peeking(guard: Guard, request: Peeking<S, B>) -> Self {
        let request = Some(Box::new(request));
        let state = State::Peeking { request };
        Self { state, guard }
    }
}

impl<S, B, R> Future for Guarded<S, B, R>
where
    S: Service<Request<Replayed<B>>, Response = Response<R>>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<GuardedBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Peeking { request } => {
                    if let Some(waiting) = request {
                        ready!(waiting.poll(cx));
                    }
                    let Some(waiting) = request.take() else {
                        return Poll::Pending; // polled again after a panic, which no executor does
                    };
                    let next = waiting.decide(this.guard);
                    this.state.set(next);
                }
                StateProjection::Forwarded { answer, seen, late } => {
                    let answer = ready!(answer.poll(cx));
                    let Some(seen) = seen.take() else {
                        return Poll::Pending; // polled again after it was ready, which no executor does
                    };
                    if let Some(refused) = late.as_ref().and_then(|late| late.get()) {
                        return Poll::Ready(Ok(late_refusal(this.guard, &seen, refused, answer)));
                    }
                    let response = answer?;
                    let Some(wanted) = wanted_of(this.guard, &seen, &response) else {
                        let response = response.map(GuardedBody::application);
                        return Poll::Ready(Ok(judged(this.guard, &seen, response)));
                    };
                    let reading = Some(Box::new(Reading::new(response, wanted)));
                    this.state.set(State::Answered { reading, seen });
                }
                StateProjection::Answered { reading, seen } => {
                    if let Some(reading) = reading {
                        ready!(reading.poll(cx));
                    }
                    // polled again after it was ready, which no executor does
                    return reading.take().map_or(Poll::Pending, |reading| {
                        Poll::Ready(Ok(read(this.guard, seen, *reading)))
                    });
                }
                StateProjection::Refused { refused, grpc, drain } => {
                    let drained = ready!(Drain::poll_of(drain, cx));
                    let response = named(this.guard, refusal(refused, *grpc));
                    let is_cut = drained == Drained::Cut;
                    return Poll::Ready(Ok(if is_cut { closing(response) } else { response }));
                }
            }
        }
    }
}

impl<S, B: Body> Peeking<S, B> {
    pub(crate) fn new(parts: Parts, peer: Option<IpAddr>, body: Begun<B>, wanted: NonZeroUsize, service: S) -> Self {
        Self {
            parts,
            peer,
            body,
            wanted,
            service,
            patience: Patience::default(),
            is_slow: false,
        }
    }
}

impl<S, B> Peeking<S, B>
where
    S: Service<Request<Replayed<B>>>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Ready when enough of the body is there, or enough time has passed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.body.poll_beginning(self.wanted, cx).is_ready() {
            return Poll::Ready(());
        }
        self.is_slow = self.patience.is_lost(cx);
        if self.is_slow { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Judges what came, unless it is judged later with what is still to come, and gives the request on.
    fn decide<R: Body>(mut self, guard: &Guard) -> State<S, B, R> {
        let body = self.body.view(self.wanted);
        let headers = HeaderList::of(&self.parts);
        let view = view(&self.parts, &headers, self.peer);
        let mut watch = None;
        if !self.is_slow && !body.bytes.is_empty() {
            let (verdict, mut rest) = guard.check_body_beginning(&view, body);
            let (beyond, known) = self.body.beyond(self.wanted);
            let refused = match (verdict, &mut rest) {
                (Verdict::Block(refused), _) => Some(refused),
                // what came beyond the beginning has come: it can be judged before the application
                // sees anything
                (Verdict::Pass, Some(rest)) => match guard.check_body_rest(&view, rest, beyond, false) {
                    Verdict::Block(refused) => Some(refused),
                    Verdict::Pass => None,
                },
                (Verdict::Pass, None) => None,
            };
            if let Some(refused) = refused {
                let grpc = grpc::kind(&self.parts);
                let drain = Drain::of(&self.parts, self.body);
                return State::Refused { refused, grpc, drain };
            }
            let head = || Head::of(&self.parts, self.peer);
            watch = rest.map(|rest| Watch::rest(guard.clone(), head(), self.wanted, rest, known));
        } else if self.is_slow {
            let head = Head::of(&self.parts, self.peer);
            watch = Some(Watch::new(guard.clone(), head, self.wanted));
        }
        let client = Remembered(guard.client(&view));
        let seen = Some(Seen::of(&self.parts, self.peer, client));
        let late = watch.as_ref().map(Watch::late);
        let body = match watch {
            Some(watch) => Replayed::watched(self.body, watch),
            None => Replayed::new(self.body),
        };
        let answer = self.service.call(Request::from_parts(self.parts, body));
        State::Forwarded { answer, seen, late }
    }
}

/// The guard's refusal of what the application was still reading when it began with its answer, or failed; counted already.
fn late_refusal<R: Body, E>(
    guard: &Guard,
    seen: &Seen,
    refused: &Refusal,
    answer: Result<Response<R>, E>,
) -> Response<GuardedBody<R>> {
    match answer {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            named(guard, response.map(GuardedBody::application))
        }
        Ok(_) | Err(_) => named(guard, refusal(refused, seen.grpc())),
    }
}

/// The application's response, or the guard's in its place.
fn judged<R: Body>(guard: &Guard, seen: &Seen, response: Response<GuardedBody<R>>) -> Response<GuardedBody<R>> {
    let status = response.status();
    match seen.judge(guard, status) {
        Verdict::Block(refused) if status != StatusCode::SWITCHING_PROTOCOLS => {
            named(guard, refusal(&refused, seen.grpc()))
        }
        Verdict::Pass | Verdict::Block(_) => named(guard, response),
    }
}

/// The verdict on an answer whose beginning is there.
fn read<R: Body<Data = Bytes>>(guard: &Guard, seen: &Seen, reading: Reading<R>) -> Response<GuardedBody<R>> {
    let verdict = reading.view().map(|body| guard.check_answer(&seen.view(), body));
    match verdict {
        Some(Verdict::Block(refused)) => named(guard, refusal(&refused, seen.grpc())),
        Some(Verdict::Pass) | None => judged(guard, seen, reading.give_back()),
    }
}

impl<S, B, R> fmt::Debug for Guarded<S, B, R>
where
    S: Service<Request<Replayed<B>>>,
    B: Body,
    R: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Peeking { .. } => "peeking",
            State::Forwarded { .. } => "forwarded",
            State::Answered { .. } => "answered",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("Guarded").field("state", &state).finish_non_exhaustive()
    }
}
