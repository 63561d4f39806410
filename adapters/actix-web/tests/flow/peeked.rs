//! Bodies whose beginning the guard has read: the handler gets them byte for byte, whatever reads them and however they are framed,
//! and those with an attack in them not at all.

use std::io::Write as _;

use actix_multipart::Multipart;
use actix_web::{
    App, HttpResponse,
    error::PayloadError,
    web::{self, Bytes, Form, Json, Payload, PayloadConfig, ServiceConfig},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use crate::site::{Connection, Site, behind_proxy, eventually};

/// Refuses an injection and bans nobody for it, so that one test can send several.
const SETTINGS: &str = "block_action_content = \"refused\"\nsecurity_checks = { sqli = 1, flood = 0 }";

/// What the guard looks at.
const PEEKED: usize = 64 << 10;

const INJECTION: &str = "1' OR '1'='1";

/// An application that answers with what it has read, one route for each way to read it.
fn readers(config: &mut ServiceConfig) {
    type Fields = Vec<(String, String)>;
    config
        .app_data(PayloadConfig::new(16 << 20))
        .route("/json", web::post().to(|json: Json<serde_json::Value>| async { json }))
        .route(
            "/form",
            web::post().to(|form: Form<Fields>| async { Json(form.into_inner()) }),
        )
        .route("/bytes", web::to(|bytes: Bytes| async { bytes }))
        .route(
            "/payload",
            web::post().to(|payload: Payload| async { HttpResponse::Ok().streaming(payload) }),
        )
        .route("/multipart", web::post().to(parts));
}

async fn parts(mut parts: Multipart) -> Result<String, actix_web::Error> {
    let mut list = String::new();
    while let Some(part) = parts.try_next().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let content = part.map_ok(|piece| piece.to_vec()).try_concat().await?;
        list += &format!("{name}={};", String::from_utf8_lossy(&content));
    }
    Ok(list)
}

/// A request with a length, as it goes over the wire.
fn post(path: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Status and body of the next answer, which ends with this text.
async fn answer(connection: &mut Connection, end: &str) -> (String, String) {
    let came = connection.read_until(end).await;
    let (head, body) = came.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}

/// Sends a clean body and one with an attack in it.
async fn both(path: &str, content_type: &str, body: impl Fn(&str) -> String, answered: impl Fn(&str) -> String) {
    let site = Site::start(SETTINGS, readers);
    let mut connection = site.connect().await;
    connection.send(post(path, content_type, &body("O'Brien"))).await;
    let expected = answered("O'Brien");
    let (status, came) = answer(&mut connection, expected.trim_end()).await;
    assert_eq!((status.as_str(), came.contains(&expected)), ("200", true), "{came}");
    let mut connection = site.connect().await;
    connection.send(post(path, content_type, &body(INJECTION))).await;
    let (status, came) = answer(&mut connection, "refused").await;
    assert_eq!((status.as_str(), came.as_str()), ("403", "refused"));
}

#[actix_web::test]
async fn json_is_read() {
    let json = |name: &str| format!(r#"{{"name":"{name}"}}"#);
    both("/json", "application/json", json, json).await;
}

#[actix_web::test]
async fn a_form_is_read() {
    let form = |name: &str| {
        format!(
            "name={}",
            name.replace('\'', "%27").replace(' ', "+").replace('=', "%3D")
        )
    };
    both("/form", "application/x-www-form-urlencoded", form, |name| {
        format!(r#"[["name","{name}"]]"#)
    })
    .await;
}

#[actix_web::test]
async fn bytes_are_read() {
    both("/bytes", "text/plain", str::to_owned, str::to_owned).await;
}

#[actix_web::test]
async fn a_payload_is_streamed() {
    both("/payload", "text/plain", str::to_owned, |text| {
        format!("{text}\r\n0\r\n\r\n")
    })
    .await;
}

#[actix_web::test]
async fn the_parts_of_a_form_are_read() {
    let form = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n{name}\r\n--b--\r\n");
    both("/multipart", "multipart/form-data; boundary=b", form, |name| {
        format!("n={name};")
    })
    .await;
}

#[actix_web::test]
async fn chunks_are_joined_wherever_they_are_cut() {
    let site = Site::start(SETTINGS, readers);
    for (text, status) in [("a name and O'Brien", "200"), (INJECTION, "403")] {
        let mut connection = site.connect().await;
        connection
            .send("POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        for byte in text.chars() {
            connection.send(format!("1\r\n{byte}\r\n")).await;
        }
        connection.send("0\r\n\r\n").await;
        let expected = if status == "200" { text } else { "refused" };
        assert_eq!(
            answer(&mut connection, expected).await,
            (status.to_owned(), expected.to_owned())
        );
    }
}

#[actix_web::test]
async fn pipelined_bodies_are_kept_apart() {
    let site = Site::start(SETTINGS, readers);
    let mut connection = site.connect().await;
    let all = ["one", INJECTION, "three"]
        .map(|text| post("/bytes", "text/plain", text))
        .concat();
    connection.send(all).await;
    let came = connection.read_until("three").await;
    let answers: Vec<_> = came.split("HTTP/1.1 ").skip(1).collect();
    assert_eq!(answers.len(), 3, "{came}");
    for (answer, (status, body)) in answers
        .into_iter()
        .zip([("200", "one"), ("403", "refused"), ("200", "three")])
    {
        assert!(answer.starts_with(status) && answer.ends_with(body), "{came}");
    }
}

#[actix_web::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let site = Site::start(SETTINGS, readers);
    for (text, status) in [("O'Brien", "200"), (INJECTION, "403")] {
        let mut connection = site.connect().await;
        let request = post("/bytes", "text/plain", text).replace("Host: a", "Host: a\r\nExpect: 100-continue");
        let (head, body) = request.split_at(request.len() - text.len());
        connection.send(head).await;
        connection.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
        connection.send(body).await;
        let expected = if status == "200" { text } else { "refused" };
        assert_eq!(
            answer(&mut connection, expected).await,
            (status.to_owned(), expected.to_owned())
        );
    }
}

/// A body of this size with a text at its end.
fn long(size: usize, end: &str) -> String {
    let filling = "All work and no play makes Jack a dull boy. ";
    filling.repeat(size / filling.len() + 1)[..size - end.len()].to_owned() + end
}

#[actix_web::test]
async fn what_is_above_the_limit_streams_through() {
    let site = Site::start(SETTINGS, readers);
    for path in ["/bytes", "/payload"] {
        let body = long(20 * PEEKED, "end");
        let sent = awc::Client::new()
            .post(site.url(path))
            .content_type("text/plain")
            .send_body(body.clone());
        let mut came = sent.await.unwrap();
        assert_eq!(came.status(), 200);
        assert!(
            came.body().limit(16 << 20).await.unwrap() == body.as_bytes(),
            "{path}: another body came"
        );
    }
}

#[actix_web::test]
async fn what_stands_above_the_limit_is_judged_as_it_is_read() {
    let site = Site::start(SETTINGS, readers);
    let sent = awc::Client::new()
        .post(site.url("/bytes"))
        .content_type("text/plain")
        .send_body(long(20 * PEEKED, INJECTION));
    assert_eq!(sent.await.unwrap().status(), 403);
}

#[actix_web::test]
async fn the_beginning_of_a_long_body_is_judged() {
    let site = Site::start(SETTINGS, readers);
    let body = long(PEEKED / 2, INJECTION) + "\n" + &long(PEEKED * 20, "end");
    let mut connection = site.connect().await;
    let request = post(
        "/bytes",
        "application/x-www-form-urlencoded",
        &format!("a={INJECTION}&b={body}"),
    );
    connection.send(&request[..PEEKED + 1000]).await;
    assert_eq!(
        answer(&mut connection, "refused").await,
        ("403".to_owned(), "refused".to_owned())
    );
}

#[actix_web::test]
async fn a_body_that_pretends_to_be_a_websocket_is_judged() {
    let site = Site::start(SETTINGS, readers);
    for (method, upgrade) in [("POST", "websocket"), ("GET", "WebSocket"), ("POST", "h2c")] {
        let mut connection = site.connect().await;
        let text = post("/bytes", "text/plain", INJECTION).replace("POST", method).replace(
            "Host: a",
            &format!("Host: a\r\nConnection: upgrade\r\nUpgrade: {upgrade}"),
        );
        connection.send(text).await;
        connection.finish().await;
        assert_eq!(answer(&mut connection, "refused").await.0, "403", "{method} {upgrade}");
    }
}

#[actix_web::test]
async fn a_compressed_body_is_decoded_for_the_guard_alone() {
    let site = Site::start(SETTINGS, readers);
    let packed = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let client = awc::Client::new();
    for (text, status) in [("O'Brien", 200), (INJECTION, 403)] {
        let request = client
            .post(site.url("/payload"))
            .insert_header(("content-encoding", "gzip"));
        let mut came = request
            .content_type("text/plain")
            .send_body(packed(text))
            .await
            .unwrap();
        assert_eq!(came.status(), status);
        let expected = if status == 200 {
            packed(text)
        } else {
            b"refused".to_vec()
        };
        assert_eq!(came.body().await.unwrap(), expected);
    }
    assert_eq!(site.agent.status().uninspected, 0);
}

/// What a handler has seen of a body.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Piece(Bytes),
    End,
    Failed,
}

/// An application whose handler tells what it reads as it reads it, and answers with a status of its own.
fn telling() -> (Site, mpsc::UnboundedReceiver<Read>) {
    let (tell, told) = mpsc::unbounded_channel();
    let site = Site::with_settings(&behind_proxy(SETTINGS), move || {
        let tell = tell.clone();
        let handler = move |mut payload: Payload| {
            let tell = tell.clone();
            async move {
                while let Some(piece) = payload.next().await {
                    let failed = piece.is_err();
                    tell.send(read(piece)).unwrap();
                    if failed {
                        return HttpResponse::BadRequest().body("failed");
                    }
                }
                tell.send(Read::End).unwrap();
                HttpResponse::Accepted().body("accepted")
            }
        };
        App::new().route("/tell", web::post().to(handler))
    });
    (site, told)
}

fn read(piece: Result<Bytes, PayloadError>) -> Read {
    piece.map_or(Read::Failed, Read::Piece)
}

#[actix_web::test]
async fn a_body_that_is_cut_off_reaches_the_handler_with_its_error() {
    let (site, mut told) = telling();
    let request = post("/tell", "text/plain", "the beginning of something longer");
    let mut connection = site.connect().await;
    connection
        .send(request.strip_suffix(" of something longer").unwrap())
        .await;
    connection.finish().await;
    assert_eq!(told.recv().await, Some(Read::Piece("the beginning".into())));
    assert_eq!(told.recv().await, Some(Read::Failed));
}

#[actix_web::test]
async fn an_attack_in_a_body_that_is_cut_off_is_found() {
    let (site, mut told) = telling();
    let mut connection = site.connect().await;
    connection
        .send(
            post("/tell", "text/plain", &format!("{INJECTION} more"))
                .strip_suffix(" more")
                .unwrap(),
        )
        .await;
    connection.finish().await;
    eventually("it is counted", || site.agent.status().requests.blocked == 1).await;
    assert!(told.try_recv().is_err(), "the handler was not asked");
}

#[actix_web::test]
async fn a_slow_body_does_not_keep_the_application_waiting() {
    let (site, mut told) = telling();
    let mut connection = site.connect().await;
    let request = post("/tell", "text/plain", "one, and two");
    connection.send(request.strip_suffix(", and two").unwrap()).await;
    // the client sends the rest only now that the handler has the beginning
    assert_eq!(told.recv().await, Some(Read::Piece("one".into())));
    connection.send(", and two").await;
    assert_eq!(told.recv().await, Some(Read::Piece(", and two".into())));
    assert_eq!(told.recv().await, Some(Read::End));
    assert_eq!(answer(&mut connection, "accepted").await.0, "202");
}

#[actix_web::test]
async fn slowness_is_no_way_around_the_guard() {
    for is_long in [false, true] {
        let (site, mut told) = telling();
        let mut connection = site.connect().await;
        let rest = if is_long { PEEKED } else { 0 };
        let body = format!("a=b&{}&c={INJECTION}&{}", "d=e&".repeat(3), long(rest + 10, "end"));
        let request = post("/tell", "application/x-www-form-urlencoded", &body);
        let (beginning, rest) = request.split_at(request.len() - body.len() + 3);
        connection.send(beginning).await;
        assert_eq!(told.recv().await, Some(Read::Piece("a=b".into())));
        connection.send(rest).await;
        assert_eq!(
            answer(&mut connection, "refused").await,
            ("403".to_owned(), "refused".to_owned())
        );
        let last = std::iter::from_fn(|| told.try_recv().ok()).last();
        assert_eq!(last, Some(Read::Failed), "the handler never has all of it");
        let requests = site.agent.status().requests;
        assert_eq!((requests.blocked, requests.attacks, requests.errors), (1, 1, 0));
    }
}
