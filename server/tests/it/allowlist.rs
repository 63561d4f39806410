//! What operators allow: by the admin API, told to agents, over a restart.

use std::{sync::Arc, time::Duration};

use awc::http::Method;
use buckler::protocol::v2::ListMode;
use serde_json::{Value, json};

use crate::support::{Agent, Answer, Cloud, KEY, TestClock, config};

impl Cloud {
    async fn allows(&self, address: &str, ttl_s: Option<u64>) -> Answer {
        let body = json!({"address": address, "ttl_s": ttl_s, "reason": "the office"});
        self.admin(Method::POST, "/admin/allowlist", &body).await
    }

    async fn allowed(&self, query: &str) -> Vec<Value> {
        let page = self
            .admin(Method::GET, &format!("/admin/allowlist{query}"), &Value::Null)
            .await;
        page.good()["allowed"].as_array().unwrap().clone()
    }
}

#[actix_web::test]
async fn what_is_allowed_is_lifted_told_to_agents_and_taken_back() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", Some(600)).await;
    let mut agent = Agent::new();
    let list = agent.register(&cloud).await.list.unwrap();
    agent.part.have.list = Some(buckler::protocol::v2::ListCursor {
        epoch: list.epoch,
        rev: list.to,
        count: list.count,
        digest: list.digest,
    });
    let done = cloud.allows("203.0.113.0/24", Some(3_600)).await.good();
    assert_eq!(
        (&done["lifted"], &done["allowed"]["address"], &done["allowed"]["ttl_s"]),
        (&json!(1), &json!("203.0.113.0/24"), &json!(3_600))
    );
    assert!(cloud.listed().await.is_empty());
    // the agent has banned another one of it meanwhile
    agent.ban("203.0.113.7", cloud.clock.unix());
    let told = agent.beacon(&cloud).await;
    assert_eq!((told.ack, told.nack[0].code.as_str()), (Some(1), "allowed"));
    let list = told.list.unwrap();
    assert_eq!((list.mode, list.add.len()), (ListMode::Delta, 0));
    for gone in ["203.0.113.0/24", "203.0.113.7", "203.0.113.9"] {
        assert!(list.remove.contains(&gone.to_owned()), "{:?}", list.remove);
    }
    // and an agent of version 1 lets go of it, too
    let v1 = json!({"key": KEY, "version": "0.9.2", "blacklist": [["203.0.113.8", cloud.clock.unix()]]});
    cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    let answer = cloud.post("/beacon", &v1).await.good();
    assert!(
        answer["blacklist"]["remove"]
            .as_array()
            .unwrap()
            .contains(&json!("203.0.113.8")),
        "{answer}"
    );
    let shown = cloud.allowed("").await;
    assert_eq!(
        (&shown[0]["by"], &shown[0]["why"]),
        (&json!("file"), &json!("the office"))
    );
    assert_eq!(cloud.allowed("?address=203.0.113.77").await.len(), 1);
    assert_eq!(cloud.allowed("?address=203.0.114.1").await.len(), 0);
    let delete = async |address: &str| {
        let path = format!("/admin/allowlist?address={address}");
        cloud.admin(Method::DELETE, &path, &Value::Null).await
    };
    let message = delete("203.0.113.7").await.refused(404);
    assert!(message.contains("by an entry of its own"), "{message}");
    assert_eq!(delete("203.0.113.0/24").await.good()["removed"]["why"], "the office");
    cloud.operator_bans("203.0.113.9", Some(600)).await;
    let audit = cloud.admin(Method::GET, "/admin/audit", &Value::Null).await.good();
    let actions: Vec<&str> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions[..4], ["ban", "disallow", "allow", "ban"]);
}

#[actix_web::test]
async fn bans_and_imports_of_what_is_allowed_are_refused_with_the_reason() {
    let cloud = Cloud::start(config());
    cloud.allows("203.0.113.7", None).await.good();
    for (address, said) in [
        ("203.0.113.7", "203.0.113.7 is allowed (the office, by file)"),
        ("203.0.113.0/24", "203.0.113.0/24 touches 203.0.113.7, which is allowed"),
    ] {
        for more in [
            json!({"force": true}),
            json!({"allow_wide": true}),
            json!({"dry_run": true}),
        ] {
            let mut ban = json!({"address": address, "ttl_s": 600, "reason": "feed"});
            ban.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let message = cloud.admin(Method::POST, "/admin/blacklist", &ban).await.refused(409);
            assert!(message.contains(said), "{message}");
        }
    }
    assert!(cloud.listed().await.is_empty());
    for (wanted, said) in [
        (json!({"address": "203.0.0.0/15", "reason": "x"}), "wider than /16"),
        (json!({"address": "2001:db8::/31", "reason": "x"}), "wider than /16"),
        (json!({"address": "203.0.113.7", "reason": " "}), "reason"),
        (json!({"address": "203.0.113.7", "reason": "x".repeat(201)}), "reason"),
        (json!({"address": "203.0.113.7", "reason": "x", "ttl_s": 0}), "ttl_s"),
        (json!({"address": "here", "reason": "x"}), "here"),
    ] {
        let message = cloud
            .admin(Method::POST, "/admin/allowlist", &wanted)
            .await
            .refused(400);
        assert!(message.contains(said), "{message}");
    }
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    let wanted = json!({"address": "203.0.113.8", "reason": "x"});
    cloud
        .by(&viewer, Method::POST, "/admin/allowlist", &wanted)
        .await
        .refused(403);
    cloud
        .by(&viewer, Method::GET, "/admin/allowlist", &Value::Null)
        .await
        .good();
}

#[actix_web::test]
async fn what_is_allowed_outlives_the_server_and_ends() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let start = || {
        let config = config().data_dir(directory.path().join("data"));
        Cloud::start_at(config, "127.0.0.1:0", Arc::clone(&clock))
    };
    let cloud = start();
    cloud.allows("203.0.113.7", Some(600)).await.good();
    cloud.allows("2001:db8::/64", None).await.good();
    let before = cloud.allowed("").await;
    cloud.server.stop(Duration::from_secs(5));
    let cloud = start();
    assert_eq!(cloud.allowed("").await, before);
    let mut agent = Agent::new();
    agent.ban("2001:db8::/64", clock.unix());
    assert_eq!(agent.register(&cloud).await.nack[0].code, "allowed");
    clock.pass(600);
    let left = cloud.allowed("").await;
    assert_eq!((left.len(), &left[0]["address"]), (1, &json!("2001:db8::/64")));
    cloud.operator_bans("203.0.113.7", Some(600)).await;
}
