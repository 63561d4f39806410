//! The server as a postman: an attacker who holds it, or its admin token, puts nothing in force
//! that the operator's keys have not signed.

use std::{sync::Arc, time::Duration};

use buckler::{
    model::{
        policy::{config_hash, delivered},
        signing::{key_statement, statement},
    },
    protocol::v2::{KeyChange, Signature},
    settings::SettingsBuilder,
    testing::{ManualClock, Signer},
};
use buckler_server::RunningServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::attacker::{stop, unix_ms};
use crate::{
    flow::{admin, server},
    rig::{HTTP_POLLING, Rig, over_both_transports},
    site::{Site, settings},
};

over_both_transports! {
    what_the_operator_has_not_signed_is_not_taken,
    what_was_signed_before_does_not_come_back,
    keys_are_replaced_by_those_before_them,
    a_server_that_spoils_a_signature_brings_no_old_key_back,
}

/// An attack that every default configuration refuses.
const ATTACK: &str = "/?q=1%27%20union%20select%20password%20from%20users--%20";

/// One that tells the right time, and runs fast: a configuration is on trial for a minute.
fn clock() -> Arc<ManualClock> {
    let clock = ManualClock::new();
    clock.set_unix(Duration::from_millis(unix_ms()));
    clock
}

fn public(n: u8) -> String {
    Signer(n).key().to_string()
}

/// A configuration that these keys have signed for so many seconds.
fn signed(config: &Value, (version, seconds): (u64, i64), keys: &[KeyChange], by: &[u8]) -> Value {
    let mut signature = Signature {
        profile: "shop".to_owned(),
        version,
        expires_s: (unix_ms() / 1_000).saturating_add_signed(seconds),
        keys: keys.to_vec(),
        signed: Vec::new(),
    };
    let body = delivered("default", config.as_object().unwrap()).unwrap();
    signature.signed = Signer::all(by, &statement(&signature, &config_hash(&body)));
    json!({"config": config, "signature": signature})
}

/// Names the application, and switches one check as this says.
fn config(name: &str, sqli: u8) -> Value {
    json!({"APP_NAME": name, "BEACON_DELAY": 1, "BLACKLIST_SHARE": true, "SECURITY_CHECKS": {"sqli": sqli}})
}

fn believing(server: &RunningServer, mode: &str, state: &TempDir) -> SettingsBuilder {
    let signing = json!({"keys": [public(1)], "profile": "shop", "mode": mode});
    let settings = settings(server.cloud_url().as_str()).security("BEACON_DELAY", 1);
    settings.state_dir(state.path()).agent_option("signing", signing)
}

/// Puts a configuration in force at the server, and waits until the agent has judged it: what
/// became of it.
fn judged(server: &RunningServer, site: &Site, body: &Value) -> (String, String) {
    let put = admin(server, "PUT", "profiles/shop/config", Some(body.clone()));
    let version = put["data"]["version"].clone();
    let mut said = Value::Null;
    site.wait_until("the agent has judged it", || {
        let agents = admin(server, "GET", "agents", None);
        said = agents["data"]["agents"][0]["config_status"].clone();
        said["version"] == version && said["state"] != "probation"
    });
    let text = |member: &str| said[member].as_str().unwrap_or_default().to_owned();
    (text("state"), text("error"))
}

#[track_caller]
fn refused((state, error): &(String, String), why: &str) {
    assert_eq!(state, "failed", "{error}");
    assert!(error.contains("not believed") && error.contains(why), "{error}");
}

fn what_the_operator_has_not_signed_is_not_taken(rig: Rig) {
    let (server, state) = (server(), tempfile::tempdir().unwrap());
    let site = Site::over(rig, believing(&server, "require", &state), &clock());
    site.wait_until("the first is refused", || site.agent.status().config.unsigned.is_some());
    assert_eq!(site.agent.status().config.source, "local");
    let good = signed(&config("good", 1), (1, 86_400), &[], &[1]);
    assert_eq!(judged(&server, &site, &good).0, "applied");
    let status = site.agent.status().config;
    assert_eq!(
        (status.source, status.signed, status.unsigned),
        ("server", Some(1), None)
    );
    assert_eq!(site.get(ATTACK, "203.0.113.9"), 403);

    refused(&judged(&server, &site, &config("off", 0)), "it is not signed");
    let own = signed(&config("off", 0), (2, 86_400), &[], &[7]);
    refused(&judged(&server, &site, &own), "0 of the keys");
    let over = signed(&config("off", 0), (3, -1), &[], &[1]);
    refused(&judged(&server, &site, &over), "its signature ended");
    let problem = site.agent.status().config.unsigned.unwrap();
    assert!(problem.contains("ended"), "{problem}");
    assert_eq!(site.get(ATTACK, "203.0.113.10"), 403, "the last good one stays");
    assert_eq!(site.agent.status().config.signed, Some(1));
    let newest = signed(&config("newest", 0), (4, 86_400), &[], &[1]);
    assert_eq!(judged(&server, &site, &newest).0, "applied");
    assert_eq!(site.get(ATTACK, "203.0.113.11"), 200, "the operator may");
    stop(server);
}

fn what_was_signed_before_does_not_come_back(rig: Rig) {
    let (server, state) = (server(), tempfile::tempdir().unwrap());
    let site = Site::over(rig, believing(&server, "require", &state), &clock());
    let lax = signed(&config("lax", 0), (5, 86_400), &[], &[1]);
    let strict = signed(&config("strict", 1), (6, 86_400), &[], &[1]);
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    assert_eq!(judged(&server, &site, &lax).0, "applied");
    assert_eq!(judged(&server, &site, &strict).0, "applied");
    refused(&judged(&server, &site, &lax), "version 6 was believed before");
    let twice = signed(&config("twice", 0), (6, 86_400), &[], &[1]);
    refused(&judged(&server, &site, &twice), "which was another configuration");
    // a second agent beside the first would have a place of its own
    site.agent.shutdown(Duration::from_secs(5));
    drop(site);

    let again = Site::over(rig, believing(&server, "require", &state), &clock());
    assert_eq!(again.get(ATTACK, "203.0.113.9"), 403);
    again.wait_until("it has its last one from the disk", || {
        again.agent.status().config.signed == Some(6)
    });
    refused(&judged(&server, &again, &lax), "version 6 was believed before");
    let renewed = signed(&config("strict", 1), (7, 90_000), &[], &[1]);
    assert_eq!(
        judged(&server, &again, &renewed).0,
        "applied",
        "the same, signed for longer"
    );
    assert_eq!(again.agent.status().config.signed, Some(7));
    stop(server);
}

fn keys_are_replaced_by_those_before_them(rig: Rig) {
    let (server, state) = (server(), tempfile::tempdir().unwrap());
    let site = Site::over(rig, believing(&server, "require", &state), &clock());
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    let change = |by: &[u8]| {
        let mut change = KeyChange {
            version: 1,
            threshold: 1,
            keys: vec![public(2)],
            signed: Vec::new(),
        };
        change.signed = Signer::all(by, &key_statement(&change));
        [change]
    };
    let stolen = signed(&config("off", 0), (1, 86_400), &change(&[2]), &[2]);
    refused(&judged(&server, &site, &stolen), "its change of keys to version 1");
    let moved = signed(&config("good", 1), (2, 86_400), &change(&[1, 2]), &[2]);
    assert_eq!(judged(&server, &site, &moved).0, "applied");
    let old = signed(&config("off", 0), (3, 86_400), &[], &[1]);
    refused(&judged(&server, &site, &old), "0 of the keys");
    // a second agent beside the first would have a place of its own
    site.agent.shutdown(Duration::from_secs(5));
    drop(site);
    let again = Site::over(rig, believing(&server, "require", &state), &clock());
    again.wait_until("it has its last one from the disk", || {
        again.agent.status().config.signed == Some(2)
    });
    refused(
        &judged(&server, &again, &signed(&config("off", 0), (4, 86_400), &[], &[1])),
        "0 of the keys",
    );
    stop(server);
}

fn a_server_that_spoils_a_signature_brings_no_old_key_back(rig: Rig) {
    let (server, state) = (server(), tempfile::tempdir().unwrap());
    let site = Site::over(rig, believing(&server, "require", &state), &clock());
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    let mut change = KeyChange {
        version: 1,
        threshold: 1,
        keys: vec![public(2)],
        signed: Vec::new(),
    };
    change.signed = Signer::all(&[1, 2], &key_statement(&change));
    let changes = [change];
    let good = signed(&config("good", 1), (5, 86_400), &changes, &[2]);
    assert_eq!(judged(&server, &site, &good).0, "applied");
    // the changes are not under the signature, but for their number
    let mut spoilt = signed(&config("good", 1), (6, 86_400), &changes, &[2]);
    spoilt["signature"]["keys"] = json!([{"version": 1, "threshold": 1, "keys": ["junk"], "signed": []}]);
    assert_eq!(
        judged(&server, &site, &spoilt).0,
        "applied",
        "it has followed the change"
    );
    site.agent.shutdown(Duration::from_secs(5));
    drop(site);

    let again = Site::over(rig, believing(&server, "require", &state), &clock());
    again.wait_until("it has its last one from the disk", || {
        again.agent.status().config.signed == Some(6)
    });
    let old = signed(&config("off", 0), (7, 86_400), &[], &[1]);
    refused(&judged(&server, &again, &old), "0 of the keys");
    assert_eq!(again.get(ATTACK, "203.0.113.9"), 403);
    stop(server);
}

#[test]
fn a_host_that_prefers_signatures_takes_what_has_none_and_says_so() {
    let (server, state) = (server(), tempfile::tempdir().unwrap());
    let site = Site::over(HTTP_POLLING, believing(&server, "prefer", &state), &clock());
    site.wait_until("it has the first", || site.agent.status().config.source == "server");
    let (became, error) = judged(&server, &site, &config("bare", 1));
    assert_eq!(became, "applied");
    assert!(error.contains("is not believed: it is not signed"), "{error}");
    let (became, error) = judged(&server, &site, &signed(&config("good", 1), (1, 86_400), &[], &[1]));
    assert_eq!((&*became, &*error), ("applied", ""));
    stop(server);
}
