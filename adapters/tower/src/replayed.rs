//! A request's body as the application reads it: what was looked at, then the rest, which is judged as it is read if it was too slow.

use std::{
    error::Error,
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use buckler::guard::{Guard, Refusal, Verdict};
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

/// Looks at what the application reads of a slow body until there is enough of it to judge, and judges before the application sees its
/// end: otherwise whoever sends slowly enough would never be judged at all.
pub(crate) struct Watch {
    guard: Guard,
    head: Head,
    wanted: NonZeroUsize,
    seen: BytesMut,
    late: Late,
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
            seen: BytesMut::new(),
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
        let piece = next.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let missing = self.wanted.get().saturating_sub(self.seen.len());
        if let Some(piece) = piece {
            self.seen.extend_from_slice(piece.get(..missing).unwrap_or(piece));
            if piece.len() < missing && !is_last {
                return Watched::Unsure;
            }
        }
        let is_cut = piece.is_some_and(|piece| piece.len() > missing || !is_last);
        let is_end = !is_cut && !matches!(next, Some(Err(_)));
        self.judge(is_end)
    }

    fn judge(&self, is_end: bool) -> Watched {
        let body = body_view(&self.seen, self.wanted, is_end);
        if body.bytes.is_empty() {
            return Watched::Passed;
        }
        match self.head.look(|view| self.guard.check_body(view, body)) {
            Verdict::Pass => Watched::Passed,
            Verdict::Block(refusal) => {
                // set once: a body is judged once
                let _already = self.late.set(refusal);
                Watched::Refused
            }
        }
    }
}
