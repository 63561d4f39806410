//! What becomes of requests where axum matters: the suite over all adapters is in the end-to-end tests.

use axum::{Router, routing::get};
use buckler_tower::Blocked;

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

#[test]
fn a_refusal_tells_outer_layers_what_it_is() {
    let tell = async |mut response: axum::response::Response| {
        if let Some(Blocked { id, status }) = response.extensions().get().copied() {
            let told = format!("{id} {status}").parse().unwrap();
            response.headers_mut().insert("x-told", told);
        }
        response
    };
    let site = Site::with("", |buckler| {
        shop().layer(buckler).layer(axum::middleware::map_response(tell))
    });
    let refused = site.get_as(ATTACKER, "/.env");
    let id = refused.header("x-block-id").unwrap();
    assert_eq!(refused.header("x-told"), Some(format!("{id} 403").as_str()));
    assert_eq!(site.get_as("203.0.113.10", "/").header("x-told"), None);
    let why = site.agent.why(id.parse().unwrap()).unwrap();
    assert_eq!((why.request.method.as_deref(), why.request.route), (Some("GET"), None));
    let attack = site.get_as("203.0.113.11", "/items/7?q=1%27+OR+%271%27%3D%271");
    let why = site
        .agent
        .why(attack.header("x-block-id").unwrap().parse().unwrap())
        .unwrap();
    assert_eq!(why.request.route.as_deref(), Some("/items/{id}"));
    assert_eq!(why.exception.unwrap().route.as_deref(), Some("/items/{id}"));
}
