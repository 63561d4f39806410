//! The vendor's page about cloud operations, sentence by sentence: a server written from that page alone, and a whole agent.
//!
//! The page names one URL. A `POST` to it is the connection, and nothing is said of its answer; configuration and blacklist come
//! with a `GET`. Beacons have a page of their own, and a server that sends no `BEACON_URL` never sees one.

use std::{
    io,
    sync::{Arc, mpsc},
};

use buckler::{clock::Clock as _, testing::ManualClock};
use buckler_tests::{
    fault::{Answer, FaultServer, Record, Script, Seen},
    http,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    rig::{AUTO, HTTP_POLLING, Rig},
    site::{DECOY, KEY, Site, settings},
};

/// A client that the page's blacklist names.
const LISTED: &str = "198.51.100.7";
/// Anybody else.
const CLIENT: &str = "203.0.113.77";
/// What the page shows to those who are refused.
const MESSAGE: &str = "<html><head /><body><h1>You have been blocked</h1></body></html>";

/// The page's server: it answers a `POST` as it likes, and a `GET` with the document.
struct Cloud {
    server: FaultServer,
    document: watch::Sender<Value>,
}

impl Cloud {
    fn start(posted: Answer, config: &Value) -> Self {
        // long enough for a clock that a test drives
        let now = ManualClock::new().unix().as_secs();
        let document = json!({"config": config, "blacklist": {LISTED: now}});
        let (document, served) = watch::channel(document);
        let script = Script::by(move |request| {
            let answer = match (&*request.method, &*request.path) {
                ("GET", "/config") => {
                    let document = served.borrow().clone();
                    let tag = format!("\"{}\"", document.to_string().len());
                    if request.header("if-none-match") == Some(&*tag) {
                        Answer::new(304)
                    } else {
                        Answer::new(200).json(&document).header("ETag", &tag)
                    }
                }
                ("POST", "/config") => posted.clone(),
                ("POST", "/status") => {
                    let changes = json!({"new": ["203.0.113.50"], "remove": [LISTED]});
                    Answer::reply(&json!({"blacklist": changes}))
                }
                _other => Answer::new(404).html("nothing here"),
            };
            answer.into()
        });
        let server = FaultServer::start(script).unwrap();
        Self { server, document }
    }

    fn agent(&self, rig: Rig, clock: &Arc<ManualClock>) -> Site {
        Site::over(rig, settings(&self.server.url("/config")), clock)
    }

    fn changes(&self, key: &str, value: impl Into<Value>) {
        self.document
            .send_modify(|document| document["config"][key] = value.into());
    }

    fn methods(&self) -> Vec<String> {
        let Record { requests, .. } = self.server.record();
        requests.into_iter().map(|request| request.method).collect()
    }
}

/// The page's example.
fn config() -> Value {
    json!({"HOSTS": ["mysite.mydomain.com"], "APP_NAME": "Web Server", "GTFO_MSG": MESSAGE, "DENY_STATUS_CODE": 451})
}

#[test]
fn upon_connection_a_post_in_the_documented_format_is_sent() {
    let cloud = Cloud::start(Answer::new(204), &config());
    let site = cloud.agent(HTTP_POLLING, &ManualClock::new());
    site.wait_until("it is configured", || site.agent.status().config.source == "server");
    let record = cloud.server.record();
    let posted = record.requests[0].json();
    assert_eq!((&*record.requests[0].method, &posted["key"]), ("POST", &json!(KEY)));
    assert_eq!(posted["platform"], "actix-web");
    assert!(posted["version"].is_string());
    let routes = posted["routes"].as_object().unwrap();
    let item = routes.values().find(|route| route["path"] == "/item/{id}").unwrap();
    assert_eq!(item["methods"], json!(["GET"]));
}

#[test]
fn configuration_and_blacklist_are_retrieved_with_get_whatever_the_post_is_answered() {
    for posted in [
        Answer::new(200).json(&json!({})),
        Answer::new(200).html("ok"),
        Answer::new(204),
        Answer::new(404),
        Answer::new(405),
        Answer::new(501),
    ] {
        let shown = format!("{posted:?}");
        let cloud = Cloud::start(posted, &config());
        let clock = ManualClock::new();
        let site = cloud.agent(HTTP_POLLING, &clock);
        site.wait_until(&shown, || site.agent.status().config.source == "server");
        site.wait_until(&shown, || site.get("/", LISTED) == 451);
        assert_eq!(site.get("/", CLIENT), 200);
        assert_eq!(cloud.methods(), ["POST", "GET"], "{shown}");
        assert!(site.agent.status().conversation.problem.is_none());
    }
}

#[test]
fn an_agent_that_prefers_a_websocket_gets_through_too() {
    let cloud = Cloud::start(Answer::new(200).html("ok"), &config());
    let site = cloud.agent(AUTO, &ManualClock::new());
    site.wait_until("it is configured", || site.agent.status().config.source == "server");
    site.wait_until("the list is in force", || site.get("/", LISTED) == 451);
}

#[test]
fn the_message_and_the_status_answer_every_refusal() {
    let cloud = Cloud::start(Answer::new(204), &config());
    let site = cloud.agent(HTTP_POLLING, &ManualClock::new());
    site.wait_until("the list is in force", || site.get("/", LISTED) == 451);
    for (path, client) in [("/", LISTED), (DECOY, CLIENT)] {
        let answer = site.app.ask(path, client).unwrap();
        assert_eq!((answer.status, answer.text()), (451, MESSAGE), "{path} as {client}");
    }
}

#[test]
fn the_message_and_the_status_answer_what_bans_no_client_too() {
    // 403 is the document's own example, and what refusals are answered with anyway
    for status in [451, 403] {
        let cloud = Cloud::start(Answer::new(204), &config());
        cloud.changes("DENY_STATUS_CODE", status);
        let settings = settings(&cloud.server.url("/config"))
            .security("SECURITY_CHECKS", json!({"flood": 2}))
            .security("FLOOD_RATIO", 5)
            .security("FLOOD_DELAY", 3600);
        let site = Site::over(HTTP_POLLING, settings, &ManualClock::new());
        site.wait_until("the list is in force", || site.get("/", LISTED) == status);
        let refused = site.app.ask("/item/7?q=1'+OR+'1'%3D'1", CLIENT).unwrap();
        assert_eq!((refused.status, refused.text()), (status, MESSAGE));
        assert_eq!(site.get("/", CLIENT), 200, "it is refused once");
        let head = format!(
            "POST / HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\nContent-Encoding: unknown\r\nContent-Length: 3\r\n"
        );
        let unread = http::try_ask(site.app.address(), &head, b"a=1").unwrap();
        assert_eq!(
            (unread.status, unread.text()),
            (status, MESSAGE),
            "its body cannot be read"
        );
        let another = "203.0.113.78";
        for _ in 0..5 {
            assert_eq!(site.get("/", another), 200);
        }
        let throttled = site.app.ask("/", another).unwrap();
        assert_eq!((throttled.status, throttled.text()), (status, MESSAGE));
        assert!(throttled.header("retry-after").is_some(), "{throttled:?}");
        assert_eq!(site.agent.bans(), []);
    }
}

#[test]
fn updates_are_retrieved_without_a_beacon() {
    let cloud = Cloud::start(Answer::new(204), &config());
    let site = cloud.agent(HTTP_POLLING, &ManualClock::new());
    site.wait_until("the list is in force", || site.get("/", LISTED) == 451);
    site.wait_long("it was asked twice, and nothing has changed", || {
        cloud.methods().len() >= 3
    });
    assert_eq!(site.get("/", LISTED), 451);
    cloud.changes("DENY_STATUS_CODE", 410);
    cloud.changes("APP_NAME", "another");
    site.wait_long("the change is in force", || site.get("/", LISTED) == 410);
    let methods = cloud.methods();
    assert_eq!(
        methods.iter().filter(|method| *method == "POST").count(),
        1,
        "{methods:?}"
    );
}

#[test]
fn status_telemetry_and_new_entries_are_sent_and_entries_are_taken() {
    let cloud = Cloud::start(Answer::new(204), &config());
    cloud.changes("BEACON", true);
    cloud.changes("BEACON_DELAY", 5);
    cloud.changes("BEACON_URL", cloud.server.url("/status"));
    cloud.changes("TELEMETRY_DATA", true);
    cloud.changes("BLACKLIST_SHARE", true);
    let site = cloud.agent(HTTP_POLLING, &ManualClock::new());
    site.wait_until("it is configured", || site.agent.status().config.source == "server");
    assert_eq!(site.get(DECOY, "203.0.113.9"), 451);
    site.wait_until("the server's new entry is in force", || {
        site.get("/", "203.0.113.50") == 451
    });
    site.wait_until("what it removed is let in", || site.get("/", LISTED) == 200);
    let is_shared = |beacon: &Seen| beacon.json()["blacklist"][0][0] == "203.0.113.9";
    site.wait_until("the server has the agent's entry", || {
        cloud.server.record().to("/status").any(is_shared)
    });
    let record = cloud.server.record();
    let beacon = record.to("/status").next().unwrap().json();
    assert_eq!(beacon["key"], KEY);
    for figure in ["cpu", "memory", "requests"] {
        assert!(!beacon["telemetry"][figure].is_null(), "{beacon}");
    }
}

#[test]
fn the_configuration_url_is_displayed_at_start() {
    /// Passes on the one kind of line, since every agent of this process writes here.
    struct Screen(mpsc::Sender<String>);
    impl io::Write for Screen {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(line).into_owned();
            if text.contains("Loading configuration from http") {
                // once the test is over, nobody reads
                self.0.send(text).unwrap_or_default();
            }
            Ok(line.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let cloud = Cloud::start(Answer::new(204), &config());
    let (screen, shown) = mpsc::channel();
    // the report is written on the agent's own thread
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || Screen(screen.clone()))
        .init();
    let site = cloud.agent(HTTP_POLLING, &ManualClock::new());
    let line = format!("Loading configuration from {}", cloud.server.url("/config"));
    site.wait_until("it is displayed", || {
        shown.try_iter().any(|shown| {
            assert!(!shown.contains(KEY));
            shown.contains(&line)
        })
    });
}
