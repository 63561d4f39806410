//! Messages, and the replies to them.

use std::time::Duration;

use buckler::transport::{Advice, TransportError};
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use serde_json::json;

use crate::{
    client::*,
    server::{PATIENCE, Server, good},
};

#[test]
fn one_connection_carries_all_exchanges_and_ids_rise() {
    let server = Server::start(|peer, number| {
        peer.accept();
        let messages = [peer.welcome(), peer.welcome(), peer.welcome()];
        (number, messages, peer.close_code())
    });
    run(async {
        let transport = transport(settings(server.address()));
        register(&*transport).await.unwrap();
        send_beacon(&*transport).await.unwrap();
        send_beacon(&*transport).await.unwrap();
    });
    let (number, [registered, first, second], left) = server.outcome();
    assert_eq!((number, left), (0, Some(1001)));
    assert_eq!([&registered["id"], &first["id"], &second["id"]], [1, 2, 3]);
    assert_eq!(
        (&registered["register"]["key"], &registered["register"]["platform"]),
        (&json!(KEY), &json!("test"))
    );
    assert_eq!(first["beacon"]["key"], KEY);
}

#[test]
fn a_reply_is_what_it_would_be_over_http() {
    let refusal =
        |code: u16| json!({"id": 1, "code": code, "retry_after_s": 9, "reply": {"status": false, "message": "no"}});
    for (reply, expected) in [
        (
            refusal(503),
            TransportError::Status {
                status: 503,
                message: Some("no".to_owned()),
                retry_after: Some(Duration::from_secs(9)),
            },
        ),
        (refusal(200), TransportError::Refused("no".to_owned())),
        (
            json!({"id": 1, "code": 200, "reply": []}),
            TransportError::Malformed(
                "invalid type: sequence, expected an object at line 1 column 0 (beginning with \"[]\")".to_owned(),
            ),
        ),
    ] {
        let server = Server::start(move |peer, number| {
            peer.accept();
            peer.message();
            peer.json(&reply);
            peer.welcome();
            number
        });
        run(async {
            let transport = transport(settings(server.address()));
            assert_eq!(register(&*transport).await.unwrap_err(), expected);
            // the connection stands all the same
            register(&*transport).await.unwrap();
        });
        assert_eq!(server.outcome(), 0);
    }
}

#[test]
fn a_late_reply_means_nothing() {
    let server = Server::start(|peer, number| {
        peer.accept();
        let first = peer.message();
        peer.ping(b"alive");
        let second = peer.message();
        for late in [&first["id"], &json!(0), &json!(99)] {
            peer.json(&json!({"id": late, "code": 200, "reply": {"status": false, "message": "late"}}));
        }
        peer.reply(&second);
        // twice: the second is late too
        peer.reply(&second);
        peer.welcome();
        number
    });
    run(async {
        let transport = transport(with(server.address(), "timeout", "2s"));
        // something came, so that the connection is not given up with the exchange
        assert!(matches!(register(&*transport).await, Err(TransportError::Deadline(_))));
        register(&*transport).await.unwrap();
        register(&*transport).await.unwrap();
    });
    assert_eq!(server.outcome(), 0);
}

#[test]
fn a_silent_server_is_left_after_the_deadline() {
    let server = Server::start(|peer, number| {
        peer.accept();
        if number == 0 {
            peer.message();
            return (number, peer.close_code());
        }
        peer.welcome();
        (number, None)
    });
    run(async {
        let transport = transport(with(server.address(), "timeout", "2s"));
        let error = register(&*transport).await.unwrap_err();
        assert_eq!(error, TransportError::Deadline(Duration::from_secs(2)));
        register(&*transport).await.unwrap();
    });
    assert_eq!(server.first_outcome(), Some(1001));
}

#[test]
fn a_dropped_exchange_leaves_the_transport_usable() {
    let (read, was_read) = std::sync::mpsc::channel();
    let server = Server::start(move |peer, number| {
        peer.accept();
        let first = peer.message();
        read.send(()).unwrap();
        let second = peer.message();
        peer.reply(&first);
        peer.reply(&second);
        (number, first["id"].clone(), second["id"].clone())
    });
    run(async {
        let transport = transport(settings(server.address()));
        // given up before the connection, and after the message
        assert!(register(&*transport).now_or_never().is_none());
        let message_read = actix_rt::task::spawn_blocking(move || was_read.recv_timeout(PATIENCE));
        let given_up = select(message_read, register(&*transport).boxed_local()).await;
        assert!(matches!(given_up, Either::Left((Ok(Ok(())), _))));
        drop(given_up);
        register(&*transport).await.unwrap();
    });
    let (_, first, second) = server.outcome();
    assert!(first.as_u64() < second.as_u64(), "{first} {second}");
}

#[test]
fn fragments_are_put_together() {
    let server = Server::start(|peer, _| {
        peer.accept();
        let message = peer.message();
        let reply = json!({"id": message["id"], "code": 200, "reply": good()}).to_string();
        peer.fragments(&reply, 7);
    });
    run(async { register(&*transport(settings(server.address()))).await }).unwrap();
}

#[test]
fn a_large_message_comes_through_and_one_too_large_does_not() {
    let server = Server::start(|peer, number| {
        peer.accept();
        let message = peer.message();
        let list: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("2001:db8::{n:x}"), json!(n))).collect();
        let reply = json!({"status": true, "message": "ok", "data": {"blacklist": list}});
        let reply = json!({"id": message["id"], "code": 200, "reply": reply}).to_string();
        if number == 1 {
            peer.fragments(&reply, 100)
        } else {
            peer.text(&reply)
        }
        peer.close_code()
    });
    run(async {
        let large = transport(settings(server.address()));
        assert_eq!(register(&*large).await.unwrap().blacklist.len(), 20_000);
        let small = transport(with(server.address(), "max_message_bytes", "64KiB"));
        for _ in 0..2 {
            assert_eq!(register(&*small).await.unwrap_err(), TransportError::TooLarge(64 << 10));
        }
    });
}

#[test]
fn a_frame_too_large_is_refused_by_its_head() {
    let error = register_with(|peer| {
        peer.accept();
        peer.message();
        // four exabytes, of which none ever comes
        peer.raw([0x81, 127, 0x3f, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(peer.close_code(), Some(1009));
    })
    .unwrap_err();
    assert_eq!(error, TransportError::TooLarge(32 << 20));
}

#[test]
fn what_is_no_message_ends_the_connection() {
    type Say = fn(&mut crate::server::Peer);
    let cases: [(Say, u16, &str); 8] = [
        (|peer| peer.binary(b"{}"), 1003, "binary"),
        (|peer| peer.frame(0x02, b"{"), 1003, "binary"),
        (|peer| peer.text("<html>"), 1008, "beginning with \"<html>\""),
        (|peer| peer.text("{}"), 1008, "neither a reply nor a push"),
        (|peer| peer.text(KEY), 1008, "beginning with \"…\""),
        (|peer| peer.frame(0x81, b"\xff"), 1007, "UTF-8"),
        (|peer| peer.frame(0x83, b"{}"), 1002, "opcode"),
        (|peer| peer.frame(0x80, b"{}"), 1002, "ontinuation"),
    ];
    for (say, code, expected) in cases {
        let server = Server::start(move |peer, number| {
            peer.accept();
            if number == 0 {
                peer.message();
                say(peer);
                return (number, peer.close_code());
            }
            peer.welcome();
            (number, None)
        });
        run(async {
            let transport = transport(settings(server.address()));
            let error = register(&*transport).await.unwrap_err();
            assert!(
                matches!(&error, TransportError::Malformed(text) if text.contains(expected)),
                "{error:?}"
            );
            assert_eq!(error.advice(), Advice::Retry);
            register(&*transport).await.unwrap();
        });
        assert_eq!(server.first_outcome(), Some(code), "{expected}");
    }
}

#[test]
fn a_compressed_frame_was_not_agreed_upon() {
    let error = register_with(|peer| {
        peer.accept();
        peer.message();
        peer.frame(0xc1, b"{}");
        peer.close_code();
    })
    .unwrap_err();
    assert!(
        matches!(&error, TransportError::Closed { code: 1006, reason } if reason.contains("reserved")),
        "{error:?}"
    );
}
