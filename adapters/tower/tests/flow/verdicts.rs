//! What becomes of requests where axum matters: the suite over all adapters is in the end-to-end tests.

use axum::{Router, routing::get};

use crate::site::{ATTACKER, Site, shop};

#[test]
fn a_page_that_there_is_is_no_decoy_and_neither_is_a_nested_one() {
    let nested = Router::new()
        .nest("/shop", shop())
        .fallback(async || "a page of the single-page application");
    let site = Site::around("decoy_routes = [[\"/login\", \"ends\"]]", nested);
    assert_eq!(site.get_as(ATTACKER, "/shop/login").text(), "a form");
    assert_eq!(site.get_as(ATTACKER, "/checkout").status, 200, "the fallback answers");
    assert_eq!(
        site.get_as(ATTACKER, "/other/login").status,
        200,
        "as it answers for any page of the client's"
    );
}

#[test]
fn without_an_address_nobody_is_banned_and_attacks_are_refused() {
    let site = Site::serving("", async |buckler, listener| {
        let service = shop().layer(buckler);
        axum::serve(listener, service).await.unwrap();
    });
    assert_eq!(site.get_as(ATTACKER, "/.env").status, 403);
    assert_eq!(site.get_as(ATTACKER, "/").status, 200);
}

#[test]
fn a_layer_may_guard_a_part_alone() {
    let site = Site::with("", |buckler| {
        let guarded = Router::new().route("/", get(async || "guarded")).layer(buckler);
        shop().nest("/admin", guarded)
    });
    let attack = "?q=1%27+OR+%271%27%3D%271";
    assert_eq!(site.get_as(ATTACKER, &format!("/items/7{attack}")).status, 200);
    assert_eq!(site.get_as(ATTACKER, &format!("/admin{attack}")).status, 403);
}
