//! Speaking on demand over real sockets: whatever the transport, each demand has a connection of its own, and no push is waited for.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where it finds something else than it expects, its helpers included"
)]

use std::time::Duration;

use buckler::{
    Agent, Exchanged, Settings,
    guard::{RequestView, RouteMatch},
};
use buckler_tests::fault::{Answer, FaultServer, Record, Script, Seen, Upgrade};
use serde_json::{Value, json};

/// Longer than any exchange here takes, even on a machine that is busy with other tests.
const BUDGET: Duration = Duration::from_secs(20);

/// A server that shares, and takes every event.
fn script() -> Script {
    let body = json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 3600});
    let hash = buckler::model::policy::config_hash(&serde_json::from_value(body.clone()).unwrap());
    let welcome = json!({"v2": {"config": {"version": 1, "hash": hash, "body": body}, "flags": ["push"]}});
    let reply = json!({"v2": {"ack": 1_000}});
    Script::by(move |request| {
        let part = if request.path == "/config" { &welcome } else { &reply };
        Answer::reply(part).into()
    })
}

fn start(kind: &str, server: &FaultServer) -> Agent {
    let settings = Settings::builder()
        .cloud_url(server.url("/config"))
        .key("0b7e2d54")
        .transport(kind)
        .build()
        .unwrap();
    buckler_transports::builder(settings).unwrap().on_demand().start()
}

fn attack(agent: &Agent, source: &str) {
    let headers: &[(&str, &[u8])] = &[];
    let request = RequestView {
        peer: Some(source.parse().unwrap()),
        method: "GET",
        path: "/.git/config",
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &headers,
    };
    assert!(agent.guard().check(&request).is_block());
}

fn messages(record: &Record) -> impl Iterator<Item = &Seen> {
    let is_upgrade = |request: &&Seen| request.header("upgrade").is_some();
    record.requests.iter().filter(move |request| !is_upgrade(request))
}

/// Whom a message reports.
fn told(message: &Seen) -> Vec<String> {
    let message = message.json();
    let events = ["/v2/events", "/beacon/v2/events"]
        .iter()
        .find_map(|place| message.pointer(place)?.as_array());
    let address = |event: &Value| event.get("address").unwrap().as_str().unwrap().to_owned();
    events.into_iter().flatten().map(address).collect()
}

#[test]
fn each_demand_has_a_connection_of_its_own() {
    for kind in ["http-polling", "websocket", "auto"] {
        let server = FaultServer::start(script().upgrading(Upgrade::new())).unwrap();
        let agent = start(kind, &server);
        assert_eq!(
            agent.exchange_blocking(BUDGET),
            Exchanged::Done,
            "{kind}: {:#?}",
            agent.status()
        );
        let attackers = ["203.0.113.9", "203.0.113.10"];
        for attacker in attackers {
            attack(&agent, attacker);
            assert!(agent.is_due(), "{kind}");
            assert_eq!(
                agent.exchange_blocking(BUDGET),
                Exchanged::Done,
                "{kind}: {:#?}",
                agent.status()
            );
        }
        let record = server.record();
        let mut connections: Vec<usize> = messages(&record).map(|message| message.connection).collect();
        connections.dedup();
        assert_eq!(connections, [1, 2, 3], "{kind}: {record:#?}");
        assert_eq!(
            messages(&record).flat_map(told).collect::<Vec<_>>(),
            attackers,
            "{kind}"
        );
        assert!(
            server.wait_for(|record| record.open == 0, BUDGET),
            "{kind}: a connection stays open"
        );
    }
}

#[test]
fn a_server_that_hangs_costs_a_budget_and_the_end_does_not_wait_for_it() {
    let server = FaultServer::start(Script::sequence([])).unwrap();
    let agent = start("http-polling", &server);
    assert_eq!(
        agent.exchange_blocking(Duration::from_millis(300)),
        Exchanged::OutOfTime
    );
    assert_eq!(agent.exchange_blocking(Duration::ZERO), Exchanged::NotDue);
    let report = agent.shutdown(Duration::from_millis(300));
    assert_eq!(report.sent, 0);
}
