//! How a refused request is answered.

use std::sync::Arc;

/// How a refused request is answered: made once from the configuration, so that a refusal allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Answer with this status and text.
    Respond {
        /// HTTP status.
        status: u16,
        /// Body, `text/html; charset=utf-8` as pyrasp's frameworks send it.
        content: Arc<str>,
    },
    /// Send the client elsewhere.
    Redirect {
        /// HTTP status, 3xx.
        status: u16,
        /// `Location`.
        location: Arc<str>,
    },
}
