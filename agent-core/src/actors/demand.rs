//! A demand to speak, of a host whose process may stand still between requests.

use std::{sync::mpsc, time::Duration};

use tokio::sync::oneshot;

use crate::{agent::Exchanged, store::Times};

/// Speak, and say what came of it.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) deadline: Deadline,
    /// Detections that have reached the outbox before this demand reaches CloudLink; `None` where some have not.
    pub(crate) detections: Option<u64>,
    reply: Reply,
}

/// Who waits.
#[derive(Debug)]
enum Reply {
    Task(oneshot::Sender<Exchanged>),
    Thread(mpsc::Sender<Exchanged>),
}

impl Demand {
    /// A demand, and what to await. The sender is dropped where nobody is there to answer.
    pub(crate) fn of_task(deadline: Deadline) -> (Self, oneshot::Receiver<Exchanged>) {
        let (reply, answer) = oneshot::channel();
        (Self::new(deadline, Reply::Task(reply)), answer)
    }

    /// The same for a thread that blocks.
    pub(crate) fn of_thread(deadline: Deadline) -> (Self, mpsc::Receiver<Exchanged>) {
        let (reply, answer) = mpsc::channel();
        (Self::new(deadline, Reply::Thread(reply)), answer)
    }

    const fn new(deadline: Deadline, reply: Reply) -> Self {
        Self {
            deadline,
            detections: None,
            reply,
        }
    }

    /// Says what came of it. Whoever has stopped waiting does not hear it.
    pub(crate) fn say(self, outcome: Exchanged) {
        match self.reply {
            Reply::Task(reply) => drop(reply.send(outcome)),
            Reply::Thread(reply) => drop(reply.send(outcome)),
        }
    }
}

/// By when, on both clocks: the one that measures intervals may stand still while the machine does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Times,
    budget: Duration,
}

impl Deadline {
    pub(crate) fn after(budget: Duration, now: Times) -> Self {
        let at = |now: Duration| now.saturating_add(budget);
        Self {
            at: Times {
                elapsed: at(now.elapsed),
                unix: at(now.unix),
            },
            budget,
        }
    }

    pub(crate) const fn at(self) -> Times {
        self.at
    }

    /// How long it was away when it was set.
    pub(crate) const fn budget(self) -> Duration {
        self.budget
    }

    /// By how much it has passed; `None` where it has not.
    pub(crate) fn passed_by(self, now: Times) -> Option<Duration> {
        let by_one = now.elapsed.checked_sub(self.at.elapsed);
        by_one.max(now.unix.checked_sub(self.at.unix))
    }

    /// How long it is until then.
    pub(crate) fn left(self, now: Times) -> Duration {
        self.at.elapsed.saturating_sub(now.elapsed)
    }
}
