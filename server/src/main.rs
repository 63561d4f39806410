//! The cloud server as a program.

use std::{
    error::Error,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use actix_web::rt::{
    System,
    signal::unix::{SignalKind, signal},
    time::sleep,
};
use buckler_server::{
    ConfigError, FileLimit, RunningServer, Secret, Server, ServerConfig, ServerError,
    backup::{self, Summary},
    raise_file_limit,
    systemd::Supervisor,
};
use clap::{Parser, Subcommand, ValueEnum};
use futures_util::future;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

/// How long running requests may take once the program is told to stop.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a store that answers every second may take for it: the machine is busy.
const BEAT: Duration = Duration::from_secs(3);

/// The cloud server that a fleet of Buckler and pyrasp agents shares.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Configuration: TOML, or JSON where the name ends in .json. It is read again when its profiles change.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Where the server keeps what it must not forget, instead of where the configuration says.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
    /// Where to listen, instead of where the configuration says.
    #[arg(long)]
    listen: Option<String>,
    /// How log lines are written.
    #[arg(long, global = true, value_enum, default_value_t)]
    log: LogFormat,
    #[command(subcommand)]
    task: Option<Task>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs: a JSON object a line
    Json,
}

/// What is done instead of serving, in the data directory of a server that does not run.
#[derive(Debug, Subcommand)]
enum Task {
    /// Writes a backup. A running server is asked by GET /admin/backup.
    Backup {
        /// The file, which appears when it is whole.
        file: PathBuf,
    },
    /// Makes a data directory of a backup; there must be none yet. Lists go on under a new name.
    Restore {
        /// The backup.
        file: PathBuf,
    },
    /// Reads all that is kept, and says whether it is whole.
    Check,
    /// Reads the configuration and the files that it names, and says whether a server can start
    /// with it; nothing is made or opened.
    CheckConfig,
    /// Prints the hash of each line of the standard input, to stand in the configuration in the
    /// place of the key or token that the line holds: `blake3:HASH`. There is no argument for the
    /// key: every user of the machine sees those.
    HashKey,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    match options.log {
        LogFormat::Text => lines.with_ansi(takes_colours()).init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .init(),
    }
    let done = match &options.task {
        Some(task) => perform(&options, task),
        None => System::new().block_on(run(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether lines may have colours: on a terminal whose user has not said otherwise (no-color.org).
fn takes_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    !unwanted && io::stdout().is_terminal()
}

/// The configuration, if its file is named.
fn config(options: &Options) -> Result<Option<ServerConfig>, ConfigError> {
    options.config.as_ref().map(ServerConfig::from_file).transpose()
}

/// Where the server keeps what it must not forget; nowhere, if the configuration says so.
fn data_dir(options: &Options, config: Option<&ServerConfig>) -> Option<PathBuf> {
    let named = options.data_dir.clone();
    let configured = || config.and_then(|config| config.data_dir.clone());
    let default = || (!config.is_some_and(|config| config.memory)).then(default_data_dir);
    named.or_else(configured).or_else(default)
}

/// Does what is done in a data directory.
fn perform(options: &Options, task: &Task) -> Result<(), Box<dyn Error>> {
    let config = config(options)?;
    let of_memory = "memory = true: a server that keeps everything in memory has no data directory";
    let data_dir = || data_dir(options, config.as_ref()).ok_or(of_memory);
    let (done, Summary { position, fleets }) = match task {
        Task::CheckConfig => {
            Server::builder(config.ok_or(NO_CONFIG)?).check()?;
            tracing::info!("the configuration can be used");
            return Ok(());
        }
        Task::HashKey => return hash_keys(),
        Task::Backup { file } => ("backed up", backup::write_file(&data_dir()?, file)?),
        Task::Restore { file } => ("restored", backup::restore(file, &data_dir()?)?),
        Task::Check => ("whole", backup::check(&data_dir()?)?),
    };
    let data_dir = data_dir()?;
    for (fleet, entries) in fleets {
        tracing::info!(fleet = %fleet, entries, "a list");
    }
    tracing::info!(data_dir = %data_dir.display(), position, "{done}");
    Ok(())
}

/// The longest line that is taken for a key, in bytes: longer than any header.
const LONGEST_KEY: u64 = 64 << 10;

/// Prints what stands for each line.
fn hash_keys() -> Result<(), Box<dyn Error>> {
    let mut input = io::stdin().lock();
    let mut any = false;
    loop {
        let mut line = String::new();
        if (&mut input).take(LONGEST_KEY).read_line(&mut line)? == 0 {
            break;
        }
        let key = line.trim_end_matches(['\r', '\n']);
        if key.is_empty() {
            continue;
        }
        any = true;
        writeln!(io::stdout(), "blake3:{}", Secret::of(key).fingerprint())?;
    }
    if any {
        Ok(())
    } else {
        Err("the standard input holds no key: printf %s KEY | buckler-server hash-key".into())
    }
}

/// Said where no file is named.
const NO_CONFIG: &str = "--config: missing, allowed is a file; `--help` says more";

/// Serves until Ctrl-C or SIGTERM. Both are listened for before the server says that it listens: whoever waits for that line
/// may end it at once.
async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let config = config(options)?;
    let mut config = config.ok_or(NO_CONFIG)?;
    config.data_dir = data_dir(options, Some(&config));
    config.memory = config.data_dir.is_none();
    make_room(&config);
    let supervisor = Supervisor::from_env().unwrap_or_else(|error| {
        tracing::warn!(%error, "NOTIFY_SOCKET: the supervisor cannot be told anything");
        None
    });
    let drain = Duration::from_secs(config.drain_s.into());
    let server = start(options, config)?;
    if let Some(supervisor) = &supervisor {
        supervisor.ready(&format!("listens at {}", server.address()));
    }
    let told = future::select(Box::pin(interrupt.recv()), Box::pin(terminate.recv()));
    future::select(told, Box::pin(watchdog(supervisor.as_ref(), &server))).await;
    if let Some(supervisor) = &supervisor {
        supervisor.stopping();
    }
    if !drain.is_zero() {
        tracing::info!(?drain, "draining");
        server.drain(drain);
        // the whole time, also while no client is connected: load balancers have to notice
        let again = future::select(Box::pin(interrupt.recv()), Box::pin(terminate.recv()));
        future::select(again, Box::pin(sleep(drain))).await;
    }
    server.stop(DEADLINE);
    Ok(())
}

/// Says that the server is alive for as long as its store answers.
async fn watchdog(supervisor: Option<&Supervisor>, server: &RunningServer) {
    let Some((supervisor, every)) = supervisor.and_then(|one| Some((one, one.alive_every()?))) else {
        return future::pending().await;
    };
    let (mut known, mut since) = (None, Instant::now());
    loop {
        sleep(every).await;
        let beats = server.beats();
        if known.replace(beats) != Some(beats) {
            since = Instant::now();
        }
        if since.elapsed() < every + BEAT {
            supervisor.alive();
        }
    }
}

/// Where the server keeps what it must not forget, where the file does not say: the directory that
/// systemd made for it (`StateDirectory=`), or one where it was started.
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
