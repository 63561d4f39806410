//! The server does what its script says, and remembers what it was sent.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::*;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"POST /config?a=1 HTTP/1.1\r\nX-Name: Value\r\nContent-Length: 2\r\n\r\n{}";

fn connect(server: &FaultServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request on a connection of its own and reads to the end.
fn exchange(server: &FaultServer) -> std::io::Result<String> {
    let mut stream = connect(server);
    stream.write_all(REQUEST)?;
    let mut text = Vec::new();
    // of a connection that is reset already there is nothing to shut: reading tells of it
    match stream.shutdown(std::net::Shutdown::Write) {
        Err(error) if error.kind() != std::io::ErrorKind::NotConnected => return Err(error),
        Ok(()) | Err(_) => {}
    }
    stream.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn requests_are_remembered_with_their_connection() {
    let server = FaultServer::start(Script::always(Answer::new(200))).unwrap();
    let mut stream = connect(&server);
    stream.write_all(&REQUEST.repeat(2)).unwrap();
    connect(&server).write_all(REQUEST).unwrap();
    assert!(server.wait_for(|record| record.requests.len() == 3, PATIENCE));
    let record = server.record();
    assert_eq!(record.connections, 2);
    let mut connections: Vec<_> = record.to("/config?a=1").map(|request| request.connection).collect();
    connections.sort_unstable();
    assert_eq!(connections, [1, 1, 2]);
    let request = &record.requests[0];
    assert_eq!(
        (&*request.method, request.header("X-NAME"), &*request.body),
        ("POST", Some("Value"), &b"{}"[..])
    );
}

#[test]
fn a_script_is_followed_and_can_be_replaced() {
    let server = FaultServer::start(Script::sequence([Answer::new(201).into(), Answer::new(202).into()])).unwrap();
    let statuses: Vec<_> = (0..3).map(|_| exchange(&server).unwrap()[9..12].to_owned()).collect();
    assert_eq!(statuses, ["201", "202", "202"]);
    server
        .play(Script::by(|request| Answer::new(200).body(request.body.clone()).into()))
        .unwrap();
    assert!(exchange(&server).unwrap().ends_with("\r\n\r\n{}"));
}

#[test]
fn answers_are_spoilt_as_told() {
    let body = Answer::new(200).body("0123456789");
    for (answer, expected) in [
        (body.clone(), "Content-Length: 10\r\n\r\n0123456789"),
        (body.clone().announcing(99), "Content-Length: 99\r\n\r\n0123456789"),
        (body.clone().pace(Pace::CutInBody(3)), "Content-Length: 10\r\n\r\n012"),
        (body.clone().chunked(), "chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"),
        (body.clone().chunked_without_end(), "chunked\r\n\r\na\r\n0123456789\r\n"),
        (
            body.clone().pace(Pace::Drip(4, Duration::ZERO)),
            "Content-Length: 10\r\n\r\n0123456789",
        ),
        (body.clone().pace(Pace::StallInHead(12)), "HTTP/1.1 200"),
        (body.clone().pace(Pace::CutInHead(12)), "HTTP/1.1 200"),
        (body.clone().pace(Pace::StallInBody(3)), "Content-Length: 10\r\n\r\n012"),
        (body.until_close(), "HTTP/1.0 200 Scripted\r\n\r\n0123456789"),
        (Answer::new(200).spaces(3), "\r\n\r\n   "),
    ] {
        let shown = format!("{answer:?}");
        let server = FaultServer::start(Script::always(answer)).unwrap();
        let text = exchange(&server).unwrap();
        assert!(text.ends_with(expected), "{text:?}: {shown}");
    }
}

#[test]
fn connections_end_as_told() {
    let server = FaultServer::start(Script::sequence([Step::Close, Step::Reset])).unwrap();
    assert_eq!(exchange(&server).unwrap(), "");
    assert_eq!(
        exchange(&server).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[test]
fn a_server_that_refuses_keeps_its_port_and_comes_back() {
    let server = FaultServer::start(Script::always(Answer::new(200))).unwrap();
    let mut open = connect(&server);
    server.refuse().unwrap();
    assert!(matches!(open.read(&mut [0]), Ok(0) | Err(_)), "connections end");
    for _ in 0..2 {
        let refused = TcpStream::connect(server.address()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    server.listen().unwrap();
    assert!(exchange(&server).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn waiting_ends_at_the_deadline() {
    let server = FaultServer::start(Script::always(Step::Hang)).unwrap();
    assert!(!server.wait_for(|record| !record.requests.is_empty(), Duration::from_millis(1)));
}

#[test]
fn a_bomb_is_small_until_it_is_unpacked() {
    let bomb = Answer::gzip_bomb(1 << 20);
    let answer::Body::Bytes(packed) = &bomb.body else {
        panic!("{bomb:?}")
    };
    assert!(packed.len() < 2048, "{}", packed.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&**packed)
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked.len(), 1 << 20);
}
