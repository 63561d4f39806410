//! Answers are looked into for what must not leave, and otherwise go out as the application made them.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    App, HttpResponse,
    body::SizedStream,
    error::ErrorInternalServerError,
    http::header::CONTENT_ENCODING,
    rt::time::sleep,
    web::{self, Bytes, ServiceConfig},
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{Mutex, mpsc};

use crate::site::{ATTACKER, Site, behind_proxy, eventually};

/// Numbers of cards must not leave, and nobody is banned for having asked.
const SETTINGS: &str =
    "block_action_content = \"refused\"\ndlp_cc_numbers = true\nsecurity_checks = { dlp = 1, flood = 0 }";

const CARD: &str = "paid with 4111 1111 1111 1111";

/// What the guard looks at.
const PEEKED: usize = 64 << 10;

fn pieces(pieces: &'static [&'static str]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(pieces).map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
}

/// The same, each piece a moment after the one before.
fn slowly(all: &'static [&'static str]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    pieces(all).then(|piece| async {
        sleep(Duration::from_millis(1)).await;
        piece
    })
}

fn long(end: &str) -> String {
    "All work and no play makes Jack a dull boy. ".repeat(PEEKED / 2) + end
}

fn bank(config: &mut ServiceConfig) {
    let text =
        |body: &'static str| web::to(move || async move { HttpResponse::Ok().content_type("text/plain").body(body) });
    config
        .route("/card", text(CARD))
        .route("/cash", text("paid in cash"))
        .route("/nothing", text(""))
        .route(
            "/picture",
            web::to(|| async { HttpResponse::Ok().content_type("image/png").body(CARD) }),
        )
        .route(
            "/absent",
            web::to(|| async { HttpResponse::NotFound().content_type("text/plain").body(CARD) }),
        )
        .route(
            "/packed",
            web::to(|| async {
                let mut response = HttpResponse::Ok();
                response
                    .content_type("text/plain")
                    .insert_header((CONTENT_ENCODING, "br"))
                    .body(CARD)
            }),
        )
        .route(
            "/long",
            web::to(|| async { HttpResponse::Ok().content_type("text/plain").body(long(CARD)) }),
        )
        .route(
            "/events",
            web::to(|| async {
                HttpResponse::Ok()
                    .content_type("text/event-stream")
                    .streaming(pieces(&["data: ", CARD]))
            }),
        )
        .route(
            "/stream",
            web::to(|| async {
                HttpResponse::Ok().content_type("text/plain").streaming(pieces(&[
                    "paid with ",
                    "4111 1111 ",
                    "1111 1111",
                ]))
            }),
        )
        .route(
            "/file",
            web::to(|| async {
                let body = SizedStream::new(CARD.len() as u64, slowly(&["paid with ", "4111 1111 ", "1111 1111"]));
                HttpResponse::Ok().content_type("text/plain").body(body)
            }),
        )
        .route(
            "/clean-file",
            web::to(|| async {
                let body = SizedStream::new(12, slowly(&["paid ", "in ", "cash"]));
                HttpResponse::Ok().content_type("text/plain").body(body)
            }),
        );
}

#[actix_web::test]
async fn an_answer_that_leaks_is_replaced_as_a_whole() {
    let site = Site::start(SETTINGS, bank);
    for path in ["/card", "/absent", "/stream", "/file"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "refused"), "{path}");
        assert!(answer.header("x-block-id").is_some(), "{path}");
        assert_eq!(answer.header("content-length"), Some("7"), "{path}");
    }
    let requests = site.agent.status().requests;
    assert_eq!((requests.blocked, requests.attacks), (4, 4));
    assert_eq!((requests.success, requests.errors), (0, 0), "a refusal is neither");
}

#[actix_web::test]
async fn other_answers_go_out_as_they_are() {
    let site = Site::start(SETTINGS, bank);
    let bare = Site::start("", bank);
    for path in ["/cash", "/nothing", "/picture", "/packed", "/events", "/clean-file"] {
        let (answer, expected) = (site.get(path).await, bare.get(path).await);
        assert_eq!((answer.status, &answer.body), (200, &expected.body), "{path}");
        for header in [
            "content-length",
            "transfer-encoding",
            "content-type",
            "content-encoding",
        ] {
            assert_eq!(answer.header(header), expected.header(header), "{path} {header}");
        }
    }
    eventually("all are counted", || site.agent.status().requests.success == 6).await;
    assert_eq!(site.agent.status().requests.attacks, 0);
}

#[actix_web::test]
async fn the_head_of_a_leak_is_no_leak() {
    let site = Site::start(SETTINGS, bank);
    let mut connection = site.connect().await;
    connection
        .send("HEAD /card HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    let came = connection.read_to_end().await;
    assert!(
        came.starts_with("HTTP/1.1 200 ") && came.contains("content-length: 29\r\n"),
        "{came}"
    );
}

#[actix_web::test]
async fn of_a_long_answer_the_beginning_is_judged_and_all_of_it_goes_out() {
    let site = Site::start(SETTINGS, bank);
    let mut answer = awc::Client::new().get(site.url("/long")).send().await.unwrap();
    let expected = long(CARD);
    assert_eq!(
        answer.headers().get("content-length").unwrap(),
        &expected.len().to_string()
    );
    assert!(
        answer.body().limit(16 << 20).await.unwrap() == expected.as_bytes(),
        "another body came"
    );
}

#[actix_web::test]
async fn a_leak_that_is_only_logged_goes_out() {
    let site = Site::start("dlp_cc_numbers = true\nsecurity_checks = { dlp = 3 }", bank);
    let answer = site.get("/card").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, CARD));
    eventually("it is counted", || site.agent.status().requests.attacks == 1).await;
}

#[actix_web::test]
async fn who_was_shown_too_much_is_banned_where_the_configuration_says_so() {
    let settings = "dlp_cc_numbers = true\nban_evidence = 1\nsecurity_checks = { dlp = 2 }";
    let site = Site::start(settings, bank);
    assert_eq!(site.get_as(ATTACKER, "/card").await.status, 403);
    site.until(ATTACKER, "/cash", 403).await;
}

/// A handler's stream, whose pieces the test gives it one by one; one that is `None` is an error.
type Pieces = web::Data<Mutex<Option<mpsc::Receiver<Option<&'static str>>>>>;

fn streaming(pieces: mpsc::Receiver<Option<&'static str>>) -> Site {
    let pieces: Pieces = web::Data::new(Mutex::new(Some(pieces)));
    Site::with_settings(&behind_proxy(SETTINGS), move || {
        App::new().app_data(pieces.clone()).route(
            "/stream",
            web::get().to(|pieces: Pieces| async move {
                let mut pieces = pieces.lock().await.take().unwrap();
                let stream = stream::poll_fn(move |cx| pieces.poll_recv(cx));
                let stream =
                    stream.map(|piece| piece.map(Bytes::from).ok_or_else(|| ErrorInternalServerError("broken")));
                HttpResponse::Ok().content_type("text/plain").streaming(stream)
            }),
        )
    })
}

#[actix_web::test]
async fn a_stream_of_text_is_not_held_back() {
    let (sender, receiver) = mpsc::channel(2);
    let site = streaming(receiver);
    let mut connection = site.connect().await;
    connection.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    connection.read_until("transfer-encoding: chunked").await;
    for (piece, chunk) in [("one", "3\r\none\r\n"), ("and two", "7\r\nand two\r\n")] {
        sender.send(Some(piece)).await.unwrap();
        connection.read_until(chunk).await;
    }
    drop(sender);
    connection.read_until("0\r\n\r\n").await;
}

#[actix_web::test]
async fn an_error_in_a_stream_is_passed_on() {
    let (sender, receiver) = mpsc::channel(2);
    sender.send(Some("one")).await.unwrap();
    sender.send(None).await.unwrap();
    let site = streaming(receiver);
    let mut connection = site.connect().await;
    connection.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let came = connection.read_to_end().await;
    assert!(
        !came.ends_with("0\r\n\r\n"),
        "the client must see that something is missing: {came}"
    );
    drop(sender);
}
