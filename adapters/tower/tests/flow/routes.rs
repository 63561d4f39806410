//! Routers in routers, fallbacks and services: what the guard takes for a route, and what the recording router tells of them.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    response::Response,
    routing,
};
use buckler_tower::axum::{RecordedMethods, RecordedRouter, any, get, get_service};
use tower_service::Service as _;

use crate::site::{ATTACKER, Site};

/// Answers with the pattern that matched.
async fn pattern(matched: MatchedPath) -> String {
    matched.as_str().to_owned()
}

/// A service that answers what its path says; 404 for anything else.
fn files() -> Router {
    Router::new().route("/logo.png", routing::get(async || "a picture"))
}

fn shop() -> RecordedRouter {
    let orders = get(pattern)
        .post(pattern)
        .map(|methods| methods.fallback(StatusCode::METHOD_NOT_ALLOWED));
    let orders = RecordedRouter::new()
        .route("/", orders)
        .route("/{id}", get(pattern).delete(pattern).options(pattern));
    let old: RecordedMethods = routing::put(pattern).into();
    let api = RecordedRouter::new()
        .nest("/orders", orders)
        .route("/old", old)
        .put("/items/{id}", pattern);
    RecordedRouter::new()
        .get("/", pattern)
        .post("/login", pattern)
        .route("/any", any(pattern))
        .route("/state", get(async |State(name): State<&'static str>| name))
        .with_state("/state")
        .route("/served", get_service(routing::get(pattern)).head(pattern))
        .route_service("/service", routing::any(pattern))
        .nest("/api", api)
        .nest("/slash/", RecordedRouter::new().get("/", pattern).get("/more", pattern))
        .merge(
            RecordedRouter::new()
                .patch("/any-other/{*rest}", pattern)
                .get("/login", pattern),
        )
        .nest_service("/files", files())
}

/// Every route that was recorded with its methods, which are none for all.
const ROUTES: [(&str, &[&str]); 13] = [
    ("/", &["GET"]),
    ("/any", &[]),
    ("/any-other/{*rest}", &["PATCH"]),
    ("/api/items/{id}", &["PUT"]),
    ("/api/old", &[]),
    ("/api/orders", &["GET", "POST"]),
    ("/api/orders/{id}", &["GET", "DELETE", "OPTIONS"]),
    ("/files/{*rest}", &[]),
    ("/login", &["POST", "GET"]),
    ("/served", &["GET", "HEAD"]),
    ("/service", &[]),
    ("/slash/", &["GET"]),
    ("/slash/more", &["GET"]),
];

#[test]
fn every_route_is_recorded_with_its_methods() {
    let (_, routes) = shop().into_parts();
    let mut recorded: Vec<_> = routes
        .into_values()
        .filter(|route| route.path != "/state")
        .map(|route| (route.path, route.methods))
        .collect();
    recorded.sort();
    let expected = ROUTES.map(|(path, methods)| {
        let methods = methods.iter().map(|&method| method.to_owned());
        (path.to_owned(), methods.collect::<Vec<_>>())
    });
    assert_eq!(recorded, expected);
}

#[test]
fn what_is_recorded_is_what_axum_matches() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut app, _) = shop().into_parts();
    let mut ask = |method: &str, path: &str| -> Result<(StatusCode, String), Infallible> {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answered = async {
            let response: Response = app.call(request).await?;
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
            Ok((status, String::from_utf8(body.into()).unwrap()))
        };
        runtime.block_on(answered)
    };
    for (path, methods) in ROUTES.into_iter().filter(|(path, _)| *path != "/files/{*rest}") {
        let asked = path.replace("{id}", "7").replace("{*rest}", "a/b");
        for method in methods.iter().filter(|method| **method != "HEAD") {
            assert_eq!(
                ask(method, &asked),
                Ok((StatusCode::OK, path.to_owned())),
                "{method} {asked}"
            );
        }
        if !methods.is_empty() {
            let other = ask(Method::TRACE.as_str(), &asked).map(|(status, _)| status);
            assert_eq!(other, Ok(StatusCode::METHOD_NOT_ALLOWED), "{asked}");
        }
    }
    assert_eq!(ask("GET", "/state"), Ok((StatusCode::OK, "/state".to_owned())));
    assert_eq!(
        ask("GET", "/files/logo.png"),
        Ok((StatusCode::OK, "a picture".to_owned()))
    );
}

#[test]
fn routes_of_routers_in_routers_are_known_and_what_is_beside_them_is_not() {
    let site = Site::around(
        "security_checks = { path = 1, decoy = 1, flood = 0 }",
        shop().into_parts().0,
    );
    for path in [
        "/api/orders",
        "/api/orders/7",
        "/slash/",
        "/login",
        "/files/logo.png",
        "/service",
    ] {
        assert_eq!(site.get_as(ATTACKER, path).status, 200, "{path}");
    }
    for path in [
        "/nowhere",
        "/api",
        "/api/nowhere",
        "/api/orders/7/nowhere",
        "/files/nowhere.png",
        "/api/login",
    ] {
        assert_eq!(site.get_as(ATTACKER, path).status, 403, "{path}");
    }
}

#[test]
fn what_a_fallback_answers_is_a_page_and_its_404_is_none() {
    let page = async || "a page of the single-page application";
    let nested = RecordedRouter::new().get("/orders", pattern).fallback(page);
    let (app, _) = RecordedRouter::new()
        .nest("/api", nested)
        .get("/", pattern)
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here"))
        .into_parts();
    let site = Site::around("security_checks = { path = 1, decoy = 1, flood = 0 }", app);
    assert_eq!(site.get_as(ATTACKER, "/api/orders").text(), "/api/orders");
    assert_eq!(
        site.get_as(ATTACKER, "/api/checkout").text(),
        "a page of the single-page application"
    );
    let unknown = site.get_as(ATTACKER, "/checkout");
    assert_eq!((unknown.status, unknown.text().starts_with("Blocked. ")), (403, true));
}

/// As another router's fallback, around a whole router: that one has no route, so that the answer tells.
#[test]
fn a_layer_around_the_whole_router_guards_without_the_routes() {
    let site = Site::serving(
        "security_checks = { path = 1, decoy = 1, flood = 0 }",
        async |buckler, listener| {
            let app = tower_layer::Layer::layer(&buckler, shop().into_parts().0);
            let served = Router::new().fallback_service(app);
            axum::serve(listener, served).await.unwrap();
        },
    );
    assert_eq!(site.get_as(ATTACKER, "/api/orders/7").text(), "/api/orders/{id}");
    assert_eq!(site.get_as(ATTACKER, "/api/nowhere").status, 403);
    assert_eq!(
        site.get_as(ATTACKER, "/login").status,
        200,
        "what is answered is a page"
    );
}
