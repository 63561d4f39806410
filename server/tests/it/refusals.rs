//! "Why was I blocked": what operators are told of a refusal that an agent has told of.

use awc::http::Method;
use buckler::{
    model::blacklist::ban_id::ban_id,
    protocol::v2::{Detail, EventKind},
};
use buckler_server::Profile;
use serde_json::{Value, json};

use crate::support::{Agent, BEGIN, Cloud, config};

const EXCEPTION: &str = r#"{"rule":"sqli/tautology","place":"query:q","route":"/search"}"#;
const ID: &str = "0123456789abcdef";

fn detail(id: &str) -> Detail {
    Detail {
        id: Some(id.to_owned()),
        rule: "sqli/tautology".to_owned(),
        place: "query:q".to_owned(),
        score: 95,
        level: 2,
        config_version: Some(3),
        method: Some("GET".to_owned()),
        route: Some("/search".to_owned()),
        host: Some("shop.example.com".to_owned()),
        status: Some(403),
        exception: Some(EXCEPTION.to_owned()),
        requests: 4,
        values: 3,
        withheld: false,
    }
}

impl Agent {
    fn refuses(&mut self, id: &str, kind: EventKind, ttl_s: u64) {
        self.event(kind, "203.0.113.7", BEGIN, ttl_s);
        self.part.events.last_mut().unwrap().detail = Some(Box::new(detail(id)));
    }
}

impl Cloud {
    async fn why(&self, id: &str) -> crate::support::Answer {
        self.admin(Method::GET, &format!("/admin/refusals/{id}"), &Value::Null)
            .await
    }
}

#[actix_web::test]
async fn a_refusal_is_found_by_the_id_that_the_client_was_shown() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.refuses(ID, EventKind::Ban, 600);
    agent.event(EventKind::Attack, "203.0.113.8", BEGIN, 0);
    agent.beacon(&cloud).await;
    let answer = cloud.why(&ID.to_uppercase()).await.good();
    let expected = json!({
        "id": ID, "agent": agent.part.agent_id.to_string(), "profile": "shop", "fleet": "default", "address": "203.0.113.7",
        "why": "decoy", "rule": "sqli/tautology", "place": "query:q", "score": 95, "level": 2, "config_version": 3,
        "method": "GET", "route": "/search", "host": "shop.example.com", "status": 403,
        "exception": serde_json::from_str::<Value>(EXCEPTION).unwrap(),
        "evidence": "certain", "requests": 4, "values": 3,
        "at_ms": BEGIN * 1000, "until_ms": (BEGIN + 600) * 1000,
    });
    assert_eq!(answer["refusal"], expected);
    assert_eq!(answer["entry"]["ttl_s"], 600, "{answer}");
    cloud.operator_unbans("203.0.113.7").await.good();
    assert_eq!(cloud.why(ID).await.good()["entry"], Value::Null, "let in again");
    let all = cloud.admin(Method::GET, "/admin/refusals", &Value::Null).await.good();
    assert_eq!(all["refusals"], json!([expected]), "the other event refused nobody");
    for id in ["fedcba9876543210", "0", "0123456789abcdeg"] {
        assert!(cloud.why(id).await.refused(404).contains("Agent::why"), "{id}");
    }
    let stranger = cloud
        .send(Method::GET, &format!("/admin/refusals/{ID}"), &[], b"")
        .await;
    stranger.refused(401);
}

#[actix_web::test]
async fn a_ban_is_found_by_the_id_that_every_agent_shows_for_it() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("198.51.100.0/24", Some(600)).await;
    let id = format!("{:016x}", ban_id("198.51.100.0/24".parse().unwrap()));
    let answer = cloud.why(&id).await.good();
    assert_eq!(answer["entry"]["address"], "198.51.100.0/24", "{answer}");
    assert_eq!(answer.get("refusal"), None, "no agent has told of one");
    cloud.operator_unbans("198.51.100.0/24").await.good();
    cloud.why(&id).await.refused(404);
}

#[actix_web::test]
async fn nobody_takes_a_refusal_from_another_and_the_newest_come_first() {
    let other = Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    let (mut one, mut thief) = (Agent::new(), Agent::new());
    thief.key = "key-of-another".to_owned();
    one.register(&cloud).await;
    thief.register(&cloud).await;
    one.refuses(ID, EventKind::Attack, 0);
    one.beacon(&cloud).await;
    thief.refuses(ID, EventKind::Attack, 0);
    thief.refuses("00000000000000aa", EventKind::Attack, 0);
    thief.beacon(&cloud).await;
    let answer = cloud.why(ID).await.good();
    assert_eq!(answer["refusal"]["profile"], "shop");
    assert_eq!(answer["refusal"]["until_ms"], Value::Null, "nobody was banned for it");
    let newest = cloud
        .admin(Method::GET, "/admin/refusals?limit=1", &Value::Null)
        .await
        .good();
    assert_eq!(newest["refusals"].as_array().unwrap().len(), 1);
    assert_eq!(newest["refusals"][0]["id"], "00000000000000aa");
}

#[actix_web::test]
async fn what_an_agent_says_is_kept_within_bounds() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.refuses(ID, EventKind::Attack, 0);
    let event = agent.part.events.last_mut().unwrap();
    let long = "x".repeat(10_000);
    (event.why, event.address) = (long.clone(), long.clone());
    let said = event.detail.as_mut().unwrap();
    (said.rule, said.place) = (long.clone(), long);
    assert_eq!(agent.beacon(&cloud).await.ack, Some(1));
    let answer = cloud.why(ID).await.good();
    for field in ["why", "address", "rule", "place"] {
        assert_eq!(answer["refusal"][field].as_str().unwrap().len(), 120, "{field}");
    }
    agent.trim(1);
    (0..20_000).for_each(|n| agent.refuses(&format!("{n:016x}"), EventKind::Attack, 0));
    let more = std::mem::take(&mut agent.part.events);
    for batch in more.chunks(256) {
        (agent.part.first, agent.part.events) = (batch[0].seq, batch.to_vec());
        agent.beacon(&cloud).await;
    }
    cloud.why(ID).await.refused(404);
    for n in [0, 19_999] {
        cloud.why(&format!("{n:016x}")).await.good();
    }
}
