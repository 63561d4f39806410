//! Who changed what: every change is written down, with no secret in it.

use awc::http::Method;
use buckler_server::{Secret, ServerConfig};
use serde_json::{Value, json};

use crate::support::{Cloud, KEY, config};

async fn entries(cloud: &Cloud, query: &str) -> Vec<Value> {
    let path = format!("/admin/audit{query}");
    let page = cloud.admin(Method::GET, &path, &Value::Null).await.good();
    page["entries"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn every_change_says_who_when_from_where_and_what_it_was_before() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || config().data_dir(directory.path());
    let cloud = Cloud::start(kept());
    let token = cloud.token("alice", "admin", Value::Null).await;
    let by_alice = async |method: Method, path: &str, body: Value| cloud.by(&token, method, path, &body).await.good();
    let ban = |ttl: u64| json!({"address": "203.0.113.9", "ttl_s": ttl, "reason": "scans"});
    by_alice(Method::POST, "/admin/blacklist", ban(60)).await;
    by_alice(Method::POST, "/admin/blacklist", ban(600)).await;
    by_alice(Method::DELETE, "/admin/blacklist?address=203.0.113.9", Value::Null).await;
    let keys = json!({"APP_NAME": "store", "ZTAA_KEYS": ["hush-hush-secret"]});
    by_alice(Method::PUT, "/admin/profiles/shop/config", keys).await;
    let made = by_alice(
        Method::POST,
        "/admin/keys",
        json!({"profile": "shop", "label": "canary"}),
    )
    .await;
    let id = made["key"]["id"].as_str().unwrap();
    by_alice(Method::DELETE, &format!("/admin/keys/{id}"), Value::Null).await;

    let seen = entries(&cloud, "").await;
    let actions: Vec<&str> = seen.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected = [
        "key.revoke",
        "key.create",
        "profile",
        "unban",
        "ban",
        "ban",
        "token.create",
        "profile.file",
    ];
    assert_eq!(actions, expected, "the newest first");
    for entry in &seen[..6] {
        assert_eq!(
            (&entry["who"], &entry["tail"], &entry["from"], &entry["fleet"]),
            (
                &json!("alice"),
                &json!(token[token.len() - 4..]),
                &json!("127.0.0.1"),
                &json!("default")
            )
        );
        assert_eq!(entry["at_ms"], cloud.clock.unix() * 1_000);
    }
    assert_eq!(
        (&seen[4]["old"]["ttl_s"], &seen[4]["new"]["ttl_s"]),
        (&json!(60), &json!(600))
    );
    assert_eq!(seen[5]["old"], Value::Null);
    assert_eq!(seen[3]["old"]["why"], "scans");
    let change = &seen[2];
    assert_eq!(
        (
            &change["old"]["config"]["APP_NAME"],
            &change["new"]["config"]["APP_NAME"]
        ),
        (&json!("shop"), &json!("store"))
    );
    assert_eq!((&seen[6]["who"], &seen[7]["who"]), (&json!("file"), &json!("file")));
    let text = cloud.admin(Method::GET, "/admin/audit", &Value::Null).await.text;
    for secret in [made["secret"].as_str().unwrap(), token.as_str(), KEY, "hush-hush"] {
        assert!(!text.contains(secret), "{text}");
    }

    let first = entries(&cloud, "?limit=3").await;
    let next = format!("?limit=3&before={}", first[2]["number"]);
    assert_eq!([first, entries(&cloud, &next).await].concat(), seen[..6]);
    assert_eq!(entries(&cloud, "?action=ban").await.len(), 2);
    let clock = std::sync::Arc::clone(&cloud.clock);
    cloud.server.stop(std::time::Duration::from_secs(5));
    let again = Cloud::start_at(kept(), "127.0.0.1:0", clock);
    assert_eq!(entries(&again, "").await, seen, "it outlives the server");
}

#[actix_web::test]
async fn a_key_of_no_profile_is_of_no_fleet() {
    let unassigned = ServerConfig {
        unassigned_keys: vec!["key-of-no-profile".into()],
        ..config()
    };
    let cloud = Cloud::start(unassigned);
    let id = Secret::of("key-of-no-profile").fingerprint().name();
    let path = format!("/admin/keys/{id}");
    cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    let seen = entries(&cloud, "?action=key.revoke").await;
    assert_eq!(
        (seen.len(), &seen[0]["target"], seen[0].get("fleet")),
        (1, &json!(&*id), None)
    );
}
