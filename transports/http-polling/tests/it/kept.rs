//! Connections that are kept from one exchange to the next, and what happens when they are gone.

use buckler::transport::TransportError;
use buckler_tests::fault::{FaultServer, Pace, Script, Step};

use crate::messages::*;

#[test]
fn one_connection_carries_registration_and_beacons() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    run(async {
        let transport = transport(settings(&server));
        transport.register(registration()).await.unwrap();
        for _ in 0..3 {
            transport.beacon(None, beacon()).await.unwrap();
        }
    });
    let record = server.record();
    assert_eq!((record.connections, record.requests.len()), (1, 4));
}

#[test]
fn an_error_answer_does_not_cost_the_connection() {
    let server = FaultServer::start(Script::always(buckler_tests::fault::Answer::refusal(503, "later"))).unwrap();
    run(async {
        let transport = transport(settings(&server));
        for _ in 0..2 {
            transport.beacon(None, beacon()).await.unwrap_err();
        }
    });
    assert_eq!(server.record().connections, 1);
}

#[test]
fn without_keep_alive_every_exchange_has_its_connection() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    run(async {
        let transport = transport(with(&server, "keep_alive", "0s"));
        for _ in 0..3 {
            transport.beacon(None, beacon()).await.unwrap();
        }
    });
    assert_eq!(server.record().connections, 3);
}

#[test]
fn a_kept_connection_that_is_gone_is_replaced_once() {
    for gone in [Step::Reset, Step::Close] {
        let steps = [good().into(), gone.clone(), good().into()];
        let server = FaultServer::start(Script::sequence(steps)).unwrap();
        run(async {
            let transport = transport(settings(&server));
            transport.register(registration()).await.unwrap();
            transport.beacon(None, beacon()).await.unwrap();
        });
        let record = server.record();
        assert_eq!((record.connections, record.requests.len()), (2, 3), "{gone:?}");
        assert_eq!(record.requests[1].body, record.requests[2].body);
        assert_eq!(
            record.requests.iter().map(|seen| seen.connection).collect::<Vec<_>>(),
            [1, 1, 2]
        );
    }
}

#[test]
fn a_fresh_connection_that_fails_too_is_not_replaced_again() {
    let server = FaultServer::start(Script::sequence([good().into(), Step::Reset])).unwrap();
    let error = run(async {
        let transport = transport(settings(&server));
        transport.register(registration()).await.unwrap();
        discreet(transport.beacon(None, beacon()).await).unwrap_err()
    });
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error:?}");
    assert_eq!(server.record().requests.len(), 3);
}

#[test]
fn nothing_is_repeated_once_an_answer_has_begun() {
    for begun in [Pace::CutInHead(12), Pace::CutInBody(5)] {
        let steps = [good().into(), good().pace(begun).into(), good().into()];
        let server = FaultServer::start(Script::sequence(steps)).unwrap();
        run(async {
            let transport = transport(settings(&server));
            transport.register(registration()).await.unwrap();
            discreet(transport.beacon(None, beacon()).await).unwrap_err();
        });
        assert_eq!(server.record().requests.len(), 2, "{begun:?}");
    }
}

#[test]
fn an_exchange_that_was_given_up_spoils_no_later_one() {
    let server = FaultServer::start(Script::sequence([
        good().pace(Pace::StallInBody(5)).into(),
        good().into(),
    ]))
    .unwrap();
    run(async {
        let transport = transport(settings(&server));
        let mut given_up = transport.register(registration());
        let asked = server.waited_for(|record| record.body_bytes_sent > 0, PATIENCE);
        tokio::select! {
            biased;
            result = &mut given_up => panic!("{result:?}"),
            asked = asked => assert!(asked),
        }
        drop(given_up);
        transport.beacon(None, beacon()).await.unwrap();
    });
    assert_eq!(server.record().connections, 2);
}

#[test]
fn every_fault_is_followed_by_recovery_on_the_same_transport() {
    let faults: Vec<Step> = vec![
        Step::Close,
        good().pace(Pace::CutInBody(5)).into(),
        buckler_tests::fault::Answer::new(500).into(),
        buckler_tests::fault::Answer::gzip_bomb(64 << 20).into(),
    ];
    for fault in faults {
        let server = FaultServer::start(Script::sequence([fault.clone(), good().into()])).unwrap();
        run(async {
            let transport = transport(settings(&server));
            discreet(transport.register(registration()).await).unwrap_err();
            transport
                .register(registration())
                .await
                .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        });
    }
}
