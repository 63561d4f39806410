//! Every request that a pyrasp agent was seen to send gets an answer that it survives. The vectors hold the requests of the
//! recorded transcripts: name, method, path and body.

use awc::http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{
    pyrasp::{Beaconed, Pyrasp},
    support::{BEGIN, Cloud, config},
};

#[derive(Debug, Deserialize)]
struct Golden {
    name: String,
    method: String,
    path: String,
    body: String,
}

impl Golden {
    async fn send(&self, cloud: &Cloud) -> crate::support::Answer {
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "python-requests/2.34.2"),
        ];
        let method: Method = self.method.parse().unwrap();
        cloud.send(method, &self.path, &headers, self.body.as_bytes()).await
    }
}

fn read(text: &str) -> Vec<Golden> {
    serde_json::from_str(text).unwrap()
}

fn now() -> f64 {
    f64::from(u32::try_from(BEGIN).unwrap())
}

#[actix_web::test]
async fn every_registration_starts_its_application() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    cloud.operator_bans("2001:db8::/64", Some(60)).await;
    for golden in read(include_str!("../golden/register.json")) {
        let answer = golden.send(&cloud).await;
        let agent = Pyrasp::start(&answer).unwrap_or_else(|reason| panic!("{}: {reason}", golden.name));
        if golden.method == "GET" {
            assert_eq!(
                answer.status, 404,
                "an agent that was sent elsewhere asks without a key"
            );
            continue;
        }
        let mut agent = agent;
        assert_eq!(agent.config["APP_NAME"], "shop", "{}", golden.name);
        assert_eq!(agent.config["BEACON"], true);
        let beacon_url = agent.config["BEACON_URL"].as_str().unwrap();
        assert!(beacon_url.starts_with(&cloud.url("/beacon")), "{beacon_url}");
        assert_eq!(agent.config["SECURITY_CHECKS"]["flood"], 0, "the profile's level");
        assert_eq!(agent.config["SECURITY_CHECKS"]["decoy"], 2, "the template's level");
        assert_eq!(agent.blacklist.len(), 1, "a network is nothing to it");
        assert!(agent.refuses("203.0.113.9", now() + 59.0));
        assert!(
            !agent.refuses("203.0.113.9", now() + 61.0),
            "passing it on prolonged the ban"
        );
    }
}

#[actix_web::test]
async fn every_beacon_is_delivered() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    for golden in read(include_str!("../golden/beacon.json")) {
        let answer = golden.send(&cloud).await;
        let mut agent = Pyrasp::start(
            &cloud
                .post("/config", &json!({"key": crate::support::KEY, "version": "0.9.2"}))
                .await,
        );
        let agent = agent.as_mut().unwrap();
        let taken = agent
            .take(&answer, now())
            .unwrap_or_else(|reason| panic!("{}: {reason}", golden.name));
        assert_eq!(taken, Beaconed::Delivered, "{}", golden.name);
        assert!(agent.refuses("203.0.113.9", now()));
    }
    let listed = cloud.listed().await;
    for address in ["198.51.100.1", "198.51.100.6", "198.51.100.13", "203.0.113.9"] {
        assert!(listed.iter().any(|listed| listed == address), "{address} in {listed:?}");
    }
    let agents = cloud.agents().await;
    assert_eq!(agents.len(), 1, "one key behind one address: {agents:?}");
    assert_eq!(agents[0]["proto"], 1);
    assert!(agents[0]["totals"]["attacks"].as_u64().unwrap() > 0);
}

#[actix_web::test]
async fn logged_events_ask_for_a_key_that_pyrasp_does_not_bring() {
    let cloud = Cloud::start(config());
    for golden in read(include_str!("../golden/log.json")) {
        golden.send(&cloud).await.refused(403);
    }
    let bearer = format!("Bearer {}", crate::support::KEY);
    let by_header = cloud
        .send(Method::POST, "/logs", &[("authorization", &bearer)], b"anything")
        .await;
    assert_eq!(by_header.good(), json!({}));
    let by_body = cloud
        .post("/logs", &json!({"key": crate::support::KEY, "event": "x"}))
        .await;
    assert_eq!(by_body.good(), json!({}));
}
