//! Buckler as a [tower] layer: for axum, and for whatever serves [`http::Request`]s (hyper, tonic).
//!
//! One agent per process, one layer around everything:
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{net::SocketAddr, time::Duration};
//!
//! use axum::{Router, routing::get};
//! use buckler_tower::{Buckler, Settings, start};
//!
//! let agent = start(Settings::from_file("buckler.toml")?)?; // never waits for the server
//! let app = Router::new().route("/", get(|| async { "hello" })).layer(Buckler::new(&agent));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8080)).await?;
//! axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
//! agent.shutdown(Duration::from_secs(5)); // tells the server what it does not know yet
//! # Ok(())
//! # }
//! ```
//!
//! # Who the client is
//! HTTP types do not say where a connection came from. The layer looks, in this order, for a [`Peer`], axum's `ConnectInfo<SocketAddr>`
//! (that is what `into_make_service_with_connect_info` is for), a [`std::net::SocketAddr`] and an [`IpAddr`](std::net::IpAddr)
//! among the request's extensions. Without one nobody can be banned or counted, and no proxy is believed: requests are then judged by
//! what they ask alone.
//!
//! # Where to put it
//! Last, so that it is outermost: `Router::layer` wraps what was added before it. A nested router can have it alone. Around axum's
//! whole router it also sees requests that no route matches.
//!
//! # What it does to a request
//! - Before the application sees it, the guard judges address, host, path, query and headers, and then the beginning of its body. A
//!   refused request gets the configured answer.
//! - A body is given on as it came, frame by frame, trailers and errors included: what was looked at is shown to the application again.
//!   The layer waits for the first 64 KiB, the body's end, or [`PATIENCE`], whichever comes first; what comes later streams through
//!   unseen. Bodies of gRPC are not waited for: a call may speak first when it was spoken to.
//! - When the application has answered, its status is counted, and a 404 for which there was no route is judged as an unknown path.
//!   Nothing of an answer has been sent then, so that it can be replaced; answers are neither read nor delayed.
//! - A request whose client went away before there was an answer is counted as neither success nor error.
//!
//! # Which path is unknown
//! With axum, one without a matched route (its `MatchedPath`) whose answer is 404; elsewhere, one whose answer is 404. A decoy is only
//! one where axum matched no route.
//!
//! [tower]: https://docs.rs/tower

#[cfg(feature = "axum")]
pub mod axum;
mod body;
mod future;
mod layer;
mod peer;
mod refusal;
mod seen;
mod service;
mod view;

pub use buckler::{
    Agent, AgentBuilder, Settings,
    settings::SettingsError,
    status::{ShutdownReport, Status},
};

pub use crate::{
    body::{GuardedBody, PATIENCE, Replayed},
    future::Guarded,
    layer::Buckler,
    peer::Peer,
    service::BucklerService,
};

/// What the agent tells the server it guards.
const PLATFORM: &str = if cfg!(feature = "axum") { "axum" } else { "tower" };

/// Starts an agent, with the transport that the settings name. It returns at once: guarding begins with local settings, or with what
/// the last run left on disk, and the server is asked on the agent's own thread.
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
    Ok(buckler_transports::builder(settings)?.platform(PLATFORM))
}
