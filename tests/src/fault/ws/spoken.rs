//! What a server says over a WebSocket, as a list of steps that a test writes down.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::framing::{self, Opcode};
use crate::fault::{
    Answer, Pace,
    answer::{Body, Framing},
};

/// One thing that is said or done on an upgraded connection.
#[derive(Debug, Clone)]
pub enum Say {
    /// The answer to the frame at hand, under its id; the first frame has the id 0 where there is none at hand.
    Reply(Answer),
    /// An answer under this id, whichever frame is at hand.
    ReplyTo(u64, Answer),
    /// `{"v2": …}` in a text frame.
    Push(Value),
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Bytes),
    /// A text in fragments of so many bytes.
    Fragments(String, usize),
    /// A text frame with a mask, which no server may send.
    Masked(String),
    /// These bytes, frame or not.
    Raw(Bytes),
    /// A text frame that announces so many bytes and has these.
    Announcing(u64, Bytes),
    /// A ping.
    Ping(Bytes),
    /// A pong that nobody asked for.
    Pong(Bytes),
    /// A close frame: code and reason; without a code, an empty one.
    Close(Option<u16>, String),
    /// Nothing, for this long; what comes meanwhile waits.
    Wait(Duration),
    /// Pings are not answered from now on.
    IgnorePings,
    /// Nothing more is read or said; the connection stays, as with a peer that vanished behind a router.
    Vanish,
    /// The connection ends in good order, without a close frame.
    End,
    /// The connection is reset.
    Reset,
}

/// Bytes on their way, and what becomes of the connection after them.
pub(super) struct Outgoing {
    pub(super) parts: Vec<Body>,
    /// Of all of them, how many are sent.
    pub(super) end: u64,
    /// So many at once, with a pause after each.
    pub(super) drip: Option<(usize, Duration)>,
    pub(super) then: Then,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    End,
    Reset,
    Vanish,
}

impl Outgoing {
    pub(super) fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            end: bytes.len() as u64,
            parts: vec![Body::Bytes(bytes)],
            drip: None,
            then: Then::Next,
        }
    }

    /// An answer as the reply to the frame of this id: spoilt in the same ways as over HTTP, as far as frames allow it.
    pub(super) fn reply(id: u64, answer: &Answer) -> Self {
        let before = Bytes::from(reply_head(id, answer));
        let length = (before.len() as u64)
            .saturating_add(answer.body.len())
            .saturating_add(1);
        let parts = |head: Vec<u8>| {
            let tail = Bytes::from_static(b"}");
            vec![
                Body::Bytes([&head[..], &before].concat().into()),
                answer.body.clone(),
                Body::Bytes(tail),
            ]
        };
        let parts = match answer.framing {
            Framing::Length | Framing::UntilClose => parts(framing::head(Opcode::Text, true, length)),
            Framing::Announced(announced) => {
                let missing = announced.saturating_sub(answer.body.len());
                parts(framing::head(Opcode::Text, true, length.saturating_add(missing)))
            }
            Framing::Chunked => vec![Body::Bytes(fragments(&parts(Vec::new()), true))],
            Framing::ChunkedWithoutEnd => vec![Body::Bytes(fragments(&parts(Vec::new()), false))],
        };
        let whole = parts.iter().map(Body::len).fold(0, u64::saturating_add);
        let head = whole.saturating_sub(answer.body.len().saturating_add(1));
        let spoilt = matches!(
            answer.framing,
            Framing::Announced(_) | Framing::ChunkedWithoutEnd | Framing::UntilClose
        );
        let last = if spoilt { Then::End } else { Then::Next };
        let (end, then) = match answer.pace {
            Pace::Whole | Pace::Drip(..) => (whole, last),
            Pace::StallInHead(count) => (count as u64, Then::Vanish),
            Pace::CutInHead(count) => (count as u64, Then::End),
            Pace::StallInBody(count) => (head.saturating_add(count), Then::Vanish),
            Pace::CutInBody(count) => (head.saturating_add(count), Then::End),
            Pace::ResetInBody(count) => (head.saturating_add(count), Then::Reset),
        };
        let drip = if let Pace::Drip(size, pause) = answer.pace {
            Some((size.max(1), pause))
        } else {
            None
        };
        Self {
            parts,
            end: end.min(whole),
            drip,
            then,
        }
    }

    /// At most `most` bytes from `start` on.
    pub(super) fn piece(&self, start: u64, most: usize) -> Bytes {
        let mut before = 0_u64;
        for part in &self.parts {
            let after = before.saturating_add(part.len());
            if start < after {
                return part.piece(start.saturating_sub(before), most);
            }
            before = after;
        }
        Bytes::new()
    }
}

/// Bytes of a fragment where an answer is to be sent in chunks.
const FRAGMENT: usize = 16;

fn fragments(parts: &[Body], with_end: bool) -> Bytes {
    let whole: Vec<u8> = parts.iter().flat_map(|part| part.piece(0, usize::MAX)).collect();
    framing::fragments(&whole, FRAGMENT, with_end)
}

/// What stands before the body in a reply's frame.
fn reply_head(id: u64, answer: &Answer) -> String {
    let retry_after = answer
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let retry_after = retry_after.map_or_else(String::new, |(_, value)| match value.parse::<i128>() {
        // as it came, however absurd
        Ok(number) => format!("\"retry_after_s\":{number},"),
        Err(_) => format!("\"retry_after_s\":{},", Value::from(value.as_str())),
    });
    format!("{{\"id\":{id},\"code\":{},{retry_after}\"reply\":", answer.status)
}
