//! What is to happen, in the order in which it happens.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use buckler::{model::conversation::Outgoing, transport::Advice};

use super::operations::Operation;

/// Something that happens.
pub(super) enum Event {
    Wake {
        agent: usize,
        life: u32,
    },
    /// A message reaches the server.
    Request {
        agent: usize,
        life: u32,
        number: u64,
        connection: Option<u64>,
        message: Outgoing,
    },
    /// An answer reaches the agent.
    Answer {
        agent: usize,
        life: u32,
        number: u64,
        answer: Result<String, Advice>,
    },
    /// The agent waits no longer.
    Deadline {
        agent: usize,
        life: u32,
        number: u64,
    },
    Push {
        agent: usize,
        connection: u64,
        json: String,
    },
    /// The agent sees that its connection is gone.
    Broken {
        agent: usize,
        connection: u64,
    },
    Connect {
        agent: usize,
        life: u32,
    },
    Operation(Operation),
    Upkeep,
}

/// All that is planned.
#[derive(Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Duration, event: Event) {
        self.order += 1;
        let order = self.order;
        self.heap.push(Reverse(Entry { at, order, event }));
    }

    /// The next, if it happens until then.
    pub(super) fn pop(&mut self, until: Duration) -> Option<(Duration, Event)> {
        let Reverse(next) = self.heap.peek()?;
        if next.at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(Entry { at, event, .. })| (at, event))
    }
}

struct Entry {
    at: Duration,
    /// What was planned first happens first.
    order: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
