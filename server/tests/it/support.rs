//! A server on a free port with a clock of its own, and clients for it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use awc::http::{Method, StatusCode};
use buckler::{
    clock::Clock,
    protocol::v2::{AddressOrigin, AgentPart, Event, EventKind, Evidence, ServerPart},
};
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use serde_json::{Value, json};
use uuid::Uuid;

/// The key in every golden request.
pub(crate) const KEY: &str = "0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33";
/// A key of the same profile.
pub(crate) const OTHER_KEY: &str = "other-key-of-the-same-shop";
/// The admin API's token.
pub(crate) const TOKEN: &str = "token-for-tests";

/// When tests begin, by the wall clock: a little after the golden requests were recorded.
pub(crate) const BEGIN: u64 = 1_795_338_600;

/// A clock that goes on only when it is told to.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    /// Lets seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The wall clock, in seconds.
    pub(crate) fn unix(&self) -> u64 {
        BEGIN + self.0.load(Ordering::SeqCst)
    }
}

impl Clock for TestClock {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(100_000 + self.0.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(Self::unix(self))
    }
}

/// A running server.
pub(crate) struct Cloud {
    pub(crate) server: RunningServer,
    pub(crate) clock: Arc<TestClock>,
}

/// One profile with two keys, and the admin API.
pub(crate) fn config() -> ServerConfig {
    let shop = Profile::for_key(KEY)
        .key(OTHER_KEY)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("TELEMETRY_DATA", true)
        .set("BLACKLIST_DELAY", 3600)
        .set("BEACON_DELAY", 30)
        .set("SECURITY_CHECKS", json!({"flood": 0}));
    let config = ServerConfig::new().profile("shop", shop).admin_token(TOKEN);
    ServerConfig {
        unassigned_keys: vec!["unassigned".into()],
        ..config
    }
}

impl Cloud {
    pub(crate) fn start(config: ServerConfig) -> Self {
        Self::start_at(config, "127.0.0.1:0", Arc::default())
    }

    pub(crate) fn start_at(config: ServerConfig, listen: &str, clock: Arc<TestClock>) -> Self {
        let builder = Server::builder(config)
            .listen(listen)
            .clock(Arc::clone(&clock) as Arc<dyn Clock>);
        Self {
            server: builder.start().unwrap(),
            clock,
        }
    }

    /// A server that looks at its file all the time.
    pub(crate) fn watching(file: &Path) -> Self {
        let clock = Arc::new(TestClock::default());
        let builder = Server::builder(ServerConfig::from_file(file).unwrap())
            .listen("127.0.0.1:0")
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .reload_every(Duration::from_millis(5));
        Self {
            server: builder.start().unwrap(),
            clock,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url().join(path).unwrap().to_string()
    }

    /// Sends a body as it is.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let client = awc::Client::builder().timeout(Duration::from_secs(20)).finish();
        let mut request = client.request(method, self.url(path));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let mut response = request.send_body(body.to_vec()).await.unwrap();
        let text = response.body().limit(64 << 20).await.unwrap();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        Answer {
            status: response.status(),
            content_type: header("content-type").unwrap_or_default(),
            allow: header("allow"),
            retry_after: header("retry-after"),
            request_id: header("x-request-id").expect("every answer has an id"),
            position: header("x-buckler-position"),
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
        .await
    }

    /// An operator's request.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &[("authorization", &bearer)], body.as_bytes())
            .await
    }

    /// A request with this token.
    pub(crate) async fn by(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &[("authorization", &bearer)], body.as_bytes())
            .await
    }

    /// A token with this role, for these fleets.
    pub(crate) async fn token(&self, label: &str, role: &str, fleets: Value) -> String {
        let wanted = json!({"label": label, "role": role, "fleets": fleets});
        let made = self.admin(Method::POST, "/admin/tokens", &wanted).await.good();
        made["secret"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn agents(&self) -> Vec<Value> {
        self.admin(Method::GET, "/admin/agents", &Value::Null).await.good()["agents"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Waits until so many WebSockets are open; the test fails if that takes too long.
    pub(crate) async fn until_open(&self, wanted: usize) {
        let open = async {
            loop {
                let health = self.admin(Method::GET, "/admin/health", &Value::Null).await.good();
                if health["websockets"]["open"] == wanted {
                    break;
                }
                actix_web::rt::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let open = actix_web::rt::time::timeout(crate::socket::PATIENCE, open);
        open.await.expect("never so many");
    }

    /// Addresses on the default fleet's list.
    pub(crate) async fn listed(&self) -> Vec<String> {
        let answer = self.admin(Method::GET, "/admin/blacklist", &Value::Null).await.good();
        let entries = answer["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["address"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn operator_bans(&self, address: &str, ttl_s: Option<u64>) -> Value {
        let body = json!({"address": address, "ttl_s": ttl_s, "reason": "seen in the log", "force": true});
        self.admin(Method::POST, "/admin/blacklist", &body).await.good()
    }

    pub(crate) async fn operator_unbans(&self, address: &str) -> Answer {
        self.admin(
            Method::DELETE,
            &format!("/admin/blacklist?address={address}"),
            &Value::Null,
        )
        .await
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) allow: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) request_id: String,
    /// Of the admin API: the newest record that the answer is of.
    pub(crate) position: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// `data` of a good answer.
    pub(crate) fn good(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let mut body = self.json();
        assert_eq!(body["status"], true);
        body["data"].take()
    }

    /// `message` of a refusal with this status.
    pub(crate) fn refused(&self, status: u16) -> String {
        let body = self.json();
        assert_eq!(self.status.as_u16(), status, "{body}");
        assert_eq!(self.content_type, "application/json");
        assert_eq!(body["status"], false);
        assert_eq!(body["data"], json!({}));
        assert_eq!(body["request_id"], self.request_id.as_str());
        assert_eq!(body.as_object().unwrap().len(), 4);
        body["message"].as_str().unwrap().to_owned()
    }
}

/// A version 2 agent with as little mind of its own as possible.
pub(crate) struct Agent {
    pub(crate) key: String,
    pub(crate) part: AgentPart,
    next_seq: u64,
}

impl Agent {
    pub(crate) fn new() -> Self {
        let part = AgentPart {
            agent_id: Uuid::new_v4(),
            instance_id: Uuid::now_v7(),
            stream: Uuid::new_v4(),
            first: 1,
            ..AgentPart::default()
        };
        Self {
            key: KEY.to_owned(),
            part,
            next_seq: 1,
        }
    }

    /// One with this key.
    pub(crate) fn with_key(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..Self::new()
        }
    }

    /// Puts an event into the outbox, and returns its `seq`.
    pub(crate) fn event(&mut self, kind: EventKind, address: &str, at_s: u64, ttl_s: u64) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.part.events.push(Event {
            seq,
            kind,
            address: address.to_owned(),
            at_ms: at_s * 1_000,
            ttl_s,
            why: "decoy".to_owned(),
            evidence: Evidence::Certain,
            peer: AddressOrigin::Socket,
            detail: None,
        });
        seq
    }

    pub(crate) fn ban(&mut self, address: &str, at_s: u64) -> u64 {
        self.event(EventKind::Ban, address, at_s, 3_600)
    }

    pub(crate) fn message(&self) -> Value {
        json!({"key": self.key, "version": "0.1.0", "proto": 2, "v2": self.part})
    }

    pub(crate) fn registration(&self) -> Value {
        let mut message = self.message();
        message["platform"] = json!("actix-web");
        message["routes"] = json!({"index": {"methods": ["GET"], "path": "/"}});
        message
    }

    pub(crate) async fn register(&self, cloud: &Cloud) -> ServerPart {
        Self::part_of(&cloud.post("/config", &self.registration()).await.good())
    }

    pub(crate) async fn beacon(&self, cloud: &Cloud) -> ServerPart {
        Self::part_of(&cloud.post("/beacon", &self.message()).await.good())
    }

    /// Drops what was acknowledged.
    pub(crate) fn trim(&mut self, ack: u64) {
        self.part.events.retain(|event| event.seq > ack);
        self.part.first = self.part.events.first().map_or(self.next_seq, |event| event.seq);
    }

    pub(crate) fn part_of(answer: &Value) -> ServerPart {
        assert_eq!(
            answer["config"],
            json!({}),
            "a version 2 agent gets version 1's fields empty"
        );
        assert_eq!(answer["blacklist"], json!({}));
        serde_json::from_value(answer["v2"].clone()).unwrap()
    }
}
