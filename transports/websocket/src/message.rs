//! Messages out of frames, and what they say.

use std::time::Duration;

use actix_http::ws::{CloseCode, Frame, Item};
use awc::http::StatusCode;
use buckler::{protocol::v2::ServerPart, transport::TransportError};
use buckler_connection::{
    reply::{Object, Reply, malformed},
    text::Censor,
};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why a connection is over, and what the other side is told of it.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) error: TransportError,
    /// The code of our close frame; `None` where nobody would read it.
    pub(crate) code: Option<CloseCode>,
}

/// A message of the server.
#[derive(Debug)]
pub(crate) enum Said {
    /// The answer to the message with this id.
    Reply(u64, Reply),
    /// A push, and how many bytes it was.
    Push(Box<ServerPart>, usize),
}

/// Puts fragments together.
#[derive(Debug)]
pub(crate) struct Assembly {
    begun: BytesMut,
    whole: bool,
    max: usize,
}

impl Assembly {
    /// Accepts messages of at most `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            begun: BytesMut::new(),
            whole: true,
            max,
        }
    }

    /// Whether no message is still to be completed.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes a frame with content; gives the message that it ends.
    ///
    /// # Errors
    /// Where it is not text, or more than allowed.
    pub(crate) fn add(&mut self, frame: Frame) -> Result<Option<Bytes>, End> {
        match frame {
            Frame::Text(text) => Ok(Some(text)),
            Frame::Continuation(Item::FirstText(text) | Item::Continue(text)) => {
                self.whole = false;
                self.append(&text).map(|()| None)
            }
            Frame::Continuation(Item::Last(text)) => {
                self.append(&text)?;
                self.whole = true;
                Ok(Some(std::mem::take(&mut self.begun).freeze()))
            }
            Frame::Binary(_) | Frame::Continuation(Item::FirstBinary(_)) => Err(End {
                error: TransportError::Malformed("a binary frame".to_owned()),
                code: Some(CloseCode::Unsupported),
            }),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => Ok(None),
        }
    }

    fn append(&mut self, text: &[u8]) -> Result<(), End> {
        if self.begun.len().saturating_add(text.len()) > self.max {
            return Err(too_large(self.max));
        }
        self.begun.extend_from_slice(text);
        Ok(())
    }
}

/// A message that exceeds the cap.
pub(crate) const fn too_large(max: usize) -> End {
    End {
        error: TransportError::TooLarge(max),
        code: Some(CloseCode::Size),
    }
}

/// [`ReplyFrame`](buckler::protocol::frame::ReplyFrame) and [`PushFrame`](buckler::protocol::frame::PushFrame) in one, and without
/// a copy: a page of a snapshot has megabytes.
#[derive(Deserialize)]
struct Either<'a> {
    id: Option<u64>,
    code: Option<u16>,
    retry_after_s: Option<u64>,
    #[serde(borrow)]
    reply: Option<&'a RawValue>,
    v2: Option<Object<ServerPart>>,
}

/// Reads a message.
///
/// # Errors
/// Where it is none of the protocol: who sends such a thing speaks another.
pub(crate) fn read(message: &Bytes, censor: &Censor) -> Result<Said, End> {
    let senseless = |code, problem: &str| End {
        error: malformed(problem, &reply(StatusCode::OK, None, message.clone()), censor),
        code: Some(code),
    };
    let text = std::str::from_utf8(message).map_err(|_| senseless(CloseCode::Invalid, "text that is not UTF-8"))?;
    let Object(either) = serde_json::from_str::<Object<Either<'_>>>(text)
        .map_err(|error| senseless(CloseCode::Policy, &error.to_string()))?;
    match either {
        Either {
            id: Some(id),
            code: Some(code),
            reply: Some(raw),
            retry_after_s,
            ..
        } => {
            let status = StatusCode::from_u16(code)
                .map_err(|_| senseless(CloseCode::Policy, &format!("{code}, which is no status")))?;
            let body = message.slice_ref(raw.get().as_bytes());
            Ok(Said::Reply(id, reply(status, retry_after_s, body)))
        }
        Either {
            id: None,
            v2: Some(Object(part)),
            ..
        } => Ok(Said::Push(Box::new(part), message.len())),
        Either { .. } => Err(senseless(CloseCode::Policy, "neither a reply nor a push")),
    }
}

fn reply(status: StatusCode, retry_after_s: Option<u64>, body: Bytes) -> Reply {
    Reply {
        status,
        content_type: None,
        retry_after: retry_after_s.map(Duration::from_secs),
        location: None,
        body,
    }
}

#[cfg(test)]
mod tests {
    use buckler::protocol::AgentKey;

    use super::*;

    fn said(text: &'static [u8]) -> Result<Said, End> {
        read(&Bytes::from_static(text), &Censor::new(&AgentKey::new("secret")))
    }

    #[test]
    fn replies_and_pushes_are_told_apart() {
        let reply = said(br#"{"id": 7, "code": 429, "retry_after_s": 9, "reply": {"status": false}}"#).unwrap();
        let Said::Reply(7, reply) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(
            (reply.status.as_u16(), reply.retry_after),
            (429, Some(Duration::from_secs(9)))
        );
        assert_eq!(reply.body, r#"{"status": false}"#);
        let push = said(br#"{"v2": {"flags": ["pull_now"]}}"#).unwrap();
        assert!(matches!(push, Said::Push(part, 31) if part.flags.len() == 1));
    }

    #[test]
    fn anything_else_makes_no_sense() {
        for text in [
            &b"<html>"[..],
            b"",
            b"null",
            b"[]",
            b"{}",
            br#"[7, 200, null, {}, null]"#,
            br#"{"id": 7}"#,
            br#"{"id": 7, "code": 200}"#,
            br#"{"id": "7", "code": 200, "reply": {}}"#,
            br#"{"id": 7, "code": 20, "reply": {}}"#,
            br#"{"id": 7, "v2": {}}"#,
            br#"{"v2": []}"#,
            br#"{"v2": {}} {}"#,
            b"\xff",
        ] {
            let End { error, code } = said(text).unwrap_err();
            assert!(
                matches!(error, TransportError::Malformed(_)) && code.is_some(),
                "{error}"
            );
        }
        let error = said(b"secret").unwrap_err().error.to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn fragments_are_put_together_up_to_the_cap() {
        let mut assembly = Assembly::new(6);
        let fragment = |item: fn(Bytes) -> Item, text: &'static str| Frame::Continuation(item(text.into()));
        for _ in 0..2 {
            assert_eq!(assembly.add(fragment(Item::FirstText, "ab")).unwrap(), None);
            assert_eq!(assembly.add(fragment(Item::Continue, "cd")).unwrap(), None);
            assert!(!assembly.is_whole());
            assert_eq!(assembly.add(fragment(Item::Last, "ef")).unwrap().unwrap(), "abcdef");
            assert!(assembly.is_whole());
        }
        assert_eq!(assembly.add(fragment(Item::FirstText, "abcdef")).unwrap(), None);
        let end = assembly.add(fragment(Item::Last, "g")).unwrap_err();
        assert_eq!(
            (end.error, end.code),
            (TransportError::TooLarge(6), Some(CloseCode::Size))
        );
        for frame in [Frame::Binary("a".into()), fragment(Item::FirstBinary, "a")] {
            assert_eq!(assembly.add(frame).unwrap_err().code, Some(CloseCode::Unsupported));
        }
    }
}
