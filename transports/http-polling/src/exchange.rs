//! One request and its reply: sent, repeated where that is safe, and read whole.

use std::time::Duration;

use actix_rt::time::timeout;
use awc::http::{
    Method, StatusCode,
    header::{self, HttpDate},
};
use buckler::{clock::Clock, protocol::AgentKey, transport::TransportError};
use bytes::Bytes;
use url::Url;

use crate::{
    body::{self, Caps},
    failure,
    incoming::Incoming,
    link::Link,
    options::Options,
    places,
};

/// The most that is read of a reply that is no success, before and after decompression: its message is a line.
const FAILURE_CAPS: Caps = Caps {
    wire: 64 << 10,
    unpacked: 64 << 10,
};
/// How long the body of such a reply is waited for. The status alone is enough to go on.
const FAILURE_BODY: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    /// Where.
    pub(crate) url: &'a Url,
    /// What is posted; `None` for the bare `GET`.
    pub(crate) body: Option<Bytes>,
    /// The key, for the `GET` that has no body to hold it.
    pub(crate) key: &'a AgentKey,
}

/// A reply that came whole, whatever it says.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Carries requests over a link.
pub(crate) struct Exchange<'a> {
    pub(crate) link: &'a Link,
    pub(crate) options: &'a Options,
    pub(crate) clock: &'a dyn Clock,
}

impl Exchange<'_> {
    /// Sends a request and reads the reply.
    ///
    /// # Errors
    /// As [`TransportError`] says; a reply of any status is no error here.
    pub(crate) async fn carry(&self, ask: &Ask<'_>) -> Result<Reply, TransportError> {
        let response = self.send(ask).await?;
        let mut reply = Reply {
            status: response.status,
            content_type: response.header(header::CONTENT_TYPE).unwrap_or_default(),
            retry_after: response.header(header::RETRY_AFTER).and_then(|text| self.delay(&text)),
            location: response.header(header::LOCATION),
            body: Vec::new(),
        };
        let meter = self.link.meter();
        if reply.status.is_success() {
            let caps = Caps {
                wire: self.options.max_wire_bytes,
                unpacked: self.options.max_reply_bytes,
            };
            reply.body = body::read(response, caps, meter).await?;
        } else if let Ok(Ok(body)) = timeout(FAILURE_BODY, body::read(response, FAILURE_CAPS, meter)).await {
            reply.body = body;
        }
        Ok(reply)
    }

    /// Sends a request and waits for the head of the reply.
    ///
    /// A connection that was kept from an earlier exchange may have been closed by the server in the very moment of its next
    /// use. Where nothing at all came back on such a connection, the request is sent once more on a fresh one. The server may
    /// then see it twice, which the protocol allows: events carry numbers, and totals are totals.
    async fn send(&self, ask: &Ask<'_>) -> Result<Incoming, TransportError> {
        let meter = self.link.meter();
        let (dialled, received) = (meter.dialled(), meter.received());
        let first = self.attempt(ask).await;
        let kept = meter.dialled() == dialled;
        if kept && meter.received() == received && matches!(first, Err(TransportError::Unreachable { .. })) {
            tracing::debug!(
                host = places::authority(ask.url),
                "a kept connection was gone, trying a fresh one"
            );
            return self.attempt(ask).await;
        }
        first
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Incoming, TransportError> {
        let method = if ask.body.is_some() { Method::POST } else { Method::GET };
        let request = self.link.request(method, ask.url, self.options)?;
        let sent = match &ask.body {
            Some(body) => request.content_type("application/json").send_body(body.clone()).await,
            None => request.bearer_auth(ask.key.expose()).send().await,
        };
        match sent {
            Ok(response) => Ok(Incoming::new(response)),
            Err(error) => Err(failure::to_send(ask.url, self.options, &error)),
        }
    }

    /// Reads `Retry-After`: seconds, or a date by the server's clock, which is taken for ours.
    fn delay(&self, text: &str) -> Option<Duration> {
        if let Ok(seconds) = text.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = text.trim().parse::<HttpDate>().ok()?;
        let until = std::time::SystemTime::from(date)
            .duration_since(std::time::UNIX_EPOCH)
            .ok()?;
        Some(until.saturating_sub(self.clock.unix()))
    }
}
