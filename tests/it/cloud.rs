//! The real server as a test holds it: it can be asked, restarted on its port with or without its memory, and told other keys.

use std::{fs, net::SocketAddr, time::Duration};

use buckler_server::{RunningServer, Server, ServerConfig};
use buckler_tests::http;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::KEY;

const ADMIN: &str = "admin-token-of-the-test";

/// How long a server may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// A server with its file.
pub(crate) struct Cloud {
    server: Option<RunningServer>,
    directory: TempDir,
    address: SocketAddr,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// With these limits: lines of `[limits]`.
    pub(crate) fn with(limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut cloud = Self {
            server: None,
            directory,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let text = format!(
            "admin_token = \"{ADMIN}\"\n[limits]\n{limits}\n[profiles.shop]\nkeys = [\"{KEY}\"]\n[profiles.shop.config]\n\
             APP_NAME = \"shop\"\nBLACKLIST_SHARE = true\nTELEMETRY_DATA = true\nBEACON_DELAY = 1\nBLACKLIST_DELAY = 604800\nSECURITY_CHECKS = {{ flood = 0 }}\n"
        );
        fs::write(cloud.file(), text).unwrap();
        cloud.start_again();
        cloud
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("server.toml")
    }

    /// Where agents register.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/config", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(STOP);
        }
    }

    /// Starts on the port of before, with nothing but the file.
    pub(crate) fn start_again(&mut self) {
        let config = ServerConfig::from_file(self.file()).unwrap();
        let builder = Server::builder(config)
            .listen(&self.address.to_string())
            .reload_every(Duration::from_millis(5));
        let server = builder.start().unwrap();
        self.address = server.address();
        self.server = Some(server);
    }

    /// Takes the agents' key away, or gives it back.
    pub(crate) fn key_is_good(&self, good: bool) {
        let text = fs::read_to_string(self.file()).unwrap();
        let (from, to) = if good { ("revoked", KEY) } else { (KEY, "revoked") };
        fs::write(self.file(), text.replace(from, to)).unwrap();
    }

    /// Asks the admin API.
    #[track_caller]
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n");
        let (status, answer) = ask(
            self.address,
            method,
            &format!("/admin/{path}"),
            &headers,
            body.as_bytes(),
        )
        .unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["data"].take()
    }

    /// Signs in to the operators' page; what the session's cookie says.
    pub(crate) fn signs_in(&self) -> String {
        let form = format!("token={ADMIN}");
        let head = format!(
            "POST /admin/ui/sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        );
        let answer = http::ask(self.address, &head, form.as_bytes());
        let cookie = answer.header("set-cookie").expect("it is the token");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// A page of the operators', as the text that a browser gets.
    pub(crate) fn page(&self, session: &str, path: &str) -> String {
        let head = format!("GET /admin/ui/{path} HTTP/1.1\r\nCookie: {session}\r\n");
        let answer = http::ask(self.address, &head, b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().to_owned()
    }

    pub(crate) fn bans(&self, address: &str) {
        self.admin(
            "POST",
            "blacklist",
            Some(&json!({"address": address, "ttl_s": 604_800})),
        );
    }

    pub(crate) fn unbans(&self, address: &str) {
        self.admin("DELETE", &format!("blacklist?address={address}"), None);
    }

    pub(crate) fn allows(&self, address: &str) {
        let wanted = json!({"address": address, "reason": "the office"});
        self.admin("POST", "allowlist", Some(&wanted));
    }

    /// Whether an address is listed.
    pub(crate) fn lists(&self, address: &str) -> bool {
        let found = self.admin("GET", &format!("blacklist?address={address}"), None);
        !found["entries"].as_array().unwrap().is_empty()
    }

    /// What the server knows of its agents.
    pub(crate) fn agents(&self) -> Vec<Value> {
        self.admin("GET", "agents", None)["agents"].as_array().unwrap().clone()
    }

    /// Whether so many agents, and no more, have told that they have the list as it is now, to the last bit.
    pub(crate) fn is_shared_by(&self, agents: usize) -> bool {
        let head = self.admin("GET", "blacklist?limit=1", None);
        let has = |agent: &&Value| {
            ["epoch", "rev", "count", "digest"]
                .iter()
                .all(|part| agent["list"][part] == head[part])
        };
        let known = self.agents();
        known.len() == agents && known.iter().filter(has).count() == agents
    }

    /// Changes keys of the configuration.
    pub(crate) fn configures(&self, changes: Value) {
        let mut config = self.admin("GET", "profiles/shop/config", None)["config"].take();
        let Value::Object(changes) = changes else {
            panic!("{changes}")
        };
        config.as_object_mut().unwrap().extend(changes);
        self.admin("PUT", "profiles/shop/config", Some(&config));
    }
}

/// One request on a connection of its own: status and body.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let host = if headers.contains("Host: ") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\n");
    let answer = http::try_ask(address, &head, body)?;
    Ok((answer.status, answer.body))
}
