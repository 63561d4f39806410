//! The transport: requests to the cloud URL and the beacon URL, one deadline around each.

use std::time::Duration;

use awc::http::StatusCode;
use buckler::{
    clock::SystemClock,
    protocol::{Beacon, BeaconReply, Registration, Welcome},
    transport::{Push, Transport, TransportError},
};
use buckler_connection::{
    deadline::within,
    link::{self, Link},
    reply::{self, Reply},
    text::Censor,
};
use bytes::Bytes;
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;
use url::Url;

use crate::{
    KIND,
    exchange::{Ask, Exchange},
    options::Options,
    places::Places,
};

/// A connection is replaced after this time in any case, so that a server's new addresses are noticed.
const LIFETIME: Duration = Duration::from_secs(600);

/// Polls a server over HTTP.
pub(crate) struct HttpPolling {
    places: Places,
    options: Options,
    link: Link,
    clock: SystemClock,
}

impl HttpPolling {
    /// Sets the transport up on the agent's thread. No connection is opened.
    pub(crate) fn new(places: Places, options: Options) -> Self {
        let keep_alive = options.keep_alive;
        let link = Link::new(&options.connection, move |connector| {
            let connector = connector.limit(1).conn_keep_alive(keep_alive).conn_lifetime(LIFETIME);
            link::client(connector).finish()
        });
        Self {
            places,
            options,
            link,
            clock: SystemClock::new(),
        }
    }

    /// Posts the registration. A server that knows no such `POST` is asked with `GET`, as the vendor documents it.
    async fn registered(&self, registration: &Registration) -> Result<Welcome, TransportError> {
        let (url, key) = (self.places.cloud(), &registration.key);
        let censor = Censor::new(key);
        let posted = self
            .carry(Ask {
                url,
                body: Some(json(registration)?),
                key,
            })
            .await?;
        let get = || async { reply::welcome(&self.carry(Ask { url, body: None, key }).await?, &censor) };
        match posted.status {
            StatusCode::METHOD_NOT_ALLOWED => get().await,
            // most often this says that there is no profile for the key; only a GET that succeeds says otherwise
            StatusCode::NOT_FOUND => match get().await {
                Ok(welcome) => Ok(welcome),
                Err(_) => reply::welcome(&posted, &censor),
            },
            _other => reply::welcome(&posted, &censor),
        }
    }

    async fn answered(&self, url: Option<Url>, beacon: &Beacon) -> Result<BeaconReply, TransportError> {
        let url = self.places.beacon(url)?;
        let reply = self
            .carry(Ask {
                url: &url,
                body: Some(json(beacon)?),
                key: &beacon.key,
            })
            .await?;
        reply::beacon(&reply, &Censor::new(&beacon.key))
    }

    async fn carry(&self, ask: Ask<'_>) -> Result<Reply, TransportError> {
        Exchange {
            link: &self.link,
            options: &self.options,
            clock: &self.clock,
        }
        .carry(&ask)
        .await
    }
}

impl Transport for HttpPolling {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        within(self.options.connection.timeout, async move {
            self.registered(&registration).await
        })
        .boxed_local()
    }

    fn beacon(&self, url: Option<Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        within(self.options.connection.timeout, async move {
            self.answered(url, &beacon).await
        })
        .boxed_local()
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        stream::pending().boxed_local()
    }
}

fn json(message: &impl Serialize) -> Result<Bytes, TransportError> {
    match serde_json::to_vec(message) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(TransportError::Unusable(
            "a message cannot be written as JSON".to_owned(),
        )),
    }
}
