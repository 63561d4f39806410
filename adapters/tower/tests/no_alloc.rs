//! The layer adds no allocation to a request that passes.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that its setting is wrong")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use buckler_tower::{Agent, Buckler, Settings, start};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use tower_layer::Layer as _;
use tower_service::Service;

/// Requests that are asked before counting: buffers and pools are full then, and nobody has made a flood.
const WARM_UP: u32 = 20;

/// Part of the bytes that were read from a socket, shared with the rest of them.
fn shared(value: &str) -> Bytes {
    let mut read = BytesMut::from(format!("{value}\r\n").as_str());
    read.split_to(value.len()).freeze()
}

/// Answers at once.
#[derive(Debug, Clone)]
struct Bare;

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

fn request() -> Request<Empty<Bytes>> {
    let target = Uri::from_maybe_shared(shared("/items/7?color=red")).unwrap();
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target;
    for (name, value) in [
        ("host", "shop.example.com"),
        ("x-forwarded-for", "203.0.113.9, 198.51.100.8"),
        ("x-request-id", "7"),
    ] {
        let value = HeaderValue::from_maybe_shared(shared(value)).unwrap();
        request.headers_mut().insert(name, value);
    }
    request
}

/// Allocations of one request, made and answered.
fn allocations<S, R>(mut service: S) -> u64
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error = Infallible>,
{
    let mut ask = || {
        let response = service.call(request()).now_or_never().unwrap().unwrap();
        assert_eq!(response.status(), 200);
    };
    (0..WARM_UP).for_each(|_| ask());
    allocation_counter::measure(ask).count_total
}

fn agent(trusted: &str) -> Agent {
    start(Settings::builder().trusted_proxies([trusted]).build().unwrap()).unwrap()
}

#[test]
fn a_request_that_passes_costs_no_allocation() {
    for trusted in ["192.0.2.0/24", "198.51.100.0/24"] {
        let agent = agent(trusted);
        let guarded = Buckler::new(&agent).connected_to([198, 51, 100, 7].into()).layer(Bare);
        let bare = allocations(Bare);
        assert!(bare > 0, "the counter counts");
        assert_eq!(allocations(guarded), bare, "behind {trusted}");
    }
}
