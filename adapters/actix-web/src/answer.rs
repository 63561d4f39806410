//! The beginning of an answer's body, read before any of it is sent, and given back.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
    },
};
use buckler::guard::{BodyView, Guard};
use bytes::Bytes;
use pin_project_lite::pin_project;

use crate::{
    peek::{Beginning, Patience, body_view},
    seen::Seen,
};

/// How much of an answer the guard wants to see; `None` for one that has no body.
pub(crate) fn wanted_of<B: MessageBody>(
    guard: &Guard,
    seen: &Seen,
    response: &ServiceResponse<B>,
) -> Option<NonZeroUsize> {
    let has_none = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
        || *seen.method() == Method::HEAD
        || [
            StatusCode::SWITCHING_PROTOCOLS,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]
        .contains(&response.status());
    if has_none {
        return None;
    }
    let header = |name: HeaderName| {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap_or("no text"))
    };
    guard.wants_answer(&seen.view(), header(CONTENT_TYPE), header(CONTENT_ENCODING))
}

/// An answer whose beginning is being read.
///
/// It is held back for that only where its length is known, as that of a page or a file is: then it was going to be sent as fast as it
/// can be read. Of a stream nobody knows when it goes on: it is judged by what is there at once.
pub(crate) struct Reading<B: MessageBody> {
    request: HttpRequest,
    head: HttpResponse<()>,
    body: Pin<Box<B>>,
    /// Of the whole body: some kinds count only what has not been read.
    size: BodySize,
    beginning: Beginning,
    wanted: NonZeroUsize,
    patience: Patience,
    end: Option<End<B::Error>>,
}

/// What followed the beginning.
enum End<E> {
    Nothing,
    Error(E),
}

impl<B: MessageBody> Reading<B> {
    pub(crate) fn new(response: ServiceResponse<B>, wanted: NonZeroUsize) -> Self {
        let (request, response) = response.into_parts();
        let (head, body) = response.into_parts();
        Self {
            request,
            head,
            size: body.size(),
            body: Box::pin(body),
            beginning: Beginning::default(),
            wanted,
            patience: Patience::Fresh,
            end: None,
        }
    }

    /// The request, as it was routed.
    pub(crate) const fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Ready once there is enough to judge.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.beginning.len() < self.wanted.get() {
            match self.body.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => self.beginning.push(piece),
                Poll::Ready(Some(Err(error))) => {
                    self.end = Some(End::Error(error));
                    break;
                }
                Poll::Ready(None) => {
                    self.end = Some(End::Nothing);
                    break;
                }
                Poll::Pending if matches!(self.size, BodySize::Sized(_)) && !self.patience.is_lost(cx) => {
                    return Poll::Pending;
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    }

    /// What there is; `None` where that is nothing.
    pub(crate) fn view(&self) -> Option<BodyView<'_>> {
        let is_end = matches!(self.end, Some(End::Nothing));
        let view = body_view(self.beginning.bytes(), self.wanted, is_end);
        Some(view).filter(|view| !view.bytes.is_empty())
    }

    /// The answer as it came.
    pub(crate) fn give_back(mut self) -> ServiceResponse<AnswerBody<B>> {
        let kind = Kind::Read {
            size: self.size,
            beginning: Some(self.beginning.take()).filter(|bytes| !bytes.is_empty()),
            end: self.end,
            rest: self.body,
        };
        ServiceResponse::new(self.request, self.head.set_body(AnswerBody { kind }))
    }

    /// The answer without what was read of it, to be refused.
    pub(crate) fn without_body(self) -> ServiceResponse<AnswerBody<B>> {
        let kind = Kind::Read {
            size: self.size,
            beginning: None,
            end: Some(End::Nothing),
            rest: self.body,
        };
        ServiceResponse::new(self.request, self.head.set_body(AnswerBody { kind }))
    }
}

pin_project! {
    /// The application's answer: as it is, or with a beginning that was read already. Neither its size nor its pieces' order change.
    pub struct AnswerBody<B>
    where
        B: MessageBody,
    {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B>
    where
        B: MessageBody,
    {
        Untouched { #[pin] body: B },
        Read { size: BodySize, beginning: Option<Bytes>, end: Option<End<B::Error>>, rest: Pin<Box<B>> },
    }
}

impl<B: MessageBody> AnswerBody<B> {
    pub(crate) const fn untouched(body: B) -> Self {
        Self {
            kind: Kind::Untouched { body },
        }
    }
}

impl<B: MessageBody> MessageBody for AnswerBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.kind {
            Kind::Untouched { body } => body.size(),
            Kind::Read { size, .. } => *size,
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let (beginning, end, rest) = match self.project().kind.project() {
            KindProjection::Untouched { body } => return body.poll_next(cx),
            KindProjection::Read {
                beginning, end, rest, ..
            } => (beginning, end, rest),
        };
        if let Some(beginning) = beginning.take() {
            return Poll::Ready(Some(Ok(beginning)));
        }
        match end.take() {
            None => rest.as_mut().poll_next(cx),
            Some(End::Error(error)) => {
                *end = Some(End::Nothing);
                Poll::Ready(Some(Err(error)))
            }
            Some(End::Nothing) => {
                *end = Some(End::Nothing);
                Poll::Ready(None)
            }
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.kind {
            Kind::Untouched { body } => body.try_into_bytes().map_err(Self::untouched),
            kind @ Kind::Read { .. } => Err(Self { kind }),
        }
    }
}

/// Its size only: bodies hold what does not belong in a log.
impl<B: MessageBody> std::fmt::Debug for AnswerBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerBody")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
