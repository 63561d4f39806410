//! The same small application in every framework, guarded, and clients that ask it.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use buckler::{Agent, AgentBuilder, protocol::Routes, settings::SettingsBuilder, testing::ManualClock};
use buckler_functions::{azure, google};
use buckler_tests::{
    cloud::Front,
    http::{self, Answer, Connection},
};
use buckler_tower::Buckler;

use super::{
    actix_web_app, axum_app, functions, hyper_app,
    pages::{Application, Read},
};
use crate::site::{self, PATIENCE};

/// A client that may be banned: loopback never is.
pub(super) const CLIENT: &str = "203.0.113.9";

/// A client that does nothing of note.
const VISITOR: &str = "203.0.113.200";

/// A framework, or where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ActixWeb,
    Axum,
    /// hyper without axum.
    Hyper,
    /// hyper without axum, whose layer is told of no peers.
    HyperWithoutPeers,
    /// axum on Cloud Run, behind Google's front end.
    Google,
    /// axum as a custom handler, behind Azure's front end and host, which forwards requests.
    Azure,
}

/// A guarded application, which serves for as long as it is held.
pub(super) struct Host {
    pub(super) agent: Arc<Agent>,
    /// What the handler of `/tell` reads, as it reads it.
    pub(super) told: mpsc::Receiver<Read>,
    /// What the answers of `/pieces` and `/sized` are made of, one by one; `None` is an error. They end when this is dropped.
    pub(super) pieces: Option<tokio::sync::mpsc::Sender<Option<&'static str>>>,
    kind: Kind,
    address: SocketAddr,
    _front: Option<Front>,
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where an application listens, and how it is stopped.
pub(super) type Started = (SocketAddr, Box<dyn FnOnce() + Send>);

impl Kind {
    /// What the agent tells the server it guards.
    pub(super) const fn platform(self) -> &'static str {
        match self {
            Self::ActixWeb => "actix-web",
            // one build of the layer serves both
            Self::Axum | Self::Hyper | Self::HyperWithoutPeers => "axum",
            Self::Google => "Google Cloud Function",
            Self::Azure => "Azure Function",
        }
    }

    fn builder(self, settings: SettingsBuilder) -> AgentBuilder {
        let settings = settings.build().unwrap();
        let builder = match self {
            Self::ActixWeb => buckler_actix_web::builder(settings),
            Self::Axum | Self::Hyper | Self::HyperWithoutPeers => buckler_tower::builder(settings),
            Self::Google => google::builder(settings),
            Self::Azure => azure::builder(settings, &functions::app()),
        };
        builder.unwrap()
    }

    /// Whether what stands in front of the application says this header itself, whatever a client
    /// said.
    pub(super) fn overwrites(self, name: &str) -> bool {
        match self {
            Self::ActixWeb | Self::Axum | Self::Hyper | Self::HyperWithoutPeers => false,
            Self::Google => name == "X-Forwarded-Proto",
            Self::Azure => name == "X-Original-URL",
        }
    }

    /// Whether the agent speaks when a request asks it to, and only then.
    const fn is_on_demand(self) -> bool {
        match self {
            Self::ActixWeb | Self::Axum | Self::Hyper | Self::HyperWithoutPeers => false,
            Self::Google | Self::Azure => true,
        }
    }
}

impl Host {
    pub(super) fn start(kind: Kind, settings: SettingsBuilder) -> Self {
        Self::serve(kind, kind.builder(settings).routes(routes()))
    }

    /// Without a list of routes, on a clock that only the test moves.
    pub(super) fn bare(kind: Kind, settings: SettingsBuilder, clock: &Arc<ManualClock>) -> Self {
        Self::serve(kind, kind.builder(settings).clock(Arc::clone(clock) as Arc<_>))
    }

    fn serve(kind: Kind, builder: AgentBuilder) -> Self {
        let agent = Arc::new(builder.start());
        let (tell, started) = mpsc::channel();
        let (application, told, pieces) = Application::new();
        let guarded = Arc::clone(&agent);
        let thread = std::thread::spawn(move || match kind {
            Kind::ActixWeb => actix_web_app::serve(&guarded, &application, &tell),
            Kind::Axum => axum_app::serve(Buckler::new(&guarded), &application, &tell),
            Kind::Hyper | Kind::HyperWithoutPeers => {
                hyper_app::serve(&Buckler::new(&guarded), kind == Kind::Hyper, &application, &tell);
            }
            Kind::Google => axum_app::serve(functions::google(&guarded), &application, &tell),
            Kind::Azure => axum_app::serve(functions::azure(&guarded), &application, &tell),
        });
        let (served_at, stop) = started.recv_timeout(PATIENCE).unwrap();
        let front = functions::front(kind, served_at);
        Self {
            agent,
            told,
            pieces: Some(pieces),
            kind,
            address: front.as_ref().map_or(served_at, Front::address),
            _front: front,
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
            "POST {path} HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        self.ask(&head, body)
    }

    /// Sends a head, to which a host is added unless it has one, and a body; reads the answer to its end.
    pub(super) fn ask(&self, head: &str, body: &[u8]) -> Answer {
        http::ask(self.address, head, body)
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Waits for a condition; fails with what the agent says of itself. Where it speaks during requests alone, there are some.
    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        site::wait_until(&self.agent, what, || {
            let is_so = condition();
            if !is_so && self.kind.is_on_demand() {
                self.get("/", VISITOR);
            }
            is_so
        });
    }

    /// What the handler of `/tell` has read next.
    #[track_caller]
    pub(super) fn next_told(&self) -> Read {
        self.told.recv_timeout(PATIENCE).expect("the handler reads on")
    }

    /// Gives the answer of `/pieces` or `/sized` a piece, or an error.
    pub(super) fn give(&self, piece: Option<&'static str>) {
        let pieces = self.pieces.as_ref().expect("they have not ended");
        pieces.blocking_send(piece).unwrap();
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

/// Those that the server is told; the pages of [`super::pages`] are none of its business.
fn routes() -> Routes {
    buckler_actix_web::routes(["GET /", "GET /items/{id}", "GET /login", "GET /missing", "POST /echo"])
}
