//! The transport: requests to the cloud URL and the beacon URL, one deadline around each.

use std::{cell::RefCell, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use awc::http::StatusCode;
use buckler::{
    clock::{Clock as _, SystemClock},
    protocol::{AgentKey, Beacon, BeaconReply, Registration, Welcome},
    transport::{Push, Transport, TransportError},
};
use buckler_connection::{
    deadline::within,
    link::{self, Link},
    places::origin,
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
    document::{self, Document},
    exchange::{Ask, Exchange},
    options::Options,
    places::Places,
};

/// A connection is replaced after this time in any case, so that a server's new addresses are noticed.
const LIFETIME: Duration = Duration::from_secs(600);

/// What outlives a transport: an agent that speaks on demand makes a new one for every exchange.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    clock: SystemClock,
    /// What a server's `GET` brought last, where it answers no `POST` with a configuration.
    document: Arc<ArcSwapOption<Document>>,
}

/// Polls a server over HTTP.
pub(crate) struct HttpPolling {
    places: Places,
    options: Options,
    link: Link,
    kept: Kept,
    /// A `BEACON_URL` that could not be reached where the cloud URL's own host could.
    unreached: RefCell<Option<Url>>,
}

impl HttpPolling {
    /// Sets the transport up on the agent's thread. No connection is opened.
    pub(crate) fn new(places: Places, options: Options, kept: Kept) -> Self {
        let keep_alive = options.keep_alive;
        let link = Link::new(&options.connection, move |connector| {
            let connector = connector.limit(1).conn_keep_alive(keep_alive).conn_lifetime(LIFETIME);
            link::client(connector).finish()
        });
        Self {
            places,
            options,
            link,
            kept,
            unreached: RefCell::default(),
        }
    }

    /// Posts the registration. A server that does not answer it with a configuration was told that the agent is there, and is
    /// asked for the document with `GET`, as the vendor documents it; from then on the `GET` alone is repeated.
    async fn registered(&self, registration: &Registration) -> Result<Welcome, TransportError> {
        // a failure forgets it, and all begins with a `POST` again
        let document = self.kept.document.swap(None);
        let now = self.kept.clock.elapsed();
        if let Some(document) = document.filter(|document| document.is_announced(now)) {
            return self.fetched(&registration.key, Document::clone(&document)).await;
        }
        let (url, key) = (self.places.cloud(), &registration.key);
        let censor = Censor::new(key);
        let posted = self
            .carry(Ask {
                url,
                body: Some(json(registration)?),
                key,
                known: None,
            })
            .await?;
        let failure = match reply::welcome(&posted, &censor) {
            Err(failure) if is_connection_made(&posted, &failure) => failure,
            answer => return answer,
        };
        let document = Document {
            validators: document::Validators::default(),
            announced: now,
        };
        let fetched = self.fetched(key, document).await;
        fetched.map_err(|error| document::telling(failure, error))
    }

    /// Gets the configuration, if it is not what was got before.
    async fn fetched(&self, key: &AgentKey, mut document: Document) -> Result<Welcome, TransportError> {
        let ask = Ask {
            url: self.places.cloud(),
            body: None,
            key,
            known: Some(&document.validators),
        };
        let (reply, validators) = self.exchange().carry(&ask).await?;
        let is_same = reply.status == StatusCode::NOT_MODIFIED && document.validators.is_known();
        let welcome = if is_same {
            document::unchanged()
        } else {
            document.validators = validators;
            reply::welcome(&reply, &Censor::new(key))?
        };
        self.kept.document.store(Some(Arc::new(document)));
        Ok(welcome)
    }

    async fn answered(&self, url: Option<Url>, beacon: &Beacon) -> Result<BeaconReply, TransportError> {
        let named = self.places.beacon(url)?;
        let body = json(beacon)?;
        let post = async |url: &Url| {
            let body = Some(body.clone());
            let key = &beacon.key;
            let known = None;
            self.carry(Ask { url, body, key, known }).await
        };
        let home = self.places.at_home(&named);
        let goes_home = self.unreached.borrow().as_ref() == Some(&named);
        let reply = match home {
            Some(home) if goes_home => post(&home).await?,
            Some(home) => match post(&named).await {
                Err(error @ (TransportError::Unreachable { .. } | TransportError::Tls { .. })) => {
                    let reply = post(&home).await.map_err(|_| error)?;
                    tracing::warn!(
                        named = origin(&named),
                        "BEACON_URL cannot be reached, the cloud URL's host can: beacons go there (set public_url at the server)"
                    );
                    self.unreached.replace(Some(named));
                    reply
                }
                answer => answer?,
            },
            None => post(&named).await?,
        };
        reply::beacon(&reply, &Censor::new(&beacon.key))
    }

    async fn carry(&self, ask: Ask<'_>) -> Result<Reply, TransportError> {
        let (reply, _) = self.exchange().carry(&ask).await?;
        Ok(reply)
    }

    const fn exchange(&self) -> Exchange<'_> {
        Exchange {
            link: &self.link,
            options: &self.options,
            clock: &self.kept.clock,
        }
    }
}

/// Whether a `POST` that brought no configuration was heard all the same: the server answered it well in words of its own, or
/// knows no such method, or nothing at this place but for `GET`.
fn is_connection_made(posted: &Reply, failure: &TransportError) -> bool {
    let no_post = matches!(
        posted.status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    );
    no_post || (posted.status.is_success() && matches!(failure, TransportError::Malformed(_)))
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
