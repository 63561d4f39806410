//! Beacons inside requests: nothing is said between them.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use buckler::{Exchanged, testing::ManualClock};
use buckler_functions::google;
use buckler_tests::fault::{Answer, FaultServer, Script, Seen, Step};
use serde_json::json;

use crate::site::{CLIENT, DECOY, PATIENCE, Site, admin, local, of, server};

fn shop() -> Router {
    Router::new().route("/", get(async || "welcome"))
}

/// On a clock that only the test moves.
fn site(settings: buckler::settings::SettingsBuilder, clock: &Arc<ManualClock>) -> Site {
    let builder = google::builder(settings.build().unwrap())
        .unwrap()
        .clock(Arc::clone(clock) as Arc<_>);
    Site::of_google(builder, |google| google, shop())
}

#[test]
fn it_registers_before_the_first_request_and_says_what_it_is() {
    let server = server();
    let site = Site::google(of(&server), shop());
    let registered = site.agent.exchange_blocking(PATIENCE);
    assert!(matches!(registered, Exchanged::Done), "{registered:?}");
    let agents = admin(&server, "agents");
    assert!(agents.contains("\"platform\":\"Google Cloud Function\""), "{agents}");
    assert_eq!(site.agent.status().conversation.state, "synced");
}

#[test]
fn the_first_request_registers_where_nothing_did_before() {
    let server = server();
    let site = Site::google(of(&server), shop());
    assert_eq!(site.get("/", CLIENT).text(), "welcome");
    wait_for_agents(&server, &site);
}

/// The first exchange may take longer than a request waits for it; later ones carry it on.
fn wait_for_agents(server: &buckler_server::RunningServer, site: &Site) {
    crate::site::wait_until("it is registered", || {
        site.get("/", CLIENT);
        admin(server, "agents").contains("Google Cloud Function")
    });
}

#[test]
fn who_is_caught_is_shared_by_the_request_itself() {
    let server = server();
    let (one, other) = (Site::google(of(&server), shop()), Site::google(of(&server), shop()));
    for site in [&one, &other] {
        let registered = site.agent.exchange_blocking(PATIENCE);
        assert!(matches!(registered, Exchanged::Done), "{registered:?}");
    }
    // the answer waits for the exchange, unless the machine is too slow for that
    crate::site::wait_until("the ban is shared", || {
        assert_eq!(one.get(DECOY, CLIENT).status, 403);
        admin(&server, "blacklist").contains(CLIENT)
    });
    assert!(!other.agent.is_due(), "nothing tells the other by itself");
}

#[test]
fn a_request_carries_the_beacon_that_is_due_and_nothing_speaks_between_requests() {
    let server = FaultServer::start(Script::by(reply)).unwrap();
    let clock = ManualClock::new();
    let site = site(local().cloud_url(server.url("/config")).key("k"), &clock);
    let sent = || server.record().requests.len();
    assert!(matches!(site.agent.exchange_blocking(PATIENCE), Exchanged::Done));
    let registered = sent();
    assert_eq!(site.get("/", CLIENT).status, 200);
    assert_eq!(sent(), registered, "nothing is due");
    clock.advance(Duration::from_secs(3600));
    assert!(site.agent.is_due());
    assert_eq!(sent(), registered, "an hour passed, and nobody asked");
    crate::site::wait_until("a request carries it", || {
        assert_eq!(site.get("/", CLIENT).status, 200);
        sent() > registered
    });
}

/// A server that wants to hear every half minute.
fn reply(asked: &Seen) -> Step {
    let host = asked.header("host").unwrap();
    let config = json!({
        "BEACON": true,
        "BEACON_DELAY": 30,
        "BEACON_URL": format!("http://{host}/beacon"),
        "TELEMETRY_DATA": true,
    });
    let reply = match asked.path.as_str() {
        "/beacon" => json!({"blacklist": {"new": [], "remove": []}, "config": {}}),
        _ => json!({"config": config, "blacklist": {}}),
    };
    Answer::reply(&reply).into()
}

#[test]
fn a_server_that_hangs_delays_an_answer_and_takes_none() {
    let server = FaultServer::start(Script::always(Step::Hang)).unwrap();
    let site = Site::google(local().cloud_url(server.url("/config")).key("k"), shop());
    assert_eq!(site.get("/", CLIENT).text(), "welcome");
    assert_eq!(site.get(DECOY, CLIENT).status, 403);
    assert!(!server.record().requests.is_empty(), "it was asked");
}

#[test]
fn a_shutdown_tells_what_the_server_does_not_know() {
    let server = server();
    let site = Site::google(of(&server), shop());
    assert!(matches!(site.agent.exchange_blocking(PATIENCE), Exchanged::Done));
    for n in 1..=20 {
        assert_eq!(site.get(DECOY, &format!("203.0.113.{n}")).status, 403);
    }
    let report = site.agent.shutdown(PATIENCE);
    assert_eq!((report.unsent, report.in_time), (0, true), "{report:?}");
    let list = admin(&server, "blacklist");
    assert!((1..=20).all(|n| list.contains(&format!("\"203.0.113.{n}\""))), "{list}");
}
