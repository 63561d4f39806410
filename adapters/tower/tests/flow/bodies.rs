//! Bodies go through untouched.

use axum::{
    Json, Router,
    body::Body,
    extract::{Form, Multipart, Request},
    routing::post,
};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::site::Site;

fn application() -> Router {
    Router::new()
        .route(
            "/json",
            post(async |Json(value): Json<Value>| value["name"].as_str().unwrap().to_owned()),
        )
        .route(
            "/form",
            post(async |Form(fields): Form<Vec<(String, String)>>| format!("{fields:?}")),
        )
        .route(
            "/stream",
            post(async |request: Request| Body::from_stream(request.into_body().into_data_stream())),
        )
        .route("/multipart", post(fields))
        .layer(axum::extract::DefaultBodyLimit::disable())
}

async fn fields(mut form: Multipart) -> String {
    let mut seen = Vec::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        seen.push((name, field.bytes().await.unwrap().len()));
    }
    format!("{seen:?}")
}

fn site() -> Site {
    Site::around("blacklist_override = true", application())
}

#[test]
fn every_extractor_gets_what_was_sent() {
    let site = site();
    let json = json!({"name": "Zoë"}).to_string();
    assert_eq!(site.post("/json", "application/json", json.as_bytes()).text(), "Zoë");
    let form = site.post("/form", "application/x-www-form-urlencoded", b"a=1&b=x%20y");
    assert_eq!(form.text(), r#"[("a", "1"), ("b", "x y")]"#);
    let parts = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n\x89PNG\r\n--x--\r\n";
    let multipart = site.post("/multipart", "multipart/form-data; boundary=x", parts);
    assert_eq!(multipart.text(), r#"[("f", 4)]"#);
}

#[test]
fn what_is_streamed_on_is_untouched() {
    // longer than what is looked at, and short enough for the buffers of a connection that nobody reads while it is sent
    let body: Vec<u8> = (0..200_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let answer = site().post("/stream", "application/octet-stream", &body);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    assert!(answer.body == body);
}

/// An application that answers what it has read so far, and goes on so.
fn talkative() -> Router {
    Router::new().route(
        "/talk",
        post(async |request: Request| {
            let mut said = request.into_body().into_data_stream();
            let (first, rest) = (said.next().await.unwrap(), said);
            Body::from_stream(futures_util::stream::iter([first]).chain(rest))
        }),
    )
}

const TALK: &str = "POST /talk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

/// The client of a tunnel waits for an answer before it says more.
#[test]
fn a_body_that_is_slow_is_given_on_as_it_comes() {
    let site = Site::around("", talkative());
    let mut connection = site.connect();
    connection.send(TALK);
    connection.read_until("5\r\nhello\r\n");
    connection.send("3\r\nbye\r\n0\r\n\r\n");
    assert_eq!(connection.read_until("0\r\n\r\n"), "3\r\nbye\r\n0\r\n\r\n");
}

/// Then only its end can be kept back.
#[test]
fn an_answer_that_has_begun_breaks_off_where_the_body_is_refused() {
    let site = Site::around("security_checks = { sqli = 1, flood = 0 }", talkative());
    let mut connection = site.connect();
    connection.send(TALK);
    connection.read_until("5\r\nhello\r\n");
    connection.send("f\r\n&a=1' OR '1'='1\r\n0\r\n\r\n");
    let rest = connection.read_to_end();
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "the client must see that something is missing: {rest:?}"
    );
    assert_eq!(site.agent.status().requests.attacks, 1);
}

#[test]
fn a_body_that_breaks_off_reaches_the_handler_as_an_error() {
    let application = Router::new().route(
        "/collect",
        post(async |request: Request| match request.into_body().collect().await {
            Ok(_) => "whole",
            Err(_) => "broken",
        }),
    );
    let site = Site::around("", application);
    let head = "POST /collect HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
    let answer = site.ask(head, b"5\r\nhello\r\nnonsense\r\n\r\n");
    assert_eq!(answer.text(), "broken");
}
