//! A request on its way: its body is looked at, the application asked, and the answer judged.

use std::{
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
};

use buckler::guard::{BodyView, Guard, Refusal, Verdict};
use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use crate::{
    body::{GuardedBody, PATIENCE, Replayed},
    refusal::{named, refusal},
    seen::Seen,
    view::{HeaderList, view},
};

pin_project! {
    /// The answer to a request that met [`Buckler`](crate::Buckler). Dropped before it is ready, because the client went away, it has
    /// counted nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Guarded<S, B>
    where
        S: Service<Request<Replayed<B>>>,
        B: Body,
    {
        #[pin]
        state: State<S, B>,
        guard: Guard,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<Replayed<B>>>,
        B: Body,
    {
        /// The beginning of the body is awaited; `None` once it is there.
        Peeking { request: Option<Box<Peeking<S, B>>> },
        /// With the application.
        Forwarded { #[pin] answer: S::Future, seen: Seen },
        /// Refused before the application saw it.
        Refused { refused: Refusal },
    }
}

/// A request whose body is awaited, and the service that is ready for it.
struct Peeking<S, B: Body> {
    parts: Parts,
    body: Replayed<B>,
    most: NonZeroUsize,
    service: S,
    /// Begins when the body is not there at once, as most are.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S, B> Guarded<S, B>
where
    S: Service<Request<Replayed<B>>>,
    B: Body,
{
    pub(crate) const fn refused(guard: Guard, refused: Refusal) -> Self {
        Self {
            state: State::Refused { refused },
            guard,
        }
    }

    pub(crate) const fn forwarded(guard: Guard, answer: S::Future, seen: Seen) -> Self {
        Self {
            state: State::Forwarded { answer, seen },
            guard,
        }
    }

    pub(crate) fn peeking(guard: Guard, parts: Parts, body: Replayed<B>, most: NonZeroUsize, service: S) -> Self {
        let request = Peeking {
            parts,
            body,
            most,
            service,
            patience: None,
        };
        Self {
            state: State::Peeking {
                request: Some(Box::new(request)),
            },
            guard,
        }
    }
}

impl<S, B, R> Future for Guarded<S, B>
where
    S: Service<Request<Replayed<B>>, Response = Response<R>>,
    B: Body<Data = Bytes> + Unpin,
{
    type Output = Result<Response<GuardedBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Peeking { request } => {
                    let Some(waiting) = request else { return Poll::Pending };
                    ready!(waiting.poll(cx));
                    // always there: it was just polled
                    let Some(waiting) = request.take() else {
                        return Poll::Pending;
                    };
                    (*waiting).decide(this.guard)
                }
                StateProjection::Forwarded { answer, seen } => {
                    let response = ready!(answer.poll(cx))?;
                    return Poll::Ready(Ok(judged(this.guard, seen, response)));
                }
                StateProjection::Refused { refused } => {
                    return Poll::Ready(Ok(named(this.guard, refusal(refused))));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B> Peeking<S, B>
where
    S: Service<Request<Replayed<B>>>,
    B: Body<Data = Bytes> + Unpin,
{
    /// Ready when enough of the body is there, or enough time has passed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.body.poll_seen(self.most, cx).is_ready() {
            return Poll::Ready(());
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        patience.as_mut().poll(cx)
    }

    /// Judges what was seen, and gives the request on.
    fn decide(mut self, guard: &Guard) -> State<S, B> {
        let (bytes, is_whole) = self.body.beginning(self.most);
        let headers = HeaderList(&self.parts.headers);
        let body = BodyView {
            bytes: &bytes,
            is_whole,
        };
        if let Verdict::Block(refused) = guard.check_body(&view(&self.parts, &headers), body) {
            return State::Refused { refused };
        }
        let seen = Seen::of(&self.parts);
        let request = Request::from_parts(self.parts, self.body);
        State::Forwarded {
            answer: self.service.call(request),
            seen,
        }
    }
}

/// The application's response, or the guard's in its place.
fn judged<R>(guard: &Guard, seen: &Seen, response: Response<R>) -> Response<GuardedBody<R>> {
    let status = response.status();
    match seen.judge(guard, status) {
        Verdict::Block(refused) if status != StatusCode::SWITCHING_PROTOCOLS => named(guard, refusal(&refused)),
        Verdict::Pass | Verdict::Block(_) => named(guard, response.map(GuardedBody::application)),
    }
}

impl<S, B> fmt::Debug for Guarded<S, B>
where
    S: Service<Request<Replayed<B>>>,
    B: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Peeking { .. } => "peeking",
            State::Forwarded { .. } => "forwarded",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("Guarded").field("state", &state).finish_non_exhaustive()
    }
}
