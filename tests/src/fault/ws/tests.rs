//! Upgrades and frames, told by a client that is as plain as a socket.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use bytes::BytesMut;
use serde_json::json;

use super::{
    Say, Upgrade,
    framing::{self, Opcode},
};
use crate::fault::{Answer, FaultServer, Pace, Script, Step};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const ASK: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat.v1, chat.v0\r\n\r\n";

/// A client after its upgrade was answered.
struct Client {
    stream: TcpStream,
    unread: BytesMut,
    head: String,
}

impl Client {
    fn of(server: &FaultServer) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(ASK).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let unread = BytesMut::new();
        Self { stream, unread, head }
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(&framing::masked(text)).unwrap();
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..read]);
        Ok(read)
    }

    /// The next frame; `None` at the end.
    fn frame(&mut self) -> Option<(Opcode, String)> {
        loop {
            if let Some(frame) = framing::take(&mut self.unread).unwrap() {
                return Some((frame.opcode, String::from_utf8_lossy(&frame.payload).into_owned()));
            }
            if self.read().unwrap() == 0 {
                return None;
            }
        }
    }

    /// All bytes up to the end, and how it came.
    fn rest(mut self) -> (Vec<u8>, Option<ErrorKind>) {
        loop {
            match self.read() {
                Ok(0) => return (self.unread.to_vec(), None),
                Ok(_) => {}
                Err(error) => return (self.unread.to_vec(), Some(error.kind())),
            }
        }
    }
}

fn server(step: impl Into<Step>) -> FaultServer {
    FaultServer::start(Script::always(step).upgrading(Upgrade::new())).unwrap()
}

#[track_caller]
fn heard(client: &mut Client, text: &str) {
    assert_eq!(client.frame(), Some((Opcode::Text, text.to_owned())));
}

#[test]
fn an_upgrade_is_accepted_refused_or_spoilt_as_told() {
    let server = server(Answer::new(200));
    let head = Client::of(&server).head;
    assert!(
        head.contains("101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{head}"
    );
    assert!(head.contains("Sec-WebSocket-Protocol: chat.v1\r\n"), "{head}");
    for (upgrade, part, there) in [
        (Upgrade::new().without_subprotocol(), "Sec-WebSocket-Protocol", false),
        (
            Upgrade::new().subprotocol("other"),
            "Sec-WebSocket-Protocol: other\r\n",
            true,
        ),
        (Upgrade::new().accept("guess"), "Sec-WebSocket-Accept: guess\r\n", true),
    ] {
        server.play(Script::always(Step::Hang).upgrading(upgrade)).unwrap();
        let head = Client::of(&server).head;
        assert_eq!(head.contains(part), there, "{head}");
    }
    server.play(Script::always(Answer::refusal(403, "no"))).unwrap();
    assert!(Client::of(&server).head.contains(" 403 "));
    assert_eq!(server.record().upgrades, 4);
}

#[test]
fn a_frame_is_asked_about_like_a_request_and_answered_under_its_id() {
    let server = FaultServer::start(
        Script::by(|seen| Answer::reply(&json!({"path": seen.path, "got": seen.json()})).into())
            .upgrading(Upgrade::new()),
    )
    .unwrap();
    let mut client = Client::of(&server);
    client.say(r#"{"id":7,"beacon":{"key":"k"}}"#);
    let reply =
        r#"{"id":7,"code":200,"reply":{"data":{"got":{"key":"k"},"path":"/beacon"},"message":"ok","status":true}}"#;
    heard(&mut client, reply);
    let requests = server.record().requests;
    assert_eq!(
        (&*requests[1].method, requests[1].id, &*requests[1].body),
        ("FRAME", Some(7), &br#"{"key":"k"}"#[..])
    );
}

#[test]
fn a_frame_without_a_mask_is_noticed() {
    let server = server(Answer::new(200).body("{}"));
    let mut client = Client::of(&server);
    client
        .stream
        .write_all(&framing::whole(Opcode::Text, b"{\"id\":1}"))
        .unwrap();
    heard(&mut client, r#"{"id":1,"code":200,"reply":{}}"#);
    assert_eq!(server.record().unmasked, 1);
}

#[test]
fn replies_are_spoilt_as_over_http() {
    let body = Answer::new(503).header("Retry-After", "9").body("0123456789");
    let whole = r#"{"id":3,"code":503,"retry_after_s":9,"reply":0123456789}"#;
    let length = u8::try_from(whole.len()).unwrap();
    for (answer, expected) in [
        (body.clone().pace(Pace::CutInBody(3)), &whole[..whole.len() - 8]),
        (body.clone().pace(Pace::CutInHead(5)), &whole[..3]),
        (body.clone().until_close(), whole),
        (body.clone().pace(Pace::Drip(4, Duration::ZERO)).until_close(), whole),
    ] {
        let shown = format!("{answer:?}");
        let server = server(answer);
        let mut client = Client::of(&server);
        client.say(r#"{"id":3}"#);
        let expected = [&[0x81, length], expected.as_bytes()].concat();
        assert_eq!(client.rest(), (expected, None), "{shown}");
    }
    let server = server(body.announcing(99));
    let mut client = Client::of(&server);
    client.say(r#"{"id":3}"#);
    assert_eq!(
        client.rest().0[..4],
        [0x81, 126, 0, length + 89],
        "89 bytes more are announced than come"
    );
}

#[test]
fn a_body_in_chunks_is_a_message_in_fragments() {
    let server = server(Answer::new(200).body("0123456789").chunked_without_end());
    let mut client = Client::of(&server);
    client.say(r#"{"id":3}"#);
    let (first, _) = client.frame().unwrap();
    let (second, last) = client.frame().unwrap();
    assert_eq!((first, second), (Opcode::Text, Opcode::Continuation));
    assert!(!last.is_empty());
    // the last one promises another, and then the connection ends
    while let Some((opcode, _)) = client.frame() {
        assert_eq!(opcode, Opcode::Continuation);
    }
}

#[test]
fn a_test_may_say_anything_at_any_time() {
    let server = server(Step::Hang);
    assert_eq!(server.push(json!({})).unwrap_err().kind(), ErrorKind::NotConnected);
    let mut client = Client::of(&server);
    assert!(server.wait_for(|record| record.open == 1, PATIENCE));
    server.push(json!({"flags": ["pull_now"]})).unwrap();
    heard(&mut client, r#"{"v2":{"flags":["pull_now"]}}"#);
    server
        .say([
            Say::Binary("b".into()),
            Say::Ping("p".into()),
            Say::Fragments("ab".to_owned(), 1),
            Say::Close(Some(4403), "no".to_owned()),
        ])
        .unwrap();
    let frames: Vec<_> = std::iter::from_fn(|| client.frame()).take(5).collect();
    let opcodes: Vec<_> = frames.iter().map(|(opcode, _)| *opcode).collect();
    assert_eq!(
        opcodes,
        [
            Opcode::Binary,
            Opcode::Ping,
            Opcode::Text,
            Opcode::Continuation,
            Opcode::Close
        ]
    );
    // 4403 is 0x1133
    assert_eq!(frames[4].1, "\u{11}3no");
    client.stream.write_all(&framing::close(Some(1000), "")).unwrap();
    assert_eq!(
        client.rest(),
        (Vec::new(), None),
        "a close that was answered is not answered again"
    );
    assert!(server.wait_for(|record| record.closes == [Some(1000)] && record.open == 0, PATIENCE));
}

#[test]
fn pings_are_answered_until_they_are_ignored() {
    let server = FaultServer::start(Script::always(Step::Hang).upgrading(Upgrade::new())).unwrap();
    let mut client = Client::of(&server);
    client.stream.write_all(&framing::whole(Opcode::Ping, b"1")).unwrap();
    assert_eq!(client.frame(), Some((Opcode::Pong, "1".to_owned())));
    server.say([Say::IgnorePings]).unwrap();
    client.stream.write_all(&framing::whole(Opcode::Ping, b"2")).unwrap();
    assert!(server.wait_for(|record| record.pings == 2, PATIENCE));
    server.say([Say::Text("next".to_owned())]).unwrap();
    heard(&mut client, "next");
}

#[test]
fn connections_end_or_vanish_as_told() {
    for (said, expected) in [(Say::End, None), (Say::Reset, Some(ErrorKind::ConnectionReset))] {
        let server = FaultServer::start(Script::always(Step::Say(vec![said])).upgrading(Upgrade::new())).unwrap();
        let mut client = Client::of(&server);
        client.say("{}");
        assert_eq!(client.rest(), (Vec::new(), expected));
    }
    let server = FaultServer::start(Script::always(Step::Say(vec![Say::Vanish])).upgrading(Upgrade::new())).unwrap();
    let mut client = Client::of(&server);
    client.say("{}");
    assert!(server.wait_for(|record| record.requests.len() == 2, PATIENCE));
    client.say("{}");
    client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let waited = client.read().unwrap_err().kind();
    assert!(
        matches!(waited, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{waited:?}"
    );
    assert_eq!((server.record().open, server.record().requests.len()), (1, 2));
}

#[test]
fn replies_come_late_twice_or_under_another_id() {
    let ok = || Answer::new(200).body("{}");
    let said = vec![
        Say::Push(json!({})),
        Say::ReplyTo(9, ok()),
        Say::Reply(ok()),
        Say::Reply(ok()),
    ];
    let server = FaultServer::start(Script::always(Step::Say(said)).upgrading(Upgrade::new())).unwrap();
    let mut client = Client::of(&server);
    client.say(r#"{"id":4}"#);
    for expected in [
        r#"{"v2":{}}"#,
        r#"{"id":9,"code":200,"reply":{}}"#,
        r#"{"id":4,"code":200,"reply":{}}"#,
        r#"{"id":4,"code":200,"reply":{}}"#,
    ] {
        heard(&mut client, expected);
    }
}
