//! The WebSocket: who may open one, what is said over it, and how it ends.

use std::{
    io::{Read, Write},
    num::{NonZeroU32, NonZeroUsize},
};

use actix_ws::Item;
use awc::{error::WsClientError, http::Method, ws};
use buckler::protocol::v2::ListMode;
use buckler_server::ServerConfig;
use serde_json::{Value, json};

use crate::{
    socket::{Said, Socket, part, refused},
    support::{Agent, Cloud, KEY, OTHER_KEY, config},
};

/// The status and message with which an upgrade is refused, when it is asked for with these headers. It is read from the bare
/// socket: awc reads no body of an answer that speaks of an upgrade.
fn refusal(cloud: &Cloud, headers: &[(&str, &str)]) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(cloud.server.address()).unwrap();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nhost: cloud\r\nconnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["status"], &body["data"]), (&json!(false), &json!({})));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body["message"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn an_upgrade_is_refused_as_a_request_would_be() {
    let cloud = Cloud::start(config());
    let bearer = format!("Bearer {KEY}");
    let key = ("authorization", bearer.as_str());
    let upgrade = ("upgrade", "websocket");
    let version = ("sec-websocket-version", "13");
    let protocol = ("sec-websocket-protocol", "chat, buckler.v2");
    for (headers, status, word) in [
        (vec![], 403, "key"),
        (
            vec![("authorization", "Bearer wrong"), upgrade, version, protocol],
            403,
            "key",
        ),
        (
            vec![("authorization", "Bearer unassigned"), upgrade, version, protocol],
            404,
            "profile",
        ),
        (vec![key], 426, "upgrade"),
        (vec![key, upgrade], 426, "13"),
        (vec![key, upgrade, ("sec-websocket-version", "12"), protocol], 426, "13"),
        (vec![key, upgrade, version], 400, "buckler.v2"),
        (
            vec![key, upgrade, version, ("sec-websocket-protocol", "chat")],
            400,
            "buckler.v2",
        ),
    ] {
        let (found, message) = refusal(&cloud, &headers);
        assert!(
            found == status && message.contains(word),
            "{headers:?}: {found} {message}"
        );
    }
    let answer = cloud.send(Method::POST, "/ws", &[key], b"").await;
    answer.refused(405);
    assert_eq!(answer.allow.as_deref(), Some("GET"));
}

#[actix_web::test]
async fn the_path_is_where_agents_look_for_it() {
    let cloud = Cloud::start(ServerConfig {
        cloud_path: "/v2/shop/config".to_owned(),
        ..config()
    });
    assert_eq!(cloud.server.ws_url().path(), "/v2/shop/ws");
    Socket::open(&cloud).await;
    let cloud = Cloud::start(ServerConfig {
        ws_path: Some("/sockets".to_owned()),
        ..config()
    });
    assert_eq!(cloud.server.ws_url().path(), "/sockets");
    Socket::open(&cloud).await;
}

#[actix_web::test]
async fn an_agent_registers_and_sends_beacons_over_one_connection() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    let mut agent = Agent::new();
    let welcome = socket.register(&agent).await;
    assert_eq!(welcome.config.unwrap().body["BEACON_URL"], cloud.url("/beacon"));
    assert_eq!(welcome.list.unwrap().mode, ListMode::Snapshot);
    assert_eq!(
        (welcome.next, welcome.ack),
        (None, Some(0)),
        "the agent keeps its own pace"
    );
    let seq = agent.ban("10.0.0.1", cloud.clock.unix());
    let answer = socket.beacon(&agent).await;
    assert_eq!((answer.ack, answer.nack.len()), (Some(seq), 1));
    let view = cloud.agents().await.remove(0);
    assert_eq!(
        (&view["transport"], &view["registered"]),
        (&json!("websocket"), &json!(true))
    );
    agent.beacon(&cloud).await;
    assert_eq!(cloud.agents().await[0]["transport"], "http");
}

#[actix_web::test]
async fn what_is_wrong_with_a_message_is_answered_and_the_connection_stays() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    let mut agent = Agent::new();
    agent.key = OTHER_KEY.to_owned();
    let message = refused(&socket.ask("register", &agent.registration()).await, 403);
    assert!(
        message.contains("key"),
        "another key than the upgrade's, though a right one: {message}"
    );
    refused(&socket.ask("beacon", &json!({"version": "0.1.0"})).await, 403);
    refused(&socket.ask("beacon", &json!({"key": KEY, "version": 7})).await, 400);
    refused(&socket.ask("beacon", &json!([KEY])).await, 400);
    let message = refused(
        &socket.ask("beacon", &json!({"key": KEY, "version": "0.9.2"})).await,
        426,
    );
    assert!(message.contains("version 2"), "{message}");
    agent.key = KEY.to_owned();
    assert_eq!(socket.register(&agent).await.ack, Some(0));
}

#[actix_web::test]
async fn what_is_no_frame_ends_the_connection() {
    let cloud = Cloud::start(config());
    for text in [
        "",
        "{",
        "[]",
        "{\"id\":1}",
        "{\"id\":1,\"register\":{},\"beacon\":{}}",
        "{\"beacon\":{}}",
    ] {
        let mut socket = Socket::open(&cloud).await;
        socket.say(text).await;
        assert_eq!(socket.closed().await.0, 1_008, "{text:?}");
        assert!(matches!(socket.hear().await, Said::Over), "{text:?}");
    }
    let mut socket = Socket::open(&cloud).await;
    socket.send(ws::Message::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(socket.closed().await.0, 1_008);
}

#[actix_web::test]
async fn pings_are_answered_and_a_close_too() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    socket.send(ws::Message::Ping("are you there".into())).await;
    assert!(matches!(socket.hear().await, Said::Pong(words) if words == b"are you there"));
    socket.send(ws::Message::Close(None)).await;
    assert!(matches!(socket.hear().await, Said::Closed(1_005, _)));
    cloud.until_open(0).await;
}

#[actix_web::test]
async fn frames_and_messages_have_a_cap() {
    let mut config = config();
    config.limits.body_bytes = NonZeroUsize::new(2_000).unwrap();
    let cloud = Cloud::start(config);
    let mut socket = Socket::open(&cloud).await;
    socket.register(&Agent::new()).await;
    socket.say("x".repeat(2_001)).await;
    assert_eq!(socket.closed().await.0, 1_009);
    let mut socket = Socket::open(&cloud).await;
    let piece = || Item::Continue("y".repeat(800).into());
    socket
        .send(ws::Message::Continuation(Item::FirstText("x".repeat(800).into())))
        .await;
    socket.send(ws::Message::Continuation(piece())).await;
    socket.send(ws::Message::Continuation(piece())).await;
    assert_eq!(socket.closed().await.0, 1_009);
    let mut socket = Socket::open(&cloud).await;
    let message = json!({"id": 7, "register": Agent::new().registration()}).to_string();
    let (head, tail) = message.split_at(100);
    let first = Item::FirstText(head.to_owned().into());
    socket.send(ws::Message::Continuation(first)).await;
    socket.send(ws::Message::Ping("".into())).await;
    let last = Item::Last(tail.to_owned().into());
    socket.send(ws::Message::Continuation(last)).await;
    assert!(matches!(socket.hear().await, Said::Pong(_)));
    assert!(
        matches!(socket.hear().await, Said::Reply(reply) if part(&reply).ack == Some(0)),
        "in pieces, as one"
    );
}

/// Pings between the frames of a message kept a connection, and what had come of the message, for
/// good.
#[actix_web::test]
async fn a_message_whose_end_never_comes_is_not_waited_for() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    let first = Item::FirstText("{".to_owned().into());
    socket.send(ws::Message::Continuation(first)).await;
    let begun = tokio::time::Instant::now();
    let closed = loop {
        socket.send(ws::Message::Ping("".into())).await;
        match socket.hear().await {
            Said::Pong(_) => actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await,
            Said::Closed(code, _) => break code,
            said @ (Said::Reply(_) | Said::Push(_) | Said::Over) => panic!("{said:?}"),
        }
        assert!(begun.elapsed() < crate::socket::PATIENCE, "it is waited for");
    };
    assert_eq!(closed, 4_408);
}

#[actix_web::test]
async fn a_connection_over_which_nothing_comes_is_closed() {
    let mut config = config();
    config.limits.ws_idle_s = NonZeroU32::new(1).unwrap();
    let cloud = Cloud::start(config);
    let mut socket = Socket::open(&cloud).await;
    assert_eq!(socket.closed().await.0, 4_408);
    cloud.until_open(0).await;
}

#[actix_web::test]
async fn no_more_connections_are_open_than_may_be() {
    let mut config = config();
    config.limits.ws_connections = NonZeroUsize::new(2).unwrap();
    let cloud = Cloud::start(config);
    let (first, _second) = (Socket::open(&cloud).await, Socket::open(&cloud).await);
    let refused = Socket::open_as(&cloud, KEY).await.err().unwrap();
    assert!(
        matches!(refused, WsClientError::InvalidResponseStatus(status) if status == 503),
        "{refused:?}"
    );
    let health = cloud.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    assert_eq!(health["websockets"], json!({"open": 2, "most": 2, "turned_away": 1}));
    drop(first);
    cloud.until_open(1).await;
    Socket::open(&cloud).await;
}

#[actix_web::test]
async fn those_who_come_all_at_once_are_told_to_come_again() {
    let mut config = config();
    config.limits.ws_connects_per_second = NonZeroU32::new(3).unwrap();
    let cloud = Cloud::start(config);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Socket::open(&cloud).await);
    }
    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "buckler.v2"),
    ];
    let answer = cloud.send(Method::GET, "/ws", &headers, b"").await;
    answer.refused(503);
    let after: u64 = answer.retry_after.unwrap().parse().unwrap();
    assert!((5..=30).contains(&after), "{after}");
    cloud.clock.pass(1);
    Socket::open(&cloud).await;
}
