//! Serving until the cloud says that it is over.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use buckler::{Agent, ShutdownReport};
use tokio::net::TcpListener;

/// How long the first exchange with the server may take before requests are served. They wait meanwhile, so that it is what a visitor
/// bears once per container.
pub const REGISTRATION: Duration = Duration::from_secs(2);

/// How long requests in flight may take to end after `SIGTERM`.
pub const DRAIN: Duration = Duration::from_secs(5);

/// How long the agent may take after that. Together they stay below the 10 s that Cloud Run grants between `SIGTERM` and `SIGKILL`
/// (its container runtime contract), with a second to spare for what the program does itself.
pub const FLUSH: Duration = Duration::from_secs(4);

/// Registers, serves until `SIGTERM`, and flushes.
pub(crate) async fn serve(agent: &Arc<Agent>, address: SocketAddr, app: Router) -> io::Result<ShutdownReport> {
    // listening first: whoever connects meanwhile waits, and is not turned away
    let listener = TcpListener::bind(address).await?;
    let (told, overdue) = (terminated()?, terminated()?);
    let registered = agent.exchange(REGISTRATION).await;
    tracing::info!(%address, ?registered, "serving");
    let served =
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).with_graceful_shutdown(told);
    let too_late = async {
        overdue.await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = async { served.await } => ended?,
        () = too_late => tracing::warn!("requests were still in flight {DRAIN:?} after the end was announced"),
    }
    let agent = Arc::clone(agent);
    // it blocks
    tokio::task::spawn_blocking(move || agent.shutdown(FLUSH))
        .await
        .map_err(io::Error::other)
}

/// The cloud's announcement that the container will end. Whoever starts the program by hand says it with Ctrl-C.
#[cfg(unix)]
fn terminated() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// As on Unix, where there are signals.
#[cfg(not(unix))]
fn terminated() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // without a signal it is served until the process is killed
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
