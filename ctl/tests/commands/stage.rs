//! A server for a test, the program that asks it, and an agent that speaks to it.

use std::{
    cell::Cell,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use buckler::clock::Clock;
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use buckler_tests::http;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "admin-token-of-the-test";
const KEY: &str = "key-of-the-shop";
/// The id of the agent.
pub(crate) const AGENT: &str = "6d0d7a5e-3c1f-4b0a-9f4e-2a1c5b7d9e10";

pub(crate) struct Stage {
    server: Option<RunningServer>,
    pub(crate) home: TempDir,
    clock: Arc<StageClock>,
}

/// The server's clock: it begins with the machine's, and goes on only when it is told to.
#[derive(Debug)]
pub(crate) struct StageClock {
    begun: Duration,
    passed_s: AtomicU64,
}

impl Clock for StageClock {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(100_000 + self.passed_s.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        self.begun + Duration::from_secs(self.passed_s.load(Ordering::SeqCst))
    }
}

/// What the program printed, and its exit code.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// The shop's profile.
pub(crate) fn config() -> ServerConfig {
    let shop = Profile::for_key(KEY)
        .set("APP_NAME", "shop")
        .set("BEACON_DELAY", 60)
        .set("BLACKLIST_SHARE", true);
    ServerConfig::new().profile("shop", shop).admin_token(TOKEN)
}

/// The same, and a profile of another fleet.
pub(crate) fn two_fleets() -> ServerConfig {
    config().profile("blog", Profile::for_key("key-of-the-blog").fleet("elsewhere"))
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the program compares with this clock")]
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let passed_s = AtomicU64::new(0);
        let clock = Arc::new(StageClock { begun, passed_s });
        let server = Server::builder(config)
            .listen("127.0.0.1:0")
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .start()
            .unwrap();
        Self {
            server: Some(server),
            home: tempfile::tempdir().unwrap(),
            clock,
        }
    }

    /// Lets seconds pass at the server.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.passed_s.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Writes a file of the operator.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn server(&self) -> String {
        self.server.as_ref().unwrap().admin_url().join("/").unwrap().to_string()
    }

    pub(crate) fn run(&self, args: &str) -> Done {
        self.run_with(args, &self.server(), TOKEN)
    }

    pub(crate) fn run_with(&self, args: &str, server: &str, token: &str) -> Done {
        let set = [("BUCKLERCTL_SERVER", server), ("BUCKLERCTL_TOKEN", token)];
        self.run_in(args, &set)
    }

    /// Runs the program with variables that say something.
    pub(crate) fn run_in(&self, args: &str, variables: &[(&str, &str)]) -> Done {
        Done::from(self.command(args, variables).output().unwrap())
    }

    /// The program, ready to be run.
    pub(crate) fn command(&self, args: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bucklerctl"));
        command
            .args(args.split(' '))
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null());
        command.envs(variables.iter().filter(|(_, value)| !value.is_empty()).copied());
        command
    }

    pub(crate) fn json(&self, args: &str) -> Value {
        let done = self.run(&format!("{args} --output json"));
        assert_eq!(done.code, 0, "{args}: {}{}", done.out, done.err);
        serde_json::from_str(&done.out).unwrap()
    }

    /// An agent of the shop, which has registered.
    pub(crate) fn agent(&self) -> Agent<'_> {
        let agent = Agent {
            stage: self,
            seq: Cell::new(1),
        };
        let mut registration = agent.message(&[]);
        registration["platform"] = json!("actix-web");
        registration["v2"]["identity"] = json!({
            "host": "web-1", "release": "2.4.1", "environment": "production", "labels": {"tier": "web"},
        });
        registration["routes"] = json!({"index": {"methods": ["GET"], "path": "/"}});
        agent.post("/config", &registration);
        agent
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop(Duration::from_secs(5));
        }
    }
}

/// An agent that says what it is told to.
pub(crate) struct Agent<'s> {
    stage: &'s Stage,
    /// The number of its next event.
    seq: Cell<u64>,
}

impl Agent<'_> {
    fn message(&self, events: &[Value]) -> Value {
        let first = events
            .first()
            .map_or_else(|| self.seq.get(), |event| event["seq"].as_u64().unwrap());
        json!({"key": KEY, "version": "0.1.0", "proto": 2, "v2": {
            "agent_id": AGENT, "instance_id": "019aa4c2-0000-7000-8000-000000000001",
            "stream": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "first": first, "events": events,
            "health": {"state": "synced"},
        }})
    }

    fn post(&self, path: &str, message: &Value) {
        let url = self.stage.server.as_ref().unwrap().url();
        let address = url.socket_addrs(|| None).unwrap()[0];
        let body = message.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        let answer = http::ask(address, &head, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Sends a beacon in which this is otherwise.
    pub(crate) fn beacon(&self, otherwise: &Value) {
        let mut message = self.message(&[]);
        for (member, value) in otherwise.as_object().unwrap() {
            message["v2"][member] = value.clone();
        }
        self.post("/beacon", &message);
    }

    /// Tells of an event, which it acknowledges by itself.
    pub(crate) fn tells(&self, mut event: Value) {
        let seq = self.seq.get();
        event["seq"] = json!(seq);
        self.seq.set(seq + 1);
        let at = self.stage.clock.unix();
        event["at_ms"] = json!(u64::try_from(at.as_millis()).unwrap());
        self.post("/beacon", &self.message(&[event]));
    }

    /// How many events it has told of.
    pub(crate) fn told(&self) -> u64 {
        self.seq.get() - 1
    }

    /// Tells of a refusal with this id, for which it bans the client.
    pub(crate) fn refuses(&self, id: u64, client: &str, rule: &str, route: &str) {
        self.tells(json!({
            "kind": "ban", "address": client, "ttl_s": 3_600, "why": "sqli", "evidence": "certain", "peer": "socket",
            "detail": {
                "id": format!("{id:016x}"), "rule": rule, "place": "query:q", "score": 95, "level": 2,
                "method": "GET", "route": route, "host": "shop.example.com", "status": 403,
                "requests": 4, "values": 3,
                "exception": json!({"rule": rule, "place": "query:q", "route": route}).to_string(),
            },
        }));
    }
}

#[track_caller]
pub(crate) fn assert_says(done: &Done, code: i32, said: &str) {
    assert_eq!(done.code, code, "{}{}", done.out, done.err);
    assert!(
        done.out.contains(said) || done.err.contains(said),
        "{said}: {}{}",
        done.out,
        done.err
    );
}
