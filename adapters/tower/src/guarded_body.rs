//! A response's body: the application's, or the guard's.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::begun::Begun;

pin_project! {
    /// A response's body: the application's as it made it, or the guard's in its place.
    #[derive(Debug)]
    pub struct GuardedBody<B>
    where
        B: Body,
    {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B>
    where
        B: Body,
    {
        Application { #[pin] body: B },
        /// The application's, of which the beginning was judged.
        Read { body: Begun<Pin<Box<B>>> },
        Refusal { text: Option<Bytes> },
    }
}

impl<B: Body> GuardedBody<B> {
    pub(crate) const fn application(body: B) -> Self {
        Self {
            kind: Kind::Application { body },
        }
    }

    pub(crate) const fn read(body: Begun<Pin<Box<B>>>) -> Self {
        Self {
            kind: Kind::Read { body },
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
            KindProjection::Read { body } => Pin::new(body).poll_frame(cx),
            KindProjection::Refusal { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Application { body } => body.is_end_stream(),
            Kind::Read { body } => body.is_end_stream(),
            Kind::Refusal { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Application { body } => body.size_hint(),
            Kind::Read { body } => body.size_hint(),
            Kind::Refusal { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}
