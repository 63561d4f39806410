//! Bodies go through untouched, in both directions, and a refusal leaves the connection in order.

use actix_web::{
    App, HttpResponse,
    web::{self, Bytes, ServiceConfig},
};
use futures_util::StreamExt as _;
use tokio::sync::{Mutex, mpsc};

use crate::site::{ATTACKER, DEADLINE, Site, behind_proxy, eventually, shop};

/// A body with every byte value in it, longer than a socket's buffers.
fn large_body() -> Bytes {
    (0..1_200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn large(config: &mut ServiceConfig) {
    config.app_data(web::PayloadConfig::new(16 << 20)).configure(shop);
}

#[actix_web::test]
async fn a_body_reaches_the_handler_byte_for_byte() {
    let site = Site::start("", large);
    let body = large_body();
    let client = awc::Client::default();
    let mut echoed = client.post(site.url("/echo")).send_body(body.clone()).await.unwrap();
    assert_eq!(echoed.body().limit(16 << 20).await.unwrap(), body, "with a length");
    let pieces = body
        .chunks(7_001)
        .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let stream = futures_util::stream::iter(pieces.collect::<Vec<_>>());
    let mut echoed = client.post(site.url("/echo")).send_stream(stream).await.unwrap();
    assert_eq!(echoed.body().limit(16 << 20).await.unwrap(), body, "in chunks");
}

#[actix_web::test]
async fn a_connection_goes_on_after_a_refusal() {
    let site = Site::start("", shop);
    let mut connection = site.connect().await;
    connection
        .send("GET /.env HTTP/1.1\r\nHost: a\r\n\r\nGET /items/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    let came = connection.read_to_end().await;
    let (refusal, answer) = came.split_at(came.rfind("HTTP/1.1").unwrap());
    assert!(
        refusal.starts_with("HTTP/1.1 403 ") && refusal.contains("\r\n\r\nBlocked. "),
        "{refusal}"
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("item 7"),
        "{answer}"
    );
}

#[actix_web::test]
async fn a_connection_goes_on_after_a_refusal_whose_request_had_a_body_in_chunks() {
    let site = Site::start("blacklist_action_content = \"Blocked\"", shop);
    let mut connection = site.connect().await;
    connection
        .send("POST /.env HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    connection.read_until("Blocked").await;
    connection
        .send("5\r\nhello\r\n0\r\n\r\nGET /items/7 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let came = connection.read_until("item 7").await;
    assert!(came.starts_with("HTTP/1.1 200 "), "{came}");
}

/// What actix-web does when a handler leaves a body unread; the middleware must be no worse.
#[actix_web::test]
async fn a_refused_body_that_is_still_coming_ends_the_connection_after_the_answer() {
    let site = Site::start("", shop);
    let mut connection = site.connect().await;
    connection
        .send("POST /.env HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nthe first part")
        .await;
    let came = connection.read_to_end().await;
    assert!(
        came.starts_with("HTTP/1.1 403 ") && came.contains("\r\n\r\nBlocked. "),
        "{came}"
    );
    assert!(
        came.to_ascii_lowercase().contains("\r\nconnection: close\r\n"),
        "{came}"
    );
}

/// A handler's stream, whose pieces the test gives it one by one.
type Pieces = web::Data<Mutex<Option<mpsc::Receiver<Bytes>>>>;

fn streaming(pieces: mpsc::Receiver<Bytes>) -> Site {
    let pieces: Pieces = web::Data::new(Mutex::new(Some(pieces)));
    Site::with_settings("", move || {
        App::new().app_data(pieces.clone()).route(
            "/stream",
            web::get().to(|pieces: Pieces| async move {
                let mut pieces = pieces.lock().await.take().unwrap();
                let stream = futures_util::stream::poll_fn(move |cx| pieces.poll_recv(cx));
                HttpResponse::Ok().streaming(stream.map(Ok::<_, actix_web::Error>))
            }),
        )
    })
}

#[actix_web::test]
async fn a_stream_arrives_piece_by_piece_as_it_is_made() {
    let (sender, pieces) = mpsc::channel(1);
    let site = streaming(pieces);
    let mut connection = site.connect().await;
    connection.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sender.send("one".into()).await.unwrap();
    let head = connection.read_until("3\r\none\r\n").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    // the second piece is made only now that the first has arrived
    sender.send("and two".into()).await.unwrap();
    assert_eq!(connection.read_until("\r\nand two\r\n").await, "7\r\nand two\r\n");
    drop(sender);
    assert_eq!(connection.read_until("0\r\n\r\n").await, "0\r\n\r\n");
}

/// Tells the test that it was dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[actix_web::test]
async fn a_request_whose_client_goes_away_counts_as_nothing() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let (dropped, mut was_dropped) = mpsc::unbounded_channel();
    let site = Site::with_settings("", move || {
        let (started, dropped) = (started.clone(), dropped.clone());
        App::new().configure(shop).route(
            "/never",
            web::get().to(move || {
                let (started, guard) = (started.clone(), Dropped(dropped.clone()));
                async move {
                    started.send(()).unwrap();
                    let _guard = guard;
                    std::future::pending::<HttpResponse>().await
                }
            }),
        )
    });
    let mut connection = site.connect().await;
    connection.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    has_started.recv().await.unwrap();
    connection.abort();
    tokio::time::timeout(DEADLINE, was_dropped.recv())
        .await
        .unwrap()
        .unwrap();
    site.get("/").await;
    eventually("the later request is counted", || {
        site.agent.status().requests.success == 1
    })
    .await;
    let requests = site.agent.status().requests;
    assert_eq!((requests.success, requests.errors, requests.attacks), (1, 0, 0));
}

#[actix_web::test]
async fn a_refused_request_does_not_reach_the_handler() {
    let (called, mut was_called) = mpsc::unbounded_channel();
    let site = Site::with_settings(&behind_proxy(""), move || {
        let called = called.clone();
        App::new().default_service(web::to(move || {
            called.send(()).unwrap();
            HttpResponse::Ok()
        }))
    });
    assert_eq!(site.get_as(ATTACKER, "/.env").await.status, 403);
    assert!(was_called.try_recv().is_err());
    assert_eq!(site.get_as("198.51.100.1", "/other").await.status, 200);
    assert!(was_called.try_recv().is_ok(), "the handler does tell");
}
