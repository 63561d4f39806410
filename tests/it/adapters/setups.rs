//! Set-ups that are wrong: what becomes of requests there, and what the agent says of it.

use super::host::{Host, Kind, SOMEBODY};
use crate::site::{DECOY, local};

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
}

const NONE: [&str; 0] = [];

fn an_undeclared_proxy_costs_its_clients_nothing_and_is_told_of(kind: Kind) {
    let host = Host::start(kind, local().trusted_proxies(NONE));
    for visitor in 1..100 {
        assert_eq!(host.get("/", &format!("198.51.100.{visitor}")).status, 200);
    }
    assert_eq!(host.get(DECOY, SOMEBODY).status, 403);
    host.wait_until("the finding is settled", || host.agent.status().events.settled_here > 0);
    assert_eq!(host.get("/", SOMEBODY).status, 200);
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
    assert_eq!(ask(DECOY, SOMEBODY), 403);
    host.wait_until("whom the header names is banned", || ask("/", SOMEBODY) == 403);
    assert_eq!(ask("/", "203.0.113.10"), 200);
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
