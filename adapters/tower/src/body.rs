//! Bodies: requests' that are looked at and given back, and responses' that may be the guard's.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// How long the beginning of a body is waited for. A client that sends slower than 64 KiB in it uploads by hand, or means to be slow;
/// the application then gets what there is, and the rest as it comes.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A request's body of which the beginning was looked at: it yields the same frames as the body itself, an error included.
pub struct Replayed<B: Body> {
    seen: VecDeque<Result<Frame<B::Data>, B::Error>>,
    rest: B,
}

// what was seen is never pinned
impl<B: Body + Unpin> Unpin for Replayed<B> {}

impl<B: Body> fmt::Debug for Replayed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayed")
            .field("frames_seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Replayed<B> {
    /// A body that nothing was seen of.
    pub(crate) const fn untouched(rest: B) -> Self {
        Self {
            seen: VecDeque::new(),
            rest,
        }
    }

    /// Looks at more of the body, until this many bytes of data were seen, or its end, or an error. Whether that is all.
    pub(crate) fn poll_seen(&mut self, most: NonZeroUsize, cx: &mut Context<'_>) -> Poll<()> {
        let mut seen = data(&self.seen).map(Bytes::len).sum::<usize>();
        while seen < most.get() && !self.rest.is_end_stream() && !self.has_failed() {
            let Some(frame) = ready!(Pin::new(&mut self.rest).poll_frame(cx)) else {
                break;
            };
            seen += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
            self.seen.push_back(frame);
        }
        Poll::Ready(())
    }

    fn has_failed(&self) -> bool {
        self.seen.back().is_some_and(Result::is_err)
    }

    /// The bytes that were seen, at most so many, and whether they are all of the body.
    pub(crate) fn beginning(&self, most: NonZeroUsize) -> (Bytes, bool) {
        let mut pieces = data(&self.seen);
        let first = pieces.next().cloned().unwrap_or_default();
        let mut bytes = match pieces.next() {
            None => first,
            Some(second) => {
                let mut joined = Vec::with_capacity(first.len() + second.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(second);
                pieces.for_each(|piece| joined.extend_from_slice(piece));
                joined.into()
            }
        };
        let is_whole = self.rest.is_end_stream() && bytes.len() <= most.get();
        bytes.truncate(most.get());
        (bytes, is_whole)
    }
}

/// The data among frames.
fn data<E>(seen: &VecDeque<Result<Frame<Bytes>, E>>) -> impl Iterator<Item = &Bytes> {
    seen.iter()
        .filter_map(|frame| frame.as_ref().ok().and_then(Frame::data_ref))
}

impl<B: Body<Data = Bytes> + Unpin> Body for Replayed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        match this.seen.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut this.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.seen.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let seen = data(&self.seen).map(|piece| piece.len() as u64).sum::<u64>();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(seen));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(seen));
        }
        hint
    }
}

pin_project! {
    /// A response's body: the application's, or the guard's in its place.
    #[derive(Debug)]
    pub struct GuardedBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Application { #[pin] body: B },
        Refusal { text: Option<Bytes> },
    }
}

impl<B> GuardedBody<B> {
    pub(crate) const fn application(body: B) -> Self {
        Self {
            kind: Kind::Application { body },
        }
    }

    pub(crate) fn refusal(text: Bytes) -> Self {
        let text = Some(text).filter(|text| !text.is_empty());
        Self {
            kind: Kind::Refusal { text },
        }
    }
}

impl<B: Body<Data = Bytes>> Body for GuardedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Application { body } => body.poll_frame(cx),
            KindProjection::Refusal { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Application { body } => body.is_end_stream(),
            Kind::Refusal { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Application { body } => body.size_hint(),
            Kind::Refusal { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}
