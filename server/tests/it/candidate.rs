//! A configuration that a share of a profile's agents try: who is sent it, how it goes on, and who
//! may do what.

use std::sync::Arc;

use awc::http::Method;
use buckler::protocol::v2::{ConfigCursor, ConfigState, ConfigStatus, ConfigUpdate, ServerPart};
use buckler_server::backup;
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    support::{Agent, Cloud, TOKEN, TestClock, config},
};

const CANDIDATE: &str = "/admin/profiles/shop/candidate";
const PROMOTE: &str = "/admin/profiles/shop/candidate/promote";
const CONFIG: &str = "/admin/profiles/shop/config";

impl Cloud {
    async fn publish(&self, share: u8, ratio: u64) -> u64 {
        let candidate = json!({"APP_NAME": "shop", "FLOOD_RATIO": ratio, "BEACON_DELAY": 90});
        let path = format!("{CANDIDATE}?share={share}");
        let staged = self.admin(Method::PUT, &path, &candidate).await.good();
        assert_eq!(
            (&staged["share"], &staged["config"]["FLOOD_RATIO"]),
            (&json!(share), &json!(ratio))
        );
        staged["version"].as_u64().unwrap()
    }

    async fn in_force(&self) -> u64 {
        self.admin(Method::GET, CONFIG, &Value::Null).await.good()["version"]
            .as_u64()
            .unwrap()
    }

    async fn trial(&self) -> Value {
        self.admin(Method::GET, CANDIDATE, &Value::Null).await.good()
    }

    async fn step(&self, method: Method, body: &Value) -> crate::support::Answer {
        let path = if method == Method::POST { PROMOTE } else { CANDIDATE };
        self.admin(method, path, body).await
    }
}

/// Agents that take what they are sent.
struct Fleet(Vec<Agent>);

impl Fleet {
    async fn join(cloud: &Cloud, agents: usize) -> Self {
        let mut fleet = Self((0..agents).map(|_| Agent::new()).collect());
        for agent in &mut fleet.0 {
            let part = agent.register(cloud).await;
            take(agent, part.config);
        }
        fleet
    }

    /// Has all speak; which of them run this version then.
    async fn that_run(&mut self, cloud: &Cloud, version: u64) -> Vec<usize> {
        let mut running = Vec::new();
        for (n, agent) in self.0.iter_mut().enumerate() {
            let part: ServerPart = agent.beacon(cloud).await;
            take(agent, part.config);
            if agent.part.have.config.as_ref().unwrap().version == version {
                running.push(n);
            }
        }
        running
    }
}

fn take(agent: &mut Agent, config: Option<ConfigUpdate>) {
    if let Some(config) = config {
        agent.part.have.config = Some(ConfigCursor {
            version: config.version,
            hash: config.hash,
            signed: None,
        });
    }
}

#[actix_web::test]
async fn a_larger_share_keeps_its_agents_and_all_come_back_from_what_is_abandoned() {
    let cloud = Cloud::start(config());
    let mut fleet = Fleet::join(&cloud, 60).await;
    let before = cloud.in_force().await;
    let first = cloud.publish(10, 100).await;
    let few = fleet.that_run(&cloud, first).await;
    assert!(!few.is_empty() && few.len() < 20, "{few:?}");
    assert_eq!(cloud.in_force().await, before, "the one in force stays");
    cloud.step(Method::PATCH, &json!({"share": 50})).await.good();
    let half = fleet.that_run(&cloud, first).await;
    assert!(few.iter().all(|one| half.contains(one)) && few.len() < half.len() && half.len() < 60);
    let _said = fleet.that_run(&cloud, first).await;
    let trial = cloud.trial().await;
    assert_eq!(
        (
            &trial["agents"]["heard"],
            &trial["agents"]["in_share"],
            &trial["agents"]["running"]
        ),
        (&json!(60), &json!(half.len()), &json!(half.len())),
        "{trial}"
    );
    assert_eq!(trial["over"], before);
    let one = &mut fleet.0[half[0]];
    assert_eq!(one.beacon(&cloud).await.config, None, "who has it is sent it no more");
    assert_eq!(
        one.beacon(&cloud).await.next.unwrap().after_ms,
        90_000,
        "and speaks as often as it says"
    );

    let back = cloud.step(Method::DELETE, &Value::Null).await.good();
    assert_eq!(back["version"], before);
    assert_eq!(fleet.that_run(&cloud, before).await.len(), 60);
    cloud.step(Method::GET, &Value::Null).await.refused(404);

    let second = cloud.publish(50, 100).await;
    let others = fleet.that_run(&cloud, second).await;
    assert_ne!(others, half, "not the same agents try every candidate");
    let promoted = cloud.step(Method::POST, &json!({"version": second})).await.good();
    assert_eq!(
        (
            &promoted["version"],
            &promoted["source"],
            &promoted["config"]["FLOOD_RATIO"]
        ),
        (&json!(second), &json!("api"), &json!(100))
    );
    assert_eq!(fleet.that_run(&cloud, second).await.len(), 60);
    cloud.step(Method::GET, &Value::Null).await.refused(404);
    // and it is gone back from as from any other
    let rollback = json!({ "version": before });
    let path = "/admin/profiles/shop/rollback";
    let back = cloud.admin(Method::POST, path, &rollback).await.good();
    assert_eq!(back["source"], "file", "{back}");
    let audit = cloud.admin(Method::GET, "/admin/audit", &Value::Null).await.good();
    let actions = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str());
    let actions: Vec<&str> = actions.flatten().collect();
    let expected = [
        "profile.rollback",
        "profile.promote",
        "profile.publish",
        "profile.abandon",
        "profile.share",
        "profile.publish",
    ];
    assert_eq!(actions[..expected.len()], expected);
}

#[actix_web::test]
async fn what_agents_roll_back_goes_no_further() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    let welcome = agent.register(&cloud).await;
    take(&mut agent, welcome.config);
    let version = cloud.publish(100, 100).await;
    agent.part.config_status = Some(ConfigStatus {
        version,
        state: ConfigState::RolledBack,
        error: Some("20 of 20 clients".to_owned()),
    });
    assert_eq!(agent.beacon(&cloud).await.config, None, "it is not sent it again");
    // started anew: it says nothing of what it refused, and has nothing
    let said = (agent.part.config_status.take(), agent.part.have.config.take());
    let sent = agent.beacon(&cloud).await.config.unwrap();
    assert_eq!(
        Some(sent.version),
        said.1.as_ref().map(|have| have.version),
        "what is in force"
    );
    (agent.part.config_status, agent.part.have.config) = said;
    let trial = cloud.trial().await;
    assert_eq!(
        (&trial["agents"]["refused"], &trial["agents"]["running"]),
        (&json!(1), &json!(0))
    );
    cloud.step(Method::PATCH, &json!({"share": 10})).await.good();
    for (method, body) in [(Method::PATCH, json!({"share": 11})), (Method::POST, json!({}))] {
        let refused = cloud.step(method, &body).await.refused(409);
        assert!(
            refused.contains("20 of 20 clients") && refused.contains("`force`"),
            "{refused}"
        );
    }
    cloud
        .step(Method::PATCH, &json!({"share": 11, "force": true}))
        .await
        .good();
    cloud.step(Method::POST, &json!({"force": true})).await.good();
    assert_eq!(cloud.in_force().await, version);
}

#[actix_web::test]
async fn a_candidate_is_pushed_to_its_share_and_taken_back_by_a_push() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    let mut socket = Socket::open(&cloud).await;
    let welcome = socket.register(&agent).await;
    take(&mut agent, welcome.config);
    let before = cloud.in_force().await;
    socket.beacon(&agent).await;
    let staged = cloud.publish(100, 100).await;
    assert_eq!(socket.push().await.config.unwrap().version, staged);
    // before the agent says that it has it
    cloud.step(Method::DELETE, &Value::Null).await.good();
    assert_eq!(socket.push().await.config.unwrap().version, before);
}

#[actix_web::test]
async fn what_is_tried_is_one_configuration_over_the_one_in_force() {
    let cloud = Cloud::start(config());
    let same = cloud.admin(Method::GET, CONFIG, &Value::Null).await.good()["config"].take();
    let put = async |share: &str, body: &Value| {
        cloud
            .admin(Method::PUT, &format!("{CANDIDATE}?share={share}"), body)
            .await
    };
    assert!(put("10", &same).await.refused(422).contains("which is in force"));
    assert!(
        put("10", &json!({"FLOOD_RATIO": "many"}))
            .await
            .refused(422)
            .contains("FLOOD_RATIO")
    );
    for share in ["0", "101"] {
        let refused = put(share, &json!({})).await.refused(400);
        assert!(refused.contains("share: found"), "{refused}");
    }
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    for (method, path) in [
        (Method::PUT, format!("{CANDIDATE}?share=10")),
        (Method::PATCH, CANDIDATE.to_owned()),
        (Method::DELETE, CANDIDATE.to_owned()),
        (Method::POST, PROMOTE.to_owned()),
    ] {
        cloud.by(&viewer, method, &path, &json!({})).await.refused(403);
    }
    let first = cloud.publish(10, 100).await;
    let second = cloud.publish(1, 200).await;
    assert!(second > first, "another takes its place");
    let refused = cloud.step(Method::POST, &json!({"version": first})).await.refused(409);
    assert!(refused.contains("is tried no more"), "{refused}");
    let refused = cloud
        .admin(Method::PUT, CONFIG, &json!({"APP_NAME": "x"}))
        .await
        .refused(409);
    assert!(refused.contains("promote or abandon it first"), "{refused}");
    cloud.step(Method::DELETE, &Value::Null).await.good();
    cloud.admin(Method::PUT, CONFIG, &json!({"APP_NAME": "x"})).await.good();
    // in need, an operator goes back at once, and nothing is tried any more
    let third = cloud.publish(10, 100).await;
    let reset = cloud.admin(Method::DELETE, CONFIG, &Value::Null).await.good();
    assert_eq!(
        reset["warnings"],
        json!([format!("candidate {third} is tried no more")])
    );
    cloud.step(Method::GET, &Value::Null).await.refused(404);
}

#[actix_web::test]
async fn a_candidate_outlives_the_server_and_comes_with_a_backup() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let (data_dir, file) = (directory.path().join("data"), directory.path().join("backup.zst"));
    let start = |data_dir: &std::path::Path| {
        let clock = Arc::clone(&clock);
        Cloud::start_at(config().data_dir(data_dir), "127.0.0.1:0", clock)
    };
    let cloud = start(&data_dir);
    let mut fleet = Fleet::join(&cloud, 20).await;
    let version = cloud.publish(50, 100).await;
    let half = fleet.that_run(&cloud, version).await;
    cloud.server.stop(std::time::Duration::from_secs(5));
    backup::write_file(&data_dir, &file).unwrap();
    let restored = directory.path().join("restored");
    backup::restore(&file, &restored).unwrap();
    for data_dir in [&data_dir, &restored] {
        let cloud = start(data_dir);
        let again = cloud.trial().await;
        assert_eq!((&again["version"], &again["share"]), (&json!(version), &json!(50)));
        assert_eq!(fleet.that_run(&cloud, version).await, half);
        cloud.server.stop(std::time::Duration::from_secs(5));
    }
}

#[actix_web::test]
async fn a_file_that_changes_the_profile_ends_what_is_tried() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.toml");
    let write = |ratio: u64, keys: &str| {
        let text = format!(
            "admin_token = \"{TOKEN}\"\n[profiles.shop]\nkeys = [{keys}]\n[profiles.shop.config]\nFLOOD_RATIO = {ratio}\n"
        );
        // as a whole: what is read in between would be a file without profiles
        let new = directory.path().join("new.toml");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &file).unwrap();
    };
    write(600, "\"key-one\"");
    let cloud = Cloud::watching(&file);
    let version = cloud.publish(100, 100).await;
    // a key is no configuration
    write(600, "\"key-one\", \"key-two\"");
    let added = async || {
        let agent = Agent::with_key("key-two");
        cloud.post("/config", &agent.registration()).await.status.is_success()
    };
    until(added).await;
    let agent = Agent::with_key("key-two");
    assert_eq!(agent.register(&cloud).await.config.unwrap().version, version);
    write(700, "\"key-one\"");
    until(async || cloud.step(Method::GET, &Value::Null).await.status.as_u16() == 404).await;
    let agent = Agent::with_key("key-one");
    assert_eq!(agent.register(&cloud).await.config.unwrap().body["FLOOD_RATIO"], 700);
}

async fn until(condition: impl AsyncFn() -> bool) {
    let begun = tokio::time::Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < crate::socket::PATIENCE, "not in time");
        tokio::task::yield_now().await;
    }
}
