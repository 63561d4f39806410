//! A configuration that a share of real agents try first, over HTTP and WebSocket.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    flow::{admin, asked, server},
    rig::{HTTP_POLLING, WEBSOCKET},
    site::{Site, settings},
};

const CANDIDATE: &str = "profiles/shop/candidate";

/// The shop's configuration, with this besides.
fn with(more: &Value) -> Value {
    let mut config = json!({"APP_NAME": "shop", "BLACKLIST_SHARE": true, "TELEMETRY_DATA": true, "BEACON_DELAY": 1});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

fn version(site: &Site) -> Option<u64> {
    site.agent.status().config.version
}

#[test]
fn a_candidate_runs_on_all_of_a_share_is_abandoned_and_promoted() {
    let server = server();
    let url = server.cloud_url();
    let sites = [HTTP_POLLING, WEBSOCKET].map(|rig| Site::over_real_time(rig, settings(url.as_str())));
    let in_force = || admin(&server, "GET", "profiles/shop/config", None)["data"]["version"].as_u64();
    let before = in_force();
    let all_run = |what: &str, wanted: Option<u64>| {
        for site in &sites {
            site.wait_until(what, || version(site) == wanted);
        }
    };
    all_run("what is in force", before);

    let teapot = with(&json!({"BLACKLIST_STATUS_CODE": 418}));
    let path = format!("{CANDIDATE}?share=100");
    let first = admin(&server, "PUT", &path, Some(teapot.clone()))["data"]["version"].as_u64();
    all_run("the candidate", first);
    assert_eq!(in_force(), before);
    sites[0].wait_until("the server knows who runs it", || {
        admin(&server, "GET", CANDIDATE, None)["data"]["agents"]["running"] == 2
    });
    admin(&server, "DELETE", CANDIDATE, None);
    all_run("what is in force again", before);

    let second = admin(&server, "PUT", &path, Some(teapot))["data"]["version"].as_u64();
    all_run("the next candidate", second);
    let promoted = admin(&server, "POST", &format!("{CANDIDATE}/promote"), Some(json!({})));
    assert_eq!(promoted["data"]["version"].as_u64(), second);
    assert_eq!(in_force(), second);
    let third = Site::start(settings(url.as_str()));
    third.wait_until("one that comes later runs it", || version(&third) == second);
    all_run("no other", second);
    server.stop(Duration::from_secs(5));
}

#[test]
fn a_candidate_that_an_agent_rolls_back_goes_no_further_unless_an_operator_insists() {
    let server = server();
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it runs the server's", || site.agent.status().config.source == "server");
    let before = version(&site);
    let clients: Vec<String> = (0..20).map(|n| format!("198.51.100.{n}")).collect();
    let visit = || clients.iter().filter(|client| site.get("/", client) == 200).count();
    assert_eq!(visit(), clients.len());

    let harmful = with(&json!({"HOSTS": ["other.example.com"], "SECURITY_CHECKS": {"spoofing": 2}}));
    let path = format!("{CANDIDATE}?share=100");
    let staged = admin(&server, "PUT", &path, Some(harmful))["data"]["version"].as_u64();
    site.wait_until("it is tried, and rolled back", || {
        visit();
        let config = site.agent.status().config;
        config.state == "rolled_back" || config.refused.is_some()
    });
    site.wait_until("what is in force is back", || version(&site) == before);
    assert_eq!(visit(), clients.len(), "no ban outlasts it");
    site.wait_until("the server knows", || {
        let trial = admin(&server, "GET", CANDIDATE, None);
        trial["data"]["agents"]["refused"] == 1 && trial["data"]["agents"]["running"] == 0
    });
    let trial = admin(&server, "GET", CANDIDATE, None);
    let refusal = &trial["data"]["agents"]["refusals"][0];
    assert!(
        refusal["state"] == "rolled_back" && refusal["error"].as_str().unwrap().contains("clients"),
        "{trial}"
    );

    admin(&server, "PATCH", CANDIDATE, Some(json!({"share": 10})));
    for (method, path, body) in [
        ("PATCH", CANDIDATE.to_owned(), json!({"share": 50})),
        ("POST", format!("{CANDIDATE}/promote"), json!({})),
    ] {
        let (status, said) = asked(&server, method, &path, Some(body));
        assert_eq!(status, 409, "{said}");
        assert!(
            said["message"].as_str().unwrap().contains("does not run on 1"),
            "{said}"
        );
    }
    admin(&server, "PATCH", CANDIDATE, Some(json!({"share": 100, "force": true})));
    let forced = admin(
        &server,
        "POST",
        &format!("{CANDIDATE}/promote"),
        Some(json!({"force": true})),
    );
    assert_eq!(forced["data"]["version"].as_u64(), staged);
    // it stays refused where it was rolled back: the version is the same
    let heard = || admin(&server, "GET", "agents", None)["data"]["agents"][0]["last_seen_ms"].as_u64();
    for _ in 0..2 {
        let before = heard();
        site.wait_until("it asks again", || heard() > before);
    }
    assert_eq!((version(&site), visit()), (before, clients.len()));
    server.stop(Duration::from_secs(5));
}
