//! Applications of every framework with one server.

use std::time::Duration;

use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use serde_json::{Value, json};

use super::{
    host::{CLIENT, Host, Kind},
    over_every_adapter,
};
use crate::{
    flow::{ADMIN, admin},
    site::{DECOY, KEY, PATIENCE, local, settings},
};

over_every_adapter! {
    it_registers_with_its_platform_and_routes
    who_is_listed_is_refused_and_who_is_caught_is_shared
    a_configuration_is_pushed_while_it_runs
    it_guards_while_the_server_is_down_at_the_start
    a_shutdown_tells_what_the_server_does_not_know
}

fn server() -> RunningServer {
    let profile = Profile::for_key(KEY)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", 1);
    Server::builder(ServerConfig::new().profile("shop", profile).admin_token(ADMIN))
        .listen("127.0.0.1:0")
        .start()
        .unwrap()
}

fn in_step(kind: Kind, server: &RunningServer) -> Host {
    let host = Host::start(kind, settings(server.cloud_url().as_str()));
    host.wait_until("it is in step", || host.agent.status().conversation.state == "synced");
    host
}

fn it_registers_with_its_platform_and_routes(kind: Kind) {
    let server = server();
    let _host = in_step(kind, &server);
    let agents = admin(&server, "GET", "agents", None).to_string();
    let platform = format!("\"platform\":\"{}\"", kind.platform());
    for told in [platform.as_str(), "\"routes\":5"] {
        assert!(agents.contains(told), "{told}: {agents}");
    }
    assert!(!agents.contains(KEY), "{agents}");
    server.stop(Duration::from_secs(5));
}

fn who_is_listed_is_refused_and_who_is_caught_is_shared(kind: Kind) {
    let server = server();
    let host = in_step(kind, &server);
    admin(
        &server,
        "POST",
        "blacklist",
        Some(json!({"address": "198.51.100.7", "ttl_s": 3600})),
    );
    host.wait_until("the list has come", || host.get("/", "198.51.100.7").status == 403);
    // one of each framework: a ban of one's is every other's
    let others = [Kind::ActixWeb, Kind::Axum].map(|other| in_step(other, &server));
    assert_eq!(host.get(DECOY, CLIENT).status, 403);
    for other in &others {
        other.wait_until("the ban has crossed", || other.get("/", CLIENT).status == 403);
        assert_eq!(other.get("/", "203.0.113.10").status, 200);
    }
    server.stop(Duration::from_secs(5));
}

fn a_configuration_is_pushed_while_it_runs(kind: Kind) {
    let server = server();
    let host = in_step(kind, &server);
    let config = admin(&server, "GET", "profiles/shop/config", None);
    let mut config = config["data"]["config"].as_object().unwrap().clone();
    config.insert("BLACKLIST_STATUS_CODE".to_owned(), json!(418));
    admin(&server, "PUT", "profiles/shop/config", Some(Value::Object(config)));
    host.wait_until("the new one is in force", || host.get(DECOY, CLIENT).status == 418);
    server.stop(Duration::from_secs(5));
}

fn it_guards_while_the_server_is_down_at_the_start(kind: Kind) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let host = Host::start(
        kind,
        local().cloud_url(format!("http://127.0.0.1:{port}/config")).key(KEY),
    );
    assert_eq!(host.get("/", CLIENT).status, 200);
    assert_eq!(host.get(DECOY, CLIENT).status, 403);
    host.wait_until("it knows why", || host.agent.status().conversation.problem.is_some());
    assert_eq!(host.get("/items/7", "203.0.113.10").text(), "item 7");
}

fn a_shutdown_tells_what_the_server_does_not_know(kind: Kind) {
    let server = server();
    let host = in_step(kind, &server);
    for n in 1..=20 {
        assert_eq!(host.get(DECOY, &format!("203.0.113.{n}")).status, 403);
    }
    let report = host.agent.shutdown(PATIENCE);
    assert_eq!((report.unsent, report.in_time), (0, true), "{report:?}");
    let list = admin(&server, "GET", "blacklist", None).to_string();
    assert!((1..=20).all(|n| list.contains(&format!("\"203.0.113.{n}\""))), "{list}");
    assert_eq!(host.get("/", "203.0.113.7").status, 403, "the guard judges on");
    assert_eq!(host.get("/", "203.0.113.77").status, 200);
    server.stop(Duration::from_secs(5));
}
