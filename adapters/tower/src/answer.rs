//! The beginning of an answer's body, read before any of it is sent, and given back.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
};

use buckler::guard::{BodyView, Guard};
use bytes::Bytes;
use http::{
    HeaderName, Method, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    response::Parts,
};
use http_body::Body;

use crate::{
    begun::{Begun, Patience},
    guarded_body::GuardedBody,
    seen::Seen,
};

/// How much of an answer the guard wants to see; `None` for one that has no body.
pub(crate) fn wanted_of<R: Body>(guard: &Guard, seen: &Seen, response: &Response<R>) -> Option<NonZeroUsize> {
    let has_none = response.body().is_end_stream()
        || *seen.method() == Method::HEAD
        || [
            StatusCode::SWITCHING_PROTOCOLS,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]
        .contains(&response.status());
    // what answers a CONNECT is a tunnel
    if has_none || *seen.method() == Method::CONNECT {
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
pub(crate) struct Reading<R: Body> {
    head: Parts,
    body: Begun<Pin<Box<R>>>,
    wanted: NonZeroUsize,
    has_length: bool,
    patience: Patience,
}

impl<R: Body<Data = Bytes>> Reading<R> {
    pub(crate) fn new(response: Response<R>, wanted: NonZeroUsize) -> Self {
        let (head, body) = response.into_parts();
        Self {
            has_length: body.size_hint().exact().is_some() || head.headers.contains_key(CONTENT_LENGTH),
            head,
            body: Begun::untouched(Box::pin(body)),
            wanted,
            patience: Patience::default(),
        }
    }

    /// Ready once there is enough to judge.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_there = self.body.poll_beginning(self.wanted, cx).is_ready();
        if is_there || !self.has_length || self.patience.is_lost(cx) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// What there is; `None` where that is nothing.
    pub(crate) fn view(&self) -> Option<BodyView<'_>> {
        Some(self.body.view(self.wanted)).filter(|view| !view.bytes.is_empty())
    }

    /// The answer as it came.
    pub(crate) fn give_back(self) -> Response<GuardedBody<R>> {
        Response::from_parts(self.head, GuardedBody::read(self.body))
    }
}
