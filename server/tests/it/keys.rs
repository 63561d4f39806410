//! Agents' keys: made, shown once, rotated with an overlap, ended, revoked.

use awc::http::Method;
use buckler_server::{Profile, Secret, ServerConfig};
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    support::{Agent, Cloud, KEY, OTHER_KEY, TestClock, config},
};

async fn made(cloud: &Cloud, wanted: Value) -> (String, String) {
    let made = cloud.admin(Method::POST, "/admin/keys", &wanted).await.good();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["secret"]), text(&made["key"]["id"]))
}

async fn keys(cloud: &Cloud) -> Vec<Value> {
    let answer = cloud.admin(Method::GET, "/admin/keys", &Value::Null).await.good();
    answer["keys"].as_array().unwrap().clone()
}

async fn key(cloud: &Cloud, id: &str) -> Value {
    let mut keys = keys(cloud).await.into_iter();
    keys.find(|key| key["id"] == id).unwrap()
}

fn id_of(key: &str) -> String {
    Secret::of(key).fingerprint().name().to_string()
}

#[actix_web::test]
async fn a_key_is_shown_once_and_speaks_for_its_profile() {
    let cloud = Cloud::start(config());
    let (secret, id) = made(&cloud, json!({"profile": "shop", "label": "canary"})).await;
    assert!(secret.starts_with("bka_"), "{secret}");
    Agent::with_key(&secret).register(&cloud).await;
    let seen = key(&cloud, &id).await;
    assert_eq!(
        (&seen["profile"], &seen["label"], &seen["source"], &seen["state"]),
        (&json!("shop"), &json!("canary"), &json!("api"), &json!("active"))
    );
    assert_eq!(seen["tail"], secret[secret.len() - 4..]);
    assert_eq!(seen["used_ms"], cloud.clock.unix() * 1_000);
    let shown = cloud.admin(Method::GET, "/admin/keys", &Value::Null).await.text;
    for hidden in [secret.as_str(), KEY, OTHER_KEY] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    let of_file = key(&cloud, &id_of(KEY)).await;
    assert_eq!((&of_file["source"], &of_file["tail"]), (&json!("file"), &json!("1d33")));
    let other = json!({"profile": "blog"});
    cloud.admin(Method::POST, "/admin/keys", &other).await.refused(404);
}

#[actix_web::test]
async fn a_key_that_is_revoked_ends_its_sockets_at_once_and_no_other() {
    let cloud = Cloud::start(config());
    let (secret, id) = made(&cloud, json!({"profile": "shop"})).await;
    let (stolen, good) = (Agent::with_key(&secret), Agent::new());
    let mut theirs = Socket::open_as(&cloud, &secret).await.unwrap();
    theirs.register(&stolen).await;
    let mut ours = Socket::open(&cloud).await;
    ours.register(&good).await;
    let path = format!("/admin/keys/{id}");
    let revoked = cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    assert_eq!(revoked["revoked"]["state"], "revoked");
    assert_eq!(theirs.closed().await.0, 4403);
    cloud.post("/config", &stolen.registration()).await.refused(403);
    ours.beacon(&good).await;
    assert_eq!(key(&cloud, &id).await["state"], "revoked");
}

#[actix_web::test]
async fn a_rotated_key_of_the_file_stays_until_its_overlap_ends_and_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || config().data_dir(directory.path());
    let cloud = Cloud::start(kept());
    let path = format!("/admin/keys/{}/rotate", id_of(KEY));
    let rotated = cloud
        .admin(Method::POST, &path, &json!({"overlap_s": 600}))
        .await
        .good();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    Agent::with_key(&new).register(&cloud).await;
    let old = Agent::with_key(KEY);
    let mut socket = Socket::open(&cloud).await;
    socket.register(&old).await;
    cloud.clock.pass(599);
    old.beacon(&cloud).await;
    cloud.clock.pass(2);
    cloud.post("/beacon", &old.message()).await.refused(403);
    assert_eq!(socket.closed().await.0, 4403, "its end closes what is open");
    assert_eq!(key(&cloud, &id_of(KEY)).await["state"], "ended");
    let clock = std::sync::Arc::clone(&cloud.clock);
    cloud.server.stop(std::time::Duration::from_secs(5));

    let again = Cloud::start_at(kept(), "127.0.0.1:0", clock);
    again.post("/config", &old.registration()).await.refused(403);
    Agent::with_key(&new).register(&again).await;
    let refused = again.admin(Method::POST, &path, &json!({})).await.refused(409);
    assert!(refused.contains("ended"), "{refused}");
}

#[actix_web::test]
async fn a_key_with_a_time_to_live_ends_with_it() {
    let cloud = Cloud::start(config());
    let (secret, id) = made(&cloud, json!({"profile": "shop", "ttl_s": 60})).await;
    Agent::with_key(&secret).register(&cloud).await;
    cloud.clock.pass(60);
    cloud
        .post("/config", &Agent::with_key(&secret).registration())
        .await
        .refused(403);
    assert_eq!(key(&cloud, &id).await["state"], "ended");
    let never = json!({"profile": "shop", "ttl_s": 0});
    cloud.admin(Method::POST, "/admin/keys", &never).await.refused(400);
}

#[actix_web::test]
async fn a_file_may_hold_fingerprints_alone() {
    let fingerprint = Secret::of("the-key-of-the-shop").fingerprint();
    let text = format!("memory = true\n[profiles.shop]\nkeys_blake3 = [\"{fingerprint}\"]\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.toml");
    std::fs::write(&file, &text).unwrap();
    let cloud = Cloud::start_at(
        ServerConfig::from_file(&file).unwrap(),
        "127.0.0.1:0",
        std::sync::Arc::new(TestClock::default()),
    );
    Agent::with_key("the-key-of-the-shop").register(&cloud).await;
    std::fs::write(&file, text.replace(&fingerprint.to_string(), "the-key-of-the-shop")).unwrap();
    let slip = ServerConfig::from_file(&file).unwrap_err().to_string();
    assert!(slip.contains("64 hexadecimal digits"), "{slip}");
}

#[actix_web::test]
async fn a_key_of_the_file_that_was_revoked_is_not_let_in_by_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(config().data_dir(directory.path()));
    let path = format!("/admin/keys/{}", id_of(OTHER_KEY));
    cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    cloud.server.stop(std::time::Duration::from_secs(5));
    let profile = Profile::for_key(KEY).key(OTHER_KEY).set("APP_NAME", "changed");
    let changed = ServerConfig::new()
        .profile("shop", profile)
        .admin_token(crate::support::TOKEN)
        .data_dir(directory.path());
    let again = Cloud::start(changed);
    again
        .post("/config", &Agent::with_key(OTHER_KEY).registration())
        .await
        .refused(403);
    Agent::with_key(KEY).register(&again).await;
}
