//! Agents that enrol: each gets a credential of its own, which is exchanged and revoked alone.

use std::num::NonZeroU32;

use awc::http::Method;
use buckler_server::{Profile, Secret, ServerConfig};
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    support::{Agent, Cloud, KEY, OTHER_KEY, TOKEN, config},
};

fn fingerprint(credential: &str) -> String {
    Secret::of(credential).fingerprint().to_string()
}

/// Has an agent enrol with this credential, and speak with it from then on.
async fn enrols(cloud: &Cloud, agent: &mut Agent, credential: &str) {
    agent.part.enrol = Some(fingerprint(credential));
    let answer = agent.register(cloud).await;
    assert_eq!(answer.enrolled, agent.part.enrol);
    agent.part.enrol = None;
    agent.key = credential.to_owned();
}

#[actix_web::test]
async fn an_enrolled_agent_speaks_with_its_credential_alone_and_outlives_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(config().data_dir(directory.path()));
    let mut agent = Agent::new();
    enrols(&cloud, &mut agent, "credential-one").await;
    agent.beacon(&cloud).await;
    let id = agent.part.agent_id;
    let thief = |agent: &Agent| {
        let mut thief = Agent::new();
        thief.part.agent_id = agent.part.agent_id;
        thief
    };
    cloud.post("/beacon", &thief(&agent).message()).await.refused(403);
    let mut other = Agent::with_key("credential-one");
    cloud.post("/beacon", &other.message()).await.refused(403);
    other.part.agent_id = id;
    other.beacon(&cloud).await;
    Agent::with_key(OTHER_KEY).register(&cloud).await;
    cloud.server.stop(std::time::Duration::from_secs(5));

    let again = Cloud::start(config().data_dir(directory.path()));
    agent.register(&again).await;
    again.post("/beacon", &thief(&agent).message()).await.refused(403);
}

#[actix_web::test]
async fn a_credential_is_exchanged_and_an_answer_that_is_lost_is_asked_for_again() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.part.enrol = Some(fingerprint("credential-one"));
    for _ in 0..2 {
        assert_eq!(
            agent.register(&cloud).await.enrolled,
            agent.part.enrol,
            "the answer was lost once"
        );
    }
    enrols(&cloud, &mut agent, "credential-one").await;
    enrols(&cloud, &mut agent, "credential-two").await;
    agent.beacon(&cloud).await;
    let old = || {
        let mut old = Agent::with_key("credential-one");
        old.part.agent_id = agent.part.agent_id;
        old
    };
    old().beacon(&cloud).await;
    let mut socket = Socket::open_as(&cloud, "credential-one").await.unwrap();
    socket.register(&old()).await;
    cloud.clock.pass(3_600);
    assert_eq!(socket.closed().await.0, 4403, "what was opened with it as well");
    cloud.post("/beacon", &old().message()).await.refused(403);
    agent.beacon(&cloud).await;
}

#[actix_web::test]
async fn a_credential_is_revoked_alone_and_with_the_key_that_brought_it() {
    let cloud = Cloud::start(config());
    let (mut one, mut other, mut third) = (Agent::new(), Agent::new(), Agent::with_key(OTHER_KEY));
    enrols(&cloud, &mut one, "credential-one").await;
    enrols(&cloud, &mut other, "credential-two").await;
    enrols(&cloud, &mut third, "credential-three").await;
    let mut socket = Socket::open_as(&cloud, "credential-one").await.unwrap();
    socket.register(&one).await;
    let path = format!("/admin/credentials/shop/{}", one.part.agent_id);
    cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    assert_eq!(socket.closed().await.0, 4403);
    cloud.post("/beacon", &one.message()).await.refused(403);
    one.key = KEY.to_owned();
    one.part.enrol = Some(fingerprint("credential-four"));
    cloud.post("/config", &one.registration()).await.refused(403);
    other.beacon(&cloud).await;

    let key = Secret::of(KEY).fingerprint().name().to_string();
    cloud
        .admin(Method::DELETE, &format!("/admin/keys/{key}"), &Value::Null)
        .await
        .good();
    cloud.post("/beacon", &other.message()).await.refused(403);
    third.beacon(&cloud).await;
    other.key = OTHER_KEY.to_owned();
    enrols(&cloud, &mut other, "credential-five").await;
    other.beacon(&cloud).await;
    let unknown = "/admin/credentials/shop/6b1f0e8a-6f5c-4d3e-9b8f-0a1d2c3b4e5f";
    cloud.admin(Method::DELETE, unknown, &Value::Null).await.refused(404);
    let audit = cloud
        .admin(Method::GET, "/admin/audit?action=credential.revoke", &Value::Null)
        .await
        .good();
    assert_eq!(
        audit["entries"][0]["old"],
        json!({"profile": "shop", "state": "active"})
    );
}

/// The shared key was stolen: what is done with it uses up nothing of those that have enrolled.
#[actix_web::test]
async fn enrolled_agents_are_counted_apart_from_the_key_that_brought_them() {
    let mut config = config();
    config.limits.key_shared_per_minute = NonZeroU32::new(3).unwrap();
    let cloud = Cloud::start(config);
    let mut agent = Agent::new();
    enrols(&cloud, &mut agent, "credential-one").await;
    let mut thief = Agent::new();
    thief.register(&cloud).await;
    for host in 1..=4 {
        thief.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    assert_eq!(thief.beacon(&cloud).await.nack.len(), 1);
    for host in 11..=14 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    let refused = agent.beacon(&cloud).await.nack;
    assert_eq!(refused.len(), 1, "they have a quota of their own: {refused:?}");
    assert_eq!(cloud.listed().await.len(), 6);
}

#[actix_web::test]
async fn who_is_reset_enrols_again_and_others_are_not_asked() {
    let cloud = Cloud::start(config());
    let (mut one, mut other) = (Agent::new(), Agent::new());
    enrols(&cloud, &mut one, "credential-one").await;
    enrols(&cloud, &mut other, "credential-two").await;
    let path = format!("/admin/credentials/shop/{}", one.part.agent_id);
    cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    let shown = cloud
        .admin(Method::GET, "/admin/credentials", &Value::Null)
        .await
        .good();
    let states: Vec<bool> = shown["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["revoked_ms"].is_null())
        .collect();
    assert_eq!(states.iter().filter(|is_active| **is_active).count(), 1, "{shown}");
    assert!(!shown.to_string().contains(&fingerprint("credential-two")), "{shown}");
    assert!(
        cloud
            .agents()
            .await
            .iter()
            .any(|agent| !agent["credential"]["revoked_ms"].is_null())
    );
    one.key = KEY.to_owned();
    one.part.enrol = Some(fingerprint("credential-three"));
    cloud.post("/config", &one.registration()).await.refused(403);
    cloud
        .admin(Method::POST, &format!("{path}/reset"), &json!({}))
        .await
        .good();
    enrols(&cloud, &mut one, "credential-three").await;
    one.beacon(&cloud).await;
    other.beacon(&cloud).await;
    cloud.clock.pass(1);
    let mut old = Agent::with_key("credential-one");
    old.part.agent_id = one.part.agent_id;
    cloud.post("/beacon", &old.message()).await.refused(403);
}

#[actix_web::test]
async fn a_credential_speaks_as_its_agent_and_never_as_version_1() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    enrols(&cloud, &mut agent, "credential-one").await;
    let old = json!({"key": "credential-one", "version": "0.10.2", "platform": "Flask", "routes": {}});
    cloud.post("/config", &old).await.refused(403);
    let beacon = json!({"key": "credential-one", "version": "0.10.2", "blacklist": [["203.0.113.9", 1_795_338_600]]});
    cloud.post("/beacon", &beacon).await.refused(403);
    assert!(cloud.listed().await.is_empty());
    let mut with_key = old;
    with_key["key"] = json!(KEY);
    cloud.post("/config", &with_key).await.good();
}

#[actix_web::test]
async fn a_flood_of_invented_agents_enrols_no_more_than_the_key_may_bring() {
    let mut config = config();
    config.limits.key_new_agents_per_hour = NonZeroU32::new(3).unwrap();
    let cloud = Cloud::start(config);
    let invented = async |n: usize| {
        let mut agent = Agent::new();
        agent.part.enrol = Some(fingerprint(&format!("invented-{n}")));
        agent.register(&cloud).await.enrolled.is_some()
    };
    let mut enrolled = 0;
    for n in 0..10 {
        enrolled += usize::from(invented(n).await);
    }
    assert_eq!(enrolled, 3);
    enrols(&cloud, &mut Agent::with_key(OTHER_KEY), "credential-of-another-key").await;
    cloud.clock.pass(3_600);
    assert!(invented(10).await, "in the next hour it may bring some more");
}

#[actix_web::test]
async fn what_a_removed_key_has_brought_is_revoked_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(config().data_dir(directory.path()));
    let (mut one, mut other) = (Agent::new(), Agent::with_key(OTHER_KEY));
    enrols(&cloud, &mut one, "credential-one").await;
    enrols(&cloud, &mut other, "credential-two").await;
    cloud.server.stop(std::time::Duration::from_secs(5));

    let without = ServerConfig::new().profile("shop", Profile::for_key(OTHER_KEY));
    let again = Cloud::start(without.admin_token(TOKEN).data_dir(directory.path()));
    one.register(&again).await;
    let key = |key: &str| format!("/admin/keys/{}", Secret::of(key).fingerprint().name());
    again.admin(Method::DELETE, &key(KEY), &Value::Null).await.good();
    again.post("/beacon", &one.message()).await.refused(403);
    other.register(&again).await;
    again.admin(Method::DELETE, &key(KEY), &Value::Null).await.refused(404);
    again
        .admin(Method::DELETE, &key("never-seen"), &Value::Null)
        .await
        .refused(404);
    one.key = OTHER_KEY.to_owned();
    enrols(&again, &mut one, "credential-three").await;
}

#[actix_web::test]
async fn the_key_asks_again_for_what_was_enrolled_within_the_hour() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    enrols(&cloud, &mut agent, "credential-one").await;
    let mut with_key = Agent::new();
    with_key.part.agent_id = agent.part.agent_id;
    with_key.part.enrol = Some(fingerprint("credential-one"));
    assert_eq!(with_key.register(&cloud).await.enrolled, with_key.part.enrol);
    cloud.clock.pass(3_600);
    cloud.post("/beacon", &with_key.message()).await.refused(403);
    agent.beacon(&cloud).await;
    // nor does another agent take the victim's credential for its own
    let mut thief = Agent::new();
    thief.part.enrol = Some(fingerprint("credential-one"));
    assert_eq!(thief.register(&cloud).await.enrolled, None);
    agent.beacon(&cloud).await;
}

#[actix_web::test]
async fn a_credential_is_exchanged_once_an_hour() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    enrols(&cloud, &mut agent, "credential-one").await;
    enrols(&cloud, &mut agent, "credential-two").await;
    agent.part.enrol = Some(fingerprint("credential-three"));
    assert_eq!(agent.beacon(&cloud).await.enrolled, None);
    cloud.clock.pass(3_600);
    assert_eq!(agent.beacon(&cloud).await.enrolled, agent.part.enrol);
}
