//! The cloud server as a program.

use std::{
    error::Error,
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use actix_web::rt::{
    System,
    signal::unix::{SignalKind, signal},
};
use buckler_server::{FileLimit, RunningServer, Server, ServerConfig, ServerError, raise_file_limit};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// How long running requests may take once the program is told to stop.
const DEADLINE: Duration = Duration::from_secs(5);

/// The cloud server that a fleet of Buckler and pyrasp agents shares.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Configuration: TOML, or JSON where the name ends in .json. It is read again when its profiles change.
    #[arg(long)]
    config: PathBuf,
    /// Where to listen, instead of where the configuration says.
    #[arg(long)]
    listen: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stdout().is_terminal())
        .init();
    match System::new().block_on(run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until Ctrl-C or SIGTERM. Both are listened for before the server says that it listens: whoever waits for that line
/// may end it at once.
async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut config = ServerConfig::from_file(&options.config)?;
    if config.data_dir.is_none() && !config.memory {
        config.data_dir = Some(default_data_dir());
    }
    make_room(&config);
    let server = start(options, config)?;
    futures_util::future::select(Box::pin(interrupt.recv()), Box::pin(terminate.recv())).await;
    server.stop(DEADLINE);
    Ok(())
}

/// Where the server keeps what it must not forget, where the file does not say: the directory that systemd made for it
/// (`StateDirectory=`), or one where it was started.
fn default_data_dir() -> PathBuf {
    let by_systemd = std::env::var_os("STATE_DIRECTORY").unwrap_or_default();
    let first = std::env::split_paths(&by_systemd).find(|path| !path.as_os_str().is_empty());
    first.unwrap_or_else(|| PathBuf::from("buckler-data"))
}

/// Raises the limit of open files, and says where it stays too low for as many agents as may connect.
fn make_room(config: &ServerConfig) {
    let FileLimit { before, now } = match raise_file_limit() {
        Ok(limit) => limit,
        Err(error) => return tracing::warn!(%error, "open files: the limit could not be raised"),
    };
    if before != now {
        tracing::info!(before, now, "open files: raised the limit");
    }
    let wanted = config.limits.ws_connections.get() as u64;
    if let Some(limit) = now.filter(|limit| *limit < wanted) {
        tracing::info!(
            limit,
            wanted,
            "open files: fewer are allowed than `limits.ws_connections` would need"
        );
    }
}

fn start(options: &Options, config: ServerConfig) -> Result<RunningServer, ServerError> {
    let mut server = Server::builder(config);
    if let Some(listen) = &options.listen {
        server = server.listen(listen);
    }
    server.start()
}
