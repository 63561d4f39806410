//! Through a forward proxy.

use buckler::transport::{Advice, TransportError};
use buckler_tests::{
    fault::{FaultServer, Script},
    proxy::ConnectProxy,
};

use crate::messages::*;

/// `user:hush`.
const AUTHORIZATION: &str = "Basic dXNlcjpodXNo";

#[test]
fn an_exchange_goes_through_the_proxy_with_its_credentials() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    let proxy = ConnectProxy::start(Some(AUTHORIZATION));
    let url = format!("http://user:hush@{}", proxy.address());
    register_with(with(&server, "proxy", url)).unwrap();
    assert_eq!((proxy.tunnels(), proxy.refused()), (1, 0));
    let requests = server.record().requests;
    let [request] = &*requests else { panic!("{requests:?}") };
    assert_eq!(
        request.header("proxy-authorization"),
        None,
        "they are the proxy's alone"
    );
}

#[test]
fn a_proxy_that_refuses_is_named_without_credentials() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    let proxy = ConnectProxy::start(Some(AUTHORIZATION));
    let url = format!("http://user:wrong@{}", proxy.address());
    let error = register_with(with(&server, "proxy", url)).unwrap_err();
    let shown = error.to_string();
    assert!(
        shown.contains("407") && shown.contains(&proxy.address().to_string()),
        "{shown}"
    );
    assert!(!shown.contains("wrong") && !shown.contains("user"), "{shown}");
    assert!(matches!(error, TransportError::Unreachable { .. }) && error.advice() == Advice::Retry);
    assert_eq!(server.record().connections, 0);
}

#[test]
fn a_proxy_that_is_none_is_refused_at_the_start_and_not_shown() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    for url in [
        "https://user:hush@proxy.example",
        "socks5://user:hush@proxy.example",
        "http://user:hush@",
    ] {
        let settings = with(&server, "proxy", url).build().unwrap();
        let error = buckler_http_polling::factory(&settings)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("transport.http-polling.proxy") && !error.contains("hush"),
            "{error}"
        );
    }
    register_with(with(&server, "proxy", "none")).unwrap();
}
