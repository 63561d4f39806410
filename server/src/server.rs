//! The server as a whole: built from its configuration, running on a thread of its own, stopped within a deadline.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    middleware::{Compress, from_fn},
    rt::System,
    web::Data,
};
use buckler::clock::{Clock, SystemClock};
use ipnet::IpNet;
use tokio::sync::oneshot;

use crate::{
    config::{ConfigError, ServerConfig},
    http::{self, Paths, State},
    list::ListBounds,
    moment::Moment,
    owner::Owner,
    profiles::Profiles,
    protect::Protected,
    running::RunningServer,
    sockets,
    store::{MemoryStore, Rules, Store},
    upkeep::{self, Upkeep},
};

/// Connections that may wait to be accepted: a fleet that comes back at once.
const BACKLOG: u32 = 4_096;

/// Connections that a worker serves beside all WebSockets there may be: actix's own bound.
const REQUESTS: usize = 25_600;

/// How long an idle connection is kept: longer than the usual beacon interval of 30 s with its jitter, so that agents need
/// not connect anew for each beacon.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to send the head of its request.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// How often the file is looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// The cloud server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Begins to build a server.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buckler_server::{Profile, Server, ServerConfig};
    ///
    /// let config = ServerConfig::new().profile("shop", Profile::for_key("demo-key").set("APP_NAME", "shop"));
    /// let server = Server::builder(config).listen("127.0.0.1:0").start()?;
    /// assert!(server.cloud_url().as_str().ends_with("/config"));
    /// server.stop(Duration::from_secs(1));
    /// # Ok::<(), buckler_server::ServerError>(())
    /// ```
    #[must_use]
    pub fn builder(config: ServerConfig) -> ServerBuilder {
        ServerBuilder {
            config,
            clock: Arc::new(SystemClock::new()),
            store: None,
            reload_every: RELOAD_EVERY,
        }
    }
}

/// Makes a store that is held to the rules.
type StoreMaker = Box<dyn FnOnce(Rules) -> Box<dyn Store>>;

/// A server that does not run yet.
pub struct ServerBuilder {
    config: ServerConfig,
    clock: Arc<dyn Clock>,
    store: Option<StoreMaker>,
    reload_every: Duration,
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// Where to listen, instead of where the configuration says.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.config.listen);
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another store than the one in memory.
    #[must_use]
    pub fn store(mut self, make: impl FnOnce(Rules) -> Box<dyn Store> + 'static) -> Self {
        self.store = Some(Box::new(make));
        self
    }

    /// How often the configuration's file is looked at; every 2 seconds otherwise.
    #[must_use]
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.reload_every = interval;
        self
    }

    /// Checks the configuration, binds, and starts to answer. It returns once connections are accepted.
    ///
    /// # Errors
    /// If the configuration is not valid, or the address cannot be bound.
    pub fn start(self) -> Result<RunningServer, ServerError> {
        let Self {
            config,
            clock,
            store,
            reload_every,
        } = self;
        config.check_paths()?;
        let profiles = Arc::new(Profiles::new(&config, Moment::read(&*clock).unix_s())?);
        let rules = rules(&config);
        let protected = Arc::clone(&rules.protected);
        let make = store.unwrap_or_else(|| Box::new(|rules| Box::new(MemoryStore::new(rules))));
        let owner = Owner::start(make(rules), Arc::clone(&clock)).map_err(ServerError::Thread)?;
        let state = State::new(
            &config,
            owner.clone(),
            Arc::clone(&profiles),
            protected,
            Arc::clone(&clock),
        );
        let upkeep = Upkeep {
            owner,
            hub: Arc::clone(state.hub()),
            profiles,
            clock,
            config: config.clone(),
            reload_every,
        };
        launch(config, Data::new(state), upkeep)
    }
}

fn rules(config: &ServerConfig) -> Rules {
    let listen = config
        .listen
        .parse::<SocketAddr>()
        .ok()
        .map(|address| IpNet::from(address.ip()));
    let named = config.trusted_proxies.iter().chain(&config.own_addresses).copied();
    let limits = config.limits;
    Rules {
        protected: Arc::new(Protected::new(config.protect_private_ranges, named.chain(listen))),
        bounds: ListBounds {
            page: limits.page_entries.get(),
            history: limits.history.get(),
        },
        agents: limits.agents.get(),
        shared_live: limits.shared_live.get(),
        shared_per_minute: limits.shared_per_minute.get(),
    }
}

/// Starts the server's thread and waits until it has bound its address.
fn launch(config: ServerConfig, state: Data<State>, upkeep: Upkeep) -> Result<RunningServer, ServerError> {
    let (bound, is_bound) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let paths = Paths::from(&config);
    let thread = thread::Builder::new()
        .name("buckler-server".to_owned())
        .spawn(move || System::new().block_on(run(config, state, upkeep, &bound, stopped)))
        .map_err(ServerError::Thread)?;
    let address = is_bound
        .recv()
        .map_err(|_| ServerError::Broken)?
        .map_err(ServerError::Bind)?;
    RunningServer::new(address, &paths, stop, thread).ok_or(ServerError::Broken)
}

async fn run(
    config: ServerConfig,
    state: Data<State>,
    upkeep: Upkeep,
    bound: &mpsc::Sender<Result<SocketAddr, std::io::Error>>,
    stopped: oneshot::Receiver<Duration>,
) {
    let paths = Paths::from(&config);
    let ServerConfig {
        listen,
        workers,
        limits,
        ..
    } = config;
    let answering = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .configure(|app| http::routes(app, &paths))
            .wrap(Compress::default())
            .wrap(from_fn(http::guarded))
    });
    let server = server
        .workers(workers.get())
        .backlog(BACKLOG)
        .max_connections(limits.ws_connections.get().saturating_add(REQUESTS))
        .keep_alive(KEEP_ALIVE)
        // a push must not wait until the one before it is acknowledged
        .tcp_nodelay(true)
        .on_connect(|socket, _| sockets::give_up_when_stuck(socket))
        .client_request_timeout(HEAD_DEADLINE)
        .disable_signals()
        .bind(&listen);
    let server = match server.map(|server| (server.addrs().first().copied(), server.run())) {
        Ok((Some(address), server)) => {
            tracing::info!(%address, "listening");
            // who started the server waits for this, or has gone
            let _ = bound.send(Ok(address));
            server
        }
        Ok((None, _)) => return,
        Err(error) => {
            let _ = bound.send(Err(error));
            return;
        }
    };
    let handle = server.handle();
    let upkeep = actix_web::rt::spawn(upkeep::run(upkeep));
    let server = actix_web::rt::spawn(server);
    // a handle that was dropped without a word wants no delay
    let deadline = stopped.await.unwrap_or_default();
    upkeep.abort();
    handle.pause().await;
    answering.stop();
    let idle = async {
        while !answering.is_idle() {
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if actix_web::rt::time::timeout(deadline, idle).await.is_err() {
        tracing::warn!(?deadline, "stopping with requests unanswered");
    }
    handle.stop(false).await;
    let _ = server.await;
    tracing::info!("stopped");
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen: {0}")]
    Bind(#[source] std::io::Error),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The server's thread ended before it listened.
    #[error("the server ended while it started")]
    Broken,
}
