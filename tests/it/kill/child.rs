//! The process that is killed.

use std::{
    io::{Write, stdout},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use buckler::{
    Agent, Settings,
    guard::{RequestView, RouteMatch},
    testing::ManualClock,
};
use buckler_server::RunningServer;
use serde_json::{Value, json};

use super::BAN_FOR_S;
use crate::site::{DECOY, KEY};

/// The environment variable that holds the order.
pub(super) const ORDER: &str = "BUCKLER_TEST_CHILD";
/// Time goes so much faster than real time, so that a child says in its short life what takes an agent a minute.
const PACE: u32 = 50;
/// Between two attackers.
const PAUSE: Duration = Duration::from_millis(1);

/// What a child is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Catch attackers until it is killed.
    Catch,
    /// Fetch the list until it is killed.
    Fetch,
    /// Tell the server everything, and end.
    Drain,
}

/// An order to a child.
#[derive(Debug)]
pub(super) struct Order {
    task: Task,
    round: u64,
    cloud_url: String,
    state_dir: PathBuf,
}

const TASKS: [(Task, &str); 3] = [(Task::Catch, "catch"), (Task::Fetch, "fetch"), (Task::Drain, "drain")];

impl Order {
    pub(super) fn new(server: &RunningServer, state_dir: &Path, task: Task, round: u64) -> Self {
        Self {
            task,
            round,
            cloud_url: server.cloud_url().to_string(),
            state_dir: state_dir.to_owned(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        let task = TASKS.iter().find(|(task, _)| *task == self.task).map(|(_, name)| name);
        json!([task, self.round, self.cloud_url, self.state_dir]).to_string()
    }

    fn from_json(json: &str) -> Self {
        let (task, round, cloud_url, state_dir): (String, u64, String, PathBuf) = serde_json::from_str(json).unwrap();
        let (task, _) = *TASKS.iter().find(|(_, name)| *name == task).unwrap();
        Self {
            task,
            round,
            cloud_url,
            state_dir,
        }
    }
}

#[test]
#[ignore = "it is what the other tests start and kill, and does nothing without an order"]
fn child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    // a lock would let the log's lines and ours mix
    tracing_subscriber::fmt().with_ansi(false).with_writer(stdout).init();
    let order = Order::from_json(&order);
    let clock = ManualClock::new();
    clock.advance(Duration::from_mins(order.round));
    let settings = Settings::builder()
        .cloud_url(&order.cloud_url)
        .key(KEY)
        .state_dir(&order.state_dir)
        // what comes later over the WebSocket must not be lost over HTTP, and the other way around
        .transport(if order.round.is_multiple_of(2) {
            "websocket"
        } else {
            "http-polling"
        })
        .security("BLACKLIST_SHARE", true)
        .security("BLACKLIST_DELAY", BAN_FOR_S)
        // a first ban of minutes would be over before the last child has lived
        .security("BAN_GROWTH", false)
        .security("SECURITY_CHECKS", json!({"flood": 0}));
    let agent = buckler_transports::builder(settings.build().unwrap()).unwrap();
    let agent = agent.clock(Arc::clone(&clock) as _).start();
    let tick = || {
        thread::park_timeout(PAUSE);
        clock.advance(PAUSE * PACE);
    };
    until(&agent, tick, |status| {
        !status["conversation"]["state"]
            .as_str()
            .is_none_or(|s| s.is_empty() || s == "starting")
    });
    match order.task {
        Task::Catch => catch(&agent, order.round, tick),
        Task::Fetch => {
            say("began", &status(&agent)["list"]["cursor"]);
            loop {
                tick();
            }
        }
        Task::Drain => {
            until(&agent, tick, |status| {
                status["conversation"]["state"] == "synced"
                    && status["events"]["pending"] == 0
                    && !status["list"]["cursor"].is_null()
            });
            drain(&agent);
        }
    }
}

/// Catches one attacker after the other, each from another address.
fn catch(agent: &Agent, round: u64, tick: impl Fn()) {
    let guard = agent.guard();
    let headers: [(&str, &[u8]); 0] = [];
    for n in 0_u32.. {
        let [_, _, high, low] = n.to_be_bytes();
        let source = Ipv4Addr::new(20, u8::try_from(round).unwrap(), high, low);
        let verdict = guard.check(&RequestView {
            peer: Some(IpAddr::V4(source)),
            method: "GET",
            path: DECOY,
            query: "",
            host: Some("shop.example.com"),
            route: RouteMatch::Unsure,
            headers: &headers,
        });
        assert!(verdict.is_block());
        tick();
    }
}

/// All is told: says what became of it.
fn drain(agent: &Agent) {
    let status = agent.status();
    assert!(status.events.balanced(), "{status:#?}");
    say("events", &json!(status.events));
    say("cursor", &json!(status.list.cursor));
}

fn status(agent: &Agent) -> Value {
    serde_json::to_value(agent.status()).unwrap()
}

/// Waits; who started this process has the patience.
fn until(agent: &Agent, tick: impl Fn(), condition: impl Fn(&Value) -> bool) {
    while !condition(&status(agent)) {
        tick();
    }
}

fn say(name: &str, what: &Value) {
    // not `println!`: what the harness catches is lost with the process
    let mut out = stdout().lock();
    writeln!(out, "{name} {what}").unwrap();
}
