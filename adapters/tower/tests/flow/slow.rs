//! Bodies that come slower than anybody waits, in time that the test drives: requests' are judged as they are read, whatever reads them,
//! and answers are not held back for long.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{self, Context, Poll},
};

use buckler_tower::{Agent, BodyRefused, BoxError, Buckler, PATIENCE, Settings, start};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tokio::{
    runtime::Runtime,
    time::{Sleep, sleep, timeout},
};
use tower_layer::Layer as _;
use tower_service::Service;

const INJECTION: &str = "1' OR '1'='1";

/// A body that knows how long it is. Each frame comes when everybody has lost patience.
struct Slow {
    frames: VecDeque<Frame<Bytes>>,
    next: Pin<Box<Sleep>>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        task::ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(sleep(PATIENCE * 2));
        Poll::Ready(self.frames.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.frames.iter().filter_map(Frame::data_ref);
        SizeHint::with_exact(left.map(|piece| piece.len() as u64).sum())
    }
}

/// Answers what it has read of a body.
#[derive(Debug, Clone)]
enum Reader {
    /// That asks for frames as long as there may be some.
    Thorough,
    /// That asks for no more when the length has come.
    Curt,
}

impl<B> Service<Request<B>> for Reader
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_curt = matches!(self, Self::Curt);
        let mut body = request.into_body();
        Box::pin(async move {
            let mut read = Vec::new();
            while !(is_curt && body.is_end_stream())
                && let Some(frame) = body.frame().await
            {
                match frame
                    .inspect_err(|error| assert!(error.is::<BodyRefused>()))?
                    .into_data()
                {
                    Ok(piece) => read.extend_from_slice(&piece),
                    Err(frame) => read.extend_from_slice(format!(" {:?}", frame.trailers_ref().unwrap()).as_bytes()),
                }
            }
            Ok(Response::new(Full::from(read)))
        })
    }
}

/// Answers with text that does not come.
#[derive(Debug, Clone)]
struct Silent {
    length: Option<u64>,
}

impl<B> Service<Request<B>> for Silent {
    type Response = Response<Self>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let response = Response::builder().header("content-type", "text/plain");
        ready(Ok(response.body(self.clone()).unwrap()))
    }
}

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn guarded(
    reader: Reader,
) -> (
    Agent,
    impl Service<Request<Slow>, Response = Response<impl Body<Data = Bytes>>>,
) {
    let settings = Settings::builder().security("SECURITY_CHECKS", json!({"sqli": 1, "flood": 0}));
    let agent = start(settings.build().unwrap()).unwrap();
    let service = Buckler::new(&agent).layer(reader);
    (agent, service)
}

/// Time that stands still, and jumps to whatever is waited for.
fn paused() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap()
}

/// Status and body of the answer to a body in these pieces, then these trailers.
fn post(reader: Reader, pieces: &[&'static str], trailers: Option<HeaderMap>) -> (u16, String) {
    let runtime = paused();
    let (agent, mut service) = guarded(reader);
    let answered = async {
        let frames = pieces
            .iter()
            .map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let body = Slow {
            frames: frames.chain(trailers.map(Frame::trailers)).collect(),
            next: Box::pin(sleep(PATIENCE * 2)),
        };
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let response = service.call(request.body(body).unwrap()).await.ok().unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok().unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    };
    let answer = runtime.block_on(answered);
    let requests = agent.status().requests;
    let counts = (requests.success, requests.blocked);
    assert_eq!(counts, if answer.0 == 200 { (1, 0) } else { (0, 1) });
    answer
}

#[test]
fn whoever_reads_a_slow_attack_never_has_all_of_it() {
    for reader in [Reader::Thorough, Reader::Curt] {
        for pieces in [
            &["a=b&c=", INJECTION][..],
            &["a=b&c=1' OR", " '1'='1"],
            &["c=1' OR '1'='1"],
        ] {
            let (status, page) = post(reader.clone(), pieces, None);
            assert_eq!((status, page.starts_with("Blocked. ")), (403, true), "{reader:?}");
        }
        let (before, after) = ("x".repeat(40_000), "y".repeat(40_000));
        let pieces = [before.leak(), "&c=1' OR '1'='1&d=", after.leak(), "&more"];
        assert_eq!(post(reader, &pieces, None).0, 403);
    }
}

#[test]
fn a_slow_body_is_what_it_was() {
    for reader in [Reader::Thorough, Reader::Curt] {
        let answer = post(reader.clone(), &["a=b", "&c=", "O'Brien"], None);
        assert_eq!(answer, (200, "a=b&c=O'Brien".to_owned()));
        assert_eq!(post(reader, &[], None), (200, String::new()));
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", http::HeaderValue::from_static("7"));
    assert_eq!(
        post(Reader::Thorough, &["a=b", "&c=d"], Some(trailers.clone())),
        (200, r#"a=b&c=d {"x-sum": "7"}"#.to_owned())
    );
    assert_eq!(post(Reader::Thorough, &["a=b&c=", INJECTION], Some(trailers)).0, 403);
}

#[test]
fn of_answers_only_those_of_known_length_are_held_back_and_not_for_long() {
    let settings = Settings::builder().security("DLP_CC_NUMBERS", true);
    let checks = settings.security("SECURITY_CHECKS", json!({"dlp": 1}));
    let agent = start(checks.build().unwrap()).unwrap();
    let runtime = paused();
    let _entered = runtime.enter();
    let ask = |length| {
        Buckler::new(&agent)
            .layer(Silent { length })
            .call(Request::new(Full::<Bytes>::default()))
    };
    let stream = ask(None).now_or_never().unwrap().unwrap();
    assert_eq!(stream.body().size_hint().exact(), None);
    assert!(ask(Some(7)).now_or_never().is_none(), "it is waited for");
    let waited = runtime.block_on(async { timeout(PATIENCE * 2, ask(Some(7))).await });
    assert_eq!(waited.unwrap().unwrap().body().size_hint().exact(), Some(7));
}
