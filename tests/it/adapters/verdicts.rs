//! What becomes of requests, by local settings alone.

use serde_json::json;

use super::{
    host::{CLIENT, Host, Kind},
    over_every_adapter,
};
use crate::site::{DECOY, local};

over_every_adapter! {
    a_decoy_is_refused_and_its_visitor_banned
    a_page_that_there_is_is_no_decoy
    unknown_paths_are_judged_by_their_404
    the_whitelist_is_never_judged
    foreign_hosts_are_refused
    only_trusted_proxies_name_the_client
    level_one_refuses_without_a_ban_and_level_three_lets_pass
    reactions_are_the_settings
    injections_are_refused_wherever_they_are
    the_exception_that_a_refusal_names_lets_its_request_pass_and_no_other
    a_header_is_no_way_never_to_be_banned
    requests_are_counted_by_what_became_of_them
}

const INJECTION: &str = "/items/7?q=1%27+OR+%271%27%3D%271";

fn the_exception_that_a_refusal_names_lets_its_request_pass_and_no_other(kind: Kind) {
    let host = Host::start(kind, local());
    let refused = host.get(INJECTION, CLIENT);
    let id = refused.header("x-block-id").unwrap().parse().unwrap();
    let why = serde_json::to_value(host.agent.why(id).unwrap()).unwrap();
    let exception = &why["exception"];
    assert_eq!(exception["route"], "/items/{id}", "{why}");
    // Azure's host says in a header of its own what was asked for
    let places = exception["place"].as_array().map_or(&exception["place"], |all| &all[0]);
    assert_eq!(places, "query:q", "{why}");
    drop(host);
    // as it is printed
    let host = Host::start(kind, local().security("EXCEPTIONS", json!([exception])));
    assert_eq!(host.get(INJECTION, CLIENT).status, 200, "{exception}");
    for other in [
        "/items/7?name=1%27+OR+%271%27%3D%271",
        "/?q=1%27+OR+%271%27%3D%271",
        "/items/7?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        assert_eq!(host.get(other, "203.0.113.10").status, 403, "{other}: {exception}");
    }
}

/// What other sites have a browser send does not ban its reader, and so many values do.
fn a_header_is_no_way_never_to_be_banned(kind: Kind) {
    let host = Host::start(kind, local());
    for (client, header) in [
        ("203.0.113.21", "Sec-Fetch-Site: cross-site"),
        ("203.0.113.22", "Origin: https://evil.example"),
        ("203.0.113.23", "Referer: https://evil.example/page"),
    ] {
        let asks = |n: u32| {
            let path = format!("/items/7?q={n}%27+OR+%27{n}%27%3D%27{n}");
            let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n{header}\r\n");
            host.ask(&head, b"").status
        };
        (0..50).for_each(|n| assert_eq!(asks(n), 403, "{header}"));
        assert_eq!(
            host.get("/", client).status,
            200,
            "{header}: a page may do that to its reader"
        );
        // values are counted by a bitmap, which is exact to a quarter
        (50..140).for_each(|n| assert_eq!(asks(n), 403, "{header}"));
        host.wait_until(&format!("banned in spite of {header}"), || {
            host.get("/", client).status == 403
        });
    }
}

fn a_decoy_is_refused_and_its_visitor_banned(kind: Kind) {
    let host = Host::start(kind, local());
    let answer = host.get(DECOY, CLIENT);
    assert_eq!((answer.status, answer.text().starts_with("Blocked. ")), (403, true));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-block-id").unwrap().len(), 16);
    host.wait_until("the ban is in force", || host.get("/", CLIENT).status == 403);
    let [banned, again] = [host.get("/", CLIENT), host.get("/", CLIENT)];
    let id = banned.header("x-block-id").unwrap();
    assert!(
        banned.text().ends_with(id),
        "a listed client is shown the id of its ban: {banned:?}"
    );
    assert_eq!(again.header("x-block-id"), Some(id), "of the ban, not of the request");
    assert_eq!(host.get("/", "203.0.113.10").text(), "welcome");
}

fn a_page_that_there_is_is_no_decoy(kind: Kind) {
    let host = Host::start(kind, local().security("DECOY_ROUTES", json!([["/login", "ends"]])));
    assert_eq!(host.get("/login", CLIENT).text(), "a form");
    assert_eq!(host.get("/elsewhere/login", CLIENT).status, 403);
}

fn unknown_paths_are_judged_by_their_404(kind: Kind) {
    let host = Host::start(kind, local());
    assert_eq!(host.get("/nowhere", CLIENT).status, 404, "no attack, by default");
    assert_eq!(host.agent.status().requests.attacks, 0);
    let levels = json!({"flood": 0, "path": 1});
    let host = Host::start(kind, local().security("SECURITY_CHECKS", levels));
    assert_eq!(host.get("/nowhere", CLIENT).status, 403);
    assert_eq!(host.get("/missing", CLIENT).status, 404, "the application's own");
}

fn the_whitelist_is_never_judged(kind: Kind) {
    let host = Host::start(kind, local().security("WHITELIST", json!(["203.0.113.0/28"])));
    for path in [DECOY, "/nowhere"] {
        assert_eq!(host.get(path, CLIENT).status, 404, "{path}");
    }
    assert_eq!(host.get(INJECTION, CLIENT).status, 200);
    assert_eq!(host.get(DECOY, "203.0.113.77").status, 403);
}

fn foreign_hosts_are_refused(kind: Kind) {
    let settings = local()
        .security("HOSTS", json!(["shop.example.com"]))
        .security("SECURITY_CHECKS", json!({"flood": 0, "spoofing": 1}));
    let host = Host::start(kind, settings);
    assert_eq!(host.get("/", CLIENT).status, 200);
    let other = host.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n", b"");
    assert_eq!(other.status, 403);
}

fn only_trusted_proxies_name_the_client(kind: Kind) {
    let host = Host::start(kind, local().trusted_proxies(["192.0.2.1"]));
    assert_eq!(host.get(DECOY, CLIENT).status, 403);
    // the peer is on loopback, which is never banned, whatever it says of itself
    assert_eq!(host.get("/", CLIENT).status, 200);
    assert_eq!(host.agent.status().list.local, 0);
    let behind = Host::start(kind, local());
    let chain = format!("GET {DECOY} HTTP/1.1\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: {CLIENT}\r\n");
    assert_eq!(behind.ask(&chain, b"").status, 403);
    behind.wait_until("who the proxy names is banned", || {
        behind.get("/", CLIENT).status == 403
    });
    assert_eq!(
        behind.get("/", "198.51.100.1").status,
        200,
        "the client's own word counts for nothing"
    );
}

fn level_one_refuses_without_a_ban_and_level_three_lets_pass(kind: Kind) {
    let levels = |decoy: u8, sqli: u8| {
        local().security(
            "SECURITY_CHECKS",
            json!({"flood": 0, "path": 0, "decoy": decoy, "sqli": sqli, "command": 0}),
        )
    };
    let blocks = Host::start(kind, levels(1, 1));
    for path in [DECOY, INJECTION] {
        assert_eq!(blocks.get(path, CLIENT).status, 403, "{path}");
    }
    assert_eq!(blocks.get("/", CLIENT).status, 200);
    let logs = Host::start(kind, levels(3, 3));
    assert_eq!(
        (logs.get(DECOY, CLIENT).status, logs.get(INJECTION, CLIENT).status),
        (404, 200)
    );
    let requests = logs.agent.status().requests;
    assert_eq!((requests.attacks, requests.blocked), (2, 0), "{requests:?}");
}

fn reactions_are_the_settings(kind: Kind) {
    let settings = local()
        .security("BLACKLIST_ACTION", "redirect")
        .security("BLACKLIST_STATUS_CODE", 307)
        .security("BLACKLIST_ACTION_CONTENT", "https://example.com/gone?{{id}}")
        .security("SECURITY_CHECKS", json!({"flood": 0, "path": 1}))
        .security("BLOCK_STATUS_CODE", 451)
        .security("BLOCK_ACTION_CONTENT", "not here: {{id}}")
        .security("CHANGE_SERVER", true);
    let host = Host::start(kind, settings);
    let unknown = host.get("/nowhere", "203.0.113.10");
    let id = unknown.header("x-block-id").unwrap();
    assert_eq!(
        (unknown.status, unknown.text()),
        (451, format!("not here: {id}").as_str())
    );
    assert_eq!(unknown.header("content-type"), Some("text/html; charset=utf-8"));
    let decoy = host.get(DECOY, CLIENT);
    let id = decoy.header("x-block-id").unwrap();
    assert_eq!(decoy.status, 307);
    assert_eq!(
        decoy.header("location"),
        Some(format!("https://example.com/gone?{id}").as_str())
    );
    assert_eq!(host.get("/", "203.0.113.10").header("server"), Some("Apache"));
}

fn injections_are_refused_wherever_they_are(kind: Kind) {
    let host = Host::start(kind, local().security("BLACKLIST_OVERRIDE", true));
    assert_eq!(host.get(INJECTION, CLIENT).status, 403);
    let header = format!("GET / HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\nCookie: theme=<script>alert(1)</script>\r\n");
    assert_eq!(host.ask(&header, b"").status, 403);
    for (content_type, body) in [
        (
            "application/json",
            &br#"{"user": {"name": "x'; DROP TABLE users; --"}}"#[..],
        ),
        ("application/x-www-form-urlencoded", b"a=1&b=1%27+OR+%271%27%3D%271"),
        ("text/plain", b"1' OR '1'='1"),
    ] {
        assert_eq!(host.post("/echo", content_type, body).status, 403, "{content_type}");
    }
}

fn requests_are_counted_by_what_became_of_them(kind: Kind) {
    let host = Host::start(kind, local());
    for path in ["/", "/items/7", "/missing", "/nowhere"] {
        host.get(path, CLIENT);
    }
    host.get(DECOY, "203.0.113.10");
    let requests = host.agent.status().requests;
    let counts = [requests.success, requests.errors, requests.attacks, requests.blocked];
    assert_eq!(counts, [2, 2, 1, 1], "{requests:?}");
}
