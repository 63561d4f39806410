//! Azure's host packs the client's request into JSON.

use std::sync::mpsc;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, Method, Uri},
    response::IntoResponse,
};
use buckler_tests::{
    cloud::{AzureHost, Front},
    http::{Answer, ask},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{CLIENT, DECOY, INJECTION, Site, admin, function_app, local, of, server, wait_until};

/// What the handler got.
struct Came {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

struct Azure {
    site: Site,
    came: mpsc::Receiver<Came>,
    host: AzureHost,
    front: Front,
    _files: TempDir,
}

/// One function that takes every path, one with a route of its own, and one that returns its response; forwarding is off.
fn app_files() -> TempDir {
    let host = json!({"version": "2.0", "extensions": {"http": {"routePrefix": ""}}});
    let function = |route: &str, output: Value| {
        let trigger = json!({"type": "httpTrigger", "direction": "in", "name": "req", "route": route});
        json!({"bindings": [trigger, output]})
    };
    let res = || json!({"type": "http", "direction": "out", "name": "res"});
    let returned = json!({"type": "http", "direction": "out", "name": "$return"});
    let queue = json!({"type": "queue", "direction": "out", "name": "jobs", "queueName": "q", "connection": "c"});
    let timer =
        json!({"bindings": [{"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 * * * * *"}]});
    function_app(
        &host,
        &[
            ("site", function("{*path}", res())),
            ("login", function("login", res())),
            ("returning", function("returning", returned)),
            ("mute", function("mute", queue)),
            ("nightly", timer),
        ],
    )
}

/// A handler that answers by the request inside, and remembers what it got.
fn handler() -> (Router, mpsc::Receiver<Came>) {
    let (tell, came) = mpsc::channel();
    let answer = async move |method: Method, target: Uri, headers: HeaderMap, body: Bytes| {
        let answered = answered(target.path(), &body);
        let _ended = tell.send(Came {
            method,
            target,
            headers,
            body,
        });
        (
            [(HeaderName::from_static("content-type"), "application/json")],
            answered,
        )
            .into_response()
    };
    let handler = axum::routing::any(answer);
    let functions = ["/site", "/login", "/returning", "/mute", "/nightly"];
    let with_all = functions
        .iter()
        .fold(Router::new(), |router, path| router.route(path, handler.clone()));
    (with_all.fallback(async || "ready"), came)
}

fn answered(function: &str, body: &[u8]) -> String {
    let invocation: Value = serde_json::from_slice(body).unwrap();
    let url: url::Url = match invocation["Data"]["req"]["Url"].as_str() {
        Some(url) => url.parse().unwrap(),
        None => return json!({"Outputs": null, "Logs": ["done"], "ReturnValue": null}).to_string(),
    };
    let response = match url.path() {
        "/" => json!({"statusCode": 200, "body": "welcome", "headers": {"Content-Type": "text/html"}}),
        "/login" => json!({"body": "a form"}),
        "/returning" => json!({"statusCode": "201", "body": "returned"}),
        "/missing" => json!({"statusCode": "404", "body": "nothing here"}),
        "/echo" => json!({"body": invocation["Data"]["req"]["Body"]}),
        _ => json!({"StatusCode": "404", "Body": ""}),
    };
    if function == "/returning" {
        json!({"ReturnValue": response}).to_string()
    } else {
        json!({"Outputs": {"res": response}, "Logs": ["seen"]}).to_string()
    }
}

impl Azure {
    fn start(settings: buckler::settings::SettingsBuilder) -> Self {
        let files = app_files();
        let (handler, came) = handler();
        let site = Site::azure(settings, files.path(), handler);
        let host = AzureHost::read(files.path(), site.address);
        Self {
            front: Front::of_azure(host.clone()),
            site,
            came,
            host,
            _files: files,
        }
    }

    /// Asks as a client does.
    fn get(&self, path: &str) -> Answer {
        ask(self.front.address(), &format!("GET {path} HTTP/1.1\r\n"), b"")
    }

    /// Has the handler answer a request that the host packed for this client; what it tells the host.
    fn invoke(&self, function: &str, path: &str, client: &str) -> Answer {
        let asked = json!({
            "Url": format!("https://shop.example.com{path}"),
            "Method": "GET",
            "Query": {},
            "Headers": {"Host": ["shop.example.com"], "X-Forwarded-For": [format!("198.51.100.1, {client}:50123")]},
            "Params": {},
        });
        self.host.trigger(function, &json!({"req": asked}))
    }

    fn refused(&self, function: &str, path: &str, client: &str) -> Value {
        let answer = self.invoke(function, path, client);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        serde_json::from_str(answer.text()).unwrap()
    }
}

#[test]
fn a_refusal_is_an_answer_that_tells_the_host_what_to_tell_the_client() {
    let azure = Azure::start(local());
    let refused = azure.refused("site", DECOY, CLIENT);
    let response = &refused["Outputs"]["res"];
    assert_eq!(response["statusCode"], "403");
    let page = response["body"].as_str().unwrap();
    assert!(
        page.ends_with(response["headers"]["x-block-id"].as_str().unwrap()),
        "{page}"
    );
    assert_eq!(response["headers"]["cache-control"], "no-store");
    assert_eq!(response["headers"]["x-block-id"].as_str().unwrap().len(), 16);
    assert!(refused["Logs"][0].as_str().unwrap().contains("403"), "{refused}");
    assert!(refused["ReturnValue"].is_null());
    assert!(azure.came.try_recv().is_err(), "the handler never saw it");
    wait_until("the ban is in force", || {
        azure.invoke("site", "/", CLIENT).text().contains("\"403\"")
    });
    assert!(azure.invoke("site", "/", "203.0.113.10").text().contains("welcome"));
    assert!(azure.invoke("site", "/", "198.51.100.1").text().contains("welcome"));
}

#[test]
fn a_client_is_told_by_the_host() {
    let azure = Azure::start(
        local()
            .security("BLOCK_STATUS_CODE", 451)
            .security("DECOY_ROUTES", json!([["/login", "ends"]]))
            .security("CHANGE_SERVER", true),
    );
    let welcome = azure.get("/");
    assert_eq!(
        (welcome.status, welcome.text(), welcome.header("server")),
        (200, "welcome", Some("Apache"))
    );
    assert_eq!(welcome.header("content-type"), Some("text/html"));
    let form = azure.get("/login");
    assert_eq!(
        (form.status, form.text()),
        (200, "a form"),
        "a page that there is is no decoy"
    );
    // a private address is refused and not banned
    let decoy = azure.get(DECOY);
    assert_eq!((decoy.status, decoy.text().starts_with("Blocked. ")), (451, true));
    assert_eq!(azure.get("/elsewhere/login").status, 451);
    assert_eq!(azure.get("/missing").status, 404, "nobody knows what a catch-all has");
    assert_eq!(azure.get(&format!("/login?{INJECTION}")).status, 451);
    assert_eq!(azure.get("/returning").text(), "returned");
    assert_eq!(
        azure.get(&format!("/returning?{INJECTION}")).status,
        451,
        "by the return value"
    );
}

#[test]
fn a_function_that_cannot_say_so_fails() {
    let azure = Azure::start(local());
    assert_eq!(azure.invoke("mute", &format!("/mute?{INJECTION}"), CLIENT).status, 403);
    assert_eq!(azure.get(&format!("/mute?{INJECTION}")).status, 500);
    assert!(azure.came.try_recv().is_err(), "the handler never saw it");
}

#[test]
fn a_redirect_is_told_too() {
    let settings = local()
        .security("BLACKLIST_ACTION", "redirect")
        .security("BLACKLIST_STATUS_CODE", 307)
        .security("BLACKLIST_ACTION_CONTENT", "https://example.com/gone");
    let azure = Azure::start(settings);
    let response = &azure.refused("site", DECOY, CLIENT)["Outputs"]["res"];
    assert_eq!(
        (response["statusCode"].as_str(), response["body"].as_str()),
        (Some("307"), Some(""))
    );
    assert_eq!(response["headers"]["location"], "https://example.com/gone");
}

#[test]
fn bodies_are_looked_into_and_the_handler_gets_the_invocation_as_it_came() {
    let azure = Azure::start(local().security("BLACKLIST_OVERRIDE", true));
    let post = |kind: &str, body: &[u8]| {
        let head = format!(
            "POST /echo HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n",
            body.len()
        );
        ask(azure.front.address(), &head, body)
    };
    for (kind, body) in [
        (
            "application/json",
            &br#"{"user": {"name": "x'; DROP TABLE users; --"}}"#[..],
        ),
        ("application/x-www-form-urlencoded", b"a=1&b=1%27+OR+%271%27%3D%271"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n1' OR '1'='1\r\n--x--\r\n",
        ),
    ] {
        assert_eq!(post(kind, body).status, 403, "{kind}");
    }
    assert!(azure.came.try_recv().is_err(), "the handler never saw them");
    let long = "O'Brien ".repeat(100_000);
    assert_eq!(post("text/plain", long.as_bytes()).text(), long);
    let came = azure.came.recv().unwrap();
    assert_eq!((came.method, came.target.to_string().as_str()), (Method::POST, "/site"));
    assert_eq!(came.headers["content-type"], "application/json; charset=utf-8");
    assert!(came.headers.contains_key("x-azure-functions-invocationid"));
    assert_eq!(came.headers["content-length"], came.body.len().to_string());
    let invocation: Value = serde_json::from_slice(&came.body).unwrap();
    assert_eq!(invocation["Data"]["req"]["Body"], long);
    assert_eq!(invocation["Metadata"]["sys"]["MethodName"], "site");
}

#[test]
fn requests_are_counted_by_the_status_inside_and_probes_are_not() {
    let azure = Azure::start(local());
    assert_eq!(azure.host.ping().unwrap(), 200);
    for path in ["/", "/login", "/returning", "/missing", "/nowhere", DECOY] {
        azure.invoke(
            path.strip_prefix('/').filter(|name| *name == "login").unwrap_or("site"),
            path,
            CLIENT,
        );
    }
    assert_eq!(
        azure
            .host
            .trigger("nightly", &json!({"timer": {"IsPastDue": false}}))
            .status,
        200
    );
    let [success, errors, attacks, _] = azure.site.counts();
    assert_eq!(
        (success, errors, attacks),
        (4, 2, 1),
        "a 404 of a function that takes any path is an error, and no attack"
    );
}

#[test]
fn the_whitelist_is_never_judged_and_level_three_lets_pass() {
    let azure = Azure::start(local().security("WHITELIST", json!(["203.0.113.0/28"])));
    assert!(azure.invoke("site", DECOY, CLIENT).text().contains("\"404\""));
    assert!(azure.invoke("site", DECOY, "203.0.113.77").text().contains("\"403\""));
    let levels = json!({"flood": 0, "path": 0, "decoy": 3, "command": 0});
    let azure = Azure::start(local().security("SECURITY_CHECKS", levels));
    assert!(azure.invoke("site", DECOY, CLIENT).text().contains("\"404\""));
    assert_eq!(azure.site.counts(), [0, 1, 1, 0]);
}

#[test]
fn an_answer_that_leaks_is_replaced() {
    let settings = local()
        .security("SECURITY_CHECKS", json!({"flood": 0, "dlp": 2}))
        .security("DLP_PRIVATE_KEYS", true);
    let azure = Azure::start(settings);
    let key = "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\\n-----END PRIVATE KEY-----";
    let head = format!(
        "POST /echo HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n",
        key.len()
    );
    assert_eq!(ask(azure.front.address(), &head, key.as_bytes()).status, 403);
}

#[test]
fn it_registers_with_its_routes_and_shares_whom_it_catches() {
    let server = server();
    let azure = Azure::start(of(&server));
    wait_until("it is registered", || {
        azure.invoke("site", "/", "203.0.113.10");
        admin(&server, "agents").contains("\"platform\":\"Azure Function\"")
    });
    assert!(
        admin(&server, "agents").contains("\"routes\":4"),
        "{}",
        admin(&server, "agents")
    );
    wait_until("the ban is shared", || {
        azure.invoke("site", DECOY, CLIENT);
        admin(&server, "blacklist").contains(CLIENT)
    });
}
