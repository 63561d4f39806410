//! Serving an axum application so that every request has an address: what is easily forgotten is
//! done here.

use std::{io, net::SocketAddr};

use axum::Router;
use buckler::Agent;
use tokio::net::TcpListener;

use crate::layer::Buckler;

/// Serves a router, guarded as a whole, for as long as the process runs. The layer must not be in
/// the router as well: requests would be judged and counted twice.
///
/// ```no_run
/// # async fn run(agent: buckler::Agent) -> std::io::Result<()> {
/// use axum::{Router, routing::get};
///
/// let app = Router::new().route("/", get(async || "hello"));
/// let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8080)).await?;
/// buckler_tower::serve(listener, app, &agent).await
/// # }
/// ```
///
/// # Errors
/// Those of [`axum::serve()`], which goes on after the errors of single connections.
pub async fn serve(listener: TcpListener, app: Router, agent: &Agent) -> io::Result<()> {
    serve_until(listener, app, agent, std::future::pending()).await
}

/// As [`serve`], until `stop` is over: requests under way are then answered, and no others taken.
/// Call [`Agent::shutdown`] after it.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until<F>(listener: TcpListener, app: Router, agent: &Agent, stop: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let guarded = app.layer(Buckler::new(agent));
    let service = guarded.into_make_service_with_connect_info::<SocketAddr>();
    ::axum::serve(listener, service).with_graceful_shutdown(stop).await
}
