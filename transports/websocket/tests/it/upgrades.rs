//! The upgrade request, and every answer to it.

use std::time::Duration;

use buckler::transport::{Advice, TransportError};
use buckler_websocket::factory;

use crate::{
    client::*,
    server::{Peer, Server},
};

#[test]
fn the_upgrade_says_the_key_in_its_header_and_nowhere_else() {
    let server = Server::start(|peer, _| {
        let request = peer.accept();
        peer.welcome();
        request
    });
    run(async { register(&*transport(settings(server.address()))).await }).unwrap();
    let request = server.outcome();
    assert_eq!(request.line.trim_end(), "GET /api/ws HTTP/1.1");
    for (name, expected) in [
        ("host", &*server.address().to_string()),
        ("authorization", &format!("Bearer {KEY}")),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "buckler.v2"),
        ("user-agent", &format!("buckler/{}", buckler::VERSION)),
    ] {
        let found = request.header(name).unwrap_or_default();
        assert!(found.eq_ignore_ascii_case(expected), "{name}: {found}");
    }
    // beside them the handshake's own key and the date
    assert_eq!(request.headers.len(), 9, "{:?}", request.headers);
    assert!(!request.line.contains(KEY));
}

#[test]
fn nothing_connects_before_the_first_exchange() {
    let server = Server::start(|peer, _| peer.request());
    run(async {
        let transport = transport(settings(server.address()));
        assert_eq!(transport.kind(), "websocket");
    });
    let connected = std::net::TcpStream::connect(server.address()).unwrap();
    drop(connected);
    assert_eq!(server.outcome().line, "", "the first connection is the test's own");
}

#[test]
fn a_refused_upgrade_tells_its_status_message_and_time() {
    for status in [301, 307, 400, 401, 403, 404, 405, 410, 426, 429, 500, 502, 503, 504] {
        let error = register_with(move |peer| {
            peer.request();
            let body = format!(r#"{{"status": false, "message": "no profile for {KEY}", "data": {{}}}}"#);
            peer.answer(status, "", &body);
            peer.read();
        })
        .unwrap_err();
        let expected = TransportError::Status {
            status,
            message: Some("no profile for …".to_owned()),
            retry_after: None,
        };
        assert_eq!(error, expected);
    }
    for (value, expected) in [
        ("120", Some(120)),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
    ] {
        let error = register_with(move |peer| {
            peer.request();
            peer.answer(503, &format!("retry-after: {value}\r\n"), "<html>");
            peer.read();
        })
        .unwrap_err();
        assert!(
            matches!(&error, TransportError::Status { status: 503, message: None, retry_after }
                if *retry_after == expected.map(Duration::from_secs)),
            "{error:?}"
        );
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|peer: &mut Peer, _| peer.request());
    let location = format!("location: http://{}/ws?key={KEY}\r\n", elsewhere.address());
    let error = register_with(move |peer| {
        peer.request();
        peer.answer(307, &location, "");
        peer.read();
    })
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a redirect, which is not followed, to http://127.0.0.1"),
        "{error}"
    );
    drop(std::net::TcpStream::connect(elsewhere.address()).unwrap());
    assert_eq!(elsewhere.outcome().line, "", "the first connection is the test's own");
}

#[test]
fn a_refusal_whose_body_never_comes_tells_its_status() {
    let error = register_with(|peer| {
        peer.request();
        peer.raw("HTTP/1.1 403 Forbidden\r\ncontent-length: 500\r\n\r\n{");
        peer.read();
    })
    .unwrap_err();
    assert!(
        matches!(
            error,
            TransportError::Status {
                status: 403,
                message: None,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.advice(), Advice::Extended);
}

#[test]
fn a_proxy_that_answers_a_page_is_recognised() {
    let error = register_with(|peer| {
        peer.request();
        peer.answer(
            200,
            "content-type: text/html\r\n",
            "<html><h1>Welcome to the lounge</h1>",
        );
        peer.read();
    })
    .unwrap_err();
    let shown = error.to_string();
    assert!(matches!(error, TransportError::Malformed(_)), "{shown}");
    assert!(
        shown.contains("answered 200") && shown.contains("text/html") && shown.contains("Welcome to"),
        "{shown}"
    );
}

#[test]
fn an_upgrade_that_is_none_is_malformed() {
    const UPGRADE: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
        format!("{UPGRADE}\r\n"),
        format!(
            "{UPGRADE}sec-websocket-accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nsec-websocket-protocol: buckler.v2\r\n\r\n"
        ),
        "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
    ] {
        let shown = answer.clone();
        let error = register_with(move |peer| {
            peer.request();
            peer.raw(&answer);
            peer.read();
        })
        .unwrap_err();
        assert!(matches!(error, TransportError::Malformed(_)), "{error:?}: {shown}");
    }
}

#[test]
fn another_subprotocol_or_an_extension_is_refused() {
    for (headers, expected) in [
        ("", "none"),
        ("sec-websocket-protocol: chat\r\n", "chat"),
        (
            "sec-websocket-protocol: buckler.v2\r\nsec-websocket-extensions: permessage-deflate\r\n",
            "extension",
        ),
    ] {
        let error = register_with(move |peer| {
            peer.accept_with(headers);
            peer.read();
        })
        .unwrap_err();
        assert!(
            matches!(&error, TransportError::Malformed(text) if text.contains(expected)),
            "{error:?}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_is_unreachable_or_late() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let error = run(async { register(&*transport(with(address, "timeout", "300ms"))).await }).unwrap_err();
    assert_eq!(error, TransportError::Deadline(Duration::from_millis(300)));
    drop(listener);
    let error = run(async { register(&*transport(settings(address))).await }).unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error:?}");
    let error = register_with(|peer| drop(peer.request())).unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error:?}");
}

#[test]
fn the_key_does_not_leave_the_machine_in_the_clear() {
    let settings = buckler::Settings::builder()
        .cloud_url("http://cloud.example.com/config")
        .key(KEY);
    let error = factory(&settings.build().unwrap()).err().unwrap().to_string();
    assert!(
        error.contains("allow_plain_http = true in [transport.websocket]"),
        "{error}"
    );
    let settings = buckler::Settings::builder().key(KEY);
    let error = factory(&settings.build().unwrap()).err().unwrap().to_string();
    assert!(error.contains("agent.cloud_url: found nothing"), "{error}");
}
