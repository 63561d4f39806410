//! The server's own thread: it listens, keeps things up, and ends within a deadline.

use std::{io, net::SocketAddr, sync::mpsc, thread, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    middleware::{Compress, from_fn},
    rt::System,
    web::Data,
};
use tokio::sync::oneshot;

use crate::{
    config::{Limits, ServerConfig},
    http::{self, Paths, Serves, State},
    running::{Places, RunningServer},
    server::ServerError,
    sockets,
    upkeep::{self, Upkeep},
};

/// Connections that may wait to be accepted: a fleet that comes back at once.
const BACKLOG: u32 = 4_096;

/// Connections that a worker serves beside all WebSockets there may be: actix's own bound.
const REQUESTS: usize = 25_600;

/// How long an idle connection is kept: longer than the usual beacon interval of 30 s with its
/// jitter, so that agents need no new connection for each beacon.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to send the head of its request, and before that to shake hands.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// Threads of the listener for operators: a few people and a scraper.
const ADMIN_WORKERS: usize = 1;

/// How often it is looked at whether all is answered, while the server ends.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Starts the server's thread and waits until it has bound its addresses.
pub(crate) fn launch(config: ServerConfig, state: Data<State>, upkeep: Upkeep) -> Result<RunningServer, ServerError> {
    let (bound, is_bound) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let (paths, is_secure) = (Paths::from(&config), config.tls.is_some());
    let running = Data::clone(&state);
    let thread = thread::Builder::new()
        .name("buckler-server".to_owned())
        .spawn(move || System::new().block_on(run(config, state, upkeep, &bound, stopped)))
        .map_err(ServerError::Thread)?;
    let (address, admin) = is_bound
        .recv()
        .map_err(|_| ServerError::Broken)?
        .map_err(ServerError::Bind)?;
    let places = Places::new(address, admin, is_secure, &paths).ok_or(ServerError::Broken)?;
    Ok(RunningServer::new(places, running.into_inner(), stop, thread))
}

/// Where the listeners are: agents', and operators' if it is another.
type Bound = (SocketAddr, Option<SocketAddr>);

async fn run(
    config: ServerConfig,
    state: Data<State>,
    upkeep: Upkeep,
    bound: &mpsc::Sender<io::Result<Bound>>,
    stopped: oneshot::Receiver<Duration>,
) {
    let owner = upkeep.owner.clone();
    let servers = match listen(&config, &state) {
        Ok((addresses, servers)) => {
            // who started the server waits for this, or has gone
            let _ = bound.send(Ok(addresses));
            servers
        }
        Err(error) => {
            let _ = bound.send(Err(error));
            return;
        }
    };
    let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
    let upkeep = actix_web::rt::spawn(upkeep::run(upkeep));
    let servers: Vec<_> = servers.into_iter().map(actix_web::rt::spawn).collect();
    // a handle that was dropped without a word wants no delay
    let deadline = stopped.await.unwrap_or_default();
    upkeep.abort();
    for handle in &handles {
        handle.pause().await;
    }
    state.stop();
    let idle = async {
        while !state.is_idle() {
            actix_web::rt::time::sleep(LOOK_EVERY).await;
        }
    };
    if actix_web::rt::time::timeout(deadline, idle).await.is_err() {
        tracing::warn!(?deadline, "stopping with requests unanswered");
    }
    for handle in &handles {
        handle.stop(false).await;
    }
    for server in servers {
        let _ = server.await;
    }
    owner.stop().await;
    tracing::info!("stopped");
}

fn listen(config: &ServerConfig, state: &Data<State>) -> io::Result<(Bound, Vec<Server>)> {
    let paths = Paths::from(config);
    let serves = match &config.admin_listen {
        Some(_) => Serves::Agents(paths),
        None => Serves::Everything(paths),
    };
    let workers = config.workers.get();
    let (address, server) = bind((&config.listen, workers, true), serves, &config.limits, state)
        .map_err(|error| at("listen", &config.listen, &error))?;
    tracing::info!(%address, "listening");
    let mut servers = vec![server];
    let admin = match &config.admin_listen {
        Some(listen) => {
            let (address, server) = bind((listen, ADMIN_WORKERS, false), Serves::Operators, &config.limits, state)
                .map_err(|error| at("admin_listen", listen, &error))?;
            tracing::info!(%address, "listening for operators");
            servers.push(server);
            Some(address)
        }
        None => None,
    };
    Ok(((address, admin), servers))
}

fn at(key: &str, address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{key}: found {address:?}: {error}"))
}

/// Binds a listener with so many threads, which asks for certificates of agents where that is said.
fn bind(
    (address, workers, is_for_agents): (&str, usize, bool),
    serves: Serves,
    limits: &Limits,
    state: &Data<State>,
) -> io::Result<(SocketAddr, Server)> {
    let tls = state.tls().map(|tls| tls.listener(is_for_agents)).transpose();
    let (tls, state) = (tls.map_err(io::Error::other)?, Data::clone(state));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&state))
            .configure(|app| http::routes(app, &serves))
            .wrap(Compress::default())
            .wrap(from_fn(http::guarded))
    });
    let server = server
        .workers(workers)
        .backlog(BACKLOG)
        .max_connections(limits.ws_connections.get().saturating_add(REQUESTS))
        .keep_alive(KEEP_ALIVE)
        // a push must not wait until the one before it is acknowledged
        .tcp_nodelay(true)
        .on_connect(sockets::accepted)
        .client_request_timeout(HEAD_DEADLINE)
        .tls_handshake_timeout(HEAD_DEADLINE)
        .disable_signals();
    let server = match tls {
        Some(tls) => server.bind_rustls_0_23(address, tls)?,
        None => server.bind(address)?,
    };
    let bound = server.addrs().first().copied();
    let bound = bound.ok_or_else(|| io::Error::other("the name has no address"))?;
    Ok((bound, server.run()))
}
