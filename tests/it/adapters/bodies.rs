//! Bodies reach the handler byte for byte.

use serde_json::json;

use super::{
    host::{Host, Kind, SOMEBODY},
    over_every_adapter,
};
use crate::site::local;

over_every_adapter! {
    bodies_of_every_type_are_untouched
    what_is_longer_than_what_is_looked_at_is_untouched
    chunks_are_put_together_and_looked_into
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
        "POST /echo HTTP/1.1\r\nX-Forwarded-For: {SOMEBODY}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n"
    );
    let clean = host.ask(&head, b"3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n");
    assert_eq!((clean.status, clean.text()), (200, "a=1&b=2"));
    assert_eq!(
        host.ask(&head, b"6\r\na=1'+O\r\n9\r\nR+'1'='1'\r\n0\r\n\r\n").status,
        403
    );
}
