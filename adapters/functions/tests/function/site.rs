//! A guarded function on loopback, the clouds around it, and a server.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use axum::Router;
use buckler_functions::{
    Agent, AgentBuilder, Settings,
    azure::{self, Azure, FunctionApp},
    google::{self, Environment, Google},
};
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use buckler_tests::http::{Answer, ask};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

/// A path that every default configuration takes for an attack.
pub(crate) const DECOY: &str = "/.git/config";

/// What every default configuration takes for SQL in a query.
pub(crate) const INJECTION: &str = "q=1%27+OR+%271%27%3D%271";

/// A client.
pub(crate) const CLIENT: &str = "203.0.113.9";

/// How long anything may take that happens on other threads.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const KEY: &str = "5f0c1a77-function-secret";
const ADMIN: &str = "admin-token-of-the-test";

/// A guarded application, which serves for as long as it is held.
pub(crate) struct Site {
    pub(crate) agent: Arc<Agent>,
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _runtime: Runtime,
}

impl Site {
    /// A container of Google's with these security settings and no server.
    pub(crate) fn google(settings: buckler::settings::SettingsBuilder, app: Router) -> Self {
        Self::of_google(
            google::builder(settings.build().unwrap()).unwrap(),
            |google| google,
            app,
        )
    }

    /// The same with all that can be said of it.
    pub(crate) fn of_google(builder: AgentBuilder, arrange: impl FnOnce(Google) -> Google, app: Router) -> Self {
        let agent = Arc::new(builder.start());
        let google = arrange(Google::new(Arc::clone(&agent), on_cloud_run()));
        Self::serve(agent, app.layer(google))
    }

    /// A custom handler in this function app.
    pub(crate) fn azure(settings: buckler::settings::SettingsBuilder, files: &Path, handler: Router) -> Self {
        let app = FunctionApp::read(files).unwrap();
        let agent = Arc::new(azure::builder(settings.build().unwrap(), &app).unwrap().start());
        let azure = Azure::new(Arc::clone(&agent), app);
        Self::serve(agent, handler.layer(azure))
    }

    /// What is guarded already.
    pub(crate) fn serve(agent: Arc<Agent>, app: Router) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            tokio::select! {
                served = axum::serve(listener, service) => served.unwrap(),
                _stopped = stopped => {}
            }
        });
        Self {
            agent,
            address: told.recv_timeout(PATIENCE).unwrap(),
            _stop: stop,
            _runtime: runtime,
        }
    }

    /// Asks as the front end does for this client.
    pub(crate) fn get(&self, path: &str, forwarded_for: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {forwarded_for}\r\n");
        ask(self.address, &head, b"")
    }

    /// The same with a body.
    pub(crate) fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n", body.len());
        ask(self.address, &head, body)
    }

    /// Asks until the answer has this status: what one request taught the agent's thread is in force a moment later.
    #[track_caller]
    pub(crate) fn until(&self, status: u16, path: &str, client: &str) {
        wait_until("the status", || self.get(path, client).status == status);
    }

    /// Successes, errors, attacks and refusals that were counted.
    pub(crate) fn counts(&self) -> [u64; 4] {
        let requests = self.agent.status().requests;
        [requests.success, requests.errors, requests.attacks, requests.blocked]
    }
}

/// A container's environment on Cloud Run.
pub(crate) fn on_cloud_run() -> Environment {
    Environment {
        service: Some("shop".to_owned()),
        ..Environment::default()
    }
}

/// Settings without a server. Tests ask again and again while they wait: that is a flood, by rights.
pub(crate) fn local() -> buckler::settings::SettingsBuilder {
    Settings::builder().security("SECURITY_CHECKS", json!({"flood": 0}))
}

/// Settings for a server.
pub(crate) fn of(server: &RunningServer) -> buckler::settings::SettingsBuilder {
    local().cloud_url(server.cloud_url().as_str()).key(KEY)
}

/// A server of one fleet.
pub(crate) fn server() -> RunningServer {
    let profile = Profile::for_key(KEY)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", 3600);
    Server::builder(ServerConfig::new().profile("shop", profile).admin_token(ADMIN))
        .listen("127.0.0.1:0")
        .start()
        .unwrap()
}

/// What the server's operator is told.
pub(crate) fn admin(server: &RunningServer, path: &str) -> String {
    let url = server.admin_url().join(path).unwrap();
    let address: SocketAddr = url.socket_addrs(|| None).unwrap()[0];
    let head = format!("GET {} HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n", url.path());
    let answer = ask(address, &head, b"");
    assert_eq!(answer.status, 200, "{path}");
    answer.text().to_owned()
}

/// A function app's directory: `host.json`, and each function's `function.json`.
pub(crate) fn function_app(host: &Value, functions: &[(&str, Value)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("host.json"), host.to_string()).unwrap();
    for (name, function) in functions {
        let folder = root.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("function.json"), function.to_string()).unwrap();
    }
    root
}

/// Waits for a condition.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
