//! Which part carries what, and when, with parts that do what a test says.

use std::sync::atomic::{AtomicU64, Ordering};

use buckler::{
    protocol::{AgentKey, v2::ServerPart},
    testing::ManualClock,
};
use futures_util::{StreamExt, stream};

use super::*;

/// What a part does with every exchange.
const CARRY: u64 = 0;
const FAIL: u64 = 1;
const REFUSE: u64 = 2;

/// A part and its past.
#[derive(Clone, Default)]
struct Part {
    kind: &'static str,
    does: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
    made: Arc<AtomicU64>,
}

impl Part {
    fn named(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    fn does(&self, what: u64) {
        self.does.store(what, Ordering::SeqCst);
    }

    fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::SeqCst)
    }

    fn answer(&self) -> Result<(), TransportError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.does.load(Ordering::SeqCst) {
            CARRY => Ok(()),
            FAIL => Err(TransportError::Malformed(format!("by {}", self.kind))),
            _refuse => Err(TransportError::Status {
                status: 403,
                message: None,
                retry_after: None,
            }),
        }
    }
}

impl Transport for Part {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn register(&self, _: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        async { self.answer().map(|()| Welcome::default()) }.boxed_local()
    }

    fn beacon(&self, _: Option<url::Url>, _: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        async { self.answer().map(|()| BeaconReply::default()) }.boxed_local()
    }

    /// Says which of its kind it is, and nothing more.
    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        stream::iter([Push::Open, said(number)])
            .chain(stream::pending())
            .boxed_local()
    }
}

fn said(number: u64) -> Push {
    Push::Said(Box::new(ServerPart {
        server_ms: number,
        ..ServerPart::default()
    }))
}

struct Test {
    websocket: Part,
    polling: Part,
    clock: Arc<ManualClock>,
    auto: Auto,
}

fn test() -> Test {
    let (websocket, polling) = (Part::named("websocket"), Part::named("http-polling"));
    let clock = ManualClock::new();
    let part = websocket.clone();
    let auto = Auto::new(
        Arc::new(move || Ok(Box::new(part.clone()))),
        Box::new(polling.clone()),
        Duration::from_secs(60),
        Arc::<ManualClock>::clone(&clock),
    );
    Test {
        websocket,
        polling,
        clock,
        auto,
    }
}

impl Test {
    fn beacon(&self) -> Result<BeaconReply, TransportError> {
        let beacon = Beacon {
            key: AgentKey::new("key"),
            version: String::new(),
            telemetry: None,
            blacklist: None,
            proto: Some(2),
            v2: None,
        };
        actix_rt::System::new().block_on(self.auto.beacon(None, beacon))
    }

    /// How often each part was asked since the last look, and which carries.
    fn asked(&self) -> (u64, u64, &'static str) {
        (self.websocket.asked(), self.polling.asked(), self.auto.kind())
    }
}

fn read(pushes: &mut LocalBoxStream<'static, Push>) -> Vec<Push> {
    std::iter::from_fn(|| pushes.next().now_or_never().flatten()).collect()
}

#[test]
fn the_websocket_carries_where_it_can() {
    let test = test();
    assert_eq!(test.auto.kind(), "websocket");
    test.beacon().unwrap();
    test.beacon().unwrap();
    assert_eq!(test.asked(), (2, 0, "websocket"));
    assert_eq!(test.websocket.made.load(Ordering::SeqCst), 1);
}

#[test]
fn polling_carries_what_the_websocket_cannot_in_the_same_call_and_for_a_while() {
    let test = test();
    test.websocket.does(REFUSE);
    test.beacon().unwrap();
    assert_eq!(test.asked(), (1, 1, "http-polling"));
    test.clock.advance(Duration::from_secs(59));
    test.beacon().unwrap();
    assert_eq!(test.asked(), (0, 1, "http-polling"));
    test.clock.advance(Duration::from_secs(1));
    test.beacon().unwrap();
    assert_eq!(test.asked(), (1, 1, "http-polling"), "tried again, in vain");
    test.clock.advance(Duration::from_secs(119));
    test.beacon().unwrap();
    assert_eq!(test.asked(), (0, 1, "http-polling"), "for twice as long");
    test.clock.advance(Duration::from_secs(1));
    test.websocket.does(CARRY);
    test.beacon().unwrap();
    assert_eq!(test.asked(), (1, 0, "websocket"));
}

#[test]
fn a_server_that_is_down_is_no_blocked_websocket() {
    let test = test();
    test.websocket.does(FAIL);
    test.polling.does(FAIL);
    let error = test.beacon().unwrap_err();
    assert_eq!(error, TransportError::Malformed("by http-polling".to_owned()));
    assert_eq!(test.asked(), (1, 1, "websocket"));
    test.websocket.does(CARRY);
    test.beacon().unwrap();
    assert_eq!(test.asked(), (1, 0, "websocket"), "at once");
}

#[test]
fn while_polling_carries_its_failures_are_its_own() {
    let test = test();
    test.websocket.does(FAIL);
    test.beacon().unwrap();
    test.asked();
    test.polling.does(REFUSE);
    assert!(matches!(test.beacon(), Err(TransportError::Status { status: 403, .. })));
    assert_eq!(test.asked(), (0, 1, "http-polling"));
}

#[test]
fn pushes_are_those_of_whichever_websocket_carries() {
    let test = test();
    let mut pushes = test.auto.pushes();
    assert_eq!(read(&mut pushes), []);
    test.beacon().unwrap();
    assert_eq!(read(&mut pushes), [Push::Open, said(0)]);
    test.websocket.does(FAIL);
    test.beacon().unwrap();
    let lost = TransportError::Malformed("by websocket".to_owned());
    assert_eq!(read(&mut pushes), [Push::Closed(lost)]);
    test.clock.advance(Duration::from_secs(60));
    test.websocket.does(CARRY);
    test.beacon().unwrap();
    assert_eq!(read(&mut pushes), [Push::Open, said(1)]);
}

#[test]
fn the_end_of_a_websocket_is_no_reason_to_wait() {
    let test = test();
    let mut pushes = test.auto.pushes();
    test.beacon().unwrap();
    read(&mut pushes);
    test.websocket.does(REFUSE);
    test.beacon().unwrap();
    let closed = read(&mut pushes);
    let [Push::Closed(error)] = &*closed else {
        panic!("{closed:?}");
    };
    assert_eq!(error.advice(), buckler::transport::Advice::Retry);
    assert!(error.to_string().contains("the server answered 403"), "{error}");
}

#[test]
fn who_has_not_heard_of_the_opening_does_not_hear_of_the_end() {
    let test = test();
    let mut pushes = test.auto.pushes();
    test.beacon().unwrap();
    test.websocket.does(FAIL);
    test.beacon().unwrap();
    assert_eq!(read(&mut pushes), []);
}
