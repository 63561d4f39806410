//! Opens the socket: an upgrade request that says the key in its header, and what comes of it.

use actix_codec::Framed;
use awc::{
    BoxedSocket,
    error::{SendRequestError, WsClientError},
    http::header::{self, HeaderMap},
};
use buckler::{
    clock::SystemClock,
    protocol::{
        AgentKey,
        frame::{SEGMENT, SUBPROTOCOL},
    },
    transport::TransportError,
};
use buckler_connection::{
    deadline::within,
    failure,
    link::{self, Link},
    places,
    reply::{self, Reply},
    text::Censor,
};
use url::Url;

use crate::{
    bounded::Bounded,
    options::Options,
    witness::{Refused, Witness},
};

/// A WebSocket that stands.
pub(crate) type Socket = Framed<BoxedSocket, Bounded>;

/// Opens sockets at one place.
pub(crate) struct Upgrade {
    url: Url,
    link: Link,
}

impl Upgrade {
    /// At the cloud URL with its last segment replaced. No connection is opened.
    ///
    /// # Errors
    /// Where there is no such URL.
    pub(crate) fn new(cloud: &Url, options: &Options) -> Result<Self, TransportError> {
        let url = cloud
            .join(SEGMENT)
            .map_err(|error| TransportError::Unusable(error.to_string()))?;
        let link = Link::new(&options.connection, |connector| {
            // a connection on its way out must not keep the next one waiting
            let connector = connector.limit(0);
            link::client(connector).wrap(Witness(SystemClock::new())).finish()
        });
        Ok(Self { url, link })
    }

    /// Opens a socket.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    pub(crate) async fn open(&self, key: &AgentKey, options: &Options) -> Result<Socket, TransportError> {
        let max = options.max_message_bytes;
        let request = self
            .link
            .client(&self.url)?
            .ws(link::line(&self.url)?)
            .max_frame_size(max)
            .protocols([SUBPROTOCOL])
            .set_header(header::HOST, places::authority(&self.url))
            .set_header(header::USER_AGENT, link::USER_AGENT)
            .bearer_auth(key.expose());
        let connected = async {
            let connected = request.connect().await;
            connected.map_err(|error| self.failure(error, key, options))
        };
        let (response, socket) = within(options.upgrade_within, connected).await?;
        check(response.headers(), &Censor::new(key))?;
        Ok(socket.into_map_codec(|codec| Bounded::new(codec, max)))
    }

    fn failure(&self, error: WsClientError, key: &AgentKey, options: &Options) -> TransportError {
        let WsClientError::SendRequest(error) = error else {
            let problem = Censor::new(key).line(&error.to_string());
            return TransportError::Malformed(format!("no WebSocket: {problem}"));
        };
        if let SendRequestError::Custom(cause, _) = &error
            && let Some(Refused(reply)) = cause.downcast_ref()
        {
            return refusal(reply, &Censor::new(key));
        }
        failure::to_send(&self.url, &options.connection, &error)
    }
}

/// A success that is no upgrade comes from somebody who does not know what was asked: a proxy's page, most often.
fn refusal(reply: &Reply, censor: &Censor) -> TransportError {
    if reply.status.is_success() || reply.status.is_informational() {
        let problem = format!("the upgrade to a WebSocket was answered {}", reply.status.as_u16());
        return reply::malformed(&problem, reply, censor);
    }
    reply::status(reply, censor)
}

fn check(headers: &HeaderMap, censor: &Censor) -> Result<(), TransportError> {
    let found = reply::text(headers, header::SEC_WEBSOCKET_PROTOCOL);
    if found.as_deref() != Some(SUBPROTOCOL) {
        let found = found.map_or_else(|| "none".to_owned(), |found| format!("{:?}", censor.line(&found)));
        let problem = format!("a WebSocket whose subprotocol is {found}, expected {SUBPROTOCOL:?}");
        return Err(TransportError::Malformed(problem));
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        let problem = "a WebSocket with an extension that was not asked for";
        return Err(TransportError::Malformed(problem.to_owned()));
    }
    Ok(())
}
