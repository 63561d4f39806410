//! Where requests go, and which places are refused.

use buckler::{
    settings::Settings,
    transport::{Advice, TransportError},
};
use buckler_http_polling::{KIND, factory};
use buckler_tests::fault::{FaultServer, Script};

use crate::messages::*;

#[test]
fn beacons_go_where_the_configuration_says_or_beside_the_cloud_url() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    run(async {
        let transport = transport(settings(&server).cloud_url(server.url("/shop/config?profile=1")));
        transport.register(registration()).await.unwrap();
        transport.beacon(None, beacon()).await.unwrap();
        transport
            .beacon(Some(server.url("/b?x=%20y").parse().unwrap()), beacon())
            .await
            .unwrap();
    });
    let paths: Vec<_> = server
        .record()
        .requests
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, ["/shop/config?profile=1", "/shop/beacon", "/b?x=%20y"]);
}

#[test]
fn a_beacon_url_of_another_host_is_refused_unless_listed() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    let elsewhere: url::Url = server.url("/beacon").replace("127.0.0.1", "localhost").parse().unwrap();
    let error = run(async {
        discreet(
            transport(settings(&server))
                .beacon(Some(elsewhere.clone()), beacon())
                .await,
        )
        .unwrap_err()
    });
    assert!(
        matches!(&error, TransportError::Unusable(text) if text.contains("beacon_hosts")),
        "{error:?}"
    );
    assert_eq!(error.advice(), Advice::Extended);
    assert_eq!(server.record().connections, 0);
    run(async {
        let transport = transport(with(&server, "beacon_hosts", vec!["localhost"]));
        transport.beacon(Some(elsewhere), beacon()).await.unwrap();
    });
}

#[test]
fn a_beacon_url_in_the_clear_is_refused() {
    let error = run(async {
        let transport = transport(
            Settings::builder()
                .cloud_url("https://cloud.example.com/config")
                .key(KEY),
        );
        discreet(
            transport
                .beacon(Some("http://cloud.example.com/b".parse().unwrap()), beacon())
                .await,
        )
        .unwrap_err()
    });
    assert!(
        matches!(&error, TransportError::Unusable(text) if text.contains("allow_plain_http")),
        "{error:?}"
    );
}

#[test]
fn a_cloud_url_in_the_clear_is_refused_at_the_start() {
    let builder = || {
        Settings::builder()
            .cloud_url("http://cloud.example.com/config")
            .key(KEY)
    };
    let error = factory(&builder().build().unwrap()).err().unwrap().to_string();
    assert!(
        error.contains("agent.cloud_url") && error.contains("allow_plain_http = true"),
        "{error}"
    );
    let allowed = builder()
        .transport_option(KIND, "allow_plain_http", true)
        .build()
        .unwrap();
    assert!(factory(&allowed).is_ok());
}

#[test]
fn a_cloud_url_is_needed() {
    let error = factory(&Settings::builder().build().unwrap())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("agent.cloud_url: found nothing"), "{error}");
}

#[test]
fn an_option_that_nobody_knows_is_refused_at_the_start() {
    let settings = Settings::builder()
        .cloud_url("https://c.example/")
        .transport_option(KIND, "tiemout", "1s");
    let error = factory(&settings.build().unwrap()).err().unwrap().to_string();
    assert!(error.contains("transport.http-polling.tiemout"), "{error}");
}

#[test]
fn beacons_go_to_the_cloud_urls_host_where_the_named_one_cannot_be_reached() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    let gone = FaultServer::start(Script::always(good())).unwrap();
    let named: url::Url = gone.url("/agents/beacon?agent=1").parse().unwrap();
    gone.refuse().unwrap();
    run(async {
        let transport = transport(settings(&server));
        for _ in 0..2 {
            transport.beacon(Some(named.clone()), beacon()).await.unwrap();
        }
    });
    let requests = server.record().requests;
    assert!(
        requests.iter().all(|request| request.path == "/agents/beacon?agent=1"),
        "{requests:?}"
    );
    assert_eq!((requests.len(), gone.record().requests.len()), (2, 0));
}
