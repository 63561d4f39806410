//! Many bans or unbans at once.

use awc::http::Method;
use serde_json::{Value, json};

use crate::support::{Cloud, config};

#[actix_web::test]
async fn many_are_banned_and_let_in_again_with_one_reason_and_what_cannot_be_is_named() {
    let cloud = Cloud::start(config());
    let bulk = async |body: Value| cloud.admin(Method::POST, "/admin/blacklist/bulk", &body).await;
    let allow = json!({"address": "192.0.2.1", "reason": "the office"});
    cloud.admin(Method::POST, "/admin/allowlist", &allow).await.good();
    let done = bulk(json!({
        "do": "ban", "reason": "scans", "ttl_s": 600,
        "addresses": ["203.0.113.9", "203.0.113.9", "198.51.100.0/24", "10.0.0.1", "203.0.0.0/16", "nowhere", "192.0.2.1"],
    }))
    .await
    .good();
    assert_eq!(done["done"], json!(["198.51.100.0/24", "203.0.113.9"]), "each once");
    let left_out: Vec<(&str, &str)> = done["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["address"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    for (address, why) in [
        ("10.0.0.1", "protected"),
        ("203.0.0.0/16", "wider"),
        ("nowhere", "no address"),
        ("192.0.2.1", "is allowed (the office"),
    ] {
        let found = left_out.iter().find(|(of, _)| *of == address);
        assert!(
            found.is_some_and(|(_, said)| said.contains(why)),
            "{address}: {left_out:?}"
        );
    }
    assert_eq!(left_out.len(), 4);
    let done =
        bulk(json!({"do": "ban", "reason": "scans", "ttl_s": 600, "allow_wide": true, "addresses": ["203.0.0.0/16"]}));
    assert_eq!(done.await.good()["done"], json!(["203.0.0.0/16"]));
    assert_eq!(cloud.listed().await, ["198.51.100.0/24", "203.0.0.0/16", "203.0.113.9"]);
    let done = bulk(
        json!({"do": "unban", "reason": "a mistake", "addresses": ["203.0.113.9", "203.0.0.0/16", "203.0.113.10"]}),
    );
    let done = done.await.good();
    assert_eq!(done["done"], json!(["203.0.0.0/16", "203.0.113.9"]));
    assert_eq!(
        done["left_out"],
        json!([{"address": "203.0.113.10", "why": "it is not listed"}])
    );
    assert_eq!(cloud.listed().await, ["198.51.100.0/24"]);
    // each is an entry of the audit, as if it had been said alone
    let audit = cloud
        .admin(Method::GET, "/admin/audit?action=unban", &Value::Null)
        .await
        .good();
    let entries = audit["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["new"]["why"], &entries[0]["old"]["why"]),
        (&json!("a mistake"), &json!("scans"))
    );
    // without an end it is to be insisted on
    let endless = json!({"do": "ban", "reason": "x", "addresses": ["203.0.113.1"]});
    assert_eq!(bulk(endless.clone()).await.good()["done"], json!([]));
    let mut insisted = endless;
    insisted["force"] = json!(true);
    insisted["addresses"] = json!(["203.0.113.1", "10.0.0.1", "10.0.0.0/8"]);
    let done = bulk(insisted).await.good();
    assert_eq!(
        done["done"],
        json!(["203.0.113.1"]),
        "what is protected is insisted on alone"
    );
    assert_eq!(done["left_out"].as_array().unwrap().len(), 2, "{done}");
    let many: Vec<String> = (0..501).map(|n| format!("198.51.{}.{}", n / 250, n % 250)).collect();
    for wrong in [
        json!({"do": "ban", "reason": "x", "addresses": []}),
        json!({"do": "ban", "reason": "x", "addresses": many}),
        json!({"do": "ban", "reason": " ", "addresses": ["203.0.113.1"]}),
        json!({"do": "allow", "reason": "x", "addresses": ["203.0.113.1"]}),
        json!({"do": "ban", "reason": "x", "ttl_s": 0, "addresses": ["203.0.113.1"]}),
    ] {
        bulk(wrong).await.refused(400);
    }
}

#[actix_web::test]
async fn as_many_as_are_allowed_are_one_record() {
    let cloud = Cloud::start(config());
    let addresses: Vec<String> = (0..500).map(|n| format!("198.51.{}.{}", n / 250, n % 250)).collect();
    let wanted = json!({"do": "ban", "reason": "x".repeat(200), "ttl_s": 60, "addresses": addresses});
    let before = cloud.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    let done = cloud.admin(Method::POST, "/admin/blacklist/bulk", &wanted).await.good();
    assert_eq!(done["done"].as_array().unwrap().len(), 500);
    let after = cloud.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    let position = |health: &Value| health["journal"]["position"].as_u64().unwrap();
    assert_eq!(position(&after), position(&before) + 1);
}
