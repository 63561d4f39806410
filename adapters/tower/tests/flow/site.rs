//! A guarded axum application on loopback, and what the tests ask it with.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use buckler_tests::http::{self, Answer, Connection};
use buckler_tower::{Agent, Buckler, Settings, start};
use bytes::Bytes;
use tokio::{net::TcpListener, runtime::Runtime};

/// An attacker who is somewhere else: loopback itself is never banned.
pub(crate) const ATTACKER: &str = "203.0.113.9";

/// A guarded application. It stops when dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) agent: Agent,
    _server: Runtime,
    _settings: tempfile::NamedTempFile,
}

impl Site {
    /// Starts this application with the layer around it and these security settings, behind a proxy on loopback, so that tests can be
    /// any client.
    pub(crate) fn around(security: &str, application: Router) -> Self {
        Self::with(security, |buckler| application.layer(buckler))
    }

    /// Starts the application that is made with the layer.
    pub(crate) fn with(security: &str, make: impl FnOnce(Buckler) -> Router) -> Self {
        Self::serving(security, |buckler, listener| {
            let service = make(buckler).into_make_service_with_connect_info::<SocketAddr>();
            async { axum::serve(listener, service).await.unwrap() }
        })
    }

    /// Starts whatever serves on a listener.
    pub(crate) fn serving<S>(security: &str, serve: impl FnOnce(Buckler, TcpListener) -> S) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        write!(
            file,
            "[agent]\ntrusted_proxies = [\"127.0.0.1\"]\n[security]\n{security}"
        )
        .unwrap();
        let agent = start(Settings::from_file(file.path()).unwrap()).unwrap();
        let server = Runtime::new().unwrap();
        let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        server.spawn(serve(Buckler::new(&agent), listener));
        Self {
            address,
            agent,
            _server: server,
            _settings: file,
        }
    }

    /// Asks as the client at this address.
    pub(crate) fn get_as(&self, client: &str, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n"), b"")
    }

    /// Sends a body of this type.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nX-Forwarded-For: {ATTACKER}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        self.ask(&head, body)
    }

    /// Sends a head, to which the host is added, and a body; reads the answer to its end.
    pub(crate) fn ask(&self, head: &str, body: &[u8]) -> Answer {
        http::ask(self.address, head, body)
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }
}

/// Looks again and again until there is something: what one request taught the agent's thread is in force a moment later.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    /// Looks, a millisecond and more apart: a minute and more is only ever waited out by a test that fails.
    const LOOKS: usize = 60_000;
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("never: {what}")
}

/// What becomes of this in time.
pub(crate) fn within<T>(runtime: &Runtime, future: impl Future<Output = T>) -> T {
    /// Generous, because it is only ever waited out by a test that fails.
    const DEADLINE: Duration = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.unwrap() })
}

/// A small application.
pub(crate) fn shop() -> Router {
    Router::new()
        .route("/", get(async || "welcome"))
        .route("/items/{id}", get(async |Path(id): Path<u32>| format!("item {id}")))
        .route("/missing", get(async || StatusCode::NOT_FOUND))
        .route("/login", get(async || "a form"))
        .route("/echo", post(async |body: Bytes| body))
        .layer(axum::extract::DefaultBodyLimit::disable())
}
