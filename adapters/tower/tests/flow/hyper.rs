//! hyper's own server around a service behind the layer, without axum: HTTP/1 and HTTP/2.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use buckler_tower::{BoxError, Buckler};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::{Notify, mpsc},
};
use tower_layer::Layer as _;
use tower_service::Service;

use crate::site::{ATTACKER, Site, eventually, within};

const INJECTION: &str = "1' OR '1'='1";

/// Told when `/slow` is asked.
static SLOW: Notify = Notify::const_new();

/// A service with a few pages.
#[derive(Debug, Clone)]
struct Pages;

impl<B> Service<Request<B>> for Pages
where
    B: Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(async {
            Ok(match request.uri().path() {
                "/" => page(StatusCode::OK, "welcome"),
                "/card" => page(StatusCode::OK, "paid with 4111 1111 1111 1111"),
                "/echo" => echo(request.into_body()).await,
                "/tunnel" => tunnel(request),
                "/slow" => {
                    SLOW.notify_one();
                    echo(request.into_body()).await
                }
                _ => page(StatusCode::NOT_FOUND, "nothing here"),
            })
        })
    }
}

fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let text = http::HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// The body, and the trailer `x-sum` as a header.
async fn echo(body: impl Body<Data = Bytes, Error = BoxError>) -> Response<Full<Bytes>> {
    let Ok(body) = body.collect().await else {
        return page(StatusCode::BAD_REQUEST, "broken");
    };
    let sum = body.trailers().and_then(|trailers| trailers.get("x-sum").cloned());
    let mut response = Response::new(Full::from(body.to_bytes()));
    if let Some(sum) = sum {
        response.headers_mut().insert("x-sum", sum);
    }
    response
}

/// Answers that it speaks another protocol, and then says again what it is told.
fn tunnel<B: Send + 'static>(request: Request<B>) -> Response<Full<Bytes>> {
    tokio::spawn(async {
        let tunnel = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let (mut hear, mut say) = tokio::io::split(tunnel);
        tokio::io::copy(&mut hear, &mut say).await.unwrap();
    });
    let mut response = page(StatusCode::SWITCHING_PROTOCOLS, "");
    for name in ["connection", "upgrade"] {
        let value = if name == "upgrade" { "echo" } else { name };
        response
            .headers_mut()
            .insert(name, http::HeaderValue::from_static(value));
    }
    response
}

/// As a host would write it.
async fn serve(buckler: Buckler, listener: TcpListener) {
    while let Ok((stream, peer)) = listener.accept().await {
        let service = buckler.clone().connected_to(peer.ip()).layer(Pages);
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let service = TowerToHyperService::new(service);
            // what goes wrong on one connection is its client's affair
            let _ended = server
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn site(security: &str) -> Site {
    Site::serving(security, serve)
}

#[test]
fn over_http_1_it_guards() {
    let site = site("security_checks = { sqli = 1, flood = 0, dlp = 1 }\ndlp_cc_numbers = true");
    assert_eq!(site.get_as(ATTACKER, "/").text(), "welcome");
    let body = site.post("/echo", "text/plain", b"O'Brien");
    assert_eq!((body.status, body.text()), (200, "O'Brien"));
    assert_eq!(site.post("/echo", "text/plain", INJECTION.as_bytes()).status, 403);
    assert_eq!(site.get_as(ATTACKER, "/card").status, 403);
    let requests = site.agent.status().requests;
    assert_eq!((requests.success, requests.blocked), (2, 2), "{requests:?}");
    assert_eq!(
        site.get_as(ATTACKER, "/nowhere").status,
        404,
        "no route is known, so none is missed"
    );
}

#[test]
fn whoever_the_connection_names_is_banned() {
    let site = site("");
    assert_eq!(site.get_as(ATTACKER, "/.env").status, 403);
    let is_refused = || (site.get_as(ATTACKER, "/").status == 403).then_some(());
    eventually("the ban is in force", is_refused);
    assert_eq!(site.get_as("203.0.113.10", "/").text(), "welcome");
}

#[test]
fn another_protocol_is_none_of_its_business() {
    let site = site("security_checks = { sqli = 1, flood = 0, dlp = 1 }\ndlp_cc_numbers = true");
    let mut connection = site.connect();
    connection.send("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(connection.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    for said in [INJECTION, "4111 1111 1111 1111"] {
        connection.send(said);
        assert_eq!(connection.read_until(said), said);
    }
    assert_eq!(site.agent.status().requests.attacks, 0);
}

#[test]
fn a_refused_upload_leaves_the_connection_whole() {
    let site = site("security_checks = { decoy = 1, sqli = 1, flood = 0 }");
    let mut connection = site.connect();
    // larger than what the kernel would hold of it
    let upload = vec![b'x'; 6 << 20];
    let injection = [INJECTION.as_bytes(), &upload].concat();
    for (path, body) in [("/.env", &upload), ("/echo", &injection), ("/.env", &upload)] {
        connection.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        connection.send(body);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (403, None), "{path}");
    }
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.answer().text(), "welcome");
}

type Sent = BoxBody<Bytes, Infallible>;

/// A connection that speaks HTTP/2.
struct Http2 {
    runtime: Runtime,
    send: SendRequest<Sent>,
}

impl Http2 {
    fn to(site: &Site) -> Self {
        let runtime = Runtime::new().unwrap();
        let send = runtime.block_on(async {
            let stream = TcpStream::connect(site.address).await.unwrap();
            let (send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
            tokio::spawn(connection);
            send
        });
        Self { runtime, send }
    }

    fn post(&mut self, path: &str, body: Sent) -> (StatusCode, Option<String>, Bytes) {
        let request = Request::post(format!("http://shop.example.com{path}"))
            .header("x-forwarded-for", ATTACKER)
            .header(CONTENT_TYPE, "text/plain");
        let asked = async {
            let response = self.send.send_request(request.body(body).unwrap()).await.unwrap();
            let sum = response
                .headers()
                .get("x-sum")
                .map(|sum| sum.to_str().unwrap().to_owned());
            let status = response.status();
            (status, sum, response.into_body().collect().await.unwrap().to_bytes())
        };
        within(&self.runtime, asked)
    }
}

/// A body of what is sent, piece by piece.
fn pieces() -> (mpsc::UnboundedSender<Frame<Bytes>>, Sent) {
    let (send, mut sent) = mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| sent.poll_recv(cx).map(|frame| frame.map(Ok)));
    (send, BoxBody::new(StreamBody::new(frames)))
}

#[test]
fn over_http_2_bodies_are_judged_and_reach_the_service_with_their_trailers() {
    let site = site("security_checks = { sqli = 1, flood = 0 }");
    let mut client = Http2::to(&site);
    for (text, status) in [("O'Brien", 200), (INJECTION, 403)] {
        let (send, body) = pieces();
        for piece in text.split_inclusive(' ') {
            send.send(Frame::data(piece.into())).unwrap();
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("7"));
        send.send(Frame::trailers(trailers)).unwrap();
        drop(send);
        let (came, sum, body) = client.post("/echo", body);
        assert_eq!(came, status, "{text}");
        if status == 200 {
            assert_eq!((sum.as_deref(), &body[..]), (Some("7"), text.as_bytes()));
        }
    }
    assert_eq!(site.agent.status().requests.blocked, 1);
}

#[test]
fn over_http_2_slowness_is_no_way_around_the_guard() {
    let site = site("security_checks = { sqli = 1, flood = 0 }");
    let mut client = Http2::to(&site);
    let (send, body) = pieces();
    send.send(Frame::data("a=b&c=".into())).unwrap();
    client.runtime.spawn(async move {
        SLOW.notified().await;
        send.send(Frame::data(INJECTION.into())).unwrap();
    });
    let (came, _, body) = client.post("/slow", body);
    assert_eq!((came, body.starts_with(b"Blocked. ")), (StatusCode::FORBIDDEN, true));
    assert_eq!(site.agent.status().requests.attacks, 1);
}
