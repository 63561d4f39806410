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

use actix_web::{
    dev::{Payload, RequestHead},
    http::Version,
    rt::time::{Sleep, sleep},
};
use futures_core::Stream as _;

use crate::peek::has_body;

/// The most that is read, in bytes: what proxies are usually told to let through is less, and a
/// proxy has it in its memory already.
const MOST_BYTES: usize = 32 << 20;

/// The longest that is waited. A proxy that passes a slow body on as it comes is told to close
/// after it.
const LONGEST: Duration = Duration::from_secs(10);

/// What is left of a body.
pub(crate) struct Drain {
    rest: Payload,
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

impl Drain {
    /// Of a refused request; `None` where nothing is left that a connection would break on: HTTP/2
    /// resets a stream alone.
    pub(crate) fn of(head: &RequestHead, rest: Payload) -> Option<Self> {
        let is_awaited = head.version < Version::HTTP_2 && has_body(head, &rest);
        is_awaited.then(|| Self {
            rest,
            left: MOST_BYTES,
            timer: None,
        })
    }

    /// As [`poll`](Self::poll); what is not there is read.
    pub(crate) fn poll_of(drain: &mut Option<Self>, cx: &mut Context<'_>) -> Poll<Drained> {
        drain
            .as_mut()
            .map_or(Poll::Ready(Drained::Whole), |drain| drain.poll(cx))
    }

    /// Ready once the body is over, or a bound is reached.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Drained> {
        loop {
            match Pin::new(&mut self.rest).poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => match self.left.checked_sub(piece.len()) {
                    Some(left) => self.left = left,
                    None => return Poll::Ready(Drained::Cut),
                },
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
