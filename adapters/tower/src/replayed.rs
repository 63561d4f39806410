//! A request's body as the application reads it: what was looked at, then the rest, which is judged as it is read if it was too slow.

use std::{
    error::Error,
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use buckler::guard::{BodyRest, Guard, Refusal, Verdict};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use crate::{
    begun::{Begun, body_view},
    view::Head,
};

/// The error of a body that is read through the layer: the body's own, or [`BodyRefused`].
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What the application reads in the place of the end of a body that the guard refused while it was being read. Whatever the application
/// makes of it, the client gets the refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRefused;

impl fmt::Display for BodyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the guard refused this body")
    }
}

impl Error for BodyRefused {}

/// A refusal of a body that the application is reading already: it is found here when the answer is there.
pub(crate) type Late = Arc<OnceLock<Refusal>>;

/// A request's body: it yields the same bytes as the body itself, then its trailers or its error.
pub struct Replayed<B: Body> {
    body: Begun<B>,
    watch: Option<Box<Watch>>,
    is_refused: bool,
}

// its body is never pinned
impl<B: Body + Unpin> Unpin for Replayed<B> {}

impl<B: Body<Data = Bytes> + Unpin> Replayed<B> {
    /// A body that is not looked at, or was already.
    pub(crate) const fn new(body: Begun<B>) -> Self {
        Self {
            body,
            watch: None,
            is_refused: false,
        }
    }

    /// A body of which too little is there to judge it.
    pub(crate) fn watched(body: Begun<B>, watch: Watch) -> Self {
        Self {
            watch: Some(Box::new(watch)),
            ..Self::new(body)
        }
    }
}

impl<B> Body for Replayed<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.is_refused {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(watch) = &mut this.watch {
            match watch.see(&next, this.body.is_end_stream()) {
                Watched::Unsure => {}
                Watched::Passed => this.watch = None,
                Watched::Refused => {
                    this.watch = None;
                    this.is_refused = true;
                    return Poll::Ready(Some(Err(BodyRefused.into())));
                }
            }
        }
        Poll::Ready(next.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_refused || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> fmt::Debug for Replayed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayed")
            .field("body", &self.body)
            .field("is_watched", &self.watch.is_some())
            .finish_non_exhaustive()
    }
}

/// Looks at what the application reads of a slow body until there is enough of it to judge, and at
/// the rest of a long one in windows. It judges before the application sees the end: otherwise a
/// client that sends slowly, or much, would never be judged at all.
pub(crate) struct Watch {
    guard: Guard,
    head: Head,
    wanted: NonZeroUsize,
    stage: Stage,
    late: Late,
}

/// How far a watched body was judged.
enum Stage {
    /// The beginning is not all there; this much is.
    Beginning(BytesMut),
    /// The beginning passed. So many bytes of what the application reads are known already.
    Rest { rest: BodyRest, known: usize },
}

enum Watched {
    Unsure,
    Passed,
    Refused,
}

impl Watch {
    /// Of a request with this head.
    pub(crate) fn new(guard: Guard, head: Head, wanted: NonZeroUsize) -> Self {
        Self {
            guard,
            head,
            wanted,
            stage: Stage::Beginning(BytesMut::new()),
            late: Late::default(),
        }
    }

    /// Of a request whose body began well, for what follows the bytes that are known of it.
    pub(crate) fn rest(guard: Guard, head: Head, wanted: NonZeroUsize, rest: BodyRest, known: usize) -> Self {
        Self {
            guard,
            head,
            wanted,
            stage: Stage::Rest { rest, known },
            late: Late::default(),
        }
    }

    /// Where a refusal will be.
    pub(crate) fn late(&self) -> Late {
        Arc::clone(&self.late)
    }

    /// Looks at the next frame. One that is the last in any way is judged with what came before it: whoever reads the body may not ask
    /// for more after the last of its data.
    fn see<E>(&mut self, next: &Option<Result<Frame<Bytes>, E>>, is_last: bool) -> Watched {
        let is_broken = matches!(next, Some(Err(_)));
        let bytes = next.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        // trailers end a body, and so does its end
        let is_end = !is_broken && (is_last || bytes.is_none());
        let mut piece = bytes.map(|bytes| &**bytes).unwrap_or_default();
        if let Stage::Beginning(seen) = &mut self.stage {
            let missing = self.wanted.get().saturating_sub(seen.len());
            let (first, more) = piece.split_at(missing.min(piece.len()));
            seen.extend_from_slice(first);
            if bytes.is_some() && piece.len() < missing && !is_last {
                return Watched::Unsure;
            }
            let body = body_view(seen, self.wanted, is_end && more.is_empty());
            if body.bytes.is_empty() {
                return Watched::Passed;
            }
            let guard = &self.guard;
            match self.head.look(|view| guard.check_body_beginning(view, body)) {
                (Verdict::Block(refusal), _) => return refused_as(refusal, &self.late),
                (Verdict::Pass, None) => return Watched::Passed,
                (Verdict::Pass, Some(rest)) => self.stage = Stage::Rest { rest, known: 0 },
            }
            piece = more;
        }
        let Stage::Rest { rest, known } = &mut self.stage else {
            return Watched::Unsure;
        };
        if is_broken {
            // the error is the application's business
            return Watched::Passed;
        }
        let (seen, fresh) = piece.split_at((*known).min(piece.len()));
        *known -= seen.len();
        let guard = &self.guard;
        match self.head.look(|view| guard.check_body_rest(view, rest, fresh, is_end)) {
            Verdict::Block(refusal) => refused_as(refusal, &self.late),
            Verdict::Pass if rest.is_over() => Watched::Passed,
            Verdict::Pass => Watched::Unsure,
        }
    }
}

fn refused_as(refusal: Refusal, late: &Late) -> Watched {
    // set once: a refusal ends the judgement
    let _already = late.set(refusal);
    Watched::Refused
}
