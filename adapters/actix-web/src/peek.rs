//! The beginning of a request's body, read before the application sees the request, and given back.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    dev::{Payload, RequestHead},
    error::PayloadError,
    http::{Method, header},
    rt::time::{Sleep, sleep},
};
use buckler::guard::BodyView;
use bytes::{Bytes, BytesMut};
use futures_core::Stream as _;

use crate::replay::{Replay, Watch};

/// How long the application is kept from a request whose body is slow to begin. A handler that needs the whole body would have waited
/// as well; one that streams must not be kept for longer than a person notices. What comes later is judged while the
/// application reads it ([`Watch`]).
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a request has a body that can be looked into. What follows a WebSocket handshake or a `CONNECT` is no body, though it
/// comes the same way: it begins only once the application has answered.
///
/// A handshake is a `GET` without a body or a content type (RFC 6455, section 4.1). actix-web takes
/// whatever follows the word `websocket` for the body, so that a form or JSON could hide behind it.
pub(crate) fn has_body(head: &RequestHead, payload: &Payload) -> bool {
    let is_websocket = || {
        let upgrade = head.headers.get(header::UPGRADE);
        upgrade.is_some_and(|protocol| protocol.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    let is_framed = || {
        let mut lengths = head.headers.get_all(header::CONTENT_LENGTH);
        head.headers.contains_key(header::TRANSFER_ENCODING)
            || lengths.any(|length| !length.as_bytes().iter().all(|byte| matches!(byte, b'0' | b' ')))
    };
    let opens_socket = || {
        head.method == Method::GET && is_websocket() && !head.headers.contains_key(header::CONTENT_TYPE) && !is_framed()
    };
    !matches!(payload, Payload::None) && head.method != Method::CONNECT && !opens_socket()
}

/// Reads the beginning of a body.
pub(crate) struct Peek {
    payload: Payload,
    wanted: NonZeroUsize,
    beginning: Beginning,
    patience: Patience,
}

/// What came so far. A body that came in one piece, as small ones do, is not copied; several are put together, because a client that
/// sends single bytes must not make each of them hold a buffer.
#[derive(Debug)]
pub(crate) enum Beginning {
    Whole(Bytes),
    Joined(BytesMut),
}

/// How far the waiting has gone.
pub(crate) enum Patience {
    /// The body was not asked for yet.
    Fresh,
    /// It was there no sooner than the head: actix-web hands on what it has already read only after the request was polled once, so
    /// that there is no need for a timer yet.
    Asked,
    Waiting(Pin<Box<Sleep>>),
}

/// Where the peeking ended.
pub(crate) enum End {
    /// With the body.
    Whole,
    /// With as much as was wanted.
    Enough,
    /// With an error, the client's going away among them.
    Broken(PayloadError),
    /// With [`PATIENCE`].
    Slow,
}

/// The beginning of a body, and the rest of it.
pub(crate) struct Peeked {
    pub(crate) end: End,
    beginning: Bytes,
    wanted: NonZeroUsize,
    rest: Payload,
}

impl Peek {
    pub(crate) const fn new(payload: Payload, wanted: NonZeroUsize) -> Self {
        Self {
            payload,
            wanted,
            beginning: Beginning::Whole(Bytes::new()),
            patience: Patience::Fresh,
        }
    }

    /// Ready once there is something to decide by.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Peeked> {
        let end = loop {
            if self.beginning.len() >= self.wanted.get() {
                break End::Enough;
            }
            match Pin::new(&mut self.payload).poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => self.beginning.push(piece),
                Poll::Ready(Some(Err(error))) => break End::Broken(error),
                Poll::Ready(None) => break End::Whole,
                Poll::Pending if self.patience.is_lost(cx) => break End::Slow,
                Poll::Pending => return Poll::Pending,
            }
        };
        Poll::Ready(Peeked {
            end,
            beginning: self.beginning.take(),
            wanted: self.wanted,
            rest: self.payload.take(),
        })
    }
}

impl Default for Beginning {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Beginning {
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
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

    pub(crate) fn take(&mut self) -> Bytes {
        match std::mem::take(self) {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes.freeze(),
        }
    }
}

impl Patience {
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

impl Peeked {
    /// What the guard judges; `None` where nothing came, or where it will judge what comes later.
    pub(crate) fn view(&self) -> Option<BodyView<'_>> {
        if self.beginning.is_empty() || matches!(self.end, End::Slow) {
            return None;
        }
        Some(body_view(&self.beginning, self.wanted, matches!(self.end, End::Whole)))
    }

    /// The body as it came, with the error that ended it.
    pub(crate) fn give_back(self) -> Payload {
        match (self.end, self.rest) {
            (End::Broken(error), _) => Replay::broken(self.beginning, error).into(),
            (End::Whole | End::Enough | End::Slow, Payload::H1 { mut payload }) => {
                if !self.beginning.is_empty() {
                    payload.unread_data(self.beginning);
                }
                Payload::H1 { payload }
            }
            (End::Whole, _) if self.beginning.is_empty() => Payload::None,
            (End::Whole, _) => Payload::from(self.beginning),
            (End::Enough | End::Slow, rest) => Replay::new(self.beginning, rest).into(),
        }
    }

    /// The body as it comes, judged once enough of it is there.
    pub(crate) fn give_back_watched(self, watch: Watch) -> Payload {
        Replay::watched(self.beginning, self.rest, watch).into()
    }

    /// What came beyond what is wanted.
    pub(crate) fn beyond(&self) -> &[u8] {
        self.beginning.get(self.wanted.get()..).unwrap_or_default()
    }

    /// What came and how much is wanted of it.
    pub(crate) const fn beginning(&self) -> (&Bytes, NonZeroUsize) {
        (&self.beginning, self.wanted)
    }
}

/// As much of these bytes as is wanted, of which `is_end` says whether more follow.
pub(crate) fn body_view(bytes: &[u8], wanted: NonZeroUsize, is_end: bool) -> BodyView<'_> {
    let wanted = bytes.get(..wanted.get());
    BodyView {
        bytes: wanted.unwrap_or(bytes),
        is_whole: is_end && wanted.is_none_or(|wanted| wanted.len() == bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn is_looked_into(request: TestRequest) -> bool {
        // not by `set_payload`, which adds a length
        let payload = Payload::from(Bytes::from_static(b"body"));
        has_body(request.to_srv_request().head(), &payload)
    }

    #[test]
    fn tunnels_have_no_body_and_everything_else_may() {
        let socket = || TestRequest::get().insert_header((header::UPGRADE, " WebSocket "));
        assert!(!is_looked_into(socket()));
        assert!(!is_looked_into(TestRequest::default().method(Method::CONNECT)));
        assert!(is_looked_into(
            socket().insert_header((header::CONTENT_TYPE, "application/json"))
        ));
        assert!(!is_looked_into(socket().insert_header((header::CONTENT_LENGTH, "0"))));
        assert!(is_looked_into(socket().insert_header((header::CONTENT_LENGTH, "4"))));
        assert!(is_looked_into(
            socket().insert_header((header::TRANSFER_ENCODING, "chunked"))
        ));
        assert!(is_looked_into(socket().method(Method::POST)));
        assert!(is_looked_into(
            TestRequest::get().insert_header((header::UPGRADE, "h2c"))
        ));
        assert!(is_looked_into(TestRequest::delete()));
        let bare = TestRequest::get().to_srv_request();
        assert!(!has_body(bare.head(), &Payload::None));
    }

    #[test]
    fn as_much_as_is_wanted_is_shown() {
        let wanted = NonZeroUsize::new(4).unwrap();
        for (bytes, is_end, shown, is_whole) in [
            ("abc", true, "abc", true),
            ("abc", false, "abc", false),
            ("abcd", true, "abcd", true),
            ("abcde", true, "abcd", false),
        ] {
            let view = body_view(bytes.as_bytes(), wanted, is_end);
            assert_eq!(
                (view.bytes, view.is_whole),
                (shown.as_bytes(), is_whole),
                "{bytes} {is_end}"
            );
        }
    }
}
