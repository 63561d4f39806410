//! The shop as a function, started as the clouds start it: a process that is told its port by the environment, that stands still
//! whenever no request is in flight, and that is ended by `SIGTERM`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

use std::{
    fs,
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use buckler::protocol::v2::Evidence;
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use buckler_tests::{
    cloud::{AzureHost, Front},
    http::{Answer, ask},
};
use serde_json::json;

const KEY: &str = "5f0c1a77-function-secret";
const ADMIN: &str = "admin-token-of-the-test";

/// A path that every default configuration takes for an attack.
const DECOY: &str = "/.git/config";

/// A client.
const CLIENT: &str = "203.0.113.9";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts that find their port taken by somebody else meanwhile, one after the other, are no accident.
const ATTEMPTS: usize = 5;

/// A function's process. It is killed when the test ends, if it still runs.
struct Function {
    child: Child,
    address: SocketAddr,
}

impl Function {
    /// Starts a program, with a port that nobody uses in this variable, and waits until it listens.
    fn start(program: &str, port: &str, variables: &[(&str, &str)]) -> Self {
        let started = (0..ATTEMPTS).find_map(|_| {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let child = Command::new(program)
                .env_clear()
                .env(port, address.port().to_string())
                .envs(variables.iter().copied())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            Self { child, address }.listening()
        });
        started.unwrap()
    }

    /// Itself once it listens; none where it ended before.
    fn listening(mut self) -> Option<Self> {
        let mut is_up = false;
        wait_until("it listens, or ends", || {
            is_up = TcpStream::connect(self.address).is_ok();
            is_up || self.child.try_wait().unwrap().is_some()
        });
        is_up.then_some(self)
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Lets the process run for as long as it answers.
    fn awake<T>(&self, during: impl FnOnce() -> T) -> T {
        self.signal("-CONT");
        let result = during();
        self.signal("-STOP");
        result
    }

    /// What it prints, once it was told to end and did.
    fn end(mut self) -> String {
        self.signal("-CONT");
        self.signal("-TERM");
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}: {printed}");
        printed
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // it has ended already where the test went well
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_function_on_google_speaks_while_it_answers_and_says_goodbye() {
    let server = server();
    let url = server.cloud_url().to_string();
    let function = Function::start(
        env!("CARGO_BIN_EXE_google_function"),
        "PORT",
        &[("PYRASP_CLOUD_URL", &url), ("PYRASP_KEY", KEY), ("K_SERVICE", "shop")],
    );
    let get = |path: &str, client: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n");
        function.awake(|| ask(function.address, &head, b"").status)
    };
    assert_eq!(get("/items/0", CLIENT), 200);
    wait_until("it is registered", || {
        get("/", "203.0.113.10");
        told(&server, "GET", "agents", "")
            .text()
            .contains("\"platform\":\"Google Cloud Function\"")
    });
    // from the fleet to the function, and back
    told(
        &server,
        "POST",
        "blacklist",
        r#"{"address": "198.51.100.7", "ttl_s": 3600}"#,
    );
    wait_until("the list has come with a beacon", || get("/", "198.51.100.7") == 403);
    wait_until("the ban went out with the request that was caught", || {
        assert_eq!(get(DECOY, CLIENT), 403);
        told(&server, "GET", "blacklist", "").text().contains(CLIENT)
    });
    for n in 20..40 {
        assert_eq!(get(DECOY, &format!("203.0.113.{n}")), 403);
    }
    let printed = function.end();
    assert!(printed.contains(" 0 not sent, 0 lost"), "{printed}");
    let list = told(&server, "GET", "blacklist", "");
    assert!(
        (20..40).all(|n| list.text().contains(&format!("\"203.0.113.{n}\""))),
        "{}",
        list.text()
    );
}

#[test]
fn a_handler_on_azure_is_found_by_its_host_and_speaks_while_it_answers() {
    let server = server();
    let url = server.cloud_url().to_string();
    let files = function_app();
    let function = Function::start(
        env!("CARGO_BIN_EXE_azure_handler"),
        "FUNCTIONS_CUSTOMHANDLER_PORT",
        &[
            ("FUNCTIONS_APP_ROOT_PATH", files.path().to_str().unwrap()),
            ("PYRASP_CLOUD_URL", &url),
            ("PYRASP_KEY", KEY),
            // the test's client, as if it stood behind a proxy of one's own
            ("BUCKLER_AGENT__TRUSTED_PROXIES", "127.0.0.0/8"),
        ],
    );
    let host = AzureHost::read(files.path(), function.address);
    assert_eq!(function.awake(|| host.ping().unwrap()), 404, "it is there");
    let front = Front::of_azure(host.clone());
    let get = |path: &str, client: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n");
        function.awake(|| ask(front.address(), &head, b"").status)
    };
    assert_eq!(get("/api/items/0", CLIENT), 200);
    assert_eq!(get("/items/0", CLIENT), 404, "the host knows no such route");
    wait_until("it is registered", || {
        get("/api/items/1", "203.0.113.10");
        told(&server, "GET", "agents", "")
            .text()
            .contains("\"platform\":\"Azure Function\"")
    });
    wait_until("the ban went out with the request that was caught", || {
        // below the prefix of all its routes no path is a decoy by itself: three findings are
        for probe in [DECOY, "/.env", "/.aws/credentials"] {
            assert_eq!(get(&format!("/api{probe}"), CLIENT), 403);
        }
        told(&server, "GET", "blacklist", "").text().contains(CLIENT)
    });
    assert_eq!(
        function.awake(|| host.trigger("work", &json!({"item": "x"})).status),
        200
    );
    let printed = function.end();
    assert!(printed.contains(" 0 not sent, 0 lost"), "{printed}");
}

/// One function for every request, and one that a queue triggers.
fn function_app() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, content: serde_json::Value| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.to_string()).unwrap();
    };
    write(
        "host.json",
        json!({"version": "2.0", "customHandler": {"enableForwardingHttpRequest": true}}),
    );
    let trigger = json!({"type": "httpTrigger", "direction": "in", "name": "req", "route": "{*path}"});
    let output = json!({"type": "http", "direction": "out", "name": "res"});
    write("shop/function.json", json!({"bindings": [trigger, output]}));
    let queue = json!({"type": "queueTrigger", "direction": "in", "name": "item", "queueName": "q", "connection": "c"});
    write("work/function.json", json!({"bindings": [queue]}));
    root
}

/// A server whose agents beacon every second.
fn server() -> RunningServer {
    let profile = Profile::for_key(KEY)
        // below the prefix of all its routes a function's bans are of repeated findings
        .share_from(Evidence::Repeated)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", 1)
        // the test asks again and again while it waits: that is a flood, by rights
        .set("SECURITY_CHECKS", json!({"flood": 0}));
    Server::builder(ServerConfig::new().profile("shop", profile).admin_token(ADMIN))
        .listen("127.0.0.1:0")
        .start()
        .unwrap()
}

/// What the server's operator is told.
fn told(server: &RunningServer, method: &str, path: &str, body: &str) -> Answer {
    let url = server.admin_url().join(path).unwrap();
    let address = url.socket_addrs(|| None).unwrap().remove(0);
    let head = format!(
        "{method} {} HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        url.path(),
        body.len()
    );
    ask(address, &head, body.as_bytes())
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
