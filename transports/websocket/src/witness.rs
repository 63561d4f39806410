//! What awc forgets of an upgrade that was refused: when to ask again, where it would lead, and what the body says.

use std::{fmt, rc::Rc, time::Duration};

use actix_codec::{AsyncRead, Framed};
use actix_http::h1::{ClientCodec, MessageType};
use actix_rt::time::timeout;
use actix_service::Service;
use awc::{ConnectRequest, ConnectResponse, error::SendRequestError, http::StatusCode, middleware::Transform};
use buckler::clock::SystemClock;
use buckler_connection::reply::Reply;
use bytes::{Bytes, BytesMut};
use futures_core::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};

/// The most that is read of the body: its message is a line.
const BODY: usize = 64 << 10;
/// How long the body is waited for. The status alone is enough to go on.
const BODY_WITHIN: Duration = Duration::from_secs(1);

/// Stands before awc's connector.
#[derive(Debug)]
pub(crate) struct Witness(pub(crate) SystemClock);

/// The connector behind a witness.
pub(crate) struct Witnessed<S> {
    connector: Rc<S>,
    clock: SystemClock,
}

/// An upgrade that was answered with something else, in an error of awc's.
pub(crate) struct Refused(pub(crate) Reply);

impl<S> Transform<S, ConnectRequest> for Witness
where
    S: Service<ConnectRequest, Response = ConnectResponse, Error = SendRequestError> + 'static,
{
    type Transform = Witnessed<S>;

    fn new_transform(self, connector: S) -> Witnessed<S> {
        Witnessed {
            connector: Rc::new(connector),
            clock: self.0,
        }
    }
}

impl<S> Service<ConnectRequest> for Witnessed<S>
where
    S: Service<ConnectRequest, Response = ConnectResponse, Error = SendRequestError> + 'static,
{
    type Response = ConnectResponse;
    type Error = SendRequestError;
    type Future = LocalBoxFuture<'static, Result<ConnectResponse, SendRequestError>>;

    actix_service::forward_ready!(connector);

    fn call(&self, request: ConnectRequest) -> Self::Future {
        let (connector, clock) = (Rc::clone(&self.connector), self.clock.clone());
        async move {
            let response = connector.call(request).await?;
            if let ConnectResponse::Tunnel(head, socket) = response {
                if head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Ok(ConnectResponse::Tunnel(head, socket));
                }
                let mut reply = Reply::head(head.status, &head.headers, &clock);
                reply.body = timeout(BODY_WITHIN, read_body(socket)).await.unwrap_or_default();
                return Err(SendRequestError::Custom(Box::new(Refused(reply)), Box::new("refused")));
            }
            Ok(response)
        }
        .boxed_local()
    }
}

/// The body as far as it comes whole; one of an unknown length is not worth reading.
async fn read_body(socket: Framed<impl AsyncRead + Unpin, ClientCodec>) -> Bytes {
    let mut body = BytesMut::new();
    if matches!(socket.codec_ref().message_type(), MessageType::Payload) {
        let mut socket = socket.into_map_codec(ClientCodec::into_payload_codec);
        while let Some(Ok(Some(chunk))) = socket.next().await
            && body.len().saturating_add(chunk.len()) <= BODY
        {
            body.extend_from_slice(&chunk);
        }
    }
    body.freeze()
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the upgrade was answered {}", self.0.status)
    }
}

impl std::error::Error for Refused {}
