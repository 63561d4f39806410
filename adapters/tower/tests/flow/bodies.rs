//! Bodies go through untouched.

use axum::{
    Json, Router,
    body::Body,
    extract::{Form, Multipart, Request},
    routing::post,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::site::{ATTACKER, Site};

/// A body with every byte value in it, longer than what is looked at and than a socket's buffers.
fn large_body() -> Vec<u8> {
    (0..1_200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

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
        .route("/raw", post(async |body: Bytes| body))
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

async fn site() -> Site {
    Site::around("blacklist_override = true", application()).await
}

#[tokio::test]
async fn every_extractor_gets_what_was_sent() {
    let site = site().await;
    let json = json!({"name": "Zoë"}).to_string();
    assert_eq!(
        site.post("/json", "application/json", json.as_bytes()).await.text(),
        "Zoë"
    );
    let form = site
        .post("/form", "application/x-www-form-urlencoded", b"a=1&b=x%20y")
        .await;
    assert_eq!(form.text(), r#"[("a", "1"), ("b", "x y")]"#);
    let parts = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n\x89PNG\r\n--x--\r\n";
    let multipart = site.post("/multipart", "multipart/form-data; boundary=x", parts).await;
    assert_eq!(multipart.text(), r#"[("f", 4)]"#);
}

#[tokio::test]
async fn a_body_above_the_limit_goes_through_whole() {
    let site = site().await;
    let body = large_body();
    for path in ["/raw", "/stream"] {
        let answer = site.post(path, "application/octet-stream", &body).await;
        assert_eq!((answer.status, answer.body.len()), (200, body.len()), "{path}");
        assert!(answer.body == body, "{path}");
    }
}

#[tokio::test]
async fn chunks_go_through_and_are_looked_into() {
    let site = site().await;
    let head = format!(
        "POST /raw HTTP/1.1\r\nX-Forwarded-For: {ATTACKER}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n"
    );
    let clean = site.ask(&head, b"3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n").await;
    assert_eq!((clean.status, clean.text()), (200, "a=1&b=2"));
    let attack = site.ask(&head, b"6\r\na=1'+O\r\n9\r\nR+'1'='1'\r\n0\r\n\r\n").await;
    assert_eq!(attack.status, 403, "an attack in two chunks");
}

/// The client of a tunnel waits for an answer before it says more: the handler answers what it has read so far.
#[tokio::test]
async fn a_body_that_is_slow_is_given_on_as_it_comes() {
    let application = Router::new().route(
        "/talk",
        post(async |request: Request| {
            let mut said = request.into_body().into_data_stream();
            let (first, rest) = (said.next().await.unwrap(), said);
            Body::from_stream(futures_util::stream::iter([first]).chain(rest))
        }),
    );
    let site = Site::around("", application).await;
    let mut connection = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let talk = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let head =
            "POST /talk HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut came = Vec::new();
        while !came.windows(5).any(|window| window == b"hello") {
            assert_ne!(
                connection.read_buf(&mut came).await.unwrap(),
                0,
                "the answer begins first"
            );
        }
        connection.write_all(b"3\r\nbye\r\n0\r\n\r\n").await.unwrap();
        connection.read_to_end(&mut came).await.unwrap();
        assert!(came.windows(3).any(|window| window == b"bye"));
    };
    tokio::time::timeout(crate::site::DEADLINE, talk).await.unwrap();
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_the_handler_as_an_error() {
    let application = Router::new().route(
        "/collect",
        post(async |request: Request| match request.into_body().collect().await {
            Ok(_) => "whole",
            Err(_) => "broken",
        }),
    );
    let site = Site::around("", application).await;
    let head = "POST /collect HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
    let answer = site.ask(head, b"5\r\nhello\r\nnonsense\r\n\r\n").await;
    assert_eq!(answer.text(), "broken");
}
