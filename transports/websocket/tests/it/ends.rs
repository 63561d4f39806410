//! How a connection ends: close codes, silence, cuts, and leaving.

use std::time::Duration;

use buckler::transport::{Advice, Push, TransportError};

use crate::{
    client::*,
    server::{Sent, Server},
};

/// Registers, is then closed with `code`, and tells what that was taken for.
fn closed_with(code: u16) -> TransportError {
    let server = Server::start(move |peer, _| {
        peer.accept();
        peer.welcome();
        peer.close(code, &format!("for {KEY}\nand all"))
    });
    let error = run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let Push::Closed(error) = next(&mut pushes).await else {
            panic!("the connection was closed");
        };
        error
    });
    assert_eq!(server.outcome(), Some(1000));
    error
}

#[test]
fn each_close_code_says_what_follows() {
    for (code, advice) in [
        (1000, Advice::Retry),
        (1001, Advice::Retry),
        (1002, Advice::Extended),
        (1008, Advice::Extended),
        (1009, Advice::Retry),
        (1011, Advice::Retry),
        (1012, Advice::Retry),
        (1013, Advice::Wait(Duration::from_secs(30))),
        (3000, Advice::Retry),
        (4000, Advice::Retry),
    ] {
        let error = closed_with(code);
        let expected = TransportError::Closed {
            code,
            reason: "for … and all".to_owned(),
        };
        assert_eq!((error.advice(), error), (advice, expected));
    }
    for (code, advice) in [
        (4401, Advice::Extended),
        (4403, Advice::Extended),
        (4404, Advice::Extended),
        (4429, Advice::Wait(Duration::from_secs(30))),
        (4500, Advice::Retry),
        (4503, Advice::Wait(Duration::from_secs(30))),
    ] {
        let error = closed_with(code);
        assert_eq!(error.advice(), advice, "{code}");
        assert!(
            matches!(&error, TransportError::Status { status, message: Some(message), .. }
                if *status == code - 4000 && message == "for … and all"),
            "{error:?}"
        );
    }
}

#[test]
fn a_connection_that_breaks_off_fails_its_exchange_at_once() {
    let error = register_with(|peer| {
        peer.accept();
        peer.message();
    })
    .unwrap_err();
    assert!(matches!(error, TransportError::Closed { code: 1006, .. }), "{error:?}");
    let error = register_with(|peer| {
        peer.accept();
        peer.message();
        peer.frame(0x88, b"");
        peer.close_code();
    })
    .unwrap_err();
    assert!(matches!(error, TransportError::Closed { code: 1005, .. }), "{error:?}");
}

#[test]
fn the_servers_pings_are_answered() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        peer.ping(b"are you there");
        peer.read()
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        assert!(
            matches!(next(&mut pushes).await, Push::Closed(_)),
            "the server goes when it has its answer"
        );
    });
    assert_eq!(server.outcome(), Sent::Pong(b"are you there".to_vec()));
}

#[test]
fn a_server_that_answers_pings_stays_and_one_that_does_not_is_dead() {
    const ANSWERED: usize = 3;
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        for _ in 0..ANSWERED {
            assert_eq!(peer.read(), Sent::Ping);
            peer.frame(0x8a, b"");
        }
        let last = peer.read();
        // half-open: it takes whatever comes and says nothing
        (last, peer.read())
    });
    run(async {
        let settings = with(server.address(), "ping_every", "100ms");
        let transport = transport(settings.transport_option(buckler_websocket::KIND, "ping_timeout", "3s"));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let dead = TransportError::Closed {
            code: 1006,
            reason: "no sign of life".to_owned(),
        };
        assert_eq!(next(&mut pushes).await, Push::Closed(dead));
    });
    assert_eq!(server.outcome(), (Sent::Ping, Sent::End));
}

#[test]
fn a_message_that_never_ends_is_no_sign_of_life() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        // the first fragment of a text, and then empty ones between answered pings
        peer.frame(0x01, b"{");
        while peer.read() == Sent::Ping {
            peer.frame(0x8a, b"");
            peer.frame(0x00, b"");
        }
    });
    run(async {
        let settings = with(server.address(), "ping_every", "100ms");
        let transport = transport(settings.transport_option(buckler_websocket::KIND, "ping_timeout", "2s"));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        assert!(matches!(
            next(&mut pushes).await,
            Push::Closed(TransportError::Closed { code: 1006, .. })
        ));
    });
}

#[test]
fn who_drops_the_transport_leaves_in_good_order() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        peer.close_code()
    });
    // the runtime goes on
    run(async {
        let transport = transport(settings(server.address()));
        register(&*transport).await.unwrap();
        drop(transport);
        assert_eq!(
            actix_rt::task::spawn_blocking(move || server.outcome()).await.unwrap(),
            Some(1001)
        );
    });
}

#[test]
fn two_sides_that_both_write_much_do_not_block_each_other() {
    const PUSHES: u64 = 2000;
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        // more than the sockets' buffers hold, while a beacon of megabytes comes the other way and is not read yet
        let text = serde_json::json!({"v2": {"server_ms": 1, "nack": vec![serde_json::json!({"seq": 1, "code": "x".repeat(1000)}); 5]}});
        for _ in 0..PUSHES {
            peer.json(&text);
        }
        peer.welcome();
    });
    run(async {
        let transport = transport(with(server.address(), "timeout", "1m"));
        register(&*transport).await.unwrap();
        let mut large = beacon();
        large.version = "x".repeat(8 << 20);
        transport.beacon(None, large).await.unwrap();
    });
}
