//! A body whose beginning has been read already, as a stream that the application cannot tell from the original.

use std::{
    cell::Cell,
    io,
    num::NonZeroUsize,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    dev::{Payload, RequestHead, ServiceRequest},
    error::PayloadError,
};
use buckler::guard::{BodyRest, Refusal, RouteMatch, Verdict};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::{
    peek::body_view,
    route_match::pattern_before_routing,
    view::{HeaderList, view},
    worker::Worker,
};

/// A refusal of a body that the application is reading already: it is found here when the answer is there.
pub(crate) type Late = Rc<Cell<Option<Refusal>>>;

type Item = Option<Result<Bytes, PayloadError>>;

/// What was read, then the error that ended it, then the rest.
pub(crate) struct Replay {
    beginning: Option<Bytes>,
    error: Option<PayloadError>,
    rest: Payload,
    watch: Option<Watch>,
}

impl Replay {
    pub(crate) fn new(beginning: Bytes, rest: Payload) -> Self {
        Self {
            beginning: Some(beginning).filter(|bytes| !bytes.is_empty()),
            error: None,
            rest,
            watch: None,
        }
    }

    /// A body that broke off.
    pub(crate) fn broken(beginning: Bytes, error: PayloadError) -> Self {
        Self {
            error: Some(error),
            ..Self::new(beginning, Payload::None)
        }
    }

    /// A body of which too little is there to judge it.
    pub(crate) fn watched(beginning: Bytes, rest: Payload, watch: Watch) -> Self {
        Self {
            watch: Some(watch),
            ..Self::new(beginning, rest)
        }
    }
}

impl Stream for Replay {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        let this = self.get_mut();
        if let Some(beginning) = this.beginning.take() {
            return Poll::Ready(Some(Ok(beginning)));
        }
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut next = ready!(Pin::new(&mut this.rest).poll_next(cx));
        match this.watch.as_mut().map(|watch| watch.see(&next)) {
            None | Some(Watched::Unsure) => {}
            Some(Watched::Passed) => this.watch = None,
            Some(Watched::Refused) => {
                this.watch = None;
                this.rest = Payload::None;
                next = Some(Err(refused()));
            }
        }
        Poll::Ready(next)
    }
}

impl From<Replay> for Payload {
    fn from(replay: Replay) -> Self {
        Self::Stream {
            payload: Box::pin(replay),
        }
    }
}

/// Looks at what the application reads of a slow body until there is enough of it to judge, and at
/// the rest of a long one in windows. It judges before the application sees the end: otherwise a
/// client that sends slowly, or much, would never be judged at all.
pub(crate) struct Watch {
    guard: Rc<Worker>,
    request: Kept,
    wanted: NonZeroUsize,
    stage: Stage,
    late: Late,
}

/// What is kept of a request whose body is watched.
pub(crate) struct Kept {
    head: RequestHead,
    route: RouteMatch,
    pattern: Option<String>,
}

impl Kept {
    /// Of a request that the application does not have yet.
    pub(crate) fn of(request: &ServiceRequest, route: RouteMatch) -> Self {
        Self {
            head: request.head().clone(),
            route,
            pattern: pattern_before_routing(request),
        }
    }
}

/// How far a watched body was judged.
enum Stage {
    /// The beginning is not all there; this much is.
    Beginning(BytesMut),
    /// The beginning passed.
    Rest(BodyRest),
}

enum Watched {
    Unsure,
    Passed,
    Refused,
}

impl Watch {
    /// Of a request of whose body this has come.
    pub(crate) fn new(guard: Rc<Worker>, request: Kept, (beginning, wanted): (&Bytes, NonZeroUsize)) -> Self {
        Self {
            guard,
            request,
            wanted,
            stage: Stage::Beginning(BytesMut::from(&**beginning)),
            late: Late::default(),
        }
    }

    /// Of a request whose body began well, for the rest of it.
    pub(crate) fn rest(guard: Rc<Worker>, request: Kept, wanted: NonZeroUsize, rest: BodyRest) -> Self {
        Self {
            guard,
            request,
            wanted,
            stage: Stage::Rest(rest),
            late: Late::default(),
        }
    }

    /// Where a refusal will be.
    pub(crate) fn late(&self) -> Late {
        Rc::clone(&self.late)
    }

    fn see(&mut self, next: &Item) -> Watched {
        let headers = HeaderList::kept(&self.request.head.headers, self.request.pattern.as_deref());
        let view = view(&self.request.head, &headers, self.request.route);
        let (mut piece, is_end): (&[u8], bool) = match next {
            Some(Ok(piece)) => (piece, false),
            Some(Err(_)) => (&[], false),
            None => (&[], true),
        };
        if let Stage::Beginning(seen) = &mut self.stage {
            let missing = self.wanted.get().saturating_sub(seen.len());
            let (first, more) = piece.split_at(missing.min(piece.len()));
            seen.extend_from_slice(first);
            if matches!(next, Some(Ok(_))) && piece.len() < missing {
                return Watched::Unsure;
            }
            let (verdict, rest) = self
                .guard
                .check_body_beginning(&view, body_view(seen, self.wanted, is_end));
            match (verdict, rest) {
                (Verdict::Block(refusal), _) => return refused_as(refusal, &self.late),
                (Verdict::Pass, None) => return Watched::Passed,
                (Verdict::Pass, Some(rest)) => self.stage = Stage::Rest(rest),
            }
            piece = more;
        }
        match &mut self.stage {
            // the error that ended it is the application's business
            Stage::Rest(_) if matches!(next, Some(Err(_))) => Watched::Passed,
            Stage::Rest(rest) => match self.guard.check_body_rest(&view, rest, piece, is_end) {
                Verdict::Block(refusal) => refused_as(refusal, &self.late),
                Verdict::Pass if rest.is_over() => Watched::Passed,
                Verdict::Pass => Watched::Unsure,
            },
            Stage::Beginning(_) => Watched::Unsure,
        }
    }
}

fn refused_as(refusal: Refusal, late: &Late) -> Watched {
    late.set(Some(refusal));
    Watched::Refused
}

/// What the application reads in the place of what was refused. Its answer is replaced, so that nobody sees what it makes of it.
fn refused() -> PayloadError {
    PayloadError::Io(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the guard refused this body",
    ))
}
