//! What the server was sent.

use bytes::Bytes;

/// Everything that came so far.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Connections that were accepted.
    pub connections: usize,
    /// TLS handshakes that failed.
    pub failed_handshakes: usize,
    /// Requests, in the order in which they were read.
    pub requests: Vec<Seen>,
    /// Bytes of bodies that the system took from the server: with a client that stops reading, little more than the buffers of
    /// both sides.
    pub body_bytes_sent: u64,
}

impl Record {
    /// The requests to one path.
    pub fn to<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Seen> {
        self.requests.iter().filter(move |request| request.path == path)
    }
}

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// `POST`, `GET`, …
    pub method: String,
    /// Path and query, as on the request line.
    pub path: String,
    /// Names in lower case, values as they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
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
