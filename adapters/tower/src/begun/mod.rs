//! A body whose beginning was read, and which nobody can tell from what it was.

use std::{
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use buckler::guard::BodyView;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// How long the application is kept from a request whose body is slow to begin, and the client from an answer. A handler that needs the
/// whole body would have waited as well; one that streams must not be kept for longer than a person notices. What comes later is
/// judged while the application reads it.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What was read of a body, what followed it, and the rest.
pub(crate) struct Begun<B: Body> {
    beginning: Beginning,
    /// What ended the reading and is no data: trailers, or an error.
    after: Option<Result<Frame<Bytes>, B::Error>>,
    /// Whether there is nothing after that.
    is_over: bool,
    rest: B,
}

// what was read is never pinned
impl<B: Body + Unpin> Unpin for Begun<B> {}

impl<B: Body<Data = Bytes> + Unpin> Begun<B> {
    /// A body that nothing was read of.
    pub(crate) fn untouched(rest: B) -> Self {
        Self {
            beginning: Beginning::default(),
            after: None,
            is_over: false,
            rest,
        }
    }

    /// Reads until there are so many bytes, or the body ends, whether well or not. Ready once that is so.
    pub(crate) fn poll_beginning(&mut self, wanted: NonZeroUsize, cx: &mut Context<'_>) -> Poll<()> {
        while !self.is_over && self.beginning.len() < wanted.get() && !self.rest.is_end_stream() {
            match ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
                None => self.is_over = true,
                Some(Err(error)) => self.end_with(Err(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.beginning.push(piece),
                    Err(trailers) => self.end_with(Ok(trailers)),
                },
            }
        }
        Poll::Ready(())
    }

    fn end_with(&mut self, last: Result<Frame<Bytes>, B::Error>) {
        self.after = Some(last);
        self.is_over = true;
    }

    /// What was read beyond what was wanted, and how much was read.
    pub(crate) fn beyond(&self, wanted: NonZeroUsize) -> (&[u8], usize) {
        let bytes = self.beginning.bytes();
        (bytes.get(wanted.get()..).unwrap_or_default(), bytes.len())
    }

    /// What was read, for the guard.
    pub(crate) fn view(&self, wanted: NonZeroUsize) -> BodyView<'_> {
        let is_broken = matches!(self.after, Some(Err(_)));
        let is_end = !is_broken && (self.is_over || self.rest.is_end_stream());
        body_view(self.beginning.bytes(), wanted, is_end)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Begun<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.beginning.len() > 0 {
            return Poll::Ready(Some(Ok(Frame::data(this.beginning.take()))));
        }
        if let Some(last) = this.after.take() {
            return Poll::Ready(Some(last));
        }
        if this.is_over {
            return Poll::Ready(None);
        }
        Pin::new(&mut this.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.len() == 0 && self.after.is_none() && self.rest.is_end_stream()
    }

    /// As the body's own was before anything was read of it: whoever did not know how long it is still does not.
    fn size_hint(&self) -> SizeHint {
        let seen = self.beginning.len() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(seen));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(seen));
        }
        hint
    }
}

/// Sizes only: bodies hold what does not belong in a log.
impl<B: Body> fmt::Debug for Begun<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("bytes_seen", &self.beginning.len())
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// What came so far. A body that came in one piece, as small ones do, is not copied; several are put together, because a client that
/// sends single bytes must not make each of them hold a buffer.
#[derive(Debug)]
enum Beginning {
    Whole(Bytes),
    Joined(BytesMut),
}

impl Default for Beginning {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Beginning {
    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }

    fn push(&mut self, piece: Bytes) {
        match self {
            Self::Whole(first) if first.is_empty() => *first = piece,
            Self::Whole(first) => {
                let mut joined = BytesMut::from(std::mem::take(first));
                joined.extend_from_slice(&piece);
                *self = Self::Joined(joined);
            }
            Self::Joined(joined) => joined.extend_from_slice(&piece),
        }
    }

    fn take(&mut self) -> Bytes {
        match std::mem::take(self) {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes.freeze(),
        }
    }
}

/// As much of these bytes as is wanted, of which `is_end` says whether more follow.
pub(crate) fn body_view(bytes: &[u8], wanted: NonZeroUsize, is_end: bool) -> BodyView<'_> {
    let shown = bytes.get(..wanted.get()).unwrap_or(bytes);
    BodyView {
        bytes: shown,
        is_whole: is_end && shown.len() == bytes.len(),
    }
}

/// How far the waiting for a body has gone.
#[derive(Default)]
pub(crate) enum Patience {
    /// It was not asked for yet.
    #[default]
    Fresh,
    /// It was there no sooner than the head: hyper hands on what it has already read only after it was asked once, so that there is no
    /// need for a timer yet.
    Asked,
    /// Until this is over.
    Waiting(Pin<Box<Sleep>>),
}

impl Patience {
    /// Whether [`PATIENCE`] is over. Asked each time that the body is not there.
    pub(crate) fn is_lost(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Fresh => {
                *self = Self::Asked;
                cx.waker().wake_by_ref();
                false
            }
            Self::Asked => {
                let mut timer = Box::pin(sleep(PATIENCE));
                let is_over = timer.as_mut().poll(cx).is_ready();
                *self = Self::Waiting(timer);
                is_over
            }
            Self::Waiting(timer) => timer.as_mut().poll(cx).is_ready(),
        }
    }
}

#[cfg(test)]
mod tests;
