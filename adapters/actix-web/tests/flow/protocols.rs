//! HTTP/2 without TLS, and WebSockets: the guard judges the request, and the rest is none of its business.

use std::future::poll_fn;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    web::{self, Bytes, Payload, ServiceConfig},
};
use awc::ws::{Frame, Message};
use futures_util::{SinkExt as _, StreamExt as _};
use h2::client::SendRequest;
use tokio::net::TcpStream;

use crate::site::{ATTACKER, Site, eventually, shop};

/// A client that speaks HTTP/2 from its first byte.
struct H2Client(SendRequest<Bytes>);

impl H2Client {
    async fn connect(site: &Site) -> Self {
        let socket = TcpStream::connect(site.address).await.unwrap();
        let (sender, connection) = h2::client::handshake(socket).await.unwrap();
        // it ends with an error when the test is over before the goodbyes
        actix_web::rt::spawn(async move { drop(connection.await) });
        Self(sender)
    }

    /// Posts a body as this client; gives back status and body.
    async fn post(&self, client: &str, uri: &str, body: Bytes) -> (u16, Bytes) {
        let request = http::Request::post(uri)
            .header("x-forwarded-for", client)
            .body(())
            .unwrap();
        let mut sender = self.0.clone().ready().await.unwrap();
        let (answer, mut stream) = sender.send_request(request, false).unwrap();
        actix_web::rt::spawn(async move {
            // as much at a time as the other side allows
            let mut rest = body;
            while !rest.is_empty() {
                stream.reserve_capacity(rest.len());
                let Some(Ok(allowed)) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
                    return;
                };
                let last = allowed >= rest.len();
                stream.send_data(rest.split_to(allowed.min(rest.len())), last).unwrap();
            }
        });
        whole(answer.await.unwrap()).await
    }

    /// Gets a page as this client.
    async fn get(&self, client: &str, uri: &str) -> (u16, Bytes) {
        let request = http::Request::get(uri)
            .header("x-forwarded-for", client)
            .body(())
            .unwrap();
        let mut sender = self.0.clone().ready().await.unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        whole(answer.await.unwrap()).await
    }
}

async fn whole(answer: http::Response<h2::RecvStream>) -> (u16, Bytes) {
    let (head, mut body) = answer.into_parts();
    let mut came = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        came.extend_from_slice(&piece);
    }
    (head.status.as_u16(), came.into())
}

#[actix_web::test]
async fn http_2_is_judged_and_its_bodies_are_untouched() {
    let site = Site::start("", shop);
    let client = H2Client::connect(&site).await;
    assert_eq!(
        client.get("198.51.100.1", "http://shop.example/items/7").await,
        (200, "item 7".into())
    );
    let body: Bytes = (0..150_000_u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(
        client
            .post("198.51.100.1", "http://shop.example/echo", body.clone())
            .await,
        (200, body.clone())
    );
    let (status, page) = client.get(ATTACKER, "http://shop.example/.env").await;
    assert_eq!((status, page.starts_with(b"Blocked. ")), (403, true));
    let injection = "{\"name\": \"1' OR '1'='1\"}";
    let (status, page) = client
        .post("203.0.113.10", "http://shop.example/echo", injection.into())
        .await;
    assert_eq!((status, page.starts_with(b"Blocked. ")), (403, true));
    let (status, text) = client
        .post("198.51.100.2", "http://shop.example/.git/config", body)
        .await;
    assert_eq!(
        (status, text.starts_with(b"Blocked. ")),
        (403, true),
        "its body was not read"
    );
    assert_eq!(
        client.get("198.51.100.1", "http://shop.example/").await.0,
        200,
        "the connection goes on"
    );
}

#[actix_web::test]
async fn the_host_of_http_2_is_its_authority() {
    let site = Site::start("hosts = [\"shop.example\"]\nsecurity_checks = { spoofing = 1 }", shop);
    let client = H2Client::connect(&site).await;
    assert_eq!(client.get("198.51.100.1", "http://shop.example/").await.0, 200);
    assert_eq!(client.get("198.51.100.1", "http://evil.example/").await.0, 403);
}

async fn echo(request: HttpRequest, body: Payload) -> Result<HttpResponse, Error> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            if let Message::Text(text) = message {
                session.text(text).await.unwrap();
            } else if let Message::Binary(bytes) = message {
                session.binary(bytes).await.unwrap();
            }
        }
        session.close(None).await.unwrap_or_default();
    });
    Ok(response)
}

fn chat(config: &mut ServiceConfig) {
    config.configure(shop).route("/chat", web::get().to(echo));
}

#[actix_web::test]
async fn a_websocket_goes_through() {
    let site = Site::start("", chat);
    let (response, mut socket) = awc::Client::new().ws(site.url("/chat")).connect().await.unwrap();
    assert_eq!(response.status(), 101);
    socket.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Text("hello".into()));
    let bytes: Bytes = (0..60_000_u32).map(|n| (n % 251) as u8).collect();
    socket.send(Message::Binary(bytes.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Binary(bytes));
    eventually("the upgrade is counted", || site.agent.status().requests.success == 1).await;
}

#[actix_web::test]
async fn a_listed_client_gets_no_websocket() {
    let site = Site::start("", chat);
    site.get_as(ATTACKER, "/.env").await;
    site.until(ATTACKER, "/", 403).await;
    let refused = awc::Client::new()
        .ws(site.url("/chat"))
        .set_header("x-forwarded-for", ATTACKER)
        .connect()
        .await;
    assert!(matches!(refused, Err(awc::error::WsClientError::InvalidResponseStatus(status)) if status == 403));
}
