//! Google Cloud Functions (2nd generation) and Cloud Run, which run the same container.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::{get, post}};
//! use buckler_functions::{Settings, google::{self, Google}};
//!
//! let agent = google::start(Settings::load()?)?;
//! let app = Router::new()
//!     .route("/", get(async || "hello"))
//!     .route("/events", post(async |event: String| println!("{event}")));
//! let report = Google::from_env(agent)?.events_at("/events").serve(app).await?;
//! println!("{} events were sent at the end", report.sent);
//! # Ok(())
//! # }
//! ```
//!
//! Where there is nothing to say about events, [`serve`] is enough. Who serves the application himself puts a [`Google`] around it as a
//! layer, and calls [`Agent::exchange`] before and [`Agent::shutdown`] after.
//!
//! # Who the client is
//! Google's front end ends every connection, and a container is reached through nothing else; that it runs there is known by
//! `K_SERVICE`. The last address in `X-Forwarded-For` is the one that the front end saw: Cloud Run writes the client's address there, after
//! whatever the client sent where that is kept. What stands left of it is not believed, unlike by pyrasp, which takes the leftmost
//! one and so lets a client choose whom it gets banned. Behind an external Application Load Balancer, which appends the client's address and
//! then its own, name the balancer's address in `trusted_proxies`; the same goes for the gateways of a Knative of your own, which sets
//! `K_SERVICE` too. Without `K_SERVICE`, on a developer's machine, the connection itself says where it came from.
//!
//! The sources are Google's documentation: the container runtime contract of Cloud Run (`PORT`, `K_SERVICE`, `SIGTERM`), request headers in Cloud
//! Functions (`X-Forwarded-For`), and the external Application Load Balancer's overview (`X-Forwarded-For: <supplied>,<client>,<balancer>`).
//!
//! # Events
//! Eventarc and Pub/Sub deliver events by HTTP, as [CloudEvents] in binary mode (the headers
//! `ce-id`, `ce-source`, `ce-type`, `ce-specversion`) or in structured mode
//! (`application/cloudevents+json`). Who delivers is Google, not a client: a delivery is judged by
//! what it carries alone. No client is banned for it, counted for it, or looked up in the list,
//! whatever addresses it holds. A refused delivery is answered as any refused request is; it is
//! then delivered again until the subscription gives up, so give it a dead-letter topic, and
//! nothing is lost to a false alarm. pyrasp does not look at events.
//!
//! A request is not taken for an event because it says so: anyone can send such headers to a function that is open to all. It is one
//! where the function was deployed as an event function (`FUNCTION_SIGNATURE_TYPE` is `event` or `cloudevent`), or where it came to a
//! path that [`Google::events_at`] names; restrict who may invoke those, as Google advises. There, what is no CloudEvent in form is
//! judged as any client's request.
//!
//! # What is served
//! HTTP/1.1, which is what Cloud Run speaks to containers unless it is told to use HTTP/2 end to end.
//!
//! [CloudEvents]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md

mod environment;
mod event;
mod layer;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::Router;

pub use self::{
    environment::{Environment, Signature},
    layer::{Google, GoogleService},
};
use crate::{Agent, AgentBuilder, Settings, SettingsError, ShutdownReport, VariableError, serving};

/// What the agent tells the server it guards.
const PLATFORM: &str = "Google Cloud Function";

/// Starts an agent that speaks when a request asks it to. It returns at once.
///
/// # Errors
/// Where the settings name a transport that does not exist, or give it an option that it does not take.
pub fn start(settings: Settings) -> Result<Agent, SettingsError> {
    Ok(builder(settings)?.start())
}

/// As [`start`], for what the settings cannot say: the application's routes, for one.
///
/// # Errors
/// As [`start`].
pub fn builder(settings: Settings) -> Result<AgentBuilder, SettingsError> {
    Ok(buckler_tower::builder(settings)?.platform(PLATFORM).on_demand())
}

/// Serves an application, guarded, on `$PORT` until `SIGTERM`.
///
/// # Errors
/// Where the environment is not as Google documents it, or the port cannot be listened on.
pub async fn serve(agent: impl Into<Arc<Agent>>, app: Router) -> io::Result<ShutdownReport> {
    let google = Google::from_env(agent).map_err(io::Error::other)?;
    google.serve(app).await
}

impl Google {
    /// For an agent, as the process's own environment says.
    ///
    /// # Errors
    /// Where the environment is not as Google documents it.
    pub fn from_env(agent: impl Into<Arc<Agent>>) -> Result<Self, VariableError> {
        Ok(Self::new(agent, Environment::from_env()?))
    }

    /// Serves an application, guarded, on `$PORT` until `SIGTERM`.
    ///
    /// # Errors
    /// Where the port cannot be listened on.
    pub async fn serve(self, app: Router) -> io::Result<ShutdownReport> {
        let Environment {
            port,
            service,
            revision,
            ..
        } = self.environment();
        tracing::info!(service, revision, "guarding a function");
        // the contract asks for every interface
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port.get()));
        let agent = Arc::clone(self.agent());
        serving::serve(&agent, address, app.layer(self)).await
    }
}
