//! The agent as a whole, over a scripted transport: what it says, what it makes of answers, and what survives.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by a panic, in its helpers as in itself"
)]

mod bans;
mod clocks;
mod conversation;
mod detectors;
mod dry_run;
mod durability;
mod on_demand;
mod pushes;
mod registration;
mod restarts;
mod safety;
mod survival;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use buckler::{
    Agent, Settings,
    guard::{Guard, RequestView, RouteMatch, Verdict},
    protocol::{BeaconReply, ConfigMap, Welcome, v2::ServerPart},
    settings::SettingsBuilder,
    testing::{ManualClock, Script},
    transport::TransportError,
};

/// How long anything may take that happens on another thread.
const PATIENCE: Duration = Duration::from_secs(10);

/// The key, to be looked for where it must not be.
const KEY: &str = "7c6d0f5e-secret";

/// A source that no test protects.
const ATTACKER: &str = "203.0.113.9";

fn settings() -> SettingsBuilder {
    // tests ask the guard again and again while they wait: that is a flood, by rights
    let checks = serde_json::json!({"flood": 0});
    Settings::builder()
        .cloud_url("http://127.0.0.1:9/config")
        .key(KEY)
        .security("SECURITY_CHECKS", checks)
}

fn start(settings: SettingsBuilder, script: &Script, clock: &Arc<ManualClock>) -> Agent {
    let settings = settings.build().unwrap();
    Agent::builder(settings)
        .transport(script.factory())
        .platform("test")
        .clock(Arc::clone(clock) as _)
        .start()
}

/// Waits for a condition; fails with what the agent says of itself.
#[track_caller]
fn wait_until(agent: &Agent, what: &str, mut condition: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
    let end = Instant::now() + PATIENCE;
    while !condition() {
        #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
        let now = Instant::now();
        assert!(now < end, "not within {PATIENCE:?}: {what}; {:#?}", agent.status());
        std::thread::yield_now();
    }
}

fn request<'a>(path: &'a str, source: &str) -> RequestView<'a> {
    RequestView {
        peer: Some(source.parse::<IpAddr>().unwrap()),
        method: "GET",
        path,
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &NO_HEADERS,
    }
}

static NO_HEADERS: NoHeaders = NoHeaders;

struct NoHeaders;

impl buckler::guard::Headers for NoHeaders {
    fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {}

    fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
}

fn passes(guard: &Guard, source: &str) -> bool {
    matches!(guard.check(&request("/", source)), Verdict::Pass)
}

/// Attacks once; the request is refused whatever the actors do.
#[track_caller]
fn attack(guard: &Guard, source: &str) {
    assert!(guard.check(&request("/.git/config", source)).is_block());
}

fn config(json: serde_json::Value) -> ConfigMap {
    serde_json::from_value(json).unwrap()
}

/// A version 2 welcome.
fn welcome_2(part: ServerPart) -> Welcome {
    Welcome {
        v2: Some(part),
        ..Welcome::default()
    }
}

/// A version 2 reply.
fn reply_2(part: ServerPart) -> BeaconReply {
    BeaconReply {
        v2: Some(part),
        ..BeaconReply::default()
    }
}

fn down() -> TransportError {
    TransportError::Unreachable {
        host: "127.0.0.1:9".to_owned(),
        reason: "refused by the script".to_owned(),
    }
}
