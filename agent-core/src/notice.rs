//! What has to be seen although no logger is set up: problems where a host has set up neither
//! `tracing` nor `log`.

use std::io::Write as _;

/// Warns, through `tracing`; on standard error where the host listens to nothing.
pub(crate) fn warn(text: &str) {
    tracing::warn!("{text}");
    unheard("WARN", text);
}

/// The same for what is certainly wrong.
pub(crate) fn error(text: &str) {
    tracing::error!("{text}");
    unheard("ERROR", text);
}

fn unheard(level: &str, text: &str) {
    // the feature `log` hands events on where there is no subscriber
    if !tracing::dispatcher::has_been_set() && log::max_level() == log::LevelFilter::Off {
        // where standard error is closed, there is nowhere left to say it
        writeln!(std::io::stderr(), "buckler: {level}: {text}").unwrap_or_default();
    }
}
