//! A guarded axum application on loopback, and what the tests ask it with.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use buckler_tower::{Agent, Buckler, Settings, start};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How long a test waits for what must come: generous, because it is only ever waited out by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An attacker who is somewhere else: loopback itself is never banned.
pub(crate) const ATTACKER: &str = "203.0.113.9";

/// A guarded application. It stops when dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) agent: Agent,
    server: JoinHandle<()>,
    _settings: tempfile::NamedTempFile,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Site {
    /// Starts the [shop] with these security settings, behind a proxy on loopback, so that tests can be any client.
    pub(crate) async fn start(security: &str) -> Self {
        Self::around(security, shop()).await
    }

    /// Starts this application with the layer around it.
    pub(crate) async fn around(security: &str, application: Router) -> Self {
        Self::with(security, |buckler| application.layer(buckler)).await
    }

    /// Starts the application that is made with the layer.
    pub(crate) async fn with(security: &str, make: impl FnOnce(Buckler) -> Router) -> Self {
        Self::serving(security, |buckler, listener| {
            let service = make(buckler).into_make_service_with_connect_info::<SocketAddr>();
            tokio::spawn(async move { axum::serve(listener, service).await.unwrap() })
        })
        .await
    }

    /// Starts the [shop] on a server that says of no connection where it came from.
    pub(crate) async fn without_addresses(security: &str) -> Self {
        Self::serving(security, |buckler, listener| {
            let service = shop().layer(buckler);
            tokio::spawn(async move { axum::serve(listener, service).await.unwrap() })
        })
        .await
    }

    async fn serving(security: &str, serve: impl FnOnce(Buckler, TcpListener) -> JoinHandle<()>) -> Self {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        write!(
            file,
            "[agent]\ntrusted_proxies = [\"127.0.0.1\"]\n[security]\n{security}"
        )
        .unwrap();
        let agent = start(Settings::from_file(file.path()).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            server: serve(Buckler::new(&agent), listener),
            agent,
            _settings: file,
        }
    }

    /// Asks as the client at this address.
    pub(crate) async fn get_as(&self, client: &str, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n"), b"")
            .await
    }

    /// Sends a body of this type.
    pub(crate) async fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nX-Forwarded-For: {ATTACKER}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.ask(&head, body).await
    }

    /// Sends a head, to which the host is added, and a body; reads the answer to its end.
    pub(crate) async fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let asked = async {
            let mut connection = TcpStream::connect(self.address).await.unwrap();
            let head = format!("{head}Host: shop.example.com\r\nConnection: close\r\n\r\n");
            connection.write_all(head.as_bytes()).await.unwrap();
            // a server that has refused may close before all was sent
            let _refused = connection.write_all(body).await;
            let mut came = Vec::new();
            let _reset = connection.read_to_end(&mut came).await;
            Answer::from(came)
        };
        tokio::time::timeout(DEADLINE, asked).await.expect("an answer")
    }

    /// Asks until the answer has this status: what one request taught the agent's thread is in force a moment later.
    pub(crate) async fn until(&self, client: &str, path: &str, status: u16) -> Answer {
        let asked = async {
            loop {
                let answer = self.get_as(client, path).await;
                if answer.status == status {
                    break answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, asked)
            .await
            .expect("the status came within the deadline")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl From<Vec<u8>> for Answer {
    fn from(came: Vec<u8>) -> Self {
        let end = came.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(&came)));
        let head = String::from_utf8(came[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Self {
            status,
            head,
            body: came[end + 4..].to_vec(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
        }
        answer
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 4 + size..];
    }
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
