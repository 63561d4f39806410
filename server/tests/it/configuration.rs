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
