//! `auto` on real sockets: a blocked WebSocket costs one exchange nothing but time, and a switch repeats nothing but the message.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where it finds something else than it expects, its helpers included"
)]

use std::{future::Future, time::Duration};

use buckler::{
    Settings,
    protocol::{AgentKey, Beacon, BeaconReply, Registration},
    settings::SettingsBuilder,
    transport::{Push, Transport, TransportError},
};
use buckler_tests::fault::{Answer, FaultServer, Pace, Record, Say, Script, Seen, Step, Upgrade};
use futures_util::{FutureExt, Stream, StreamExt};
use serde_json::json;

/// Longer than anything here takes, even on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

const KEY: &str = "0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33";

fn good() -> Step {
    Answer::reply(&json!({})).into()
}

fn serve(script: Script) -> FaultServer {
    FaultServer::start(script).unwrap()
}

/// A server that does this with upgrades, and answers every request well.
fn blocking(upgrade: Step) -> FaultServer {
    serve(Script::by(
        move |request| {
            if is_upgrade(request) { upgrade.clone() } else { good() }
        },
    ))
}

/// A server that lets everybody in, does this with frames, and answers every request well.
fn answering(frame: Step) -> FaultServer {
    let script = Script::by(move |request| {
        if request.method == "FRAME" {
            frame.clone()
        } else {
            good()
        }
    });
    serve(script.upgrading(Upgrade::new()))
}

fn is_upgrade(request: &Seen) -> bool {
    request.header("upgrade").is_some()
}

fn settings(server: &FaultServer) -> SettingsBuilder {
    Settings::builder()
        .cloud_url(server.url("/config"))
        .key(KEY)
        .transport("auto")
        // of which an exchange that hangs takes all
        .transport_option("websocket", "timeout", "2s")
}

fn transport(settings: SettingsBuilder) -> Box<dyn Transport> {
    let settings = settings.build().unwrap();
    buckler_transports::pick(&settings).unwrap().unwrap()().unwrap()
}

async fn beacon(transport: &dyn Transport) -> Result<BeaconReply, TransportError> {
    let beacon = Beacon {
        key: AgentKey::new(KEY),
        version: "0.1.0".to_owned(),
        telemetry: None,
        blacklist: None,
        proto: Some(2),
        v2: None,
    };
    transport.beacon(None, beacon).await
}

async fn next(pushes: &mut (impl Stream<Item = Push> + Unpin)) -> Push {
    actix_rt::time::timeout(PATIENCE, pushes.next()).await.unwrap().unwrap()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

/// How often the message came over the WebSocket and over HTTP, upgrades aside.
fn carried(record: &Record) -> (usize, usize) {
    let frames = record.requests.iter().filter(|request| request.method == "FRAME");
    let posts = record.requests.iter().filter(|request| request.method == "POST");
    (frames.count(), posts.count())
}

#[test]
fn where_the_upgrade_is_blocked_the_same_exchange_is_polled() {
    for upgrade in [
        Answer::new(403).into(),
        Answer::new(200).html("<h1>Welcome to the lounge</h1>").into(),
        Answer::new(502).into(),
        Answer::redirect("http://127.0.0.1:1/").into(),
        Upgrade::new().without_subprotocol().into(),
        Step::Hang,
        Step::Close,
        Step::Reset,
    ] {
        let server = blocking(upgrade.clone());
        run(async {
            let transport = transport(settings(&server));
            let registration = Registration {
                key: AgentKey::new(KEY),
                version: "0.1.0".to_owned(),
                platform: String::new(),
                routes: [].into(),
                proto: Some(2),
                v2: None,
            };
            transport.register(registration).await.unwrap();
            assert_eq!(transport.kind(), "http-polling", "{upgrade:?}");
            beacon(&*transport).await.unwrap();
        });
        let record = server.record();
        assert_eq!(carried(&record), (0, 2), "{upgrade:?}");
        assert_eq!(
            record.requests.iter().filter(|request| is_upgrade(request)).count(),
            1,
            "{upgrade:?}"
        );
    }
}

/// A proxy that swallows upgrades costs three seconds, not all the time that an exchange over a
/// WebSocket has.
#[test]
fn an_upgrade_that_is_never_answered_is_given_up_after_three_seconds() {
    /// Between those three seconds and the ten of an attempt.
    const BETWEEN: Duration = Duration::from_secs(8);
    let server = blocking(Step::Hang);
    let settings = settings(&server).transport_option("websocket", "timeout", "60s");
    run(async {
        let transport = transport(settings);
        let exchange = actix_rt::time::timeout(BETWEEN, beacon(&*transport));
        exchange.await.expect("the upgrade is given up").unwrap();
        assert_eq!(transport.kind(), "http-polling");
    });
    assert_eq!(carried(&server.record()), (0, 1));
}

#[test]
fn what_fails_over_the_websocket_in_mid_flight_is_polled_once() {
    for frame in [
        Step::Hang,
        Step::Close,
        Step::Reset,
        Step::Say(vec![Say::Close(Some(4503), "full".to_owned())]),
        Step::Say(vec![Say::Text("<html>".to_owned())]),
        Step::Say(vec![Say::Binary("{}".into())]),
        Step::Say(vec![Say::Vanish]),
        Answer::new(500).into(),
        Answer::reply(&json!({})).pace(Pace::CutInBody(3)).into(),
        Answer::reply(&json!({})).pace(Pace::StallInBody(3)).into(),
    ] {
        let server = answering(frame.clone());
        run(async {
            let transport = transport(settings(&server));
            beacon(&*transport).await.unwrap();
            assert_eq!(transport.kind(), "http-polling", "{frame:?}");
        });
        let record = server.record();
        assert_eq!(carried(&record), (1, 1), "{frame:?}");
        let [frame, post] = ["FRAME", "POST"].map(|method| {
            let found = record.requests.iter().find(|request| request.method == method);
            found.map(Seen::json)
        });
        assert_eq!(frame, post, "the same message");
    }
}

#[test]
fn the_websocket_is_returned_to_when_it_can_be_had() {
    let server = blocking(Answer::new(403).into());
    run(async {
        let transport = transport(settings(&server).transport_option("auto", "return_after", "1s"));
        let mut pushes = transport.pushes();
        beacon(&*transport).await.unwrap();
        assert_eq!(transport.kind(), "http-polling");
        server.play(Script::always(good()).upgrading(Upgrade::new())).unwrap();
        // polls until the second is over; a test that never returns fails by the deadline
        let returned = async {
            while transport.kind() != "websocket" {
                beacon(&*transport).await.unwrap();
                actix_rt::time::sleep(Duration::from_millis(50)).await;
            }
        };
        actix_rt::time::timeout(PATIENCE, returned).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        server.push(json!({"server_ms": 7})).unwrap();
        assert!(matches!(next(&mut pushes).await, Push::Said(part) if part.server_ms == 7));
    });
}

#[test]
fn a_connection_that_is_lost_is_told_and_opened_again() {
    let server = answering(good());
    run(async {
        let transport = transport(settings(&server));
        let mut pushes = transport.pushes();
        beacon(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        server.say([Say::Close(Some(1012), String::new())]).unwrap();
        assert!(matches!(next(&mut pushes).await, Push::Closed(_)));
        beacon(&*transport).await.unwrap();
        assert_eq!(transport.kind(), "websocket");
        assert_eq!(next(&mut pushes).await, Push::Open);
    });
    assert_eq!(carried(&server.record()), (2, 0));
}

#[test]
fn a_half_open_connection_is_noticed_and_polled_around() {
    let server = answering(good());
    run(async {
        let transport = transport(settings(&server));
        let mut pushes = transport.pushes();
        beacon(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        server.say([Say::Vanish]).unwrap();
        beacon(&*transport).await.unwrap();
        assert_eq!(transport.kind(), "http-polling");
        assert!(matches!(next(&mut pushes).await, Push::Closed(_)));
        assert_eq!(pushes.next().now_or_never(), None);
    });
}

#[test]
fn a_server_that_is_down_is_an_error_of_either() {
    let server = answering(good());
    server.refuse().unwrap();
    run(async {
        let transport = transport(settings(&server));
        assert!(matches!(
            beacon(&*transport).await,
            Err(TransportError::Unreachable { .. })
        ));
        server.listen().unwrap();
        beacon(&*transport).await.unwrap();
        assert_eq!(
            transport.kind(),
            "websocket",
            "a server that was down is no blocked WebSocket"
        );
    });
}
