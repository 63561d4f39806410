//! The port: what a transport must do for the conversation, and how its failures tell the conversation what to do next.
//!
//! A transport lives on the agent's thread (no `Send`), carries one exchange at a time, and keeps no state of the
//! conversation: cursor, outbox and ids are the session's. It is given typed messages, so that one may speak another
//! system's API. It obeys rule 8 of the protocol: every reply bounded in bytes and time, no redirects, truncation detected.

use std::{sync::Arc, time::Duration};

use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};

pub use crate::model::{address::is_this_machine, schedule::Advice};
use crate::protocol::{Beacon, BeaconReply, Registration, Welcome, frame, v2};

/// Carries the conversation.
pub trait Transport {
    /// The name that `[transport] kind` uses, for status and logs: of whatever carries the conversation at this moment.
    fn kind(&self) -> &'static str;

    /// Registers. The future is dropped when the agent gives up on it; a transport must survive that.
    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>>;

    /// Sends a beacon to `url` (the configuration's `BEACON_URL`), or to where the transport knows where it is `None`.
    fn beacon(&self, url: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>>;

    /// What comes unasked. Called once; a polling transport never yields.
    fn pushes(&self) -> LocalBoxStream<'static, Push>;
}

/// What comes without having been asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// The server can push from now on: polling slows down to a check that nothing was lost.
    Open,
    /// What the server said, to be handled like a reply.
    Said(Box<v2::ServerPart>),
    /// The server cannot push any more, and why: polling goes on at its usual pace.
    Closed(TransportError),
}

/// Makes a transport on the agent's thread, anew for each generation of the actors.
pub type TransportFactory = Arc<dyn Fn() -> Result<Box<dyn Transport>, TransportError> + Send + Sync>;

/// How long to wait for a server that says "try again later" and not when.
const TRY_AGAIN_LATER: Duration = Duration::from_secs(30);

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
        /// What `Retry-After` asked for, or what a close code that stands for the status asks for.
        retry_after: Option<Duration>,
    },
    /// The server answered `"status": false`.
    #[error("the server refused: {0}")]
    Refused(String),
    /// What came is no reply: not JSON, wrong types, truncated, `data` missing.
    #[error("not a reply of the protocol: {0}")]
    Malformed(String),
    /// The connection over which the server pushes was closed by it, with a WebSocket close code (RFC 6455, section 7.4;
    /// from 4000 on: [`frame::status_of_close`]).
    #[error("the server closed the connection with {code}{}", if reason.is_empty() { String::new() } else { format!(": {reason}") })]
    Closed {
        /// The code; 1005 where there was none, 1006 where the connection broke off.
        code: u16,
        /// What the server said, cut to a line.
        reason: String,
    },
    /// The reply exceeded the byte cap, before or after decompression.
    #[error("the reply exceeds {0} bytes")]
    TooLarge(usize),
    /// The transport itself cannot run with these settings.
    #[error("the transport cannot be used: {0}")]
    Unusable(String),
}

impl TransportError {
    /// What a close code means: the status that it stands for (4403 is 403), or that the connection was closed with it.
    #[must_use]
    pub fn closed(code: u16, reason: String) -> Self {
        match (frame::status_of_close(code), advice_of_close(code)) {
            (Some(status), advice) => Self::Status {
                status,
                message: Some(reason).filter(|reason| !reason.is_empty()),
                retry_after: match advice {
                    Advice::Wait(after) => Some(after),
                    Advice::Retry | Advice::Extended => None,
                },
            },
            (None, _) => Self::Closed { code, reason },
        }
    }

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
            Self::Closed { code, .. } => advice_of_close(*code),
            Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Deadline(_)
            | Self::Refused(_)
            | Self::Malformed(_)
            | Self::TooLarge(_) => Advice::Retry,
        }
    }
}

/// What follows from a close code (RFC 6455, section 7.4.1, and IANA's registry of WebSocket close codes).
const fn advice_of_close(code: u16) -> Advice {
    match (code, frame::status_of_close(code)) {
        // what we send is not understood, or not allowed; or TLS failed
        (1_002 | 1_003 | 1_007 | 1_008 | 1_010 | 1_015, _) | (_, Some(401 | 403 | 404 | 405 | 410 | 426)) => {
            Advice::Extended
        }
        // "try again later"
        (1_013, _) | (_, Some(429 | 503)) => Advice::Wait(TRY_AGAIN_LATER),
        _ => Advice::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(code: u16) -> Advice {
        let reason = String::new();
        TransportError::Closed { code, reason }.advice()
    }

    #[test]
    fn a_close_code_says_what_to_do_next() {
        for code in [1_000, 1_001, 1_005, 1_006, 1_009, 1_011, 1_012, 3_000, 4_000, 4_500] {
            assert_eq!(closed(code), Advice::Retry, "{code}");
        }
        for code in [
            1_002, 1_003, 1_007, 1_008, 1_010, 1_015, 4_401, 4_403, 4_404, 4_410, 4_426,
        ] {
            assert_eq!(closed(code), Advice::Extended, "{code}");
        }
        for code in [1_013, 4_429, 4_503] {
            assert_eq!(closed(code), Advice::Wait(TRY_AGAIN_LATER), "{code}");
        }
    }

    #[test]
    fn a_close_code_that_stands_for_a_status_means_that_status() {
        for code in [1_001, 1_013, 4_403, 4_429, 4_500, 4_503] {
            assert_eq!(
                TransportError::closed(code, String::new()).advice(),
                closed(code),
                "{code}"
            );
        }
        let error = TransportError::closed(4_403, "key revoked".to_owned());
        assert_eq!(error.to_string(), "the server answered 403: key revoked");
        let error = TransportError::closed(1_012, "restart".to_owned());
        assert!(matches!(error, TransportError::Closed { code: 1_012, .. }), "{error}");
    }
}
