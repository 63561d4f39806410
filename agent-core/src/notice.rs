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
        writeln!(std::io::stderr(), "buckler: {level}: {}", on_one_line(text)).unwrap_or_default();
    }
}

/// A text without what a terminal or a reader of lines takes for more than text, and without end:
/// some of it is a server's.
fn on_one_line(text: &str) -> String {
    /// The most characters: the longest text of our own, an error with every wrong key, is shorter.
    const LONGEST: usize = 4_000;
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(LONGEST).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_server_forges_no_line_and_moves_no_cursor() {
        assert_eq!(on_one_line("x\nbuckler: ERROR: y\u{1b}[2J"), "x buckler: ERROR: y [2J");
        assert_eq!(on_one_line(&"x".repeat(10_000)).len(), 4_000);
    }
}
