//! Buckler as a [tower] layer: for axum, and for whatever serves [`http::Request`]s (hyper, tonic).
//!
//! One agent per process, one layer around everything:
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use buckler_tower::{Settings, start};
//!
//! let agent = start(Settings::from_file("buckler.toml")?)?; // never waits for the server
//! let app = Router::new().route("/", get(|| async { "hello" }));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8080)).await?;
//! let stop = std::future::pending(); // in its place, the signal that ends the service
//! buckler_tower::serve_until(listener, app, &agent, stop).await?; // adds the layer, and tells it where connections come from
//! agent.shutdown(Duration::from_secs(5)); // tells the server what it does not know yet
//! # Ok(())
//! # }
//! ```
//!
//! # Who the client is
//! HTTP types do not say where a connection came from. The layer looks, in this order, for a
//! [`Peer`], axum's `ConnectInfo<SocketAddr>` (that is what `into_make_service_with_connect_info`
//! is for), a [`std::net::SocketAddr`] and an [`IpAddr`](std::net::IpAddr) among the request's
//! extensions; [`Buckler::peer_by`] looks elsewhere, and [`Buckler::connected_to`] need not look.
//! Without an address no client can be banned or counted, and no proxy is believed: requests are
//! then judged by what they ask alone, the log has an error that names the remedy, and the status
//! counts them (`clients.without_address`). [`serve`] cannot be got wrong.
//!
//! # What it runs on
//! tokio, with its timers: whoever builds a runtime by hand enables them (`enable_time`, or `enable_all`).
//!
//! # Where to put it
//! Last, so that it is outermost: `Router::layer` wraps what was added before it, the fallback included. A nested router can have it
//! alone. Wrapped around a router from outside (`Buckler::layer(router)`) it guards as well, but cannot know axum's routes.
//!
//! # What it does to a request
//! - Before the application sees it, the guard judges address, host, path, query and headers. A
//!   refused request gets the configured answer once its body has been read and thrown away, within
//!   bounds (32 MiB, ten seconds): a proxy that is still sending it would find the connection
//!   reset, and answer 502 instead. Beyond the bounds the answer says `Connection: close`.
//! - If it has a body, the guard judges the beginning of that too (64 KiB), and the application gets the body byte for byte, with its
//!   trailers or whatever error ended it. Nothing is read where no check looks into bodies, nor after a `CONNECT`. A request
//!   without a body is with the application at once.
//! - A body that does not come within [`PATIENCE`] keeps the application no longer. It is then judged while the application reads it,
//!   before it sees the end of the first 64 KiB: instead of that end it reads an error ([`BodyRefused`]), and whatever it answers is
//!   replaced by the refusal. A handler that acts on the pieces of a slow body as they come has acted on some of them by then.
//! - A gRPC call is not kept for its body at all: it may speak first when it was spoken to. Its
//!   body is judged like a slow one: the messages within its frames, as Protocol Buffers without a
//!   schema.
//! - A compressed body is decoded for the guard alone, as far as `agent.compressed_bodies` says; the application gets it as it came.
//! - When the application has answered, its status is counted, and a 404 for which there was no route is judged as an unknown path.
//!   Only a whole response can be replaced at that point, because none of it has been sent, and a `101 Switching Protocols` is never
//!   replaced. What happens inside a stream or a WebSocket is not seen.
//! - Where the `dlp` check is on, the beginning of an answer that is text (64 KiB) is judged before any of it is sent. One whose
//!   length is known is held back for that, a second at most; a stream only for what it has ready at once, and a stream of events not
//!   at all. Sizes, trailers and errors stay as they are. An answer that is compressed already is not looked into: put a layer that
//!   compresses around this one, not inside it. Where `dlp` is off, answers are neither read nor delayed.
//! - A refusal says to outer layers what it is: [`Blocked`] stands in the extensions of the answer.
//! - An error of the inner service is given back as it is, and counted as neither success nor error: it has no status.
//! - A request whose connection broke before there was an answer is counted as neither.
//!
//! # hyper
//! hyper serves a connection at a time, so that its other end is known: wrap the service for each.
//!
//! ```
//! # async fn run<S>(
//! #     listener: tokio::net::TcpListener, buckler: buckler_tower::Buckler, pages: S
//! # ) -> Result<(), Box<dyn std::error::Error>>
//! # where
//! #     S: tower_service::Service<
//! #             http::Request<buckler_tower::Replayed<hyper::body::Incoming>>,
//! #             Response = http::Response<http_body_util::Full<bytes::Bytes>>,
//! #             Error = std::convert::Infallible,
//! #             Future: Send,
//! #         > + Clone + Send + 'static,
//! # {
//! use hyper_util::{rt::{TokioExecutor, TokioIo}, server::conn::auto, service::TowerToHyperService};
//! use tower_layer::Layer;
//!
//! let (stream, peer) = listener.accept().await?;
//! let guarded = buckler.connected_to(peer.ip()).layer(pages);
//! let server = auto::Builder::new(TokioExecutor::new());
//! tokio::spawn(async move {
//!     server.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(guarded)).await
//! });
//! # Ok(())
//! # }
//! ```
//!
//! # tonic
//! ```
//! # async fn run<S>(listener: tokio::net::TcpListener, buckler: buckler_tower::Buckler, greeter: S) -> Result<(), tonic::transport::Error>
//! # where
//! #     S: tower_service::Service<
//! #             http::Request<tonic::body::Body>,
//! #             Response = http::Response<tonic::body::Body>,
//! #             Error = std::convert::Infallible,
//! #             Future: Send,
//! #         > + tonic::server::NamedService + Clone + Send + Sync + 'static,
//! # {
//! use tonic::transport::{Server, server::{TcpConnectInfo, TcpIncoming}};
//!
//! let buckler = buckler.peer_by(|extensions| Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip()));
//! Server::builder()
//!     .layer(buckler)
//!     .add_service(greeter)
//!     .serve_with_incoming(TcpIncoming::from(listener))
//!     .await
//! # }
//! ```
//! A client of gRPC learns of a refusal in its own terms: status 7, `PERMISSION_DENIED`, with the refusal's id in the message, and no page
//! (over gRPC-Web too). Calls are answered with HTTP's status 200 whatever became of them: they are counted as successes, and nobody is
//! taken for a prober of paths who calls a method that there is not.
//!
//! Without axum, take this crate with `default-features = false`: it then depends on neither axum nor a server, and the agent says `tower`
//! where it says `axum` otherwise.
//!
//! # Which path is unknown
//! With axum, one without a matched route (its `MatchedPath`) whose answer is 404. A fallback that answers (a single-page application)
//! makes every path a known one. Elsewhere, and around axum's whole router, nobody knows the routes: a 404 is counted, and may be no more
//! than `no such article`.
//!
//! A probe for what only attackers know (`/.git/config`) is judged before the application is asked: it is none in an axum application
//! with a route for it. A decoy of the configuration's is judged by the answer: `/login` is none where anything but a 404 is answered,
//! whether by a route or by a fallback. axum's routes are learned as requests pass.
//!
//! [tower]: https://docs.rs/tower

mod answer;
#[cfg(feature = "axum")]
pub mod axum;
mod begun;
mod drain;
mod future;
mod grpc;
mod guarded_body;
mod layer;
mod peer;
mod refusal;
mod replayed;
mod seen;
mod service;
mod view;

#[cfg(feature = "axum")]
pub use crate::axum::{serve, serve_until};
pub use buckler::{
    Agent, AgentBuilder, Settings,
    guard::{BlockId, Blocked},
    settings::SettingsError,
    status::{ShutdownReport, Status},
};

pub use crate::{
    begun::PATIENCE,
    future::Guarded,
    guarded_body::GuardedBody,
    layer::Buckler,
    peer::Peer,
    replayed::{BodyRefused, BoxError, Replayed},
    service::BucklerService,
    view::RoutePattern,
};

/// What the agent tells the server it guards.
const PLATFORM: &str = if cfg!(feature = "axum") { "axum" } else { "tower" };

/// What to do where requests come without an address.
const ADDRESS_REMEDY: &str = "with axum, serve with buckler_tower::serve(listener, app, &agent), or the router with \
    into_make_service_with_connect_info::<SocketAddr>(); elsewhere, tell the layer by Buckler::connected_to or Buckler::peer_by";

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
    let builder = buckler_transports::builder(settings)?;
    Ok(builder.platform(PLATFORM).address_remedy(ADDRESS_REMEDY))
}
