//! What the server answers: a reply as it should be, and every way to spoil it.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// An answer, made to be spoilt: each method changes one thing about it.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) framing: Framing,
    pub(super) pace: Pace,
}

/// What a body consists of.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Bytes(Bytes),
    /// So many spaces, never held at once.
    Spaces(u64),
}

/// How a body's length is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Framing {
    Length,
    /// A lie.
    Announced(u64),
    Chunked,
    /// Without the last chunk; then the connection ends.
    ChunkedWithoutEnd,
    /// Not at all, as in HTTP/1.0: the connection's end is the body's.
    UntilClose,
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// At once.
    Whole,
    /// So many bytes of the head, and then nothing more.
    StallInHead(usize),
    /// So many bytes of the head, and then the connection ends in good order.
    CutInHead(usize),
    /// The head and so many bytes of the body, and then nothing more.
    StallInBody(u64),
    /// The head and so many bytes of the body, and then the connection ends in good order.
    CutInBody(u64),
    /// The head and so many bytes of the body, and then the connection is reset.
    ResetInBody(u64),
    /// A few bytes of the body at a time, with a pause after each.
    Drip(usize, Duration),
}

impl Answer {
    /// An empty answer with this status.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Bytes::new()),
            framing: Framing::Length,
            pace: Pace::Whole,
        }
    }

    /// A good answer of the protocol: 200, with this as `data` in its envelope.
    #[must_use]
    pub fn reply(content: &Value) -> Self {
        Self::new(200).json(&json!({"status": true, "message": "ok", "data": content}))
    }

    /// A refusal of the protocol, with its envelope.
    #[must_use]
    pub fn refusal(status: u16, message: &str) -> Self {
        Self::new(status).json(&json!({"status": false, "message": message, "data": {}}))
    }

    /// A redirect that keeps the method.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::new(307).header("Location", to)
    }

    /// A well-formed gzip body that unpacks to so many bytes, a thousandth of them on the wire.
    #[must_use]
    pub fn gzip_bomb(unpacked: u64) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let piece = [b' '; 1 << 16];
        let mut left = unpacked;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            // a vector takes everything
            let _taken = encoder.write_all(piece.get(..count).unwrap_or_default());
            left = left.saturating_sub(count as u64);
        }
        Self::new(200)
            .header("Content-Encoding", "gzip")
            .body(encoder.finish().unwrap_or_default())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Sets a body of so many spaces, which is sent without ever being held.
    #[must_use]
    pub fn spaces(mut self, count: u64) -> Self {
        self.body = Body::Spaces(count);
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.header("Content-Type", "application/json").body(value.to_string())
    }

    /// Sets an HTML body.
    #[must_use]
    pub fn html(self, page: &str) -> Self {
        self.header("Content-Type", "text/html; charset=utf-8")
            .body(page.to_owned())
    }

    /// Compresses the body.
    #[must_use]
    pub fn gzip(self) -> Self {
        let Body::Bytes(plain) = &self.body else { return self };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // a vector takes everything
        let _taken = encoder.write_all(plain);
        let packed = encoder.finish().unwrap_or_default();
        self.header("Content-Encoding", "gzip").body(packed)
    }

    /// Announces a length other than the body's.
    #[must_use]
    pub fn announcing(mut self, length: u64) -> Self {
        self.framing = Framing::Announced(length);
        self
    }

    /// Sends the body in chunks.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Sends the body in chunks and ends the connection instead of sending the last one.
    #[must_use]
    pub fn chunked_without_end(mut self) -> Self {
        self.framing = Framing::ChunkedWithoutEnd;
        self
    }

    /// Sends the body as HTTP/1.0 does: it ends with the connection.
    #[must_use]
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self
    }

    /// Sets how the answer is sent.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The head, as it is sent.
    pub(super) fn head(&self) -> String {
        let version = if matches!(self.framing, Framing::UntilClose) {
            "1.0"
        } else {
            "1.1"
        };
        let mut head = format!("HTTP/{version} {} Scripted\r\n", self.status);
        match self.framing {
            Framing::Length => head += &format!("Content-Length: {}\r\n", self.body.len()),
            Framing::Announced(length) => head += &format!("Content-Length: {length}\r\n"),
            Framing::Chunked | Framing::ChunkedWithoutEnd => head += "Transfer-Encoding: chunked\r\n",
            Framing::UntilClose => {}
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }
}

impl Body {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spaces(count) => *count,
        }
    }

    /// At most `most` bytes from `start` on; empty at the end.
    pub(super) fn piece(&self, start: u64, most: usize) -> Bytes {
        let left = usize::try_from(self.len().saturating_sub(start))
            .unwrap_or(usize::MAX)
            .min(most);
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(start..start.saturating_add(left))
            }
            Self::Spaces(_) => vec![b' '; left].into(),
        }
    }
}
