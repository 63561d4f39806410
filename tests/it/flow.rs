//! The whole flow over real sockets: two applications, one server, one attacker.

use std::time::Duration;

use buckler::protocol::v2::Evidence;
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use serde_json::{Value, json};

use crate::site::{DECOY, KEY, PATIENCE, Site, settings};

pub(crate) const ADMIN: &str = "admin-token-of-the-test";

pub(crate) fn server() -> RunningServer {
    server_for(profile())
}

/// The applications' profile, as [`server`] has it.
pub(crate) fn profile() -> Profile {
    Profile::for_key(KEY)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("TELEMETRY_DATA", true)
        .set("BEACON_DELAY", 1)
}

pub(crate) fn server_for(profile: Profile) -> RunningServer {
    Server::builder(ServerConfig::new().profile("shop", profile).admin_token(ADMIN))
        .listen("127.0.0.1:0")
        .start()
        .unwrap()
}

/// Asks the admin API, which does it.
pub(crate) fn admin(server: &RunningServer, method: &str, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = asked(server, method, path, body);
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Asks the admin API; what it answers.
pub(crate) fn asked(server: &RunningServer, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = server.admin_url().join(path).unwrap().to_string();
    let method = method.parse::<awc::http::Method>().unwrap();
    actix_rt::System::new().block_on(async move {
        let client = awc::Client::builder().timeout(PATIENCE).finish();
        let request = client
            .request(method, url)
            .insert_header(("Authorization", format!("Bearer {ADMIN}")));
        let sent = match body {
            Some(body) => request.send_json(&body),
            None => request.send(),
        };
        let mut answer = sent.await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.body().await.unwrap();
        (status, serde_json::from_slice(&text).unwrap())
    })
}

#[test]
fn who_is_caught_by_one_application_is_shut_out_of_the_other() {
    let server = server();
    let (shop, blog) = (
        Site::start(settings(server.cloud_url().as_str())),
        Site::start(settings(server.cloud_url().as_str())),
    );
    for site in [&shop, &blog] {
        site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
        assert_eq!(site.get("/", "203.0.113.9"), 200);
    }
    assert_eq!(shop.get(DECOY, "203.0.113.9"), 403);
    blog.wait_until("the ban has crossed", || blog.get("/", "203.0.113.9") == 403);
    assert_eq!(blog.get("/", "203.0.113.10"), 200, "nobody else is shut out");
    assert_eq!(shop.get("/item/7", "203.0.113.10"), 200);

    let list = admin(&server, "GET", "blacklist", None).to_string();
    assert!(list.contains("203.0.113.9"), "{list}");
    let agents = admin(&server, "GET", "agents", None).to_string();
    assert!(agents.contains("actix-web") && !agents.contains(KEY), "{agents}");

    admin(&server, "DELETE", "blacklist?address=203.0.113.9", None);
    for site in [&shop, &blog] {
        site.wait_until("the client is let in again", || site.get("/", "203.0.113.9") == 200);
    }
    assert_eq!(shop.agent.status().conversation.protocol, Some(2));
    // an entry is in force a moment before the agent says so
    blog.wait_until("both are at the same revision", || {
        shop.agent.status().list.cursor == blog.agent.status().list.cursor
    });
    server.stop(Duration::from_secs(5));
}

#[test]
fn who_is_unbanned_by_an_operator_begins_again() {
    let server = server_for(profile().share_from(Evidence::Repeated));
    let (shop, client) = (Site::start(settings(server.cloud_url().as_str())), "203.0.113.9");
    shop.wait_until("it is in step", || shop.agent.status().conversation.state == "synced");
    let attacks =
        ["1'+OR+'1'%3D'1", "1'+UNION+SELECT+1--", "2'+OR+'2'%3D'2"].map(|attack| format!("/item/1?q={attack}"));
    attacks
        .iter()
        .for_each(|attack| assert_eq!(shop.get(attack, client), 403));
    shop.wait_until("it is banned", || shop.get("/", client) == 403);
    shop.wait_until("the server lists it", || {
        !admin(&server, "GET", "blacklist?address=203.0.113.9", None)["data"]["entries"]
            .as_array()
            .unwrap()
            .is_empty()
    });
    admin(&server, "DELETE", "blacklist?address=203.0.113.9", None);
    shop.wait_until("it is let in", || shop.get("/", client) == 200);
    let settled = || shop.agent.status().events.settled_here + shop.agent.status().events.acknowledged;
    let before = settled();
    assert_eq!(shop.get(&attacks[0], client), 403);
    shop.wait_until("the refusal was weighed", || settled() > before);
    assert_eq!(shop.get("/", client), 200, "what led to the ban is forgotten with it");
}

#[test]
fn a_configuration_that_the_server_changes_is_in_force_a_beacon_later() {
    let server = server();
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it is in step", || site.agent.status().config.source == "server");
    let before = site.agent.status().config.version;
    let mut config = admin(&server, "GET", "profiles/shop/config", None);
    let config = config["data"]["config"].as_object_mut().map(std::mem::take).unwrap();
    let config: serde_json::Map<String, Value> = config
        .into_iter()
        .chain([("BLACKLIST_STATUS_CODE".to_owned(), json!(418))])
        .collect();
    admin(&server, "PUT", "profiles/shop/config", Some(Value::Object(config)));
    site.wait_until("the new one is in force", || {
        site.agent.status().config.version > before
    });
    assert_eq!(site.get(DECOY, "203.0.113.9"), 418);
    server.stop(Duration::from_secs(5));
}

#[test]
fn a_shutdown_tells_the_server_what_it_does_not_know_yet() {
    let server = server();
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    for n in 1..=20 {
        assert_eq!(site.get(DECOY, &format!("203.0.113.{n}")), 403);
    }
    let report = site.agent.shutdown(PATIENCE);
    assert_eq!((report.unsent, report.in_time), (0, true), "{report:?}");
    let list = admin(&server, "GET", "blacklist", None).to_string();
    assert!((1..=20).all(|n| list.contains(&format!("\"203.0.113.{n}\""))), "{list}");
    assert_eq!(site.get("/", "203.0.113.7"), 403, "the guard judges on");
    assert_eq!(site.get("/", "203.0.113.77"), 200);
    server.stop(Duration::from_secs(5));
}

#[test]
fn actors_panic_while_clients_are_served() {
    let server = server();
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    for (n, actor) in (1_u64..).zip([
        "ConfigFetcher",
        "BlacklistSync",
        "TelemetryReporter",
        "RequestGuard",
        "CloudLink",
    ]) {
        site.agent.crash(actor);
        let attacker = format!("203.0.113.{n}");
        assert_eq!(site.get(DECOY, &attacker), 403);
        site.wait_until("a new tree stands", || {
            assert_eq!(site.get("/", "198.51.100.7"), 200);
            site.agent.status().restarts >= n && site.agent.status().conversation.state == "synced"
        });
    }
    site.wait_until("everything has reached the server", || {
        site.agent.status().events.acknowledged == 5
    });
    server.stop(Duration::from_secs(5));
}
