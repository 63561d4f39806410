//! Version 2 agents get a configuration until they have it, and operators see which they have.

use awc::http::Method;
use buckler::protocol::v2::{ConfigCursor, ConfigState, ConfigStatus};
use serde_json::{Value, json};

use crate::{
    member::pair,
    support::{Agent, Cloud, config},
};

#[actix_web::test]
async fn a_changed_configuration_arrives_once() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    let first = agent.register(&cloud).await.config.unwrap();
    assert_eq!(first.body["APP_NAME"], "shop");
    assert_eq!(
        first.body["SECURITY_CHECKS"],
        json!({"flood": 0}),
        "version 2 agents merge check by check"
    );
    assert_eq!(first.body["BEACON_URL"], cloud.url("/beacon"));
    assert_eq!(first.hash, buckler::model::policy::config_hash(&first.body));
    agent.part.have.config = Some(ConfigCursor {
        version: first.version,
        hash: first.hash,
        signed: None,
    });
    assert_eq!(agent.beacon(&cloud).await.config, None);
    let mut changed = cloud
        .admin(Method::GET, "/admin/profiles/shop/config", &Value::Null)
        .await
        .good()["config"]
        .take();
    changed["BEACON_DELAY"] = json!(60);
    cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &changed)
        .await
        .good();
    let part = agent.beacon(&cloud).await;
    let second = part.config.unwrap();
    assert!(second.version > first.version);
    assert_eq!(second.body["BEACON_DELAY"], 60);
    let next = part.next.unwrap();
    assert_eq!(
        (next.after_ms, next.jitter_ms),
        (60_000, 12_000),
        "the new interval holds at once"
    );
    assert!(agent.beacon(&cloud).await.config.is_some(), "until the agent has it");
    let failed = ConfigStatus {
        version: second.version,
        state: ConfigState::Failed,
        error: Some("why not".to_owned()),
    };
    agent.part.config_status = Some(failed);
    assert_eq!(agent.beacon(&cloud).await.config, None, "or has found it unusable");
    assert_eq!(cloud.agents().await[0]["config_status"]["error"], "why not");
}

#[actix_web::test]
async fn the_admin_view_shows_what_an_agent_said() {
    let cloud = Cloud::start(config());
    let (one, mut two) = pair(&cloud).await;
    let mut message = two.agent.message();
    message["telemetry"] = json!({"cpu": 12.5, "memory": 40.0});
    message["v2"]["totals"] = json!({"since_ms": 5, "success": 7, "errors": 1, "attacks": 2, "blocked": 2});
    message["v2"]["lost"] = json!({"queue_full": 3});
    message["v2"]["health"] = json!({"restarts": 1, "state": "synced"});
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    cloud.clock.pass(1);
    cloud.post("/beacon", &message).await.good();
    let agents = cloud.agents().await;
    assert_eq!(agents.len(), 2);
    let seen = &agents[0];
    assert_eq!(seen["id"], two.agent.part.agent_id.to_string(), "heard last");
    assert_eq!(
        (&seen["profile"], &seen["fleet"], &seen["platform"]),
        (&json!("shop"), &json!("default"), &json!("actix-web"))
    );
    assert_eq!(
        (&seen["proto"], &seen["registered"], &seen["routes"]),
        (&json!(2), &json!(true), &json!(1))
    );
    assert_eq!(
        (&seen["telemetry"]["cpu"], &seen["totals"]["blocked"]),
        (&json!(12.5), &json!(2))
    );
    assert_eq!(
        (&seen["lost"]["queue_full"], &seen["health"]["state"]),
        (&json!(3), &json!("synced"))
    );
    assert_eq!(seen["list_lag"], 1);
    two.follow(&cloud).await;
    two.follow(&cloud).await;
    assert_eq!(cloud.agents().await[0]["list_lag"], 0);
    assert!(
        !cloud
            .agents()
            .await
            .iter()
            .any(|agent| agent.to_string().contains(&one.agent.key)),
        "never a key"
    );
}

const CONFIG: &str = "/admin/profiles/shop/config";
const VERSIONS: &str = "/admin/profiles/shop/versions";
const ROLLBACK: &str = "/admin/profiles/shop/rollback";

#[actix_web::test]
async fn some_keys_are_changed_and_all_others_stay() {
    let cloud = Cloud::start(config());
    let before = cloud.admin(Method::GET, CONFIG, &Value::Null).await.good();
    let update = json!({"flood_ratio": 100, "BLACKLIST_DELAY": null});
    let merged = cloud.admin(Method::PATCH, CONFIG, &update).await.good();
    assert_eq!(merged["config"]["FLOOD_RATIO"], 100, "{merged}");
    assert_eq!(
        merged["config"]["BLACKLIST_DELAY"],
        Value::Null,
        "what is null is dropped"
    );
    assert_eq!(merged["config"]["APP_NAME"], before["config"]["APP_NAME"]);
    assert!(merged["version"].as_u64() > before["version"].as_u64());
    let refused = cloud
        .admin(Method::PATCH, CONFIG, &json!({"FLOOD_RATIO": "many"}))
        .await;
    assert!(refused.refused(422).contains("FLOOD_RATIO"));
    let signed = json!({"config": {"APP_NAME": "x"}, "signature": {
        "profile": "shop", "version": 7, "expires_s": 1, "signed": [], "template": "default",
    }});
    let refused = cloud.admin(Method::PATCH, CONFIG, &signed).await;
    assert!(refused.refused(400).contains("signature"));
    for (method, hiding) in [
        (
            Method::PATCH,
            json!({"config": {"ZTAA_KEYS": ["a-secret-of-the-site"]}}),
        ),
        (
            Method::PUT,
            json!({"APP_NAME": "x", "config": {"ZTAA_KEYS": ["a-secret-of-the-site"]}}),
        ),
    ] {
        let refused = cloud.admin(method, CONFIG, &hiding).await.refused(422);
        assert!(refused.contains("config: found beside other keys"), "{refused}");
        assert!(!refused.contains("a-secret"), "{refused}");
    }
    let sign = json!({"ZTAA_KEYS": "…"});
    let refused = cloud.admin(Method::PATCH, CONFIG, &sign).await.refused(422);
    assert!(
        refused.contains("ZTAA_KEYS") && refused.contains("there is none"),
        "{refused}"
    );
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    cloud.by(&viewer, Method::PATCH, CONFIG, &json!({})).await.refused(403);
    cloud
        .by(&viewer, Method::DELETE, CONFIG, &Value::Null)
        .await
        .refused(403);
    cloud
        .by(&viewer, Method::POST, ROLLBACK, &json!({"version": 1}))
        .await
        .refused(403);
}

#[actix_web::test]
async fn an_operator_goes_back_to_a_version_or_to_what_the_file_says() {
    let cloud = Cloud::start(config());
    let versions = async || cloud.admin(Method::GET, VERSIONS, &Value::Null).await.good();
    let of_file = versions().await["in_force"].clone();
    assert_eq!(
        (&of_file["source"], &versions().await["before"]),
        (&json!("file"), &json!([]))
    );
    let nothing = cloud.admin(Method::DELETE, CONFIG, &Value::Null).await.refused(409);
    assert!(nothing.contains("there is nothing to drop"), "{nothing}");
    let put = async |ratio: u64| {
        let config = json!({"APP_NAME": "shop", "FLOOD_RATIO": ratio, "ZTAA_KEY": "s3cret"});
        cloud.admin(Method::PUT, CONFIG, &config).await.good()["version"]
            .as_u64()
            .unwrap()
    };
    let (first, second) = (put(100).await, put(200).await);
    let all = versions().await;
    assert_eq!(all["in_force"]["version"], second);
    let before = all["before"].as_array().unwrap();
    assert_eq!(
        (before[0]["version"].as_u64(), before[0]["source"].as_str()),
        (Some(first), Some("api"))
    );
    assert_eq!(before[0]["config"]["FLOOD_RATIO"], 100);
    assert_eq!(before[1]["version"], of_file["version"]);
    assert_eq!(
        (&before[1]["source"], &before[1]["config"]),
        (&json!("file"), &Value::Null)
    );
    assert!(!all.to_string().contains("s3cret"), "{all}");

    let back = cloud
        .admin(Method::POST, ROLLBACK, &json!({"version": first}))
        .await
        .good();
    assert_eq!(back["config"]["FLOOD_RATIO"], 100);
    assert!(
        back["version"].as_u64() > Some(second),
        "under a number of its own: {back}"
    );
    let agent = Agent::new();
    let served = agent.register(&cloud).await.config.unwrap();
    assert_eq!(
        (&served.body["FLOOD_RATIO"], &served.body["ZTAA_KEY"]),
        (&json!(100), &json!("s3cret"))
    );
    for (version, said) in [(7, "is not kept"), (back["version"].as_u64().unwrap(), "is in force")] {
        let refused = cloud.admin(Method::POST, ROLLBACK, &json!({"version": version})).await;
        let refused = refused.refused(404);
        assert!(refused.contains(said), "{refused}");
    }

    // to the file, by its version and then by its name
    let by_version = json!({"version": of_file["version"]});
    let reset = cloud.admin(Method::POST, ROLLBACK, &by_version).await.good();
    assert_eq!(
        (&reset["source"], &reset["config"]),
        (&json!("file"), &of_file["config"])
    );
    put(300).await;
    let reset = cloud.admin(Method::DELETE, CONFIG, &Value::Null).await.good();
    assert_eq!(
        (&reset["source"], &reset["config"]),
        (&json!("file"), &of_file["config"])
    );
    let audit = cloud.admin(Method::GET, "/admin/audit", &Value::Null).await.good();
    let actions = audit["entries"].as_array().unwrap().iter();
    let actions: Vec<&str> = actions.map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected = [
        "profile.reset",
        "profile",
        "profile.rollback",
        "profile.rollback",
        "profile",
        "profile",
    ];
    assert_eq!(actions[..6], expected);

    for ratio in 1..=25 {
        put(ratio).await;
    }
    let before = versions().await["before"].as_array().unwrap().len();
    assert_eq!(before, 20, "the newest");
}

#[actix_web::test]
async fn versions_outlive_the_server_and_a_file_that_changes() {
    let dir = tempfile::tempdir().unwrap();
    let kept = || buckler_server::ServerConfig {
        data_dir: Some(dir.path().join("data")),
        memory: false,
        ..config()
    };
    let cloud = Cloud::start(kept());
    let mut versions = Vec::new();
    for ratio in [100, 200] {
        let config = json!({"APP_NAME": "shop", "FLOOD_RATIO": ratio});
        let put = cloud.admin(Method::PUT, CONFIG, &config).await.good();
        versions.push(put["version"].as_u64().unwrap());
    }
    let all = cloud.admin(Method::GET, VERSIONS, &Value::Null).await.good();
    cloud.server.stop(std::time::Duration::from_secs(5));
    let cloud = Cloud::start(kept());
    assert_eq!(cloud.admin(Method::GET, VERSIONS, &Value::Null).await.good(), all);
    cloud.server.stop(std::time::Duration::from_secs(5));

    // the file says another thing: its versions of before are gone, those of the API are not
    let mut config = kept();
    let shop = config.profiles.get_mut("shop").unwrap();
    *shop = std::mem::take(shop).set("FLOOD_RATIO", 300);
    let cloud = Cloud::start(config);
    let of_file = all["before"][1]["version"].as_u64().unwrap();
    let refused = cloud.admin(Method::POST, ROLLBACK, &json!({"version": of_file})).await;
    let refused = refused.refused(409);
    assert!(refused.contains("which has changed since"), "{refused}");
    let back = cloud
        .admin(Method::POST, ROLLBACK, &json!({"version": versions[0]}))
        .await
        .good();
    assert_eq!(
        (&back["config"]["FLOOD_RATIO"], &back["source"]),
        (&json!(100), &json!("api"))
    );
}
