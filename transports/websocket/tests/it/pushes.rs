//! What comes unasked.

use buckler::{
    protocol::v2::Flag,
    transport::{Push, TransportError},
};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;

use crate::{
    client::*,
    server::{Peer, Server},
};

fn push(peer: &mut Peer, number: u64) {
    peer.push(&json!({ "server_ms": number }));
}

#[test]
fn pushes_come_after_the_reply_before_them_and_the_opening_comes_first() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        push(peer, 1);
        let message = peer.message();
        push(peer, 2);
        peer.reply(&message);
        push(peer, 3);
        peer.close_code();
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        assert_eq!(number(&next(&mut pushes).await), Some(1));
        send_beacon(&*transport).await.unwrap();
        assert_eq!(number(&next(&mut pushes).await), Some(2));
        assert_eq!(number(&next(&mut pushes).await), Some(3));
    });
}

#[test]
fn what_is_pushed_before_the_first_exchange_is_pulled_after_it() {
    let server = Server::start(|peer, _| {
        peer.accept();
        let message = peer.message();
        push(peer, 1);
        push(peer, 2);
        peer.json(&json!({"id": message["id"], "code": 500, "reply": {"status": false}}));
        peer.welcome();
        peer.close_code();
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap_err();
        assert_eq!(pushes.next().now_or_never(), None, "no exchange has succeeded");
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let Push::Said(part) = next(&mut pushes).await else {
            panic!("no wish to pull");
        };
        assert_eq!(part.flags, [Flag::PullNow]);
    });
}

#[test]
fn nothing_is_lost_silently_where_pushes_are_not_read() {
    const MANY: u64 = 1000;
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        for number in 0..MANY {
            push(peer, number);
        }
        peer.welcome();
        peer.close_code();
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        // its reply comes after all of the pushes
        send_beacon(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let mut expected = 0;
        loop {
            let push = next(&mut pushes).await;
            match number(&push) {
                Some(number) => assert_eq!(number, expected),
                None => break assert!(matches!(push, Push::Said(part) if part.flags == [Flag::PullNow])),
            }
            expected += 1;
        }
        assert!((100..MANY).contains(&expected), "{expected}");
    });
}

#[test]
fn a_lost_connection_is_told_once_and_replaced_with_the_next_exchange() {
    let server = Server::start(|peer, number| {
        peer.accept();
        peer.welcome();
        if number == 0 {
            return peer.close(1012, "restart");
        }
        push(peer, 7);
        peer.close_code()
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let restart = TransportError::Closed {
            code: 1012,
            reason: "restart".to_owned(),
        };
        assert_eq!(next(&mut pushes).await, Push::Closed(restart));
        assert_eq!(pushes.next().now_or_never(), None);
        send_beacon(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        assert_eq!(number(&next(&mut pushes).await), Some(7));
        drop(transport);
        assert_eq!(pushes.next().await, None);
    });
    assert_eq!(server.outcome(), Some(1000), "a close frame is answered");
    assert_eq!(server.outcome(), Some(1001), "who goes says so");
}

#[test]
fn a_loss_in_mid_exchange_is_heard_before_the_exchange_fails() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        peer.message();
        peer.close(4503, "full");
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        let error = send_beacon(&*transport).await.unwrap_err();
        assert_eq!(pushes.next().now_or_never().flatten(), Some(Push::Closed(error)));
    });
}

#[test]
fn a_push_of_nonsense_ends_the_connection() {
    let server = Server::start(|peer, _| {
        peer.accept();
        peer.welcome();
        peer.push(&json!({"list": "all of them"}));
        peer.close_code()
    });
    run(async {
        let transport = transport(settings(server.address()));
        let mut pushes = transport.pushes();
        register(&*transport).await.unwrap();
        assert_eq!(next(&mut pushes).await, Push::Open);
        assert!(matches!(
            next(&mut pushes).await,
            Push::Closed(TransportError::Malformed(_))
        ));
    });
    assert_eq!(server.outcome(), Some(1008));
}
