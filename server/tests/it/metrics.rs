//! What the server counts: every series is exported as OpenMetrics, has few labels, and the
//! dashboard names nothing else.

use std::collections::{BTreeMap, BTreeSet};

use awc::http::Method;
use buckler::protocol::v2::Detail;
use serde_json::{Value, json};

use crate::{
    socket::Socket,
    support::{Agent, Cloud, TOKEN, config},
};

/// Series by name and labels, as they stand in the text.
async fn series(cloud: &Cloud) -> BTreeMap<String, f64> {
    let answer = cloud.admin(Method::GET, "/metrics", &Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.content_type.starts_with("application/openmetrics-text"));
    assert!(answer.text.ends_with("# EOF\n"));
    let lines = answer.text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// One of everything that is counted with labels.
async fn make_busy(cloud: &Cloud) {
    let mut agent = Agent::new();
    agent.register(cloud).await;
    agent.ban("203.0.113.9", cloud.clock.unix());
    agent.ban("10.0.0.1", cloud.clock.unix());
    let seen = [("sqli", "a".repeat(16)), ("made-up-\"{}", "b".repeat(16))];
    for (check, id) in seen {
        agent.ban("203.0.113.9", cloud.clock.unix());
        let event = agent.part.events.last_mut().unwrap();
        event.why = check.to_owned();
        event.detail = Some(Box::new(Detail {
            id: Some(id),
            ..Detail::default()
        }));
    }
    agent.beacon(cloud).await;
    // the same again counts once
    agent.beacon(cloud).await;
    cloud.post("/beacon", &json!({"key": "wrong"})).await.refused(403);
    cloud.send(Method::GET, "/admin/agents", &[], b"").await.refused(401);
}

#[actix_web::test]
async fn metrics_say_what_agents_did_and_how_the_server_is() {
    let cloud = Cloud::start(config());
    make_busy(&cloud).await;
    let series = series(&cloud).await;
    let value = |name: &str| {
        *series
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing in {series:#?}"))
    };
    assert_eq!(value("buckler_exchanges_total{transport=\"http\",outcome=\"ok\"}"), 3.0);
    assert_eq!(
        value("buckler_exchanges_total{transport=\"http\",outcome=\"refused\"}"),
        1.0
    );
    assert_eq!(value("buckler_events_total{outcome=\"taken\"}"), 3.0);
    assert_eq!(value("buckler_events_total{outcome=\"protected_range\"}"), 1.0);
    assert_eq!(
        value("buckler_refusals_total{check=\"sqli\",application=\"shop\"}"),
        1.0
    );
    assert_eq!(
        value("buckler_refusals_total{check=\"other\",application=\"shop\"}"),
        1.0
    );
    assert_eq!(value("buckler_wrong_credentials_total{kind=\"key\"}"), 1.0);
    assert_eq!(value("buckler_wrong_credentials_total{kind=\"token\"}"), 1.0);
    assert_eq!(value("buckler_list_entries{fleet=\"default\"}"), 1.0);
    assert!(value("buckler_list_revision{fleet=\"default\"}") >= 1.0);
    assert_eq!(value("buckler_agents{state=\"online\"}"), 1.0);
    assert_eq!(value("buckler_agent_releases{release=\"0.1.0\"}"), 1.0);
    assert_eq!(value("buckler_ready"), 1.0);
    assert!(value("buckler_journal_append_seconds_count") >= 1.0);
    assert_eq!(value("buckler_journal_failing"), 0.0);

    cloud.clock.pass(200);
    let series = self::series(&cloud).await;
    assert_eq!(series["buckler_agents{state=\"online\"}"], 0.0);
    assert_eq!(series["buckler_agents{state=\"late\"}"], 1.0);
    cloud.clock.pass(2_000);
    let series = self::series(&cloud).await;
    assert_eq!(series["buckler_agents{state=\"gone\"}"], 1.0);
    assert!(!series.contains_key("buckler_agent_releases{release=\"0.1.0\"}"));
}

#[actix_web::test]
async fn metrics_say_how_long_a_push_takes() {
    let cloud = Cloud::start(config());
    let mut follower = Socket::open(&cloud).await;
    follower.register(&Agent::new()).await;
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    follower.push().await;
    let pushed = async {
        while series(&cloud).await["buckler_push_latency_seconds_count"] < 1.0 {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    actix_web::rt::time::timeout(crate::socket::PATIENCE, pushed)
        .await
        .unwrap();
    let series = series(&cloud).await;
    assert!(series["buckler_push_latency_seconds_sum"] > 0.0);
    assert_eq!(series["buckler_websockets"], 1.0);
    assert_eq!(
        series["buckler_exchanges_total{transport=\"websocket\",outcome=\"ok\"}"],
        1.0
    );
}

#[actix_web::test]
async fn a_server_that_drains_sends_agents_away_and_takes_no_new_ones() {
    let cloud = Cloud::start(config());
    let mut follower = Socket::open(&cloud).await;
    follower.register(&Agent::new()).await;
    cloud.server.drain(std::time::Duration::from_millis(50));
    let goodbye = follower.push().await;
    assert!(
        goodbye.flags.iter().any(|flag| format!("{flag:?}").contains("Goodbye")),
        "{goodbye:?}"
    );
    assert_eq!(follower.closed().await.0, 1001);
    let late = Socket::open_as(&cloud, crate::support::KEY).await;
    assert!(late.is_err(), "no new ones");
    assert_eq!(series(&cloud).await["buckler_ready"], 0.0);
    // everything else is answered
    Agent::new().register(&cloud).await;
}

#[actix_web::test]
async fn metrics_are_for_those_who_have_a_token() {
    let cloud = Cloud::start(config());
    cloud.send(Method::GET, "/metrics", &[], b"").await.refused(401);
    let bearer = format!("Bearer {TOKEN}");
    let post = cloud
        .send(Method::POST, "/metrics", &[("authorization", &bearer)], b"")
        .await;
    post.refused(405);
}

/// Every name of a metric in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("buckler_"))
        .map(str::to_owned)
        .collect()
}

#[actix_web::test]
async fn metrics_in_the_dashboard_and_the_documentation_are_all_exported() {
    let cloud = Cloud::start(config());
    make_busy(&cloud).await;
    let text = cloud.admin(Method::GET, "/metrics", &Value::Null).await.text;
    let described: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let exported: BTreeSet<String> = described
        .iter()
        .flat_map(|(name, kind)| match *kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            "gauge" => vec![(*name).to_owned()],
            other => panic!("{name} is a {other}"),
        })
        .collect();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let dashboard = std::fs::read_to_string(root.join("deploy/grafana/buckler.json")).unwrap();
    let board: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert!(panels.len() >= 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let named = names(target["expr"].as_str().unwrap());
            assert!(!named.is_empty(), "{panel}");
            let unknown: Vec<_> = named.difference(&exported).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?} of {exported:?}", panel["title"]);
        }
    }
    let shown = names(&dashboard);
    let unseen: Vec<_> = described
        .keys()
        .filter(|name| **name != "buckler_server_build" && !shown.iter().any(|shown| shown.starts_with(**name)))
        .collect();
    assert!(unseen.is_empty(), "the dashboard shows nothing of {unseen:?}");
    let guide = std::fs::read_to_string(root.join("docs/SERVER.md")).unwrap();
    let undocumented: Vec<_> = exported
        .iter()
        .filter(|name| !["_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end)))
        .filter(|name| !guide.contains(name.as_str()))
        .collect();
    assert!(
        undocumented.is_empty(),
        "docs/SERVER.md does not say what {undocumented:?} is"
    );
}
