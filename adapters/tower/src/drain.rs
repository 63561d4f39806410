//! The body of a request that was refused, read to its end within bounds and thrown away.
//!
//! A server that answers while a body is still coming, and closes, resets the connection. A proxy
//! that is sending the body then finds no answer but a broken connection: it answers 502 in the
//! refusal's place, takes this server for dead, and soon has none left.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Version, header::EXPECT, request::Parts};
use http_body::Body;
use tokio::time::{Sleep, sleep};

/// The most that is read, in bytes: what proxies are usually told to let through is less, and a
/// proxy has it in its memory already.
const MOST_BYTES: usize = 32 << 20;

/// The longest that is waited. A proxy that passes a slow body on as it comes is told to close
/// after it.
const LONGEST: Duration = Duration::from_secs(10);

/// What is left of a body.
pub(crate) struct Drain<B> {
    rest: Option<B>,
    left: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    /// With the body: the connection can go on.
    Whole,
    /// At a bound: the connection must close.
    Cut,
}

impl<B: Body<Data = Bytes> + Unpin> Drain<B> {
    /// Of a refused request; `None` where nothing is left that a connection would break on: HTTP/2
    /// resets a stream alone.
    pub(crate) fn of(parts: &Parts, rest: B) -> Option<Box<Self>> {
        let is_awaited = parts.version < Version::HTTP_2 && parts.method != Method::CONNECT && !rest.is_end_stream();
        // who waits to be told to go on does not send it, as long as nothing is read
        let rest = (!parts.headers.contains_key(EXPECT)).then_some(rest);
        is_awaited.then(|| {
            Box::new(Self {
                rest,
                left: MOST_BYTES,
                timer: None,
            })
        })
    }

    /// As [`poll`](Self::poll); what is not there is read.
    pub(crate) fn poll_of(drain: &mut Option<Box<Self>>, cx: &mut Context<'_>) -> Poll<Drained> {
        drain
            .as_mut()
            .map_or(Poll::Ready(Drained::Whole), |drain| drain.poll(cx))
    }

    /// Ready once the body is over, or a bound is reached.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Drained> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(Drained::Cut);
        };
        loop {
            if rest.is_end_stream() {
                return Poll::Ready(Drained::Whole);
            }
            match Pin::new(&mut *rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let read = frame.data_ref().map_or(0, Bytes::len);
                    match self.left.checked_sub(read) {
                        Some(left) => self.left = left,
                        None => return Poll::Ready(Drained::Cut),
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Drained::Cut),
                Poll::Ready(None) => return Poll::Ready(Drained::Whole),
                Poll::Pending => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
                    return timer.as_mut().poll(cx).map(|()| Drained::Cut);
                }
            }
        }
    }
}
