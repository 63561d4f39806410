//! "Why was I blocked": from the id that a client was shown to the answer, by the server and by the agent.

use std::time::Duration;

use buckler::{model::blacklist::Scope, protocol::v2::Evidence};
use buckler_server::RunningServer;
use serde_json::{Value, json};

use crate::{
    flow::{admin, profile, server_for},
    site::{Site, settings},
};

/// The attacker.
const CLIENT: &str = "203.0.113.9";

/// Two applications of one fleet, in step.
struct Fleet {
    server: RunningServer,
    shop: Site,
    blog: Site,
}

impl Fleet {
    fn start() -> Self {
        // what an application is sure of after several findings crosses to its fleet
        let server = server_for(profile().share_from(Evidence::Repeated));
        let start = || Site::start(settings(server.cloud_url().as_str()));
        let (shop, blog) = (start(), start());
        for site in [&shop, &blog] {
            site.wait_until("it runs the server's configuration", || {
                let status = site.agent.status();
                status.conversation.state == "synced" && status.config.source == "server"
            });
        }
        Self { server, shop, blog }
    }

    /// What the server says of an id.
    fn told(&self, id: &str) -> Value {
        admin(&self.server, "GET", &format!("refusals/{id}"), None)["data"].take()
    }
}

#[test]
fn the_server_says_of_a_refusal_what_the_agent_says() {
    let fleet = Fleet::start();
    let shop = &fleet.shop;
    let caught = caught(shop, CLIENT);
    shop.wait_until("the server has heard of it", || {
        shop.agent.status().events.acknowledged == 3
    });
    let why = shop
        .agent
        .why(caught.parse().unwrap())
        .expect("it was refused just now");

    let answer = fleet.told(&caught);
    let told = &answer["refusal"];
    assert_eq!((&told["id"], &told["address"]), (&json!(caught), &json!(CLIENT)));
    assert_eq!((&told["place"], &told["why"]), (&json!("query:q"), &json!("sqli")));
    let evidence = ["evidence", "values", "requests"].map(|key| told[key].clone());
    assert_eq!(evidence, [json!("repeated"), json!(3), json!(3)], "{told}");
    assert!(told["rule"].as_str().unwrap().starts_with("sqli/"), "{told}");
    assert_eq!(
        told["config_version"],
        json!(shop.agent.status().config.version.unwrap())
    );
    assert_eq!(answer["entry"]["address"], CLIENT, "{answer}");
    let (until, here) = (told["until_ms"].as_u64().unwrap(), why.until_ms.unwrap());
    assert!(
        until.abs_diff(here) <= 120_000,
        "two clocks, and the way there: {until} {here}"
    );
    assert_eq!((&*why.rule, &*why.place), (told["rule"].as_str().unwrap(), "query:q"));
    assert!(why.excerpt.contains("OR '1'='1"), "{why}");
    assert_eq!(
        (&told["method"], &told["route"], &told["status"]),
        (&json!("GET"), &json!("/item/{id}"), &json!(403))
    );
    assert_eq!(
        told["exception"],
        json!({"rule": told["rule"], "place": "query:q", "route": "/item/{id}"}),
        "ready to paste"
    );
    assert_eq!(told["exception"], serde_json::to_value(&why).unwrap()["exception"]);
    fleet.server.stop(Duration::from_secs(5));
}

#[test]
fn a_listed_client_is_shown_the_id_of_its_ban() {
    let fleet = Fleet::start();
    let (shop, blog) = (&fleet.shop, &fleet.blog);
    let caught = caught(shop, CLIENT);
    let until = shop.agent.why(caught.parse().unwrap()).unwrap().until_ms.unwrap();
    blog.wait_until("the ban has crossed", || blog.get("/", CLIENT) == 403);
    assert_eq!(
        shop.app.refusal("/", CLIENT),
        caught,
        "where it was caught, by the refusal that its ban began with"
    );

    let shown = || blog.app.refusal("/", CLIENT);
    blog.wait_until(
        "it is refused by one name, once its entry is that of the server",
        || shown() == blog.app.refusal("/item/7", CLIENT),
    );
    let answer = fleet.told(&shown());
    assert_eq!(answer["entry"]["address"], CLIENT, "the server knows it too: {answer}");
    let why = blog
        .agent
        .why(shown().parse().unwrap())
        .expect("it is refused all the time");
    assert_eq!(why.check, "blacklist");
    assert!(why.until_ms.unwrap().abs_diff(until) <= 120_000, "{why:?}");
    assert_eq!(why.config_version, blog.agent.status().config.version);
    let entry = why.entry.unwrap();
    assert_eq!(
        (entry.network.to_string(), entry.scope),
        (format!("{CLIENT}/32"), Scope::Shared),
        "it was caught elsewhere"
    );
    fleet.server.stop(Duration::from_secs(5));
}

/// Has a client banned by its third attack; the id of the last refusal.
fn caught(shop: &Site, client: &str) -> String {
    for before in [
        "/item/7?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/item/7?q=1;cat+/etc/passwd",
    ] {
        let refused = shop.app.refusal(before, client);
        let why = shop.agent.why(refused.parse().unwrap()).unwrap();
        assert_eq!(why.until_ms, None, "it is evidence: {why}");
    }
    shop.app.refusal("/item/7?q=1'+OR+'1'%3D'1", client)
}
