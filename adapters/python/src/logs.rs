//! What the agent logs, on its way to Python's `logging`.
//!
//! The agent's thread must not call Python: it would wait for the interpreter's lock, at the end of the process for ever, and a fork
//! would find it holding one. So lines wait in a ring, and whoever calls the agent next from Python hands them over, to the logger
//! `buckler`.

use std::{
    fmt::{self, Write as _},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use pyo3::prelude::*;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{fork, ring::Rings};

/// Lines that one call hands over: none is to pay for a flood of them.
const AT_ONCE: usize = 32;

/// Lines that wait.
static LINES: Rings = Rings::new();
/// Whether there may be some, so that the usual call looks at one word.
static NEWS: AtomicBool = AtomicBool::new(false);
/// Lines for which there was no room.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Begins to listen, once for the process and those that are forked from it.
pub(crate) fn listen() {
    // a second call finds the first one's listener, which is the same
    tracing::subscriber::set_global_default(Listener).unwrap_or_default();
}

/// Hands over what waits. Whatever a handler of the host's raises is the host's to see, but not in a request.
pub(crate) fn hand_over(py: Python<'_>) {
    if NEWS.load(Relaxed) {
        NEWS.store(false, Relaxed);
        if let Err(error) = write(py) {
            error.write_unraisable(py, None);
        }
    }
}

#[cold]
fn write(py: Python<'_>) -> PyResult<()> {
    let lines = LINES.of(fork::generation());
    let tell = py.import("buckler._logs")?.getattr("tell")?;
    for _ in 0..AT_ONCE {
        let Some((level, text)) = lines.pop() else { break };
        tell.call1((level, text))?;
    }
    if !lines.is_empty() {
        NEWS.store(true, Relaxed);
    }
    match LOST.swap(0, Relaxed) {
        0 => Ok(()),
        lost => tell
            .call1((
                python_level(Level::WARN),
                format!("{lost} lines of the agent's log found no room"),
            ))
            .map(drop),
    }
}

/// Takes what the agent says, and warnings of what it is built of.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if metadata.target().starts_with("buckler") {
            Level::INFO
        } else {
            Level::WARN
        };
        metadata.is_event() && *metadata.level() <= most
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = (python_level(*event.metadata().level()), text.0);
        if LINES.of(fork::generation()).push(line) {
            NEWS.store(true, Relaxed);
        } else {
            LOST.fetch_add(1, Relaxed);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// `logging`'s number for a level.
fn python_level(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    }
}

/// A message and its fields, as `message key=value`.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.0.insert_str(0, value),
            name => self.add(name, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.0.insert_str(0, &format!("{value:?}")),
            name => self.add(name, value),
        }
    }
}

impl Text {
    fn add(&mut self, name: &str, value: &dyn fmt::Debug) {
        // a text takes whatever is written to it
        write!(self.0, " {name}={value:?}").unwrap_or_default();
    }
}
