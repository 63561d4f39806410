//! "Why was I blocked": from the id that a client was shown to the answer, by the server and by the agent.

use std::time::Duration;

use buckler::model::blacklist::Scope;
use serde_json::json;

use crate::{
    flow::{admin, server},
    site::{Site, settings},
};

#[test]
fn the_server_says_why_a_client_was_refused_and_the_agent_why_it_is_shut_out() {
    let server = server();
    let (shop, blog) = (
        Site::start(settings(server.cloud_url().as_str())),
        Site::start(settings(server.cloud_url().as_str())),
    );
    for site in [&shop, &blog] {
        site.wait_until("it runs the server's configuration", || {
            let status = site.agent.status();
            status.conversation.state == "synced" && status.config.source == "server"
        });
    }
    let client = "203.0.113.9";
    let caught = caught(&shop, client);
    shop.wait_until("the server has heard of it", || {
        shop.agent.status().events.acknowledged == 3
    });
    let why = shop
        .agent
        .why(caught.parse().unwrap())
        .expect("it was refused just now");

    let answer = admin(&server, "GET", &format!("refusals/{caught}"), None)["data"].take();
    let told = &answer["refusal"];
    assert_eq!((&told["id"], &told["address"]), (&json!(caught), &json!(client)));
    assert_eq!((&told["place"], &told["why"]), (&json!("query:q"), &json!("sqli")));
    let evidence = ["evidence", "values", "requests"].map(|key| told[key].clone());
    assert_eq!(evidence, [json!("repeated"), json!(3), json!(3)], "{told}");
    assert!(told["rule"].as_str().unwrap().starts_with("sqli/"), "{told}");
    assert_eq!(
        told["config_version"],
        json!(shop.agent.status().config.version.unwrap())
    );
    assert_eq!(answer["entry"]["address"], client, "{answer}");
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

    blog.wait_until("the ban has crossed", || blog.get("/", client) == 403);
    assert_eq!(
        shop.app.refusal("/", client),
        caught,
        "it is shown the ban's id, which all know"
    );
    assert_eq!(
        &*shop.agent.why(caught.parse().unwrap()).unwrap().rule,
        told["rule"].as_str().unwrap()
    );
    let shown = blog.app.refusal("/", client);
    let by_ban = admin(&server, "GET", &format!("refusals/{shown}"), None)["data"].take();
    assert_eq!(
        by_ban["entry"]["address"], client,
        "another agent's id of it is known as well: {by_ban}"
    );
    for site in [&blog] {
        let shown = || site.app.refusal("/", client);
        site.wait_until(
            "it is refused by one name, once its entry is that of the server",
            || shown() == site.app.refusal("/item/7", client),
        );
        let why = site
            .agent
            .why(shown().parse().unwrap())
            .expect("it is refused all the time");
        let network = why.entry.unwrap().network.to_string();
        assert_eq!((why.check, network), ("blacklist", format!("{client}/32")));
        assert!(why.until_ms.unwrap().abs_diff(here) <= 120_000, "{why:?}");
        assert_eq!(why.config_version, site.agent.status().config.version);
    }
    let shown = blog.app.refusal("/", client);
    let why = blog.agent.why(shown.parse().unwrap()).unwrap();
    assert_eq!(why.entry.unwrap().scope, Scope::Shared, "it was caught elsewhere");
    server.stop(Duration::from_secs(5));
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
