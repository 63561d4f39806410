//! How the same objects travel over a WebSocket: text frames, one JSON object each.
//!
//! | direction | frame | |
//! |---|---|---|
//! | agent → server | `{"id": 7, "register": {…}}` | a registration, as it would be posted |
//! | agent → server | `{"id": 8, "beacon": {…}}` | a beacon |
//! | server → agent | `{"id": 8, "code": 200, "reply": {"status": true, "message": "ok", "data": {…}}}` | the answer to it, with the status it would have over HTTP |
//! | server → agent | `{"v2": {…}}` | a push: a [`ServerPart`] that nobody asked for |
//!
//! The agent opens the WebSocket at the cloud URL with its last segment replaced by [`SEGMENT`], offers [`SUBPROTOCOL`], and says
//! its key in `Authorization: Bearer`. It has one exchange under way at a time; an `id` is never used twice on a connection, and
//! a reply with another `id` than the one under way is late and means nothing.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Beacon, Registration, v2::ServerPart};

/// What both sides name in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "buckler.v2";

/// The last segment of the WebSocket's URL, in the place of the cloud URL's.
pub const SEGMENT: &str = "ws";

/// Close codes from here on are an HTTP status with this added: 4403 is what 403 is over HTTP. (4000–4999 are for private use,
/// RFC 6455, section 7.4.2.)
pub const CLOSE_BASE: u16 = 4_000;

/// What an agent says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentFrame {
    /// Rises with every frame of a connection.
    pub id: u64,
    /// The message.
    #[serde(flatten)]
    pub message: AgentMessage,
}

/// The two messages of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMessage {
    /// A registration.
    Register(Box<Registration>),
    /// A beacon.
    Beacon(Box<Beacon>),
}

/// The answer to a frame of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplyFrame {
    /// Which frame is answered.
    pub id: u64,
    /// The status that the answer would have over HTTP.
    pub code: u16,
    /// What `Retry-After` would say, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// The body that the answer would have over HTTP: an envelope.
    pub reply: Box<RawValue>,
}

/// What a server says unasked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PushFrame {
    /// The push.
    pub v2: ServerPart,
}

/// The HTTP status that a close code stands for, if it is one of those.
#[must_use]
pub const fn status_of_close(code: u16) -> Option<u16> {
    match code {
        4_400..=4_599 => Some(code - CLOSE_BASE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_the_objects_that_the_table_shows() {
        let beacon = r#"{"id":8,"beacon":{"key":"k","version":"1"}}"#;
        let frame: AgentFrame = serde_json::from_str(beacon).unwrap();
        assert!(matches!(&frame.message, AgentMessage::Beacon(beacon) if beacon.version == "1"));
        assert_eq!(serde_json::to_string(&frame).unwrap(), beacon);
        let reply = r#"{"id":8,"code":200,"reply":{"status":true,"message":"ok","data":{}}}"#;
        let frame: ReplyFrame = serde_json::from_str(reply).unwrap();
        assert_eq!(serde_json::to_string(&frame).unwrap(), reply);
        let push: PushFrame = serde_json::from_str(r#"{"v2":{"flags":["pull_now"]}}"#).unwrap();
        assert_eq!(push.v2.flags, [super::super::v2::Flag::PullNow]);
        assert!(serde_json::from_str::<AgentFrame>(r#"{"id":1,"subscribe":{}}"#).is_err());
    }

    #[test]
    fn only_close_codes_of_http_statuses_stand_for_one() {
        assert_eq!(status_of_close(4_403), Some(403));
        assert_eq!(status_of_close(4_599), Some(599));
        for code in [1_000, 1_006, 3_000, 4_000, 4_399, 4_600] {
            assert_eq!(status_of_close(code), None, "{code}");
        }
    }
}
