//! TLS: whom the agent believes, who it is, and what is spoken.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use buckler::{
    settings::{Settings, SettingsBuilder},
    transport::{Advice, TransportError},
};
use buckler_http_polling::KIND;
use buckler_tests::{
    ca::Ca,
    fault::{Answer, FaultServer, Pace, Script},
};
use serde_json::json;
use tempfile::TempDir;

use crate::messages::*;

/// Settings that believe one authority, whose certificate is in `directory`.
fn believing(server: &FaultServer, ca: &Ca, directory: &TempDir) -> SettingsBuilder {
    with(server, "ca_file", file(directory, "ca.pem", &ca.pem()))
}

fn file(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn secured(answer: Answer) -> (FaultServer, Ca, TempDir) {
    let ca = Ca::new("own").unwrap();
    let server = FaultServer::start_tls(Script::always(answer), ca.server().unwrap()).unwrap();
    (server, ca, tempfile::tempdir().unwrap())
}

#[test]
fn a_server_of_a_named_authority_is_believed_and_spoken_to_in_http_1() {
    let (server, ca, directory) = secured(good());
    run(async {
        let transport = transport(believing(&server, &ca, &directory));
        transport.register(registration()).await.unwrap();
        transport.beacon(None, beacon()).await.unwrap();
    });
    let record = server.record();
    assert_eq!((record.connections, record.requests.len()), (1, 2));
    // the server would rather speak h2
    assert!(
        record
            .requests
            .iter()
            .all(|request| request.protocol.as_deref() == Some("http/1.1")),
        "{record:?}"
    );
    assert_eq!(record.requests[0].header("host"), Some(&*server.address().to_string()));
}

#[test]
fn a_server_of_a_foreign_authority_is_refused_before_anything_is_sent() {
    let (server, _, directory) = secured(good());
    let foreign = Ca::new("foreign").unwrap();
    let settings = [
        believing(&server, &foreign, &directory),
        with(&server, "roots", "webpki"),
        believing(&server, &foreign, &directory).transport_option(KIND, "roots", "webpki"),
    ];
    for settings in settings {
        let error = register_with(settings).unwrap_err();
        assert!(
            matches!(&error, TransportError::Tls { reason, .. } if reason.contains("UnknownIssuer")),
            "{error:?}"
        );
        assert_eq!(error.advice(), Advice::Extended);
    }
    assert!(server.wait_for(|record| record.failed_handshakes == 3, PATIENCE));
    assert!(server.record().requests.is_empty());
}

#[test]
fn a_named_authority_can_stand_beside_mozillas() {
    let (server, ca, directory) = secured(good());
    register_with(believing(&server, &ca, &directory).transport_option(KIND, "roots", "webpki")).unwrap();
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let (server, ca, directory) = secured(good());
    let url = server.url("/config").replace("127.0.0.1", "localhost");
    let error = register_with(believing(&server, &ca, &directory).cloud_url(url)).unwrap_err();
    assert!(
        matches!(&error, TransportError::Tls { host, .. } if host.starts_with("localhost:")),
        "{error:?}"
    );
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let (ca, clients) = (Ca::new("own").unwrap(), Ca::new("clients").unwrap());
    let directory = tempfile::tempdir().unwrap();
    let server = FaultServer::start_tls(Script::always(good()), ca.server_asking(&clients).unwrap()).unwrap();
    let error = register_with(believing(&server, &ca, &directory)).unwrap_err();
    assert!(matches!(&error, TransportError::Tls { .. }), "{error:?}");
    assert_eq!(error.advice(), Advice::Extended);
    let agent = clients.issue("agent").unwrap();
    let settings = believing(&server, &ca, &directory)
        .transport_option(
            KIND,
            "client_cert",
            file(&directory, "agent.pem", &agent.certificate_pem),
        )
        .transport_option(KIND, "client_key", file(&directory, "agent.key", &agent.key_pem));
    register_with(settings).unwrap();
    let requests = server.record().requests;
    assert!(matches!(&*requests, [request] if request.certificate), "{requests:?}");
}

#[test]
fn a_server_without_tls_fails_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/config", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // stays until the client has read it
        stream.read_to_end(&mut Vec::new())
    });
    let settings = Settings::builder()
        .cloud_url(url)
        .key(KEY)
        .transport_option(KIND, "roots", "webpki");
    let error = register_with(settings).unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    drop(server.join().unwrap());
}

#[test]
fn a_truncated_body_shows_through_tls() {
    let answer = Answer::reply(&json!({"config": {"APP_NAME": "shop"}}));
    for answer in [
        answer.clone().pace(Pace::CutInBody(20)),
        answer.clone().announcing(500),
        // an orderly end of TLS in place of the last chunk, after JSON that is whole
        answer.chunked_without_end(),
    ] {
        let shown = format!("{answer:?}");
        let (server, ca, directory) = secured(answer);
        let error = register_with(believing(&server, &ca, &directory)).unwrap_err();
        assert!(
            matches!(&error, TransportError::Malformed(text) if text.contains("truncated")),
            "{error:?}: {shown}"
        );
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_refused_at_the_start() {
    let (server, _, directory) = secured(good());
    let absent = directory.path().join("absent.pem");
    let settings = with(&server, "ca_file", absent.to_str().unwrap()).build().unwrap();
    let error = buckler_http_polling::factory(&settings).err().unwrap().to_string();
    assert!(
        error.contains("transport.http-polling.ca_file") && error.contains("absent.pem"),
        "{error}"
    );
}
