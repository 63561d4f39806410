//! The transport: a connection that is opened with the first exchange and replaced when it is lost.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use buckler::{
    protocol::{AgentKey, Beacon, BeaconReply, Registration, Welcome, frame::AgentMessage},
    transport::{Push, Transport, TransportError},
};
use buckler_connection::{
    deadline::within,
    reply::{self, Reply},
    text::Censor,
};
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};
use futures_util::FutureExt;
use url::Url;

use crate::{KIND, connection::Connection, options::Options, pace::Pace, pushes::Pushes, upgrade::Upgrade};

/// Speaks to a server over a WebSocket.
pub(crate) struct WebSocket {
    options: Options,
    upgrade: Upgrade,
    connection: RefCell<Option<Rc<Connection>>>,
    pushes: Pushes,
    /// Frames that came.
    heard: Rc<Cell<u64>>,
    pace: Pace,
}

impl WebSocket {
    /// Sets the transport up on the agent's thread. No connection is opened.
    ///
    /// # Errors
    /// Where the cloud URL has no place for a WebSocket.
    pub(crate) fn new(cloud: &Url, options: Options) -> Result<Self, TransportError> {
        Ok(Self {
            upgrade: Upgrade::new(cloud, &options)?,
            connection: RefCell::default(),
            pushes: Pushes::new(options.max_message_bytes),
            heard: Rc::default(),
            pace: Pace::new(options.ping_every),
            options,
        })
    }

    /// An exchange from the connection to the reading of the reply.
    async fn exchange<T>(
        &self,
        key: AgentKey,
        message: AgentMessage,
        read: fn(&Reply, &Censor) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let carried = async {
            let connection = self.connected(&key).await?;
            connection.ask(message, |reply| read(reply, &Censor::new(&key))).await
        };
        let heard = self.heard.get();
        let result = within(self.options.connection.timeout, carried).await;
        if let Err(error @ TransportError::Deadline(_)) = &result
            && self.heard.get() == heard
        {
            self.abandon(error);
        }
        result
    }

    /// The connection that stands, or a new one.
    async fn connected(&self, key: &AgentKey) -> Result<Rc<Connection>, TransportError> {
        if let Some(connection) = self.standing() {
            return Ok(connection);
        }
        let socket = self.upgrade.open(key, &self.options).await?;
        let (options, censor) = (&self.options, Censor::new(key));
        let connection = Connection::start(socket, options, censor, &self.pushes, &self.heard, &self.pace);
        let connection = Rc::new(connection);
        *self.connection.borrow_mut() = Some(Rc::clone(&connection));
        Ok(connection)
    }

    fn standing(&self) -> Option<Rc<Connection>> {
        self.connection
            .borrow()
            .as_ref()
            .filter(|connection| connection.stands())
            .cloned()
    }

    /// Nothing came for a whole exchange: the other side is gone without a word, and the next exchange needs another connection.
    fn abandon(&self, error: &TransportError) {
        if self.connection.take().is_some() {
            self.pushes.closed(error.clone());
        }
    }
}

impl Transport for WebSocket {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        let key = registration.key.clone();
        self.exchange(key, AgentMessage::Register(Box::new(registration)), reply::welcome)
            .boxed_local()
    }

    /// Beacons go where the registration went, whatever the configuration's `BEACON_URL` says: that is for requests.
    fn beacon(&self, _: Option<Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        let key = beacon.key.clone();
        self.exchange(key, AgentMessage::Beacon(Box::new(beacon)), reply::beacon)
            .boxed_local()
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        self.pushes.stream()
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.pushes.end();
    }
}
