//! A guarded shop, and the same shop unguarded for comparison.
//!
//!     cargo run --release --bin guarded_app -- --config buckler.toml
//!     cargo run --release --bin guarded_app -- --unguarded --listen 127.0.0.1:8081

#![expect(clippy::print_stderr, reason = "a program's output")]

use std::{error::Error, future::poll_fn, net::SocketAddr, pin::Pin, process::ExitCode, task::Poll};

use actix_web::{App, HttpServer, dev::Server};
use buckler_actix_web::{Agent, Buckler, builder, introspect};
use buckler_examples::{
    guarded::{Options, say_goodbye},
    logs,
    shop::shop,
};
use clap::Parser as _;
use tracing::Level;

/// A server that listens, and where.
type Listening = (Server, Vec<SocketAddr>);

#[actix_web::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    logs::start(Level::INFO);
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.unguarded {
        return Ok(serve(unguarded(options)?, options).await?);
    }
    let agent = start(options).await?;
    serve(guarded(options, Buckler::new(&agent))?, options).await?;
    say_goodbye(&agent);
    Ok(())
}

async fn start(options: &Options) -> Result<Agent, Box<dyn Error>> {
    Ok(builder(options.settings()?)?.routes(introspect(shop).await).start())
}

fn guarded(options: &Options, buckler: Buckler) -> std::io::Result<Listening> {
    let server = HttpServer::new(move || App::new().configure(shop).wrap(buckler.clone()));
    let server = server.workers(options.workers).bind(options.listen)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

fn unguarded(options: &Options) -> std::io::Result<Listening> {
    let server = HttpServer::new(|| App::new().configure(shop));
    let server = server.workers(options.workers).bind(options.listen)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// Serves until the process is told to end.
async fn serve((mut server, addresses): Listening, options: &Options) -> std::io::Result<()> {
    // polled once, it hears signals
    if let Poll::Ready(ended) = poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll(cx))).await {
        return ended;
    }
    for address in addresses {
        options.announce(address);
    }
    server.await
}
