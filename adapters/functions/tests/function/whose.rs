//! Whose a request is, on Google's platform and off it.

use axum::{Router, routing::get};
use buckler_functions::google::{self, Environment, Google};
use buckler_tests::cloud::Front;
use buckler_tests::http::ask;

use crate::site::{CLIENT, DECOY, Site, local};

fn shop() -> Router {
    Router::new().route("/", get(async || "welcome"))
}

#[test]
fn who_the_front_end_names_is_banned_and_not_whom_the_client_names() {
    let site = Site::google(local(), shop());
    assert_eq!(site.get(DECOY, &format!("198.51.100.1, {CLIENT}")).status, 403);
    site.until(403, "/", CLIENT);
    assert_eq!(site.get("/", "198.51.100.1").text(), "welcome");
    assert_eq!(site.get("/", &format!("{CLIENT}, 198.51.100.1")).status, 200);
}

#[test]
fn behind_a_balancer_that_is_trusted_the_chain_goes_on() {
    let site = Site::google(local().trusted_proxies(["192.0.2.80"]), shop());
    let chain = |client: &str| format!("198.51.100.1, {client}, 192.0.2.80");
    assert_eq!(site.get(DECOY, &chain(CLIENT)).status, 403);
    site.until(403, "/", &chain(CLIENT));
    for other in ["203.0.113.10", "198.51.100.1"] {
        assert_eq!(site.get("/", &chain(other)).status, 200, "{other}");
    }
}

#[test]
fn what_no_address_is_names_nobody() {
    let site = Site::google(local(), shop());
    assert_eq!(
        site.get(DECOY, &format!("{CLIENT}, unknown")).status,
        403,
        "the attack itself"
    );
    assert_eq!(site.get("/", &format!("{CLIENT}, unknown")).status, 200);
    assert_eq!(site.get("/", CLIENT).status, 200);
    assert_eq!(site.agent.status().list.local, 0);
}

#[test]
fn off_the_platform_a_header_is_anyones_word() {
    let builder = google::builder(local().build().unwrap()).unwrap();
    let agent = std::sync::Arc::new(builder.start());
    let google = Google::new(std::sync::Arc::clone(&agent), Environment::default());
    let site = Site::serve(agent, shop().layer(google));
    assert_eq!(site.get(DECOY, CLIENT).status, 403);
    assert_eq!(site.get("/", CLIENT).status, 200);
    assert_eq!(site.agent.status().list.local, 0, "loopback is never banned");
}

#[test]
fn a_client_cannot_name_another_through_the_front_end() {
    let site = Site::google(local(), shop());
    let front = Front::of_google(site.address);
    let told = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\n");
        ask(front.address(), &head, b"").status
    };
    assert_eq!((told(DECOY), told("/")), (403, 200));
    assert_eq!(site.get("/", CLIENT).status, 200);
    assert_eq!(
        site.agent.status().list.local,
        0,
        "the client's own address is loopback"
    );
}
