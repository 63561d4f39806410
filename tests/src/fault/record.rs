//! What the server was sent.

use bytes::Bytes;

/// Everything that came so far.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Connections that were accepted.
    pub connections: usize,
    /// TLS handshakes that failed.
    pub failed_handshakes: usize,
    /// Requests and frames, in the order in which they were read.
    pub requests: Vec<Seen>,
    /// Bytes of bodies that the system took from the server: with a client that stops reading, little more than the buffers of
    /// both sides.
    pub body_bytes_sent: u64,
    /// Connections that became WebSockets.
    pub upgrades: usize,
    /// Those of them that are open.
    pub open: usize,
    /// Pings that clients sent.
    pub pings: usize,
    /// Pongs that clients sent.
    pub pongs: usize,
    /// Close frames that clients sent, with their codes.
    pub closes: Vec<Option<u16>>,
    /// Frames without a mask, which no client may send.
    pub unmasked: usize,
}

impl Record {
    /// The requests to one path.
    pub fn to<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Seen> {
        self.requests.iter().filter(move |request| request.path == path)
    }
}

/// One request, or one frame of a WebSocket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// `POST`, `GET`, …; `FRAME` where it came over a WebSocket.
    pub method: String,
    /// Path and query, as on the request line; of a frame, where HTTP would have sent it.
    pub path: String,
    /// Names in lower case, values as they came.
    pub headers: Vec<(String, String)>,
    /// The body; of a frame, the message without its `id`.
    pub body: Bytes,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
    /// The frame's number.
    pub id: Option<u64>,
    /// What TLS agreed on.
    pub protocol: Option<String>,
    /// Whether the client showed a certificate.
    pub certificate: bool,
}

impl Seen {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
