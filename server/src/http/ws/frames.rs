//! Frames: what an agent says, what it is answered, and how a connection ends.

use std::io;

use actix_web::{error::PayloadError, web::Bytes};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, ProtocolError};
use buckler::protocol::{
    frame::CLOSE_BASE,
    v2::{Flag, Next, ServerPart},
};
use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::http::reply::Refusal;

/// What is said before the server goes away.
pub(super) const GOODBYE: &str = r#"{"v2":{"flags":["goodbye"]}}"#;

/// An agent's frame, before its message is read.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    #[serde(borrow, default)]
    pub(super) register: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) beacon: Option<&'a RawValue>,
}

/// The answer to a frame: a [`ReplyFrame`](buckler::protocol::frame::ReplyFrame) whose body is not encoded yet.
#[derive(Serialize)]
pub(super) struct Reply<T> {
    pub(super) id: u64,
    pub(super) code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_s: Option<u64>,
    pub(super) reply: T,
}

/// The push that tells an agent to ask, as one of so many: each has a millisecond of its own, on average.
pub(super) fn pull_now(crowd: usize) -> Result<ByteString, serde_json::Error> {
    #[derive(Serialize)]
    struct Push {
        v2: ServerPart,
    }
    let next = Next {
        after_ms: 0,
        jitter_ms: crowd.saturating_sub(1) as u64,
    };
    let v2 = ServerPart {
        flags: vec![Flag::PullNow],
        next: Some(next),
        ..ServerPart::default()
    };
    Ok(serde_json::to_string(&Push { v2 })?.into())
}

/// A text, and word when the connection has taken it to be written.
///
/// actix-ws queues 32 messages and says nothing of them. Handing over one at a time leaves the choice of what comes next for
/// as long as a slow client takes, and keeps at most one message in memory for it.
pub(super) fn tracked(text: ByteString) -> (ByteString, oneshot::Receiver<()>) {
    struct Tracked {
        text: ByteString,
        /// Dropped with the last handle to the text.
        _taken: oneshot::Sender<()>,
    }
    impl AsRef<[u8]> for Tracked {
        fn as_ref(&self) -> &[u8] {
            self.text.as_bytes().as_ref()
        }
    }
    let (taken, is_taken) = oneshot::channel();
    let tracked = Tracked { text, _taken: taken };
    // what was text is text; if it were not, nothing would be sent and the connection go on
    let text = ByteString::try_from(Bytes::from_owner(tracked)).unwrap_or_default();
    (text, is_taken)
}

/// How a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The agent closed, or is gone.
    Left,
    /// We close, with this code and these words.
    Close(u16, String),
}

impl Ending {
    /// What came makes no sense (RFC 6455, section 7.4.1: 1008).
    pub(super) fn nonsense(why: impl Into<String>) -> Self {
        Self::Close(1_008, why.into())
    }

    /// Nothing came for too long.
    pub(super) fn idle() -> Self {
        Self::Close(CLOSE_BASE + 408, "nothing came for too long".to_owned())
    }

    /// The server is about to stop.
    pub(super) fn stopping() -> Self {
        Self::Close(1_001, "the server is stopping".to_owned())
    }

    /// What a request would be answered.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self::Close(CLOSE_BASE + refusal.status().as_u16(), refusal.to_string())
    }

    /// The close frame, if there is to be one.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        match self {
            Self::Left => None,
            Self::Close(code, why) => Some(CloseReason::from((CloseCode::from(*code), why))),
        }
    }
}

/// What a connection does about what came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Answers it.
    Text(ByteString),
    /// Answers it with the same.
    Ping(Bytes),
    /// Nothing, but the agent lives.
    Pong,
}

/// Judges what came, or that nothing more comes.
pub(super) fn heard(came: Option<Result<AggregatedMessage, ProtocolError>>) -> Result<Heard, Ending> {
    match came {
        Some(Ok(AggregatedMessage::Text(text))) => Ok(Heard::Text(text)),
        Some(Ok(AggregatedMessage::Ping(bytes))) => Ok(Heard::Ping(bytes)),
        Some(Ok(AggregatedMessage::Pong(_))) => Ok(Heard::Pong),
        Some(Ok(AggregatedMessage::Binary(_))) => Err(Ending::nonsense("a binary frame: allowed is text")),
        Some(Ok(AggregatedMessage::Close(_))) | None => Err(Ending::Left),
        Some(Err(error)) => Err(broken(&error)),
    }
}

fn broken(error: &ProtocolError) -> Ending {
    if matches!(error, ProtocolError::Overflow) {
        return too_large();
    }
    let ProtocolError::Io(error) = error else {
        return Ending::Close(1_002, error.to_string());
    };
    let payload = error.get_ref().and_then(|inner| inner.downcast_ref::<PayloadError>());
    match payload {
        Some(PayloadError::Overflow) => too_large(),
        Some(PayloadError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Ending::refused(&Refusal::too_slow())
        }
        Some(PayloadError::Io(error)) if error.kind() == io::ErrorKind::OutOfMemory => {
            Ending::refused(&Refusal::crowded("too many messages are on their way", 0))
        }
        None if error.kind() == io::ErrorKind::InvalidData => Ending::Close(1_007, error.to_string()),
        Some(_) | None => Ending::Left,
    }
}

fn too_large() -> Ending {
    Ending::Close(1_009, "the message is too large".to_owned())
}
