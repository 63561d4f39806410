//! The server of the fleet.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use buckler_tests::fault::{Answer, FaultServer, Script, Seen};
use serde_json::{Value, json};

/// A message of the agent's, and how many answers of the function had gone out by then.
pub(crate) struct Told {
    pub(crate) message: Value,
    pub(crate) path: String,
    pub(crate) connection: usize,
    pub(crate) answers: u64,
}

impl Told {
    /// Whom it reports.
    pub(crate) fn events(&self) -> Vec<&str> {
        let events = self.message["v2"]["events"].as_array().into_iter().flatten();
        events.map(|event| event["address"].as_str().unwrap()).collect()
    }

    fn of(seen: &Seen, answers: u64) -> Self {
        Self {
            message: seen.json(),
            path: seen.path.clone(),
            connection: seen.connection,
            answers,
        }
    }
}

/// A server that takes every event, and what it was told.
pub(crate) struct Cloud {
    pub(crate) server: FaultServer,
    told: Receiver<Told>,
    tell: Sender<Told>,
    /// Answers of the function that have gone out.
    pub(crate) answers: Arc<AtomicU64>,
}

impl Cloud {
    /// Shares, wants to hear in an hour, and sends this configuration besides.
    pub(crate) fn start(config: &Value) -> Self {
        let (tell, told) = channel();
        let answers = Arc::default();
        let server = FaultServer::start(script(&tell, &answers, configuration(1, config), Value::Null)).unwrap();
        Self {
            server,
            told,
            tell,
            answers,
        }
    }

    /// From now on its replies bring a configuration.
    pub(crate) fn configure(&self, config: &Value) {
        let update = configuration(2, config);
        let script = script(&self.tell, &self.answers, update.clone(), update);
        self.server.play(script).unwrap();
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(crate::PATIENCE).expect("the agent speaks")
    }

    /// The next message that reports anybody.
    #[track_caller]
    pub(crate) fn next_report(&self) -> Told {
        loop {
            let told = self.next();
            if !told.events().is_empty() {
                return told;
            }
        }
    }

    /// What was told so far.
    pub(crate) fn so_far(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }

    /// Whether nothing comes in this time.
    pub(crate) fn is_silent_for(&self, time: Duration) -> bool {
        self.told.recv_timeout(time).is_err()
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("/config")
    }
}

fn script(tell: &Sender<Told>, answers: &Arc<AtomicU64>, welcome: Value, reply: Value) -> Script {
    let (tell, answers) = (tell.clone(), Arc::clone(answers));
    Script::by(move |seen| {
        // the test may have ended
        tell.send(Told::of(seen, answers.load(Ordering::SeqCst)))
            .unwrap_or_default();
        let list = json!({
            "mode": "snapshot", "epoch": "e1", "from": 0, "to": 1, "add": [[LISTED, 3600]], "remove": [],
            "page": 1, "pages": 1, "count": 1, "digest": digest(),
        });
        let mut part = if seen.path == "/config" {
            json!({"list": list, "config": welcome})
        } else {
            json!({"ack": 1_000, "config": reply})
        };
        part.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        Answer::reply(&json!({"v2": part})).into()
    })
}

/// Whom the fleet has shut out.
pub(crate) const LISTED: &str = "198.51.100.99";

fn digest() -> String {
    use buckler::model::{address::parse_network, blacklist::Digest};
    Digest::of(parse_network(LISTED)).to_string()
}

fn configuration(version: u64, more: &Value) -> Value {
    let mut body = json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 3600, "TELEMETRY_DATA": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let hash = buckler::model::policy::config_hash(&serde_json::from_value(body.clone()).unwrap());
    json!({"version": version, "hash": hash, "body": body})
}
