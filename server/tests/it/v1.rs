//! Version 1 agents among themselves and beside the others.

use std::collections::BTreeSet;

use awc::http::Method;
use serde_json::{Value, json};

use crate::{
    pyrasp::{Beaconed, Pyrasp},
    support::{Agent, Answer, Cloud, KEY, config},
};

async fn beacon(cloud: &Cloud, bans: &Value) -> Answer {
    let telemetry = json!({"cpu": 1.0, "memory": 2.0, "requests": {"success": 1, "errors": 0, "attacks": 0}});
    cloud
        .post(
            "/beacon",
            &json!({"key": KEY, "version": "0.9.2", "telemetry": telemetry, "blacklist": bans}),
        )
        .await
}

async fn register(cloud: &Cloud) -> Pyrasp {
    Pyrasp::start(
        &cloud
            .post("/config", &json!({"key": KEY, "version": "0.9.2", "platform": "Flask"}))
            .await,
    )
    .unwrap()
}

/// What a beacon without bans is told.
async fn told(cloud: &Cloud) -> (BTreeSet<String>, BTreeSet<String>) {
    let update = beacon(cloud, &json!([])).await.good()["blacklist"].take();
    let set = |key: &str| {
        update[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a.as_str().unwrap().to_owned())
            .collect()
    };
    (set("new"), set("remove"))
}

fn set(addresses: &[&str]) -> BTreeSet<String> {
    addresses.iter().map(|address| (*address).to_owned()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "seconds since the epoch have 31 bits")]
fn now(cloud: &Cloud) -> f64 {
    cloud.clock.unix() as f64
}

#[actix_web::test]
async fn a_ban_reaches_every_process_and_ends_for_all_at_once() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = (register(&cloud).await, register(&cloud).await);
    let caught = cloud.clock.unix();
    beacon(&cloud, &json!([["203.0.113.7", caught]])).await.good();
    cloud.clock.pass(40);
    for agent in [&mut one, &mut two] {
        // each process speaks with the same key from the same address, and each is told
        assert_eq!(
            agent.take(&beacon(&cloud, &json!([])).await, now(&cloud)),
            Ok(Beaconed::Delivered)
        );
        assert!(agent.refuses("203.0.113.7", now(&cloud)));
    }
    let mut late = register(&cloud).await;
    assert!(late.refuses("203.0.113.7", now(&cloud)));
    assert!((late.blacklist["203.0.113.7"] - f64::from(u32::try_from(caught).unwrap())).abs() < 1.5);
    cloud.clock.pass(3_560);
    for agent in [&mut one, &mut two] {
        agent.take(&beacon(&cloud, &json!([])).await, now(&cloud)).unwrap();
        assert!(
            !agent.refuses("203.0.113.7", now(&cloud)),
            "an hour after it was caught, not after it was told"
        );
    }
}

#[actix_web::test]
async fn changes_are_told_again_for_ten_minutes_and_never_after_their_end() {
    let mut config = config();
    config
        .profiles
        .get_mut("shop")
        .unwrap()
        .config
        .insert("BLACKLIST_DELAY".to_owned(), json!(300));
    let cloud = Cloud::start(config);
    register(&cloud).await;
    let caught = cloud.clock.unix();
    beacon(&cloud, &json!([["203.0.113.7", caught]])).await.good();
    for _ in 0..9 {
        cloud.clock.pass(30);
        assert_eq!(told(&cloud).await, (set(&["203.0.113.7"]), set(&[])));
    }
    cloud.clock.pass(30);
    for _ in 0..20 {
        assert_eq!(told(&cloud).await, (set(&[]), set(&["203.0.113.7"])), "it ended");
        cloud.clock.pass(30);
    }
    cloud.clock.pass(1);
    assert_eq!(told(&cloud).await, (set(&[]), set(&[])));
}

#[actix_web::test]
async fn an_unbanned_address_is_removed_and_late_copies_of_its_ban_change_nothing() {
    let cloud = Cloud::start(config());
    register(&cloud).await;
    let caught = cloud.clock.unix();
    beacon(&cloud, &json!([["203.0.113.7", caught]])).await.good();
    cloud.clock.pass(30);
    cloud.operator_unbans("203.0.113.7").await.good();
    cloud.clock.pass(30);
    beacon(
        &cloud,
        &json!([["203.0.113.7", caught], ["::ffff:203.0.113.7", caught + 29]]),
    )
    .await
    .good();
    assert_eq!(told(&cloud).await, (set(&[]), set(&["203.0.113.7"])));
    let caught_again = cloud.clock.unix();
    beacon(&cloud, &json!([["203.0.113.7", caught_again]])).await.good();
    assert_eq!(
        told(&cloud).await,
        (set(&["203.0.113.7"]), set(&[])),
        "caught after the unban"
    );
}

#[actix_web::test]
async fn what_cannot_be_shared_is_silently_not_shared() {
    let cloud = Cloud::start(config());
    let at = cloud.clock.unix();
    let bans = json!([
        ["10.0.0.1", at],
        ["127.0.0.1", at],
        ["198.51.100.0/23", at],
        ["somebody", at],
        ["203.0.113.1", at - 3_600],
        ["203.0.113.2", at + 900],
        ["203.0.113.3", 1_795_338_599.75],
        ["2001:db8::1", at],
    ]);
    beacon(&cloud, &bans).await.good();
    assert_eq!(cloud.listed().await, ["203.0.113.2", "203.0.113.3", "2001:db8::1"]);
    let refused = &cloud.agents().await[0]["shared"]["refused"];
    assert_eq!(
        refused,
        &json!({"protected_range": 2, "too_wide": 1, "bad_address": 1, "over": 1})
    );
    let mut agent = register(&cloud).await;
    assert!(
        !agent.refuses("203.0.113.2", now(&cloud) + 3_601.0),
        "a clock that is ahead prolongs nothing"
    );
}

#[actix_web::test]
async fn networks_are_for_version_2_agents_alone() {
    let cloud = Cloud::start(config());
    register(&cloud).await;
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.ban("2001:db8::/64", cloud.clock.unix());
    agent.ban("203.0.113.7", cloud.clock.unix());
    assert!(agent.beacon(&cloud).await.nack.is_empty());
    assert_eq!(told(&cloud).await, (set(&["203.0.113.7"]), set(&[])));
    assert_eq!(register(&cloud).await.blacklist.len(), 1);
    let list = cloud.admin(Method::GET, "/admin/blacklist", &Value::Null).await.good();
    assert_eq!(
        (&list["count"], &list["networks"]),
        (&json!(2), &json!(1)),
        "what version 1 agents miss is counted"
    );
}

#[actix_web::test]
async fn whoever_was_away_hears_what_it_missed_and_so_do_its_siblings() {
    let cloud = Cloud::start(config());
    register(&cloud).await;
    let mut other = Agent::new();
    other.register(&cloud).await;
    cloud.clock.pass(60);
    other.ban("203.0.113.7", cloud.clock.unix());
    other.beacon(&cloud).await;
    cloud.clock.pass(1_800);
    for _ in 0..3 {
        assert_eq!(
            told(&cloud).await,
            (set(&["203.0.113.7"]), set(&[])),
            "told half an hour later, and again"
        );
        cloud.clock.pass(30);
    }
    cloud.clock.pass(570);
    assert_eq!(told(&cloud).await, (set(&[]), set(&[])), "all have heard it by now");
}

#[actix_web::test]
async fn an_agent_that_the_server_has_forgotten_hears_the_whole_list() {
    let cloud = Cloud::start(config());
    let mut other = Agent::new();
    other.register(&cloud).await;
    other.ban("203.0.113.7", cloud.clock.unix());
    other.beacon(&cloud).await;
    cloud.clock.pass(1_200);
    assert_eq!(told(&cloud).await, (set(&["203.0.113.7"]), set(&[])));
}

#[actix_web::test]
async fn an_operators_long_ban_outlives_the_agents_own_delay() {
    let cloud = Cloud::start(config());
    let mut agent = register(&cloud).await;
    cloud.operator_bans("203.0.113.9", Some(86_400)).await;
    cloud.operator_bans("203.0.113.10", None).await;
    let mut refused = [0, 0];
    for _ in 0..24 * 12 {
        cloud.clock.pass(300);
        // the agent lets go of an entry when its address asks and its own delay is over: that request passes
        for address in ["203.0.113.9", "203.0.113.10"] {
            agent.refuses(address, now(&cloud));
        }
        agent.take(&beacon(&cloud, &json!([])).await, now(&cloud)).unwrap();
        for (address, refused) in ["203.0.113.9", "203.0.113.10"].into_iter().zip(&mut refused) {
            *refused += u32::from(agent.refuses(address, now(&cloud)));
        }
    }
    assert_eq!(refused, [24 * 12 - 1, 24 * 12], "the first ended with the day");
    assert!(
        register(&cloud).await.refuses("203.0.113.10", now(&cloud) + 1e9),
        "for ever"
    );
}

#[actix_web::test]
async fn counts_are_summed_and_the_client_is_found_behind_a_trusted_proxy() {
    let mut config = config();
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let cloud = Cloud::start(config);
    for forwarded in ["198.51.100.5", "203.0.113.1, 198.51.100.5", "198.51.100.6"] {
        let body =
            json!({"key": KEY, "version": "0.9.2", "telemetry": {"requests": {"success": 2, "error": 1}}}).to_string();
        let headers = [("x-forwarded-for", forwarded)];
        cloud
            .send(Method::POST, "/beacon", &headers, body.as_bytes())
            .await
            .good();
    }
    let agents = cloud.agents().await;
    let seen: Vec<_> = agents
        .iter()
        .map(|a| (a["peer"].as_str().unwrap(), a["totals"]["success"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [("198.51.100.5", 4), ("198.51.100.6", 2)],
        "the last untrusted hop"
    );
    assert_eq!(agents[0]["totals"]["errors"], 2, "both spellings");
    assert_eq!(agents[0]["registered"], false);
}

#[actix_web::test]
async fn a_changed_configuration_is_sent_whole_to_releases_that_take_one() {
    let cloud = Cloud::start(config());
    let versions = ["0.9.3", "0.9.4", "0.10.0", "0.10.2", "unknown"];
    for version in versions {
        let body = json!({"key": KEY, "version": version, "platform": "Flask"});
        cloud.post("/config", &body).await.good();
    }
    let beacon = async |version: &str| {
        cloud
            .post("/beacon", &json!({"key": KEY, "version": version}))
            .await
            .good()
    };
    cloud.clock.pass(600);
    for version in versions {
        assert_eq!(
            beacon(version).await.get("config"),
            None,
            "{version} has it from its registration"
        );
    }
    let change = json!({"APP_NAME": "store", "SECURITY_CHECKS": {"sqli": 3, "chars": 1}, "DLP_API": true});
    cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &change)
        .await
        .good();
    for (version, takes) in versions.into_iter().zip([false, true, true, true, false]) {
        let answer = beacon(version).await;
        assert_eq!(answer.get("config").is_some(), takes, "{version}: {answer}");
        if takes {
            let config = &answer["config"];
            assert_eq!(
                (&config["APP_NAME"], &config["DLP_API"]),
                (&json!("store"), &json!(true))
            );
            assert_eq!(config["SECURITY_CHECKS"]["chars"], 1);
            assert_eq!(config["SECURITY_CHECKS"]["decoy"], 2, "whole");
            for key in [
                "LOG_FORMAT",
                "LOG_PROTOCOL",
                "LOG_SERVER",
                "LOG_PORT",
                "LOG_PATH",
                "BEACON_DELAY",
            ] {
                assert!(config.get(key).is_some(), "0.9.4 fails without {key}");
            }
            assert!(config["BEACON_URL"].as_str().is_some_and(|url| url.starts_with("http")));
        }
    }
    cloud.clock.pass(91);
    assert_eq!(beacon("0.10.2").await.get("config"), None, "every process had its turn");
}

#[actix_web::test]
async fn a_profiles_template_goes_to_releases_that_know_templates() {
    let mut config = config();
    config.profiles.get_mut("shop").unwrap().template = "audit".to_owned();
    let cloud = Cloud::start(config);
    for (version, template) in [("0.9.4", None), ("0.10.0", Some("audit"))] {
        let welcome = cloud
            .post("/config", &json!({"key": KEY, "version": version}))
            .await
            .good();
        assert_eq!(welcome.get("template").and_then(Value::as_str), template, "{version}");
        let answer = cloud
            .post("/beacon", &json!({"key": KEY, "version": version}))
            .await
            .good();
        assert_eq!(answer["template"], "audit", "{version}: beside the configuration");
    }
}

#[actix_web::test]
async fn applications_behind_one_address_are_told_apart() {
    let cloud = Cloud::start(config());
    let mut urls = BTreeSet::new();
    for (platform, version, route) in [
        ("Flask", "0.9.2", "/"),
        ("Django", "0.9.2", "/"),
        ("MCP Host", "0.10.2", "/"),
        ("Flask", "0.9.2", "/other"),
        ("Flask", "0.9.2", "/"),
    ] {
        let routes = json!({"index": {"methods": ["GET"], "path": route}});
        let body = json!({"key": KEY, "version": version, "platform": platform, "routes": routes});
        let welcome = cloud.post("/config", &body).await.good();
        let url = url::Url::parse(welcome["config"]["BEACON_URL"].as_str().unwrap()).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let telemetry = json!({"cpu": 1.0, "memory": 2.0, "requests": {"success": 1, "errors": 0, "attacks": 0}});
        let beacon = json!({"key": KEY, "version": version, "telemetry": telemetry});
        cloud.post(&path, &beacon).await.good();
        urls.insert(path);
    }
    let mut seen: Vec<_> = cloud.agents().await;
    seen.sort_by_key(|agent| agent["totals"]["success"].as_u64());
    let successes: Vec<_> = seen.iter().map(|agent| agent["totals"]["success"].clone()).collect();
    assert_eq!(
        (urls.len(), successes),
        (4, vec![json!(1), json!(1), json!(1), json!(2)])
    );
    assert!(seen.iter().all(|agent| agent["registered"] == true));
    cloud
        .post("/beacon", &json!({"key": KEY, "version": "0.10.2"}))
        .await
        .good();
    assert_eq!(
        cloud.agents().await.len(),
        4,
        "one that does not say which it is, is the likely one"
    );
}
