//! A real function in a process of its own, which Lambda (as far as it matters here: the Runtime and the Extensions API, over real sockets)
//! stops between invocations.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail by a panic, in its helpers as in itself, and says why it is skipped"
)]

mod answers;
mod beacons;
mod cloud;
mod emulator;
mod events;
mod function;
mod readings;
mod real;
mod samples;
mod verdicts;

use std::time::Duration;

/// Longer than anything here takes, even on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);
