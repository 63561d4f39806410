//! When to ask the other side for a sign of life, and when to take it for dead.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
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
    asked: bool,
    heard: bool,
}

impl Heartbeat {
    /// Asks `every` so often, and waits with `patience`.
    pub(crate) fn new(every: Duration, patience: Duration) -> Self {
        Self {
            every,
            patience,
            timer: Box::pin(sleep(every)),
            asked: false,
            heard: false,
        }
    }

    /// Something came.
    pub(crate) const fn heard(&mut self) {
        self.heard = true;
    }

    /// What to do now, if anything.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        loop {
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if !self.asked {
                self.heard = false;
                self.wait(self.patience, true);
                return Poll::Ready(Beat::Ping);
            }
            if !self.heard {
                return Poll::Ready(Beat::Dead);
            }
            self.wait(self.every.saturating_sub(self.patience), false);
        }
    }

    /// Counts from now, so that a machine that slept does not ask for every beat that it missed.
    fn wait(&mut self, time: Duration, asked: bool) {
        self.asked = asked;
        self.timer.as_mut().reset(Instant::now() + time);
    }
}
