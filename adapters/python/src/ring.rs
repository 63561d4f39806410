//! Lines that wait for their process to read them: a ring that is one process's own.
//!
//! A queue without a lock still makes one side wait for the other: the reader of a line waits for
//! the thread that is writing it. A fork may find such a thread halfway, and in the child it is
//! gone, so that a thread that took from the ring there would wait without end. So a ring knows its
//! process by the number of forks before it, and another process neither reads it nor drops it, but
//! makes its own.

use std::{mem, sync::Arc};

use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;

/// Lines that may wait. The agent says a dozen when it starts, and one when something changes.
const MOST: usize = 512;

/// A line: its level as Python counts it, and its text.
pub(crate) type Line = (u8, String);

/// The lines of one process.
#[derive(Debug)]
pub(crate) struct Ring {
    generation: u64,
    lines: ArrayQueue<Line>,
}

impl Ring {
    fn new(generation: u64) -> Self {
        let lines = ArrayQueue::new(MOST);
        Self { generation, lines }
    }

    /// Adds a line, and returns whether there was room for it.
    pub(crate) fn push(&self, line: Line) -> bool {
        self.lines.push(line).is_ok()
    }

    /// Takes the oldest line.
    pub(crate) fn pop(&self) -> Option<Line> {
        self.lines.pop()
    }

    /// Returns whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The ring of whichever process asks.
#[derive(Debug)]
pub(crate) struct Rings(ArcSwapOption<Ring>);

impl Rings {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// Returns the ring of the process with this generation, made where it has none yet.
    pub(crate) fn of(&self, generation: u64) -> Arc<Ring> {
        loop {
            let found = self.0.load_full();
            if let Some(own) = &found
                && own.generation == generation
            {
                return Arc::clone(own);
            }
            let made = Arc::new(Ring::new(generation));
            let before = self.0.compare_and_swap(&found, Some(Arc::clone(&made)));
            let is_in = match (&*before, &found) {
                (Some(before), Some(found)) => Arc::ptr_eq(before, found),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_in {
                // a line of the parent's may be half written: to drop it would read it
                mem::forget(found);
                return made;
            }
        }
    }
}
