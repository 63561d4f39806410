//! A real gRPC service of tonic's behind the layer, and a real client: calls go through, and a refusal is a status that the client
//! understands.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::http::uri::PathAndQuery;
use buckler_tower::Buckler;
use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc};
use tonic::{
    Code, Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{NamedService, StreamingService, UnaryService},
    transport::{
        Channel, Endpoint, Server,
        server::{TcpConnectInfo, TcpIncoming},
    },
};
use tower_service::Service;

use crate::site::{ATTACKER, Site, eventually, within};

/// Messages are text.
#[derive(Debug, Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let text = String::from_utf8(bytes.into());
        text.map(Some).map_err(|_| Status::invalid_argument("no text"))
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type BoxStream = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// The service: it says again what it is told.
#[derive(Debug, Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "echo.Echo";
}

impl Service<http::Request<tonic::body::Body>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Text);
            Ok(match request.uri().path() {
                "/echo.Echo/Say" => grpc.unary(Self, request).await,
                "/echo.Echo/Talk" => grpc.streaming(Self, request).await,
                other => Status::unimplemented(other).into_http(),
            })
        })
    }
}

impl UnaryService<String> for Echo {
    type Response = String;
    type Future = BoxFuture<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        Box::pin(async { Ok(Response::new(request.into_inner())) })
    }
}

impl StreamingService<String> for Echo {
    type Response = String;
    type ResponseStream = BoxStream;
    type Future = BoxFuture<Result<Response<BoxStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        Box::pin(async { Ok(Response::new(request.into_inner().boxed())) })
    }
}

/// As a host would write it.
async fn serve(buckler: Buckler, listener: TcpListener) {
    let buckler = buckler.peer_by(|extensions| {
        let connection = extensions.get::<TcpConnectInfo>()?;
        Some(connection.remote_addr()?.ip())
    });
    let server = Server::builder().layer(buckler).add_service(Echo);
    server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
}

/// A client of a guarded service.
struct Client {
    site: Site,
    runtime: Runtime,
    grpc: Grpc<Channel>,
}

impl Client {
    fn of(security: &str) -> Self {
        let site = Site::serving(security, serve);
        let runtime = Runtime::new().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{}", site.address)).unwrap();
        let channel = runtime.block_on(endpoint.connect()).unwrap();
        let grpc = Grpc::new(channel);
        Self { site, runtime, grpc }
    }

    /// A call with one message each way.
    fn say(&mut self, path: &'static str, client: &str, text: &str) -> Result<String, Status> {
        let request = from(client, text.to_owned());
        let said = async {
            self.grpc.ready().await.unwrap();
            let said = self.grpc.unary(request, PathAndQuery::from_static(path), Text).await;
            said.map(Response::into_inner)
        };
        within(&self.runtime, said)
    }

    /// Opens a call with many messages each way.
    fn talk(&mut self, client: &str) -> Result<Talk, Status> {
        let (say, mut said) = mpsc::channel(1);
        let request = from(client, stream::poll_fn(move |cx| said.poll_recv(cx)));
        let opened = async {
            self.grpc.ready().await.unwrap();
            let path = PathAndQuery::from_static("/echo.Echo/Talk");
            self.grpc.streaming(request, path, Text).await
        };
        let hear = within(&self.runtime, opened)?.into_inner();
        Ok(Talk { say, hear })
    }

    fn next(&self, talk: &mut Talk) -> Option<Result<String, Status>> {
        within(&self.runtime, talk.hear.next())
    }
}

struct Talk {
    say: mpsc::Sender<String>,
    hear: Streaming<String>,
}

/// A request through a proxy that names this client.
fn from<T>(client: &str, content: T) -> Request<T> {
    let mut request = Request::new(content);
    request
        .metadata_mut()
        .insert("x-forwarded-for", client.parse().unwrap());
    request
}

const SAY: &str = "/echo.Echo/Say";

#[test]
fn a_call_goes_through() {
    let mut client = Client::of("");
    assert_eq!(client.say(SAY, ATTACKER, "hello").unwrap(), "hello");
    let long = "All work and no play makes Jack a dull boy. ".repeat(10_000);
    assert_eq!(client.say(SAY, ATTACKER, &long).unwrap(), long);
    let unknown = client.say("/echo.Echo/Shout", ATTACKER, "hello").unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented, "the service's own answer");
    assert_eq!(client.site.agent.status().requests.attacks, 0);
}

#[test]
fn whoever_is_listed_gets_a_status_that_a_client_understands() {
    let mut client = Client::of("");
    let decoy = client.say("/.env", ATTACKER, "hello").unwrap_err();
    assert_eq!(decoy.code(), Code::PermissionDenied);
    let id = decoy.metadata().get("x-block-id").unwrap().to_str().unwrap();
    assert_eq!(decoy.message(), format!("blocked, {id}"));
    let listed = eventually("the ban is in force", || client.say(SAY, ATTACKER, "hello").err());
    assert_eq!(listed.code(), Code::PermissionDenied);
    let Err(listed) = client.talk(ATTACKER) else {
        panic!("a call of many messages was let in")
    };
    assert_eq!(listed.code(), Code::PermissionDenied);
    assert_eq!(client.say(SAY, "203.0.113.10", "hello").unwrap(), "hello");
}

#[test]
fn a_conversation_is_not_held_up() {
    let mut client = Client::of("");
    let mut talk = client.talk(ATTACKER).unwrap();
    for text in ["one", "two", "three"] {
        // each is said only once the one before was heard
        talk.say.blocking_send(text.to_owned()).unwrap();
        assert_eq!(client.next(&mut talk).unwrap().unwrap(), text);
    }
    let (closed, _) = mpsc::channel(1);
    talk.say = closed;
    assert!(client.next(&mut talk).is_none());
    assert_eq!(client.site.agent.status().requests.success, 1);
}

/// Messages are no text, but a handler may read whatever comes.
#[test]
fn text_that_calls_itself_grpc_is_judged_as_it_is_read() {
    let site = Site::around("security_checks = { sqli = 1, flood = 0 }", crate::site::shop());
    let refused = site.post("/echo", "application/grpc", b"1' OR '1'='1");
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("7")));
    assert!(refused.body.is_empty());
    // a frame of nine bytes: the field 1, a text of seven
    let message = b"\0\0\0\0\x09\x0a\x07O'Brien";
    let clean = site.post("/echo", "application/grpc", message);
    assert_eq!((&clean.body[..], clean.header("grpc-status")), (&message[..], None));
    let unframed = site.post("/echo", "application/grpc", b"O'Brien");
    assert_eq!(
        unframed.header("grpc-status"),
        Some("7"),
        "no client of gRPC sends that"
    );
}

/// A client of gRPC-Web is a browser, which speaks HTTP/1.
#[test]
fn a_browser_gets_its_status_too() {
    let site = Site::around("", crate::site::shop());
    let refused = site.post(
        "/.env",
        "application/grpc-web+proto",
        &Bytes::from_static(b"\0\0\0\0\0"),
    );
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("content-type"), Some("application/grpc-web"));
    assert_eq!(refused.header("grpc-status"), Some("7"));
    assert_eq!(refused.header("content-length"), Some("0"));
}
