//! A list that is told wrongly: the agent notices, and has the server's list again.

use buckler::testing::ManualClock;
use buckler_tests::fault::FaultServer;
use serde_json::{Value, json};

use super::scribe::{Scribe, is_beacon};
use crate::{
    rig::{Rig, over_both_transports},
    site::{Site, settings},
};

over_both_transports! {
    a_delta_comes_twice,
    deltas_come_in_the_wrong_order,
    a_delta_is_missing,
    a_digest_does_not_match,
    a_count_does_not_match,
    a_list_is_no_list,
    the_server_comes_back_with_older_state,
    the_server_comes_back_with_another_history,
    listed_addresses_that_are_protected_stay_in,
}

/// Three revisions, which the agent has, and three more.
fn history() -> Scribe {
    let mut scribe = Scribe::of("e", &["198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32"]);
    scribe.adds("198.51.100.128/25");
    scribe.removes("198.51.100.2/32");
    scribe.adds("2001:db8:7::/64");
    scribe
}

/// The agent has revision 3 when it is told these updates, both as replies and, where the server can push, unasked.
#[track_caller]
fn tells(rig: Rig, twisted: Vec<Value>) {
    let scribe = history();
    let server = FaultServer::start(scribe.at(3).script(Vec::new())).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    scribe.at(3).is_followed_by(&site, &server);
    for update in &twisted {
        if server.record().open > 0 {
            server.push(json!({"list": update})).unwrap();
        }
    }
    server.play(scribe.script(twisted)).unwrap();
    scribe.is_followed_by(&site, &server);
    assert_eq!(site.agent.status().list.shared, scribe.list().len());
}

fn a_delta_comes_twice(rig: Rig) {
    let all = history();
    tells(
        rig,
        vec![all.delta(3, 4), all.delta(3, 4), all.delta(4, 6), all.delta(3, 4)],
    );
}

fn deltas_come_in_the_wrong_order(rig: Rig) {
    let all = history();
    tells(rig, vec![all.delta(5, 6), all.delta(4, 5), all.delta(3, 4)]);
}

fn a_delta_is_missing(rig: Rig) {
    tells(rig, vec![history().delta(4, 6)]);
}

fn a_digest_does_not_match(rig: Rig) {
    let mut delta = history().delta(3, 6);
    delta["digest"] = Value::from(history().digest(5));
    let mut none = delta.clone();
    none["mode"] = Value::from("none");
    tells(rig, vec![delta, none]);
}

fn a_count_does_not_match(rig: Rig) {
    let mut delta = history().delta(3, 6);
    delta["count"] = Value::from(1_000_000);
    let mut snapshot = history().snapshot();
    snapshot["count"] = Value::from(u64::MAX);
    tells(rig, vec![delta, snapshot]);
}

fn a_list_is_no_list(rig: Rig) {
    let mut delta = history().delta(3, 6);
    delta["add"] = json!([["not an address", 5], ["198.51.100.0/99", 5]]);
    let mut endless = history().snapshot();
    endless["pages"] = Value::from(u32::MAX);
    tells(rig, vec![delta, endless]);
}

/// What comes back after it had revision 6 is followed, whatever it is.
#[track_caller]
fn comes_back_as(rig: Rig, other: &Scribe) {
    let scribe = history();
    let server = FaultServer::start(scribe.script(Vec::new())).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    scribe.is_followed_by(&site, &server);
    server.refuse().unwrap();
    site.wait_until("it is missed", || {
        assert_eq!(site.get("/", "198.51.100.200"), 403);
        site.agent.status().conversation.problem.is_some()
    });
    server.play(other.script(Vec::new())).unwrap();
    server.listen().unwrap();
    other.is_followed_by(&site, &server);
    assert_eq!(site.agent.status().list.shared, other.list().len());
}

fn the_server_comes_back_with_older_state(rig: Rig) {
    comes_back_as(rig, &history().at(2));
}

fn the_server_comes_back_with_another_history(rig: Rig) {
    comes_back_as(rig, &Scribe::of("another", &["192.0.2.0/28"]));
    // as many revisions as before, but not the same
    let mut other = history().at(3);
    for network in ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"] {
        other.adds(network);
    }
    comes_back_as(rig, &other);
}

fn listed_addresses_that_are_protected_stay_in(rig: Rig) {
    let scribe = Scribe::of("e", &["127.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24"]);
    let server = FaultServer::start(scribe.script(Vec::new())).unwrap();
    let settings = settings(&server.url("/config"));
    let settings = settings.own_addresses(["192.0.2.7", "198.51.100.77"]);
    let site = Site::over(rig, settings, &ManualClock::new());
    site.wait_until("the list is in force", || site.get("/", "198.51.100.1") == 403);
    for client in ["127.0.0.1", "127.9.9.9", "192.0.2.7", "198.51.100.77"] {
        assert_eq!(site.get("/", client), 200, "{client} is let in");
    }
    let digest = scribe.digest(scribe.head());
    site.wait_until("what it does not enforce is still on its list", || {
        let record = server.record();
        let mut beacons = record.requests.iter().filter(|seen| is_beacon(seen));
        beacons.any(|seen| seen.json()["v2"]["have"]["list"]["digest"] == digest)
    });
}
