//! The same small application in every framework, guarded, and clients that ask it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::{http::StatusCode, routing};
use buckler::{Agent, protocol::Routes, settings::SettingsBuilder};

use crate::site::{self, PATIENCE};

/// A client that may be banned: loopback never is.
pub(super) const SOMEBODY: &str = "203.0.113.9";

/// A framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ActixWeb,
    Axum,
}

/// A guarded application, which serves for as long as it is held.
pub(super) struct Host {
    pub(super) agent: Arc<Agent>,
    address: SocketAddr,
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

/// Where an application listens, and how it is stopped.
type Started = (SocketAddr, Box<dyn FnOnce() + Send>);

impl Kind {
    /// What the agent tells the server it guards.
    pub(super) const fn platform(self) -> &'static str {
        match self {
            Self::ActixWeb => "actix-web",
            Self::Axum => "axum",
        }
    }
}

impl Host {
    pub(super) fn start(kind: Kind, settings: SettingsBuilder) -> Self {
        let settings = settings.build().unwrap();
        let builder = match kind {
            Kind::ActixWeb => buckler_actix_web::builder(settings),
            Kind::Axum => buckler_tower::builder(settings),
        };
        let agent = Arc::new(builder.unwrap().routes(routes()).start());
        let (tell, told) = mpsc::channel();
        let guarded = Arc::clone(&agent);
        let thread = std::thread::spawn(move || match kind {
            Kind::ActixWeb => serve_actix_web(&guarded, &tell),
            Kind::Axum => serve_axum(&guarded, &tell),
        });
        let (address, stop) = told.recv_timeout(PATIENCE).unwrap();
        Self {
            agent,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn get(&self, path: &str, client: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n"), b"")
    }

    pub(super) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nX-Forwarded-For: {SOMEBODY}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        self.ask(&head, body)
    }

    /// Sends a head, to which a host is added unless it has one, and a body; reads the answer to its end.
    pub(super) fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let host = if head.contains("\r\nHost: ") {
            ""
        } else {
            "Host: shop.example.com\r\n"
        };
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{head}{host}Connection: close\r\n\r\n").unwrap();
        // whoever is refused may find the connection closed before all was sent
        let _refused = stream.write_all(body);
        let mut came = Vec::new();
        let _reset = stream.read_to_end(&mut came);
        Answer::from(came)
    }

    /// Waits for a condition; fails with what the agent says of itself.
    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        site::wait_until(&self.agent, what, condition);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the application's server panicked"
            );
        }
    }
}

impl From<Vec<u8>> for Answer {
    fn from(came: Vec<u8>) -> Self {
        let end = came.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no HTTP answer: {:?}", String::from_utf8_lossy(&came)));
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
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

/// The data of a body in chunks (RFC 9112, section 7.1).
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

fn routes() -> Routes {
    buckler_actix_web::routes(["GET /", "GET /items/{id}", "GET /login", "GET /missing", "POST /echo"])
}

fn serve_actix_web(agent: &Agent, tell: &mpsc::Sender<Started>) {
    let buckler = buckler_actix_web::Buckler::new(agent);
    actix_rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::PayloadConfig::new(16 << 20))
                .route("/", web::get().to(async || "welcome"))
                .route(
                    "/items/{id}",
                    web::get().to(async |id: web::Path<u32>| format!("item {id}")),
                )
                .route("/login", web::get().to(async || "a form"))
                .route("/missing", web::get().to(HttpResponse::NotFound))
                .route("/echo", web::post().to(async |body: web::Bytes| body))
                .wrap(buckler.clone())
        })
        .workers(2)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        tell.send((address, Box::new(move || drop(handle.stop(false)))))
            .unwrap();
        running.await.unwrap();
    });
}

fn serve_axum(agent: &Agent, tell: &mpsc::Sender<Started>) {
    let application = axum::Router::new()
        .route("/", routing::get(async || "welcome"))
        .route(
            "/items/{id}",
            routing::get(async |axum::extract::Path(id): axum::extract::Path<u32>| format!("item {id}")),
        )
        .route("/login", routing::get(async || "a form"))
        .route("/missing", routing::get(async || StatusCode::NOT_FOUND))
        .route("/echo", routing::post(async |body: axum::body::Bytes| body))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(buckler_tower::Buckler::new(agent))
        .into_make_service_with_connect_info::<SocketAddr>();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tell.send((address, Box::new(move || drop(stop)))).unwrap();
        tokio::select! {
            served = axum::serve(listener, application) => served.unwrap(),
            _dropped = stopped => {}
        }
    });
}
