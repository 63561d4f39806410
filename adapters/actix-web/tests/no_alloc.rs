//! The middleware adds no allocation to a request that passes.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that its setting is wrong")]

use actix_web::{
    App,
    dev::Service as _,
    http::header::HeaderValue,
    middleware::Condition,
    test::{self, TestRequest},
    web::{self, BytesMut},
};
use buckler_actix_web::{Agent, Buckler, Settings, start};
use futures_util::FutureExt as _;

/// Requests that are asked before counting: buffers and pools are full then, and nobody has made a flood.
const WARM_UP: u32 = 20;

/// A header's value as it comes from a socket: a part of the bytes that were read, shared with the rest of them.
fn shared(value: &str) -> HeaderValue {
    let mut read = BytesMut::from(format!("{value}\r\n").as_str());
    HeaderValue::from_maybe_shared(read.split_to(value.len()).freeze()).unwrap()
}

/// Allocations of one request, made and answered, with the middleware and without.
async fn allocations(agent: &Agent, guarded: bool, path: &str) -> u64 {
    let app = test::init_service(
        App::new()
            .route("/items/{id}", web::get().to(|| async { "item" }))
            .wrap(Condition::new(guarded, Buckler::new(agent))),
    )
    .await;
    let ask = || {
        let request = TestRequest::with_uri(path)
            .peer_addr(([198, 51, 100, 7], 4711).into())
            .insert_header(("x-forwarded-for", shared("203.0.113.9, 198.51.100.8")))
            .insert_header(("x-request-id", shared("7")))
            .to_request();
        let response = app.call(request).now_or_never().unwrap().unwrap();
        assert_eq!(response.status(), 200);
    };
    (0..WARM_UP).for_each(|_| ask());
    allocation_counter::measure(ask).count_total
}

#[actix_web::test]
async fn a_request_that_passes_costs_no_allocation() {
    for trusted in ["192.0.2.0/24", "198.51.100.0/24"] {
        let agent = start(Settings::builder().trusted_proxies([trusted]).build().unwrap()).unwrap();
        let bare = allocations(&agent, false, "/items/7?color=red").await;
        assert!(bare > 0, "the counter counts");
        assert_eq!(
            allocations(&agent, true, "/items/7?color=red").await,
            bare,
            "behind {trusted}"
        );
    }
}
