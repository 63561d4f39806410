//! One request and its reply: sent, repeated where that is safe, and read whole.

use std::time::Duration;

use actix_rt::time::timeout;
use awc::{
    ClientRequest,
    http::{Method, header},
};
use buckler::{clock::Clock, protocol::AgentKey, transport::TransportError};
use buckler_connection::{
    failure,
    link::{self, Link},
    places,
    reply::Reply,
};
use bytes::Bytes;
use url::Url;

use crate::{
    body::{self, Caps},
    decode,
    document::Validators,
    incoming::Incoming,
    options::Options,
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
    /// The key: of a `GET`, which has no body to hold it, and of a `POST` too, so that a server can
    /// judge it before it reads the body.
    pub(crate) key: &'a AgentKey,
    /// What the `GET` brought last: it is asked for something else.
    pub(crate) known: Option<&'a Validators>,
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
    pub(crate) async fn carry(&self, ask: &Ask<'_>) -> Result<(Reply, Validators), TransportError> {
        let response = self.send(ask).await?;
        let validators = Validators::of(&response.headers);
        let mut reply = Reply::head(response.status, &response.headers, self.clock);
        let meter = self.link.meter();
        if reply.status.is_success() {
            let caps = Caps {
                wire: self.options.max_wire_bytes,
                unpacked: self.options.max_reply_bytes,
            };
            reply.body = body::read(response, caps, meter).await?.into();
        } else if let Ok(Ok(body)) = timeout(FAILURE_BODY, body::read(response, FAILURE_CAPS, meter)).await {
            reply.body = body.into();
        }
        Ok((reply, validators))
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
        let mut request = self.request(method, ask.url)?;
        // a key that no header can hold is in the body
        if ask.body.is_none() || ask.key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            request = request.bearer_auth(ask.key.expose());
        }
        let sent = match &ask.body {
            Some(body) => request.content_type("application/json").send_body(body.clone()).await,
            None => {
                let request = ask.known.iter().fold(request, |request, known| known.ask(request));
                request.send().await
            }
        };
        match sent {
            Ok(response) => Ok(Incoming::new(response)),
            Err(error) => Err(failure::to_send(ask.url, &self.options.connection, &error)),
        }
    }

    fn request(&self, method: Method, url: &Url) -> Result<ClientRequest, TransportError> {
        Ok(self
            .link
            .client(url)?
            .request(method, link::line(url)?)
            .no_decompress()
            .insert_header((header::HOST, places::authority(url)))
            .insert_header((header::USER_AGENT, link::USER_AGENT))
            .insert_header((header::ACCEPT, "application/json"))
            .insert_header((header::ACCEPT_ENCODING, decode::ACCEPTED)))
    }
}
