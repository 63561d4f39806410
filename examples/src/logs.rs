//! The programs' logs.

use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_subscriber::EnvFilter;

/// Writes logs of this level and above to the standard error, unless `RUST_LOG` says otherwise; in colour only on a terminal.
pub fn start(level: Level) {
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy();
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    logs.with_writer(stderr).with_ansi(stderr().is_terminal()).init();
}
