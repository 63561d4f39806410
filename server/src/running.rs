//! A server that runs: where it is reached, and how it is stopped.

use std::{net::SocketAddr, thread::JoinHandle, time::Duration};

use tokio::sync::oneshot;
use url::Url;

use crate::http::Paths;

/// A server that runs, on threads of its own: it can be started and stopped from any runtime, or from none.
///
/// Dropping it stops it without waiting.
#[derive(Debug)]
pub struct RunningServer {
    url: Url,
    cloud_url: Url,
    beacon_url: Url,
    ws_url: Url,
    admin_url: Url,
    address: SocketAddr,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// What listens at `address` and has these paths.
    pub(crate) fn new(
        address: SocketAddr,
        paths: &Paths,
        stop: oneshot::Sender<Duration>,
        thread: JoinHandle<()>,
    ) -> Option<Self> {
        let url = |path: &str| Url::parse(&format!("http://{address}{path}")).ok();
        Some(Self {
            url: url("/")?,
            cloud_url: url(&paths.cloud)?,
            beacon_url: url(&paths.beacon)?,
            ws_url: Url::parse(&format!("ws://{address}{}", paths.ws)).ok()?,
            admin_url: url("/admin/")?,
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The root, `http://<address>/`.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Where agents register: their `cloud_url`.
    #[must_use]
    pub const fn cloud_url(&self) -> &Url {
        &self.cloud_url
    }

    /// Where agents send beacons.
    #[must_use]
    pub const fn beacon_url(&self) -> &Url {
        &self.beacon_url
    }

    /// Where agents open a WebSocket.
    #[must_use]
    pub const fn ws_url(&self) -> &Url {
        &self.ws_url
    }

    /// What the admin API's paths begin with.
    #[must_use]
    pub const fn admin_url(&self) -> &Url {
        &self.admin_url
    }

    /// The address that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
