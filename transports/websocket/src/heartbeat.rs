//! When to ask the other side for a sign of life, and when to take it for dead.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_rt::time::{Instant, Sleep, sleep};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Ask.
    Ping,
    /// Nothing came since it was asked.
    Dead,
}

/// The timer of one connection.
pub(crate) struct Heartbeat {
    every: Duration,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// When it was asked, until something came.
    asked: Option<Instant>,
}

impl Heartbeat {
    /// Asks `every` so often, and waits with `patience`.
    pub(crate) fn new(every: Duration, patience: Duration) -> Self {
        Self {
            every,
            patience,
            timer: Box::pin(sleep(every)),
            asked: None,
        }
    }

    /// Something came.
    pub(crate) fn heard(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.timer.as_mut().reset(asked + self.every);
        }
    }

    /// What to do now, if anything. A machine that slept is not asked for every beat that it missed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        ready!(self.timer.as_mut().poll(cx));
        if self.asked.is_some() {
            return Poll::Ready(Beat::Dead);
        }
        let now = Instant::now();
        self.asked = Some(now);
        self.timer.as_mut().reset(now + self.patience);
        Poll::Ready(Beat::Ping)
    }
}
