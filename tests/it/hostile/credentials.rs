//! Agents with credentials of their own: the key alone is worth nothing where they speak, and each
//! goes alone.

use std::time::Duration;

use buckler::settings::SettingsBuilder;
use buckler_server::{RunningServer, Secret};
use serde_json::json;
use tempfile::TempDir;

use super::attacker::{HONEST, Puppet, listed, started, stop, two_applications};
use crate::{
    flow::admin,
    rig::{Rig, over_both_transports},
    site::{DECOY, Site, settings},
};

over_both_transports! {
    an_agent_that_has_enrolled_is_refused_with_the_key_alone,
    a_stolen_credential_is_revoked_alone,
    an_agent_that_is_revoked_comes_back_when_an_operator_lets_it,
}

/// What a thief took from the state of an agent.
const TAKEN: &str = "the-credential-that-was-taken";

fn enrolling(server: &RunningServer, state: &TempDir) -> SettingsBuilder {
    let settings = settings(server.cloud_url().as_str()).key(HONEST);
    settings.state_dir(state.path()).agent_option("enrol", json!(true))
}

fn is_in_step(site: &Site) -> bool {
    site.agent.status().conversation.state == "synced"
}

fn id_of(site: &Site) -> String {
    site.agent.status().conversation.agent_id.to_string()
}

/// The agents that have enrolled and were not revoked.
fn enrolled(server: &RunningServer) -> Vec<String> {
    let all = admin(server, "GET", "credentials", None);
    let all = all["data"]["credentials"].as_array().unwrap().iter();
    all.filter(|credential| credential["revoked_ms"].is_null())
        .map(|credential| credential["agent"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until an agent has enrolled: its id.
fn enrols(site: &Site, server: &RunningServer) -> String {
    site.wait_until("it is in step", || is_in_step(site));
    let id = id_of(site);
    site.wait_until("it has enrolled", || enrolled(server) == [id.as_str()]);
    id
}

fn an_agent_that_has_enrolled_is_refused_with_the_key_alone(rig: Rig) {
    let server = started(two_applications());
    let state = tempfile::tempdir().unwrap();
    let site = Site::over_real_time(rig, enrolling(&server, &state));
    let id = enrols(&site, &server);
    let mut thief = Puppet::new(HONEST);
    thief.part.agent_id = id.parse().unwrap();
    assert_eq!(thief.is_answered(&server), 403, "the agent has a credential of its own");
    // the key is replaced at once, and who has enrolled goes on
    let key = Secret::of(HONEST).fingerprint().name().to_string();
    let at_once = Some(json!({"overlap_s": 0}));
    admin(&server, "POST", &format!("keys/{key}/rotate"), at_once);
    assert_eq!(Puppet::new(HONEST).is_answered(&server), 403);
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403);
    site.wait_until("its ban is on the list", || listed(&server).len() == 1);
    // a second agent beside the first would have a place of its own
    site.agent.shutdown(Duration::from_secs(5));
    drop(site);
    let again = Site::over_real_time(rig, enrolling(&server, &state));
    again.wait_until("it is in step again", || is_in_step(&again));
    assert_eq!(id_of(&again), id);
    stop(server);
}

fn a_stolen_credential_is_revoked_alone(rig: Rig) {
    let server = started(two_applications());
    let state = tempfile::tempdir().unwrap();
    let site = Site::over_real_time(rig, enrolling(&server, &state));
    let id = enrols(&site, &server);
    let mut robbed = Puppet::new(HONEST);
    robbed.part.enrol = Some(Secret::of(TAKEN).fingerprint().to_string());
    assert_eq!(robbed.speaks(&server).enrolled, robbed.part.enrol);
    let mut thief = Puppet::new(TAKEN);
    thief.part.agent_id = robbed.part.agent_id;
    thief.bans("203.0.113.7");
    thief.speaks(&server);
    assert_eq!(listed(&server).len(), 1);
    let stranger = Puppet::new(TAKEN);
    assert_eq!(stranger.is_answered(&server), 403, "it makes no other agent up");

    let path = format!("credentials/shop/{}", robbed.part.agent_id);
    admin(&server, "DELETE", &path, None);
    assert_eq!(thief.is_answered(&server), 403);
    assert_eq!(robbed.is_answered(&server), 403, "nor does the key help it");
    assert_eq!(enrolled(&server), [id.as_str()]);
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403);
    site.wait_until("the other goes on", || listed(&server).len() == 2);
    stop(server);
}

fn an_agent_that_is_revoked_comes_back_when_an_operator_lets_it(rig: Rig) {
    let server = started(two_applications());
    let state = tempfile::tempdir().unwrap();
    let site = Site::over_real_time(rig, enrolling(&server, &state));
    let id = enrols(&site, &server);
    let path = format!("credentials/shop/{id}");
    admin(&server, "DELETE", &path, None);
    site.wait_until("it is refused, by the key as well", || {
        let conversation = site.agent.status().conversation;
        conversation.state == "blocked" && conversation.problem.is_some_and(|problem| problem.contains("403"))
    });
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403, "it guards by what it has");
    assert!(enrolled(&server).is_empty() && listed(&server).is_empty());
    admin(&server, "POST", &format!("{path}/reset"), Some(json!({})));
    site.agent.retry_now();
    site.wait_until("it has enrolled again", || enrolled(&server) == [id.as_str()]);
    site.wait_until("its ban is on the list", || listed(&server).len() == 1);
    stop(server);
}
