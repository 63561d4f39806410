//! TLS: whom the agent believes, and who it is.

use buckler::transport::{Advice, TransportError};
use buckler_tests::ca::Ca;
use buckler_websocket::KIND;
use tempfile::TempDir;

use crate::{client::*, server::Server};

fn file(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Registers with a server of the authority `own`, believing `believed`, with more options.
fn register_believing(
    own: &Server<bool>,
    believed: &Ca,
    directory: &TempDir,
    options: &[(&str, String)],
) -> Result<(), TransportError> {
    let mut settings = with(own.address(), "ca_file", file(directory, "ca.pem", &believed.pem()))
        .cloud_url(format!("https://{}/config", own.address()));
    for (key, value) in options {
        settings = settings.transport_option(KIND, key, value.clone());
    }
    run(async { register(&*transport(settings)).await.map(drop) })
}

fn serve(config: rustls::ServerConfig) -> Server<bool> {
    Server::start_tls(config, |peer, _| {
        let request = peer.request();
        if !request.is_upgrade() {
            return false;
        }
        peer.agree(&request, "sec-websocket-protocol: buckler.v2\r\n");
        peer.welcome();
        true
    })
}

#[test]
fn a_server_of_a_named_authority_is_believed() {
    let (ca, directory) = (Ca::new("own").unwrap(), tempfile::tempdir().unwrap());
    let server = serve(ca.server().unwrap());
    register_believing(&server, &ca, &directory, &[]).unwrap();
    assert!(server.outcome());
}

#[test]
fn a_server_of_a_foreign_authority_is_refused_before_anything_is_sent() {
    let (ca, directory) = (Ca::new("own").unwrap(), tempfile::tempdir().unwrap());
    let server = serve(ca.server().unwrap());
    let error = register_believing(&server, &Ca::new("foreign").unwrap(), &directory, &[]).unwrap_err();
    assert!(
        matches!(&error, TransportError::Tls { reason, .. } if reason.contains("UnknownIssuer")),
        "{error:?}"
    );
    assert_eq!(error.advice(), Advice::Extended);
    assert!(!server.outcome());
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let (ca, clients) = (Ca::new("own").unwrap(), Ca::new("clients").unwrap());
    let directory = tempfile::tempdir().unwrap();
    let server = serve(ca.server_asking(&clients).unwrap());
    let error = register_believing(&server, &ca, &directory, &[]).unwrap_err();
    assert!(matches!(&error, TransportError::Tls { .. }), "{error:?}");
    assert!(!server.outcome());
    let agent = clients.issue("agent").unwrap();
    let identity = [
        ("client_cert", file(&directory, "agent.pem", &agent.certificate_pem)),
        ("client_key", file(&directory, "agent.key", &agent.key_pem)),
    ];
    register_believing(&server, &ca, &directory, &identity).unwrap();
    assert!(server.outcome());
}
