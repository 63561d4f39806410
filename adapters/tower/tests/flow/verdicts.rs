//! What becomes of requests.

use axum::{Router, routing::get};

use crate::site::{ATTACKER, Site, shop};

#[tokio::test]
async fn a_clean_request_is_answered_by_the_application_alone() {
    let site = Site::start("").await;
    let answer = site.get_as(ATTACKER, "/items/7").await;
    assert_eq!((answer.status, answer.text()), (200, "item 7"));
    assert_eq!((answer.header("server"), answer.header("x-block-id")), (None, None));
    assert_eq!(site.agent.status().requests.success, 1);
}

#[tokio::test]
async fn a_decoys_visitor_is_refused_and_shut_out() {
    let site = Site::start("blacklist_action_content = \"gone, {{id}}\"").await;
    let answer = site.get_as(ATTACKER, "/.env").await;
    let id = answer.header("x-block-id").unwrap();
    assert_eq!((answer.status, answer.text()), (403, format!("gone, {id}").as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    site.until(ATTACKER, "/", 403).await;
    assert_eq!(site.get_as("203.0.113.10", "/").await.status, 200);
}

#[tokio::test]
async fn a_page_that_there_is_is_no_decoy_and_neither_is_a_nested_one() {
    let nested = Router::new()
        .nest("/shop", shop())
        .fallback(async || "a page of the single-page application");
    let site = Site::around("", nested).await;
    assert_eq!(site.get_as(ATTACKER, "/shop/login").await.text(), "a form");
    assert_eq!(
        site.get_as(ATTACKER, "/checkout").await.status,
        200,
        "the fallback answers"
    );
    assert_eq!(
        site.get_as(ATTACKER, "/other/login").await.status,
        403,
        "nothing but a fallback"
    );
}

#[tokio::test]
async fn an_unknown_path_is_judged_by_its_404_and_a_known_one_is_not() {
    let site = Site::start("").await;
    assert_eq!(site.get_as(ATTACKER, "/nowhere").await.status, 403);
    assert_eq!(
        site.get_as(ATTACKER, "/missing").await.status,
        404,
        "the application's own"
    );
}

#[tokio::test]
async fn an_injection_is_refused_wherever_it_is() {
    let site = Site::start("blacklist_override = true").await;
    let query = "/items/7?q=1%27+OR+%271%27%3D%271";
    assert_eq!(site.get_as(ATTACKER, query).await.status, 403);
    let body = br#"{"name": "x'; DROP TABLE users; --"}"#;
    assert_eq!(site.post("/echo", "application/json", body).await.status, 403);
    let clean = br#"{"name": "O'Brien"}"#;
    assert_eq!(site.post("/echo", "application/json", clean).await.body, clean);
}

#[tokio::test]
async fn redirects_and_names_are_the_settings() {
    let site = Site::start(
        "blacklist_action = \"redirect\"\nblacklist_status_code = 302\n\
         blacklist_action_content = \"https://example.com/gone\"\nchange_server = true\nserver_header = \"Apache\"",
    )
    .await;
    assert_eq!(site.get_as(ATTACKER, "/").await.header("server"), Some("Apache"));
    let answer = site.get_as(ATTACKER, "/.env").await;
    assert_eq!(
        (answer.status, answer.header("location"), answer.header("server")),
        (302, Some("https://example.com/gone"), Some("Apache"))
    );
}

#[tokio::test]
async fn without_an_address_nobody_is_banned_and_attacks_are_refused() {
    let site = Site::without_addresses("").await;
    assert_eq!(site.get_as(ATTACKER, "/.env").await.status, 403);
    assert_eq!(site.get_as(ATTACKER, "/").await.status, 200);
}

#[tokio::test]
async fn a_layer_may_guard_a_part_alone() {
    let site = Site::with("", |buckler| {
        let guarded = Router::new().route("/", get(async || "guarded")).layer(buckler);
        shop().nest("/admin", guarded)
    })
    .await;
    let attack = "?q=1%27+OR+%271%27%3D%271";
    assert_eq!(site.get_as(ATTACKER, &format!("/items/7{attack}")).await.status, 200);
    assert_eq!(site.get_as(ATTACKER, &format!("/admin{attack}")).await.status, 403);
}
