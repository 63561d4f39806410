//! A guarded application on loopback with two workers, and clients that ask it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use buckler::{Settings, clock::Clock, settings::SettingsBuilder, testing::ManualClock};
use buckler_actix_web::{Agent, Buckler, routes};
use buckler_tests::http::{self, Answer};

use crate::rig::{HTTP_POLLING, Held, Rig};

/// How long anything may take that happens on other threads.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How fast a clock that the test drives runs while it waits: what comes every 10 s comes within half a second.
const SPEED: u32 = 20;

/// How fast it runs where a test waits for what takes an hour: patience is 17 hours then, less than any ban lasts.
const HASTE: u32 = 1_000;

/// Between two looks at a condition: the machine is for those who are waited for.
const PAUSE: Duration = Duration::from_millis(1);

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
        .security("BLACKLIST_DELAY", 604_800)
        .security("BAN_GROWTH", false)
}

/// A guarded application and its agent.
pub(crate) struct Site {
    pub(crate) app: Application,
    pub(crate) agent: Arc<Agent>,
    /// The agent's, where the test drives it.
    pub(crate) clock: Option<Arc<ManualClock>>,
    _held: Held,
}

/// A guarded application, which serves for as long as it is held.
pub(crate) struct Application {
    /// While this is set, `/wait` blocks the thread that it runs on.
    pub(crate) gate: Arc<AtomicBool>,
    /// Threads that are blocked there.
    pub(crate) waiting: Arc<AtomicUsize>,
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Over HTTP, in real time.
    pub(crate) fn start(settings: SettingsBuilder) -> Self {
        Self::with(HTTP_POLLING, settings, None)
    }

    /// Over this transport, in real time.
    pub(crate) fn over_real_time(rig: Rig, settings: SettingsBuilder) -> Self {
        Self::with(rig, settings, None)
    }

    /// With a clock that moves while the test waits: a step for each look.
    pub(crate) fn over(rig: Rig, settings: SettingsBuilder, clock: &Arc<ManualClock>) -> Self {
        Self::with(rig, settings, Some(Arc::clone(clock)))
    }

    fn with(rig: Rig, settings: SettingsBuilder, clock: Option<Arc<ManualClock>>) -> Self {
        let (builder, held) = rig.build(settings);
        let builder = builder.routes(routes(["GET /", "GET /item/{id}"]));
        let agent = Arc::new(match &clock {
            Some(clock) => builder.clock(Arc::clone(clock) as Arc<dyn Clock>).start(),
            None => builder.start(),
        });
        Self {
            app: Application::start(&agent),
            agent,
            clock,
            _held: held,
        }
    }

    /// Asks as this client does; the status.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, client: &str) -> u16 {
        self.app.get(path, client)
    }

    /// Waits for a condition, while a clock that the test drives runs; fails with what the agent says of itself.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        self.wait(what, SPEED, condition);
    }

    /// As [`wait_until`](Self::wait_until), for what takes up to an hour of a clock that the test drives.
    #[track_caller]
    pub(crate) fn wait_long(&self, what: &str, condition: impl FnMut() -> bool) {
        self.wait(what, HASTE, condition);
    }

    #[track_caller]
    fn wait(&self, what: &str, speed: u32, mut condition: impl FnMut() -> bool) {
        let (mut looked, end) = (now(), now() + PATIENCE);
        while !condition() {
            assert!(
                now() < end,
                "not within {PATIENCE:?}: {what}; {:#?}",
                self.agent.status()
            );
            std::thread::park_timeout(PAUSE);
            let last = std::mem::replace(&mut looked, now());
            if let Some(clock) = &self.clock {
                clock.advance((looked - last) * speed);
            }
        }
    }
}

impl Application {
    pub(crate) fn start(agent: &Agent) -> Self {
        let buckler = Buckler::new(agent);
        let (gate, waiting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let barrier = (Arc::clone(&gate), Arc::clone(&waiting));
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (gate, waiting) = barrier.clone();
                    let wait = move || {
                        waiting.fetch_add(1, Ordering::SeqCst);
                        while gate.load(Ordering::SeqCst) {
                            std::thread::park_timeout(PAUSE);
                        }
                        waiting.fetch_sub(1, Ordering::SeqCst);
                        std::future::ready("done")
                    };
                    App::new()
                        .route("/wait", web::get().to(wait))
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
            gate,
            waiting,
            address,
            handle,
            thread: Some(thread),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks as this client does; the status.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, client: &str) -> u16 {
        self.try_get(path, client)
            .unwrap_or_else(|error| panic!("GET {path} as {client}: {error}"))
    }

    /// As [`get`](Self::get), where no answer is an answer too.
    pub(crate) fn try_get(&self, path: &str, client: &str) -> std::io::Result<u16> {
        Ok(self.ask(path, client)?.status)
    }

    /// The id of the refusal that this client gets.
    #[track_caller]
    pub(crate) fn refusal(&self, path: &str, client: &str) -> String {
        let answer = self.ask(path, client).unwrap();
        answer.header("x-block-id").expect("it is a refusal").to_owned()
    }

    /// Asks as this client does; all of the answer.
    pub(crate) fn ask(&self, path: &str, client: &str) -> std::io::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n");
        http::try_ask(self.address, &head, b"")
    }
}

impl Drop for Application {
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

/// Waits for a condition in real time; fails with what the agent says of itself.
#[track_caller]
pub(crate) fn wait_until(agent: &Agent, what: &str, mut condition: impl FnMut() -> bool) {
    let end = now() + PATIENCE;
    while !condition() {
        assert!(now() < end, "not within {PATIENCE:?}: {what}; {:#?}", agent.status());
        std::thread::park_timeout(PAUSE);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
fn now() -> Instant {
    Instant::now()
}
