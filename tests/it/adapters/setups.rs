//! Set-ups that are wrong: what becomes of requests there, and what the agent says of it.

use std::time::Duration;

use buckler::testing::ManualClock;

use super::host::{CLIENT, Host, Kind};
use crate::{
    captured::Captured,
    child,
    cloud::Cloud,
    site::{DECOY, local, settings},
};

/// Tests of servers that connections reach as they are: in the clouds' hosts front ends say where requests come from.
macro_rules! over_own_servers {
    ($($test:ident)*) => {
        mod actix_web {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::ActixWeb); })*
        }
        mod axum {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::Axum); })*
        }
    };
}

over_own_servers! {
    an_undeclared_proxy_costs_its_clients_nothing_and_is_told_of
    one_header_of_a_trusted_proxy_names_the_client
    the_host_of_an_absolute_target_is_judged
    programs_and_pages_of_ours_can_read_a_refusal
    a_refused_body_leaves_the_connection_whole
    a_preflight_is_not_asked_for_the_token_of_zero_trust
    private_clients_are_banned_only_where_a_setting_says_that_they_are_clients
    routes_reach_the_server_without_a_list
}

const NONE: [&str; 0] = [];

#[test]
fn axum_without_connect_info_is_told_of_and_our_own_way_to_serve_has_addresses() {
    let served = |serves_well: bool| {
        let agent = buckler_tower::builder(local().trusted_proxies(NONE).build().unwrap())
            .unwrap()
            .start();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let agent = std::sync::Arc::new(agent);
        let of_server = std::sync::Arc::clone(&agent);
        runtime.spawn(async move {
            let app = ::axum::Router::new().route("/", ::axum::routing::get(async || "welcome"));
            if serves_well {
                buckler_tower::serve(listener, app, &of_server).await
            } else {
                ::axum::serve(listener, app.layer(buckler_tower::Buckler::new(&of_server))).await
            }
        });
        let answer = buckler_tests::http::ask(address, "GET / HTTP/1.1\r\n", b"");
        assert_eq!(answer.status, 200);
        let refused = buckler_tests::http::ask(address, &format!("GET {DECOY} HTTP/1.1\r\n"), b"");
        assert_eq!(refused.status, 403);
        runtime.shutdown_background();
        agent.status().clients
    };
    let bare = served(false);
    assert_eq!(bare.without_address, 2);
    assert!(
        bare.address_remedy
            .unwrap()
            .contains("buckler_tower::serve(listener, app, &agent)")
    );
    let well = served(true);
    assert_eq!((well.without_address, well.address_remedy), (0, None));
}

fn an_undeclared_proxy_costs_its_clients_nothing_and_is_told_of(kind: Kind) {
    let host = Host::start(kind, local().trusted_proxies(NONE));
    for visitor in 1..100 {
        assert_eq!(host.get("/", &format!("198.51.100.{visitor}")).status, 200);
    }
    assert_eq!(host.get(DECOY, CLIENT).status, 403);
    host.wait_until("the finding is settled", || host.agent.status().events.settled_here > 0);
    assert_eq!(host.get("/", CLIENT).status, 200);
    let status = host.agent.status();
    assert_eq!((status.list.local, status.clients.unknown), (0, 101));
    assert_eq!(status.clients.undeclared_proxies, [std::net::Ipv4Addr::LOCALHOST]);
    let remedy = status.clients.undeclared_remedy.unwrap();
    assert!(remedy.starts_with("trusted_proxies = [\"127.0.0.1\"]"), "{remedy}");
    assert_eq!(status.clients.without_address, 0);
}

fn one_header_of_a_trusted_proxy_names_the_client(kind: Kind) {
    let settings = local()
        .trusted_proxies(["private"])
        .client_ip_header("CF-Connecting-IP");
    let host = Host::start(kind, settings);
    let ask = |path: &str, client: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: 198.51.100.1\r\nCF-Connecting-IP: {client}\r\n");
        host.ask(&head, b"").status
    };
    assert_eq!(ask(DECOY, CLIENT), 403);
    host.wait_until("whom the header names is banned", || ask("/", CLIENT) == 403);
    assert_eq!(ask("/", "203.0.113.10"), 200);
}

fn private_clients_are_banned_only_where_a_setting_says_that_they_are_clients(kind: Kind) {
    const COLLEAGUE: &str = "10.1.2.3";
    let host = Host::start(kind, local());
    assert_eq!(host.get(DECOY, COLLEAGUE).status, 403);
    host.wait_until("the finding is settled", || host.agent.status().events.settled_here > 0);
    assert_eq!(host.get("/", COLLEAGUE).status, 200);
    assert_eq!(host.agent.status().list.local, 0);
    let host = Host::start(kind, local().clients_are_private(true));
    assert_eq!(host.get(DECOY, COLLEAGUE).status, 403);
    host.wait_until("it is banned", || host.get("/", COLLEAGUE).status == 403);
    assert_eq!(host.get("/", "10.1.2.4").status, 200);
}

/// Of a host that lists none: learned as requests pass, and told with the next registration.
fn routes_reach_the_server_without_a_list(kind: Kind) {
    let (cloud, clock) = (Cloud::start(), ManualClock::new());
    let host = Host::bare(kind, settings(&cloud.url()), &clock);
    host.wait_until("it is in step", || {
        clock.advance(Duration::from_secs(1));
        host.agent.status().conversation.state == "synced"
    });
    let told = || cloud.agents()[0]["routes"].as_u64();
    assert_eq!(told(), Some(0));
    assert_eq!(host.get("/items/7", CLIENT).status, 200);
    assert_eq!(host.get("/nowhere", CLIENT).status, 404);
    host.wait_until("the server knows it", || {
        clock.advance(Duration::from_secs(1));
        told() != Some(0)
    });
    assert_eq!(told(), Some(1), "what is not there is none");
}

fn the_host_of_an_absolute_target_is_judged(kind: Kind) {
    let settings = local()
        .security("HOSTS", serde_json::json!(["shop.example.com"]))
        .security("SECURITY_CHECKS", serde_json::json!({"flood": 0, "spoofing": 1}));
    let host = Host::start(kind, settings);
    for (target, header, status) in [
        ("http://shop.example.com/", "shop.example.com", 200),
        ("http://evil.example/", "shop.example.com", 403),
        ("http://shop.example.com/", "evil.example", 403),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {header}\r\n");
        assert_eq!(host.ask(&head, b"").status, status, "{target} {header}");
    }
}

fn programs_and_pages_of_ours_can_read_a_refusal(kind: Kind) {
    let settings = local()
        .security("CORS_ORIGINS", serde_json::json!(["https://app.example.com"]))
        .security(
            "SECURITY_CHECKS",
            serde_json::json!({"flood": 0, "decoy": 1, "path": 1}),
        );
    let host = Host::start(kind, settings);
    // one is refused by what it asks for, the other by what the application answered
    for path in [DECOY, "/nowhere"] {
        let ask = |headers: &str| host.ask(&format!("GET {path} HTTP/1.1\r\n{headers}"), b"");
        let page = ask("Accept: text/html\r\nOrigin: https://evil.example\r\n");
        assert_eq!(page.status, 403);
        let id = page.header("x-block-id").unwrap();
        assert!(
            page.text().starts_with("Blocked. ") && page.text().ends_with(id),
            "{page:?}"
        );
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("access-control-allow-origin"), None);
        let program = ask("Accept: application/json, text/plain, */*\r\nOrigin: https://app.example.com\r\n");
        assert_eq!(program.status, 403, "{path}");
        assert_eq!(program.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(program.text()).unwrap();
        assert_eq!(
            (&problem["status"], &problem["title"]),
            (&403.into(), &"Forbidden".into())
        );
        assert_eq!(problem["block_id"].as_str(), program.header("x-block-id"));
        for (name, value) in [
            ("access-control-allow-origin", "https://app.example.com"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-block-id"),
            ("vary", "Origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(program.header(name), Some(value), "{path}: {name}");
        }
    }
    let own = local()
        .security("BLOCK_ACTION_CONTENT", "Go away")
        .security("BLACKLIST_ACTION_CONTENT", "Go away");
    let answer = Host::start(kind, own).ask(&format!("GET {DECOY} HTTP/1.1\r\nAccept: application/json\r\n"), b"");
    assert_eq!(
        (answer.text(), answer.header("content-type")),
        ("Go away", Some("text/html; charset=utf-8"))
    );
}

fn a_preflight_is_not_asked_for_the_token_of_zero_trust(kind: Kind) {
    let settings = local()
        .security("SECURITY_CHECKS", serde_json::json!({"flood": 0, "ztaa": 1}))
        .security("ZTAA_KEY_HEADER", "X-Proof")
        .security("ZTAA_KEY", "hush");
    let host = Host::start(kind, settings);
    let ask = |method: &str, headers: &str| {
        let head = format!("{method} /items/7 HTTP/1.1\r\nOrigin: https://app.example.com\r\n{headers}");
        let answer = host.ask(&head, b"");
        let is_refused = answer.header("x-block-id").is_some();
        assert_eq!(answer.status == 403, is_refused, "by the guard alone: {answer:?}");
        is_refused
    };
    let asked = "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-proof\r\n";
    assert!(!ask("OPTIONS", asked), "browsers send no token with it");
    assert!(ask("GET", asked), "only what looks like one");
    assert!(ask("OPTIONS", ""), "it asks for nothing");
    assert!(
        ask("OPTIONS", &format!("{asked}Cookie: session=1\r\n")),
        "browsers send no cookie with it"
    );
}

fn a_refused_body_leaves_the_connection_whole(kind: Kind) {
    let host = Host::start(kind, local().trusted_proxies(NONE));
    let mut connection = host.connect();
    // larger than what the kernel would hold of it
    let body = vec![b'x'; 6 << 20];
    for _ in 0..3 {
        let head = format!(
            "POST {DECOY} HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.send(head);
        connection.send(&body);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (403, None));
    }
}

#[test]
fn hyper_without_peers_is_told_of_with_the_remedy() {
    child::passes(child::command("adapters::setups::peers_alone"));
}

/// In a process of its own: the agent says so on its own thread.
#[test]
#[ignore = "run by hyper_without_peers_is_told_of_with_the_remedy"]
fn peers_alone() {
    let log = Captured::of_tracing();
    for (kind, without_address) in [(Kind::HyperWithoutPeers, 2), (Kind::Hyper, 0)] {
        let host = Host::start(kind, local().trusted_proxies(NONE));
        assert_eq!(host.ask("GET / HTTP/1.1\r\n", b"").status, 200);
        assert_eq!(host.ask(&format!("GET {DECOY} HTTP/1.1\r\n"), b"").status, 403);
        let clients = host.agent.status().clients;
        assert_eq!(clients.without_address, without_address, "{kind:?}");
        assert_eq!(clients.address_remedy.is_some(), without_address > 0, "{kind:?}");
        let remedy = "Buckler::connected_to or Buckler::peer_by";
        if without_address == 0 {
            continue;
        }
        assert!(clients.address_remedy.unwrap().contains(remedy));
        host.wait_until("an error says so", || {
            let log = log.read();
            log.lines()
                .any(|line| line.contains("ERROR") && line.contains("without an address") && line.contains(remedy))
        });
    }
}
