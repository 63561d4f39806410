//! The shop in axum, guarded, and unguarded for comparison: the twin of `guarded_app`.
//!
//!     cargo run --release --bin guarded_axum -- --config buckler.toml
//!     cargo run --release --bin guarded_axum -- --unguarded --listen 127.0.0.1:8081

#![expect(clippy::print_stderr, reason = "a program's output")]

use std::{error::Error, io, net::SocketAddr, process::ExitCode};

use axum::Router;
use buckler_examples::{
    axum_shop::shop,
    guarded::{Options, say_goodbye},
    logs,
};
use buckler_tower::{Buckler, builder};
use clap::Parser as _;
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
};
use tracing::Level;

fn main() -> ExitCode {
    let options = Options::parse();
    logs::start(Level::INFO);
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (shop, routes) = shop().into_parts();
    let runtime = runtime(options)?;
    if options.unguarded {
        return Ok(runtime.block_on(serve(shop, options))?);
    }
    let agent = builder(options.settings()?)?.routes(routes).start();
    runtime.block_on(serve(shop.layer(Buckler::new(&agent)), options))?;
    say_goodbye(&agent);
    Ok(())
}

fn runtime(options: &Options) -> io::Result<Runtime> {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.worker_threads(options.workers.max(1)).enable_all().build()
}

/// Serves until the process is told to end.
async fn serve(shop: Router, options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind(options.listen).await?;
    let told = told_to_end()?;
    options.announce(listener.local_addr()?);
    // the agent bans whom the connection names
    let shop = shop.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, shop).with_graceful_shutdown(told).await
}

/// Ready when a service manager or somebody at the keyboard ends the process; both are heard from now on.
#[cfg(unix)]
fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

/// Ready when somebody at the keyboard ends the process.
#[cfg(not(unix))]
fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ended_or_unheard = tokio::signal::ctrl_c().await;
    })
}
