//! Azure's host hands the client's request on.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, RawQuery},
    http::HeaderMap,
    routing::{get, post},
};
use buckler_functions::azure::FunctionApp;
use buckler_tests::{
    cloud::{AzureHost, Front},
    http::{Answer, ask},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{CLIENT, DECOY, INJECTION, Site, function_app, local};

/// One function that takes every path.
fn app_files() -> TempDir {
    let host = json!({
        "version": "2.0",
        "customHandler": {"description": {"defaultExecutablePath": "handler"}, "enableForwardingHttpRequest": true},
        "extensions": {"http": {"routePrefix": ""}},
    });
    function_app(&host, &[("site", http_function("{*path}")), ("work", queue_function())])
}

fn http_function(route: &str) -> Value {
    json!({"bindings": [
        {"type": "httpTrigger", "direction": "in", "name": "req", "route": route, "methods": ["get", "post"]},
        {"type": "http", "direction": "out", "name": "res"},
    ]})
}

fn queue_function() -> Value {
    json!({"bindings": [{"type": "queueTrigger", "direction": "in", "name": "item", "queueName": "q", "connection": "c"}]})
}

fn handler() -> Router {
    Router::new()
        .route("/", get(async || "welcome"))
        .route(
            "/query",
            get(async |RawQuery(query): RawQuery| query.unwrap_or_default()),
        )
        .route("/echo", post(async |body: Bytes| body))
        .route("/work", post(async || "{}"))
        .route(
            "/host",
            get(async |headers: HeaderMap| headers["host"].to_str().unwrap().to_owned()),
        )
        .layer(DefaultBodyLimit::disable())
}

struct Azure {
    site: Site,
    host: AzureHost,
    front: Front,
    _files: TempDir,
}

impl Azure {
    fn start(settings: buckler::settings::SettingsBuilder) -> Self {
        let files = app_files();
        let site = Site::azure(settings, files.path(), handler());
        let host = AzureHost::read(files.path(), site.address);
        Self {
            front: Front::of_azure(host.clone()),
            site,
            host,
            _files: files,
        }
    }

    fn get(&self, path: &str) -> Answer {
        ask(self.front.address(), &format!("GET {path} HTTP/1.1\r\n"), b"")
    }
}

#[test]
fn a_request_comes_through_as_the_client_made_it() {
    let azure = Azure::start(local().security("BLACKLIST_OVERRIDE", true));
    assert_eq!(azure.get("/").text(), "welcome");
    assert_eq!(azure.get("/host").text(), "shop.example.com");
    assert_eq!(
        azure.get("/query?a=1&b=2&a=3").text(),
        "a=1,3&b=2",
        "joined by the host"
    );
    let body: Vec<u8> = (0..1_200_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let head = format!(
        "POST /echo HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = ask(azure.front.address(), &head, &body);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    assert!(answer.body == body);
    assert_eq!(azure.get(&format!("/query?{INJECTION}")).status, 403);
    assert_eq!(azure.get(DECOY).status, 403);
}

#[test]
fn what_the_host_joined_is_judged_as_the_client_wrote_it() {
    let azure = Azure::start(local());
    let told = |original: &str| {
        let head =
            format!("GET /query?q=1 HTTP/1.1\r\nX-Forwarded-For: {CLIENT}:50123\r\nX-Original-URL: {original}\r\n");
        ask(azure.site.address, &head, b"")
    };
    let clean = told("/query?q=1&q=2");
    assert_eq!(
        (clean.status, clean.text()),
        (200, "q=1"),
        "the handler gets what it was sent"
    );
    assert_eq!(told(&format!("/query?q=1&{INJECTION}")).status, 403);
}

#[test]
fn the_address_has_a_port_and_the_last_one_counts() {
    let azure = Azure::start(local());
    assert_eq!(
        azure.site.get(DECOY, &format!("198.51.100.1, {CLIENT}:50123")).status,
        403
    );
    azure.site.until(403, "/", &format!("{CLIENT}:50999"));
    assert_eq!(azure.site.get("/", "198.51.100.1:50123").status, 200);
    assert_eq!(
        azure.site.get("/", &format!("{CLIENT}, 198.51.100.1:50123")).status,
        200
    );
}

#[test]
fn probes_are_answered_and_not_counted() {
    let azure = Azure::start(local());
    for _ in 0..3 {
        assert_eq!(azure.host.ping().unwrap(), 200);
    }
    assert_eq!(azure.site.counts(), [0; 4]);
    assert_eq!(azure.get("/").status, 200);
    assert_eq!(
        azure.site.counts(),
        [1, 0, 0, 0],
        "a client that asks for the same is counted"
    );
}

#[test]
fn what_is_no_request_is_judged_by_what_it_carries() {
    let azure = Azure::start(local());
    assert_eq!(
        azure
            .host
            .trigger("work", &json!({"item": "{\"name\": \"O'Brien\"}"}))
            .status,
        200
    );
    let attack = json!({"item": "x'; DROP TABLE users; --"});
    assert_eq!(azure.host.trigger("work", &attack).status, 403);
    let status = azure.site.agent.status();
    assert_eq!((status.list.local, azure.site.counts()), (0, [1, 0, 1, 1]));
}

#[test]
fn the_routes_are_those_of_the_function_app() {
    let host = json!({"version": "2.0"});
    let mut disabled = http_function("gone");
    disabled["disabled"] = json!(true);
    let files = function_app(
        &host,
        &[
            ("orders", http_function("shop/orders/{id:int}")),
            ("hello", json!({"bindings": [{"type": "HttpTrigger", "name": "req"}]})),
            ("work", queue_function()),
            ("gone", disabled),
        ],
    );
    let routes = FunctionApp::read(files.path()).unwrap().routes();
    let named: Vec<(&str, &str)> = routes
        .iter()
        .map(|(name, route)| (name.as_str(), route.path.as_str()))
        .collect();
    assert_eq!(
        named,
        [("hello", "/api/hello"), ("orders", "/api/shop/orders/{id:int}")]
    );
    assert_eq!(routes["orders"].methods, ["GET", "POST"]);
    assert_eq!(routes["hello"].methods, Vec::<String>::new(), "all of them");
}

#[test]
fn an_app_that_cannot_be_read_is_named() {
    let files = function_app(&json!({"version": "2.0"}), &[("hello", json!({"bindings": "none"}))]);
    let told = FunctionApp::read(files.path()).unwrap_err().to_string();
    assert!(
        told.contains("function.json") && told.contains("bindings") | told.contains("sequence"),
        "{told}"
    );
    let empty = tempfile::tempdir().unwrap();
    let told = FunctionApp::read(empty.path()).unwrap_err().to_string();
    assert!(told.contains("host.json"), "{told}");
}
