//! Waiting for what other threads and processes do, and addresses for programs that take none of
//! their own accord.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

use std::{
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use tokio::time::Instant;

/// How long anything may take: generous, because it is only ever waited out by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at a condition: the machine is for those who are waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits for something, in real time.
///
/// # Panics
/// If it does not come.
#[track_caller]
pub fn until(what: &str, mut comes: impl FnMut() -> bool) {
    let since = Instant::now();
    while !comes() {
        assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::park_timeout(PAUSE);
    }
}

/// An address that was free a moment ago.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
