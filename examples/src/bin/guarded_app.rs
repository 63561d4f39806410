//! A guarded shop, and the same shop unguarded for comparison.
//!
//!     cargo run --release --bin guarded_app -- --config buckler.toml
//!     cargo run --release --bin guarded_app -- --unguarded --listen 127.0.0.1:8081

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]

use std::{
    error::Error, future::poll_fn, net::SocketAddr, path::PathBuf, pin::Pin, process::ExitCode, task::Poll,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server};
use buckler_actix_web::{Agent, Buckler, Settings, ShutdownReport, builder, introspect};
use buckler_examples::{logs, shop::shop};
use clap::Parser;
use tracing::Level;

/// How long the agent may take to tell the server what it does not know yet.
const GOODBYE: Duration = Duration::from_secs(5);

/// A small shop, guarded by Buckler.
#[derive(Parser)]
struct Options {
    /// The settings file (TOML, JSON or YAML); without it, the environment alone.
    #[arg(long, value_name = "FILE", conflicts_with = "unguarded")]
    config: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Worker threads; as many as there are cores where it is not given.
    #[arg(long, value_name = "NUMBER", default_value_t = default_workers())]
    workers: usize,
    /// Without Buckler: the bare application, to compare with.
    #[arg(long)]
    unguarded: bool,
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

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
    print_report(&agent.shutdown(GOODBYE));
    Ok(())
}

async fn start(options: &Options) -> Result<Agent, Box<dyn Error>> {
    let settings = match &options.config {
        Some(file) => Settings::from_file(file)?,
        None => Settings::load()?,
    };
    Ok(builder(settings)?.routes(introspect(shop).await).start())
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

/// Serves until the process is told to end. Its line is printed once the server hears signals, so that whoever waits for the line
/// may send one at once.
async fn serve((mut server, addresses): Listening, options: &Options) -> std::io::Result<()> {
    if let Poll::Ready(ended) = poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll(cx))).await {
        return ended;
    }
    let kind = if options.unguarded { "unguarded" } else { "guarded" };
    for address in addresses {
        println!(
            "{kind} shop on http://{address}/ with {} workers; Ctrl-C ends it",
            options.workers
        );
    }
    server.await
}

fn print_report(report: &ShutdownReport) {
    let lost: u64 = report.lost.values().sum();
    println!(
        "goodbye: {} events sent, {} not sent, {lost} lost before",
        report.sent, report.unsent
    );
    if report.unsent > 0 {
        println!(
            "{}",
            if report.kept {
                "they are on disk for the next start"
            } else {
                "they are gone with the process"
            }
        );
    }
    if !report.in_time {
        println!("the agent did not end within {} s", GOODBYE.as_secs());
    }
}
