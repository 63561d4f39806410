//! Servers that send too much, or send the agent elsewhere.

use buckler::transport::{Advice, TransportError};
use buckler_http_polling::KIND;
use buckler_tests::fault::{Answer, FaultServer, Script};

use crate::messages::*;

/// The cap that these tests set.
const CAP: usize = 1 << 20;

/// More than the buffers of two sockets and of the client hold beside the cap.
const BUFFERS: u64 = 16 << 20;

fn capped(server: &FaultServer) -> TransportError {
    let settings = with(server, "max_wire_bytes", CAP).transport_option(KIND, "max_reply_bytes", CAP);
    register_with(settings).unwrap_err()
}

#[test]
fn a_huge_body_is_refused_by_its_announcement() {
    let server = FaultServer::start(Script::always(Answer::new(200).spaces(50 << 20))).unwrap();
    let error = capped(&server);
    assert_eq!(error, TransportError::TooLarge(CAP));
    assert_eq!(error.advice(), Advice::Retry);
}

#[test]
fn a_huge_body_without_an_announcement_is_left_at_the_cap() {
    for answer in [
        Answer::new(200).spaces(50 << 20).chunked(),
        Answer::new(200).spaces(50 << 20).until_close(),
    ] {
        let server = FaultServer::start(Script::always(answer)).unwrap();
        assert_eq!(capped(&server), TransportError::TooLarge(CAP));
        let sent = server.record().body_bytes_sent;
        assert!(sent < CAP as u64 + BUFFERS, "the server got rid of {sent} bytes");
    }
}

#[test]
fn a_gzip_bomb_is_refused_at_the_cap() {
    // 64 MiB in 64 KiB: far within the wire's cap
    let server = FaultServer::start(Script::always(Answer::gzip_bomb(64 << 20))).unwrap();
    assert_eq!(capped(&server), TransportError::TooLarge(CAP));
}

#[test]
fn a_body_of_just_the_cap_is_read() {
    let mut reply = br#"{"status": true, "message": "ok", "data": {}}"#.to_vec();
    reply.resize(CAP, b' ');
    let server = FaultServer::start(Script::always(Answer::new(200).body(reply.clone()))).unwrap();
    let settings = || with(&server, "max_wire_bytes", CAP).transport_option(KIND, "max_reply_bytes", CAP);
    register_with(settings()).unwrap();
    reply.push(b' ');
    server
        .play(Script::always(Answer::new(200).body(reply.clone())))
        .unwrap();
    assert_eq!(register_with(settings()).unwrap_err(), TransportError::TooLarge(CAP));
    server
        .play(Script::always(Answer::new(200).body(reply).gzip()))
        .unwrap();
    assert_eq!(register_with(settings()).unwrap_err(), TransportError::TooLarge(CAP));
}

#[test]
fn a_head_without_end_is_refused() {
    let server = FaultServer::start(Script::always(Answer::new(200).header("X", &"x".repeat(1 << 20)))).unwrap();
    let error = register_at(&server).unwrap_err();
    assert!(
        matches!(&error, TransportError::Malformed(text) if text.contains("no HTTP reply")),
        "{error:?}"
    );
}

#[test]
fn a_redirect_is_an_error_and_its_target_is_never_asked() {
    let target = FaultServer::start(Script::always(good())).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let answer = Answer::new(status).header("Location", &target.url("/config"));
        let error = register(answer).unwrap_err();
        let TransportError::Status {
            status: told,
            message: Some(message),
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(*told, status);
        assert!(
            message.contains("not followed") && message.contains(&target.url("/config")),
            "{message}"
        );
    }
    assert_eq!((target.record().connections, target.record().requests.len()), (0, 0));
}
