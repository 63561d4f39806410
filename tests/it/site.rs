//! A guarded application on loopback with two workers, and clients that ask it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use buckler::{Settings, clock::Clock, settings::SettingsBuilder};
use buckler_actix_web::{Agent, Buckler};

/// How long anything may take that happens on other threads.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The agents' key; looked for where it must not be.
pub(crate) const KEY: &str = "5f0c1a77-end-to-end-secret";

/// A path that every default configuration takes for an attack.
pub(crate) const DECOY: &str = "/.git/config";

/// Settings of an agent whose clients are named by a proxy on loopback.
pub(crate) fn settings(cloud_url: &str) -> SettingsBuilder {
    local().cloud_url(cloud_url).key(KEY)
}

/// Settings of an agent without a server.
pub(crate) fn local() -> SettingsBuilder {
    // tests ask again and again while they wait: that is a flood, by rights
    Settings::builder()
        .trusted_proxies(["127.0.0.0/8"])
        .security("SECURITY_CHECKS", serde_json::json!({"flood": 0}))
        .transport_option("http-polling", "timeout", serde_json::json!("1s"))
}

/// A guarded application.
pub(crate) struct Site {
    pub(crate) agent: Arc<Agent>,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    pub(crate) fn start(settings: SettingsBuilder) -> Self {
        Self::with(settings, None)
    }

    /// With a clock that the test drives.
    pub(crate) fn on(settings: SettingsBuilder, clock: Arc<dyn Clock>) -> Self {
        Self::with(settings, Some(clock))
    }

    fn with(settings: SettingsBuilder, clock: Option<Arc<dyn Clock>>) -> Self {
        let builder = buckler_actix_web::builder(settings.build().unwrap()).unwrap();
        let agent = Arc::new(match clock {
            Some(clock) => builder.clock(clock).start(),
            None => builder.start(),
        });
        let buckler = Buckler::new(&agent);
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .route("/", web::get().to(async || "hello"))
                        .route(
                            "/item/{id}",
                            web::get().to(async |id: web::Path<u32>| HttpResponse::Ok().body(id.to_string())),
                        )
                        .wrap(buckler.clone())
                })
                .workers(2)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap();
                let address = server.addrs()[0];
                let running = server.run();
                tell.send((address, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (address, handle) = told.recv_timeout(PATIENCE).unwrap();
        Self {
            agent,
            address,
            handle,
            thread: Some(thread),
        }
    }

    /// Asks as this client does; the status.
    pub(crate) fn get(&self, path: &str, client: &str) -> u16 {
        self.try_get(path, client)
            .unwrap_or_else(|error| panic!("GET {path} as {client}: {error}"))
    }

    /// As [`get`](Self::get), where no answer is an answer too.
    pub(crate) fn try_get(&self, path: &str, client: &str) -> std::io::Result<u16> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: shop.example.com\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| std::io::Error::other(format!("no HTTP answer: {answer:?}")))
    }

    /// Waits for a condition; fails with what the agent says of itself.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let end = now() + PATIENCE;
        while !condition() {
            assert!(
                now() < end,
                "not within {PATIENCE:?}: {what}; {:#?}",
                self.agent.status()
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the application's server panicked"
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
fn now() -> Instant {
    Instant::now()
}
