//! The port: what a transport must do for the conversation, and how its failures tell the conversation what to do next.
//!
//! A transport lives on the agent's thread (no `Send`), carries one exchange at a time, and keeps no state of the
//! conversation: cursor, outbox and ids are the session's. It is given typed messages, so that one may speak another
//! system's API. It obeys rule 8 of the protocol: every reply bounded in bytes and time, no redirects, truncation detected.

use std::{sync::Arc, time::Duration};

use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};

pub use crate::model::schedule::Advice;
use crate::protocol::{Beacon, BeaconReply, Registration, Welcome, v2};

/// Carries the conversation.
pub trait Transport {
    /// The name that `[transport] kind` uses, for status and logs.
    fn kind(&self) -> &'static str;

    /// Registers. The future is dropped when the agent gives up on it; a transport must survive that.
    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>>;

    /// Sends a beacon to `url` (the configuration's `BEACON_URL`), or to where the transport knows where it is `None`.
    fn beacon(&self, url: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>>;

    /// What the server says unasked. A polling transport never yields.
    fn pushes(&self) -> LocalBoxStream<'static, v2::ServerPart>;
}

/// Makes a transport on the agent's thread, anew for each generation of the actors.
pub type TransportFactory = Arc<dyn Fn() -> Result<Box<dyn Transport>, TransportError> + Send + Sync>;

/// Why an exchange failed. No variant ever carries the agent's key or the body of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Nothing answered: refused, unreachable, no such host, cut off before a reply.
    #[error("no connection to {host}: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The exchange did not end within its deadline.
    #[error("no whole reply within {0:?}")]
    Deadline(Duration),
    /// The server's certificate, name or protocol version was not accepted, or ours was not.
    #[error("TLS with {host} failed: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// What TLS said.
        reason: String,
    },
    /// The server answered with a status that is no success.
    #[error("the server answered {status}{}", .message.as_deref().map(|m| format!(": {m}")).unwrap_or_default())]
    Status {
        /// The HTTP status, or its nearest kin on another transport.
        status: u16,
        /// `message` of the envelope, if there was one, cut to a line.
        message: Option<String>,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The server answered `"status": false`.
    #[error("the server refused: {0}")]
    Refused(String),
    /// What came is no reply: not JSON, wrong types, truncated, `data` missing.
    #[error("not a reply of the protocol: {0}")]
    Malformed(String),
    /// The reply exceeded the byte cap, before or after decompression.
    #[error("the reply exceeds {0} bytes")]
    TooLarge(usize),
    /// The transport itself cannot run with these settings.
    #[error("the transport cannot be used: {0}")]
    Unusable(String),
}

impl TransportError {
    /// What to do next. Every variant decides, so a new one must.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Status {
                retry_after: Some(after),
                ..
            } => Advice::Wait(*after),
            Self::Status {
                status: 401 | 403 | 404 | 405 | 410 | 426,
                ..
            }
            | Self::Tls { .. }
            | Self::Unusable(_) => Advice::Extended,
            Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Deadline(_)
            | Self::Refused(_)
            | Self::Malformed(_)
            | Self::TooLarge(_) => Advice::Retry,
        }
    }
}
