//! Bodies reach the handler byte for byte.

use std::io::Write as _;

use buckler::settings::SettingsBuilder;
use serde_json::json;

use super::{
    host::{CLIENT, Host, Kind},
    over_every_adapter,
    pages::{PEEKED, Read},
};
use crate::site::local;

over_every_adapter! {
    bodies_of_every_type_are_untouched
    what_is_longer_than_what_is_looked_at_is_untouched
    chunks_are_put_together_and_looked_into
    a_compressed_body_is_decoded_for_the_guard_alone
    bodies_on_one_connection_are_kept_apart
    a_client_that_asks_first_is_told_to_go_on
    a_body_that_pretends_to_be_another_protocol_is_judged
    a_body_that_is_cut_off_reaches_the_handler_with_its_error
    an_attack_in_a_body_that_is_cut_off_is_found
    a_slow_body_does_not_keep_the_application_waiting
    slowness_is_no_way_around_the_guard
}

const INJECTION: &str = "1' OR '1'='1";

/// Refuses an injection and bans nobody for it, so that one test can send several.
fn settings() -> SettingsBuilder {
    local()
        .security("BLOCK_ACTION_CONTENT", "refused")
        .security("SECURITY_CHECKS", json!({"sqli": 1, "flood": 0}))
}

/// A request with a length, as it goes over the wire.
fn post(path: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn bodies_of_every_type_are_untouched(kind: Kind) {
    let host = Host::start(kind, local());
    let json = json!({"name": "Zoë O'Brien", "list": [1, 2, {"a": null}]}).to_string();
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--x--\r\n";
    let raw: Vec<u8> = (0..=255).collect();
    for (content_type, body) in [
        ("application/json", json.as_bytes()),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y%20z"),
        ("multipart/form-data; boundary=x", multipart.as_bytes()),
        ("application/octet-stream", &raw),
        ("text/plain", b""),
    ] {
        let answer = host.post("/echo", content_type, body);
        assert_eq!((answer.status, answer.body.as_slice()), (200, body), "{content_type}");
    }
}

fn what_is_longer_than_what_is_looked_at_is_untouched(kind: Kind) {
    let host = Host::start(kind, local());
    let body: Vec<u8> = (0..1_200_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let answer = host.post("/echo", "application/octet-stream", &body);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    assert!(answer.body == body);
}

fn chunks_are_put_together_and_looked_into(kind: Kind) {
    let host = Host::start(kind, local());
    let head = format!(
        "POST /echo HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n"
    );
    let clean = host.ask(&head, b"3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n");
    assert_eq!((clean.status, clean.text()), (200, "a=1&b=2"));
    assert_eq!(
        host.ask(&head, b"6\r\na=1'+O\r\n9\r\nR+'1'='1'\r\n0\r\n\r\n").status,
        403
    );
}

fn a_compressed_body_is_decoded_for_the_guard_alone(kind: Kind) {
    let host = Host::start(kind, settings());
    for (text, status) in [("O'Brien", 200), (INJECTION, 403)] {
        let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        // what reads a body in pieces gets it as it came, where actix-web's own extractors decode it
        let head = format!(
            "POST /tell HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n",
            packed.len()
        );
        let answer = host.ask(&head, &packed);
        assert_eq!(answer.status, if status == 200 { 202 } else { status }, "{text}");
        if status == 200 {
            assert_eq!(host.next_told(), Read::Piece(packed.into()));
            assert_eq!(host.next_told(), Read::End);
        }
    }
    assert!(host.told.try_recv().is_err(), "the handler was not asked again");
    assert_eq!(host.agent.status().uninspected, 0);
}

fn bodies_on_one_connection_are_kept_apart(kind: Kind) {
    let host = Host::start(kind, settings());
    let mut connection = host.connect();
    let all = ["one", INJECTION, "three"];
    connection.send(all.map(|text| post("/echo", "text/plain", text)).concat());
    for (status, body) in [(200, "one"), (403, "refused"), (200, "three")] {
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text()), (status, body));
    }
}

fn a_client_that_asks_first_is_told_to_go_on(kind: Kind) {
    let host = Host::start(kind, settings());
    for (text, status) in [("O'Brien", 200), (INJECTION, 403)] {
        let mut connection = host.connect();
        let request = post("/echo", "text/plain", text).replace("Host: a", "Host: a\r\nExpect: 100-continue");
        let (head, body) = request.split_at(request.len() - text.len());
        connection.send(head);
        connection.read_until("HTTP/1.1 100 Continue\r\n\r\n");
        connection.send(body);
        assert_eq!(connection.answer().status, status, "{text}");
    }
}

fn a_body_that_pretends_to_be_another_protocol_is_judged(kind: Kind) {
    let host = Host::start(kind, settings());
    for (method, upgrade) in [("POST", "websocket"), ("GET", "WebSocket"), ("POST", "h2c")] {
        let mut connection = host.connect();
        let request = post("/tell", "text/plain", INJECTION).replace("POST", method);
        connection.send(request.replace(
            "Host: a",
            &format!("Host: a\r\nConnection: upgrade\r\nUpgrade: {upgrade}"),
        ));
        if kind == Kind::ActixWeb {
            // which reads on to the end of what it takes for the other protocol; hyper would take it for the client's going away
            connection.finish();
        }
        assert_eq!(connection.answer().status, 403, "{method} {upgrade}");
    }
    for content_type in ["application/grpc", "application/octet-stream"] {
        host.post("/tell", content_type, INJECTION.as_bytes());
    }
    assert_eq!(host.agent.status().requests.blocked, 5);
    let read = std::iter::from_fn(|| host.told.try_recv().ok());
    assert_eq!(
        read.filter(|read| *read == Read::End).count(),
        0,
        "no handler has all of one"
    );
}

fn a_body_that_is_cut_off_reaches_the_handler_with_its_error(kind: Kind) {
    let host = Host::start(kind, settings());
    let mut connection = host.connect();
    let request = post("/tell", "text/plain", "the beginning of something longer");
    connection.send(request.strip_suffix(" of something longer").unwrap());
    connection.finish();
    assert_eq!(host.next_told(), Read::Piece("the beginning".into()));
    assert_eq!(host.next_told(), Read::Failed);
}

fn an_attack_in_a_body_that_is_cut_off_is_found(kind: Kind) {
    let host = Host::start(kind, settings());
    let mut connection = host.connect();
    let request = post("/tell", "text/plain", &format!("{INJECTION} more"));
    connection.send(request.strip_suffix(" more").unwrap());
    connection.finish();
    host.wait_until("it is counted", || host.agent.status().requests.blocked == 1);
    assert!(host.told.try_recv().is_err(), "the handler was not asked");
}

fn a_slow_body_does_not_keep_the_application_waiting(kind: Kind) {
    let host = Host::start(kind, settings());
    let mut connection = host.connect();
    let request = post("/tell", "text/plain", "one, and two");
    connection.send(request.strip_suffix(", and two").unwrap());
    // the client sends the rest only now that the handler has the beginning
    assert_eq!(host.next_told(), Read::Piece("one".into()));
    connection.send(", and two");
    assert_eq!(host.next_told(), Read::Piece(", and two".into()));
    assert_eq!(host.next_told(), Read::End);
    assert_eq!(connection.answer().status, 202);
}

fn slowness_is_no_way_around_the_guard(kind: Kind) {
    for rest in [0, PEEKED] {
        let host = Host::start(kind, settings());
        let mut connection = host.connect();
        let body = format!("a=b&d=e&c={INJECTION}&rest={}", "z".repeat(rest));
        let request = post("/tell", "application/x-www-form-urlencoded", &body);
        let (beginning, rest) = request.split_at(request.len() - body.len() + 3);
        connection.send(beginning);
        assert_eq!(host.next_told(), Read::Piece("a=b".into()));
        connection.try_send(rest);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text()), (403, "refused"));
        let last = std::iter::from_fn(|| host.told.try_recv().ok()).last();
        assert_eq!(last, Some(Read::Failed), "the handler never has all of it");
        let requests = host.agent.status().requests;
        assert_eq!((requests.blocked, requests.attacks, requests.errors), (1, 1, 0));
    }
}
