//! The upgrade from HTTP (RFC 6455, section 4.2.2), and how to get it wrong.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::Say;
use crate::fault::Seen;

/// What is hashed together with the client's key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How an upgrade is accepted. To refuse one, answer it.
#[derive(Debug, Clone, Default)]
pub struct Upgrade {
    subprotocol: Subprotocol,
    accept: Option<String>,
    pub(super) first: Vec<Say>,
}

#[derive(Debug, Clone, Default)]
enum Subprotocol {
    /// The first that the client offers.
    #[default]
    Offered,
    /// This one, offered or not.
    Named(String),
    /// None, as a server that speaks WebSocket but not ours.
    Absent,
}

impl Upgrade {
    /// As it should be, with the first subprotocol that the client offers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Agrees on no subprotocol.
    #[must_use]
    pub fn without_subprotocol(mut self) -> Self {
        self.subprotocol = Subprotocol::Absent;
        self
    }

    /// Names this subprotocol, whether it was offered or not.
    #[must_use]
    pub fn subprotocol(mut self, name: &str) -> Self {
        self.subprotocol = Subprotocol::Named(name.to_owned());
        self
    }

    /// Answers the client's key with this, which is wrong.
    #[must_use]
    pub fn accept(mut self, value: &str) -> Self {
        self.accept = Some(value.to_owned());
        self
    }

    /// Says this as soon as the connection is upgraded.
    #[must_use]
    pub fn saying(mut self, first: impl IntoIterator<Item = Say>) -> Self {
        self.first.extend(first);
        self
    }

    /// Pushes this as soon as the connection is upgraded.
    #[must_use]
    pub fn pushing(self, part: Value) -> Self {
        self.saying([Say::Push(part)])
    }

    /// The answer to `request`, as it is sent.
    pub(super) fn head(&self, request: &Seen) -> String {
        let accept = self.accept.clone().unwrap_or_else(|| accept_of(request));
        let mut head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        );
        let offered = request.header("sec-websocket-protocol");
        let named = match &self.subprotocol {
            Subprotocol::Offered => offered.and_then(|offered| offered.split(',').next()).map(str::trim),
            Subprotocol::Named(name) => Some(name.as_str()),
            Subprotocol::Absent => None,
        };
        if let Some(name) = named {
            head += &format!("Sec-WebSocket-Protocol: {name}\r\n");
        }
        head + "\r\n"
    }
}

/// Whether a request asks for a WebSocket.
pub(in crate::fault) fn is_upgrade(request: &Seen) -> bool {
    request.method == "GET"
        && request
            .header("upgrade")
            .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn accept_of(request: &Seen) -> String {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_in_the_rfcs_example() {
        let key = ("sec-websocket-key".to_owned(), "dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        let request = Seen {
            headers: vec![key],
            ..Seen::default()
        };
        assert_eq!(accept_of(&request), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
