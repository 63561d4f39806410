//! A server that runs: where it is reached, and how it is stopped.

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::sync::oneshot;
use url::Url;

use crate::http::{Paths, State};

/// A server that runs, on threads of its own: it can be started and stopped from any runtime, or from none.
///
/// Dropping it stops it without waiting.
#[derive(Debug)]
pub struct RunningServer {
    places: Places,
    state: Arc<State>,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

/// Where a server is reached.
#[derive(Debug)]
pub(crate) struct Places {
    url: Url,
    cloud_url: Url,
    beacon_url: Url,
    ws_url: Url,
    admin_url: Url,
    address: SocketAddr,
}

impl Places {
    /// Of a server that listens at `address`, for operators at `admin` if there is another listener
    /// for them, and has these paths.
    pub(crate) fn new(address: SocketAddr, admin: Option<SocketAddr>, is_secure: bool, paths: &Paths) -> Option<Self> {
        let (http, ws) = if is_secure { ("https", "wss") } else { ("http", "ws") };
        let url = |path: &str| Url::parse(&format!("{http}://{address}{path}")).ok();
        Some(Self {
            url: url("/")?,
            cloud_url: url(&paths.cloud)?,
            beacon_url: url(&paths.beacon)?,
            ws_url: Url::parse(&format!("{ws}://{address}{}", paths.ws)).ok()?,
            admin_url: Url::parse(&format!("{http}://{}/admin/", admin.unwrap_or(address))).ok()?,
            address,
        })
    }
}

impl RunningServer {
    pub(crate) const fn new(
        places: Places,
        state: Arc<State>,
        stop: oneshot::Sender<Duration>,
        thread: JoinHandle<()>,
    ) -> Self {
        Self {
            places,
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The root, `http://<address>/`, or `https://…` with TLS.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.places.url
    }

    /// Where agents register: their `cloud_url`.
    #[must_use]
    pub const fn cloud_url(&self) -> &Url {
        &self.places.cloud_url
    }

    /// Where agents send beacons.
    #[must_use]
    pub const fn beacon_url(&self) -> &Url {
        &self.places.beacon_url
    }

    /// Where agents open a WebSocket.
    #[must_use]
    pub const fn ws_url(&self) -> &Url {
        &self.places.ws_url
    }

    /// What the admin API's paths begin with.
    #[must_use]
    pub const fn admin_url(&self) -> &Url {
        &self.places.admin_url
    }

    /// The address that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.places.address
    }

    /// How often the store's thread has answered since the start, once a second: a number that
    /// rises no more is that of a server that hangs.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.state.beats()
    }

    /// Says to load balancers that the server is not ready, and sends agents away within this time:
    /// WebSockets one after another, and new ones at once. Everything else is answered.
    pub fn drain(&self, within: Duration) {
        self.state.drain(within);
    }

    /// Whether no WebSocket is open and no request is being answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state.is_idle()
    }

    /// Accepts no more connections, gives running requests until the deadline, closes everything, and waits for that.
    pub fn stop(mut self, deadline: Duration) {
        self.tell_to_stop(deadline);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread had panicked");
        }
    }

    fn tell_to_stop(&mut self, deadline: Duration) {
        if let Some(stop) = self.stop.take() {
            // it may have ended by itself
            let _ = stop.send(deadline);
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.tell_to_stop(Duration::ZERO);
    }
}
