//! Applications behind a real nginx: refusals reach the client, never the proxy's own 502, no
//! server is taken for dead, and the client is the one that the proxy stands for.

use super::host::{CLIENT, Host, Kind};
use crate::{
    nginx::{self, Nginx},
    site::{DECOY, local},
};

/// What nginx says of a client that names itself in `X-Client`: tests have one address only.
const FORWARDED_FOR: &str = "proxy_set_header X-Forwarded-For $http_x_client;";

/// Starts nginx with these servers behind it.
fn before(program: &str, hosts: &[Host], says: &str) -> Nginx {
    let servers: String = hosts.iter().map(|host| format!("server {};", host.address())).collect();
    let upstream = format!("upstream app {{ {servers} keepalive 8; }}");
    let location = format!("proxy_pass http://app; proxy_set_header Connection \"\"; {says}");
    Nginx::start(program, &upstream, &location)
}

/// Asks as this client does; the status.
fn get(nginx: &Nginx, path: &str, client: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nX-Client: {client}\r\n");
    nginx.ask(&head, b"").status
}

#[test]
fn an_nginx_that_is_declared_stands_for_its_clients() {
    let Some(program) = nginx::program() else { return };
    // what the client wrote itself stands on the left, and is not believed
    for (says, settings) in [
        (FORWARDED_FOR, local()),
        (
            "proxy_set_header X-Forwarded-For \"198.51.100.1, $http_x_client\";",
            local(),
        ),
        (
            "proxy_set_header Forwarded 'for=\"$http_x_client:_p1\";proto=http';",
            local().client_ip_header("Forwarded"),
        ),
        (
            "proxy_set_header X-Real-IP $http_x_client;",
            local().client_ip_header("X-Real-IP"),
        ),
    ] {
        let hosts = [Host::start(Kind::Axum, settings)];
        let nginx = before(program, &hosts, says);
        assert_eq!(get(&nginx, DECOY, CLIENT), 403, "{says}");
        hosts[0].wait_until("it is banned", || get(&nginx, "/", CLIENT) == 403);
        assert_eq!(get(&nginx, "/", "203.0.113.10"), 200, "{says}");
        assert_eq!(get(&nginx, "/", "198.51.100.1"), 200, "{says}");
        let clients = hosts[0].agent.status().clients;
        assert_eq!((clients.unknown, clients.without_address), (0, 0), "{says}");
    }
}

#[test]
fn an_nginx_that_is_not_declared_is_told_of_and_bans_none() {
    let Some(program) = nginx::program() else { return };
    for (says, setting) in [
        (FORWARDED_FOR, "trusted_proxies = [\"127.0.0.1\"]"),
        (
            "proxy_set_header X-Real-IP $http_x_client;",
            "client_ip_header = \"x-real-ip\"",
        ),
    ] {
        let no_proxies: [&str; 0] = [];
        let hosts = [Host::start(Kind::ActixWeb, local().trusted_proxies(no_proxies))];
        let nginx = before(program, &hosts, says);
        assert_eq!(get(&nginx, DECOY, CLIENT), 403, "{says}");
        hosts[0].wait_until("the finding is settled", || {
            hosts[0].agent.status().events.settled_here > 0
        });
        assert_eq!(get(&nginx, "/", CLIENT), 200, "{says}");
        let status = hosts[0].agent.status();
        assert_eq!((status.list.local, status.clients.unknown), (0, 2), "{says}");
        let remedy = status.clients.undeclared_remedy.unwrap();
        assert!(remedy.contains(setting), "{remedy}");
    }
}

#[test]
fn a_refusal_of_an_upload_to_actix_web_is_no_502() {
    refusals_arrive(Kind::ActixWeb);
}

#[test]
fn a_refusal_of_an_upload_to_axum_is_no_502() {
    refusals_arrive(Kind::Axum);
}

#[test]
fn a_refusal_of_an_upload_to_hyper_is_no_502() {
    refusals_arrive(Kind::Hyper);
}

fn refusals_arrive(kind: Kind) {
    let Some(program) = nginx::program() else { return };
    let settings = || {
        let checks = serde_json::json!({"flood": 0, "decoy": 1, "sqli": 1, "brute": 0});
        local().security("SECURITY_CHECKS", checks)
    };
    let hosts = [(), ()].map(|()| Host::start(kind, settings()));
    // an upload that is passed on as it comes is still being sent when it is refused
    let unbuffered = format!("{FORWARDED_FOR} proxy_request_buffering off;");
    for says in [FORWARDED_FOR, &*unbuffered] {
        uploads_are_refused(&before(program, &hosts, says), says);
    }
}

fn uploads_are_refused(nginx: &Nginx, says: &str) {
    // more than proxy and kernel hold of it, harmless but for its first bytes where they are
    // replaced
    let body = vec![b'x'; 4 << 20];
    let attack = [&b"name=1' OR '1'='1&rest="[..], &body].concat();
    for method in ["POST", "PUT"] {
        for round in 0..5 {
            let client = format!("X-Client: {CLIENT}\r\n");
            let by_path = nginx.ask(&format!("{method} {DECOY} HTTP/1.1\r\n{client}"), &body);
            assert_eq!(
                (by_path.status, by_path.header("x-block-id").is_some()),
                (403, true),
                "{method} {round}: {says}"
            );
            let form = "Content-Type: application/x-www-form-urlencoded\r\n";
            let by_body = nginx.ask(&format!("{method} /tell HTTP/1.1\r\n{client}{form}"), &attack);
            assert_eq!(
                (by_body.status, by_body.header("x-block-id").is_some()),
                (403, true),
                "{method} {round}: {says}"
            );
            let clean = nginx.ask(&format!("GET / HTTP/1.1\r\n{client}"), b"");
            assert_eq!(clean.text(), "welcome", "both servers are still asked");
        }
    }
    let errors = nginx.errors();
    assert!(!errors.contains("upstream"), "{says}: {errors}");
}

#[test]
fn an_attack_at_the_end_of_an_upload_to_actix_web_is_refused_once() {
    ends_are_refused(Kind::ActixWeb);
}

#[test]
fn an_attack_at_the_end_of_an_upload_to_axum_is_refused_once() {
    ends_are_refused(Kind::Axum);
}

#[test]
fn an_attack_at_the_end_of_an_upload_to_hyper_is_refused_once() {
    ends_are_refused(Kind::Hyper);
}

/// What is found when the handler has read almost all of the body is refused as what is found at
/// once: nginx takes no server for dead, and asks no other one.
fn ends_are_refused(kind: Kind) {
    let Some(program) = nginx::program() else { return };
    let checks = serde_json::json!({"flood": 0, "sqli": 1, "brute": 0});
    let hosts = [(), ()].map(|()| Host::start(kind, local().security("SECURITY_CHECKS", checks.clone())));
    let long = vec![b'x'; 4 << 20];
    let attack = [b"rest=", &long[..], b"&name=1' OR '1'='1"].concat();
    let asked = || -> u64 {
        let totals = hosts.iter().map(|host| host.agent.status().requests);
        totals.map(|all| all.success + all.errors + all.blocked).sum()
    };
    let unbuffered = format!("{FORWARDED_FOR} proxy_request_buffering off;");
    for says in [FORWARDED_FOR, &*unbuffered] {
        let nginx = before(program, &hosts, says);
        let head = format!("X-Client: {CLIENT}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        for method in ["POST", "PUT"] {
            for round in 0..5 {
                let before = asked();
                let refused = nginx.ask(&format!("{method} /tell HTTP/1.1\r\n{head}"), &attack);
                assert_eq!(
                    (refused.status, refused.header("x-block-id").is_some()),
                    (403, true),
                    "{method} {round}: {says}"
                );
                assert_eq!(asked(), before + 1, "{method} {round}: one server is asked: {says}");
                let clean = nginx.ask(&format!("GET / HTTP/1.1\r\nX-Client: {CLIENT}\r\n"), b"");
                assert_eq!(clean.text(), "welcome", "{method} {round}: {says}");
            }
        }
        let errors = nginx.errors();
        assert!(!errors.contains("upstream"), "{says}: {errors}");
    }
}
