//! An agent with the transport that its settings name, against a server on a real socket.

use std::time::Duration;

use buckler::{Agent, Settings, settings::SettingsBuilder};
use buckler_tests::fault::{Answer, FaultServer, Record, Script};
use serde_json::json;

/// Longer than anything here takes, the pause after a failure included.
const PATIENCE: Duration = Duration::from_secs(120);

const KEY: &str = "0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33";

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn server(first: Answer) -> FaultServer {
    let welcome = json!({"config": {"APP_NAME": "shop"}, "blacklist": {}});
    FaultServer::start(Script::sequence([first.into(), Answer::reply(&welcome).into()])).unwrap()
}

fn settings(server: &FaultServer) -> SettingsBuilder {
    Settings::builder().cloud_url(server.url("/config")).key(KEY)
}

fn registered(record: &Record) -> bool {
    record.to("/config").count() == 2
}

#[test]
fn an_agent_registers_over_the_transport_of_its_settings_until_it_is_welcome() {
    let server = server(Answer::new(502).html("<h1>Bad Gateway</h1>"));
    let agent = buckler_transports::start(settings(&server).transport("http-polling").build().unwrap()).unwrap();
    assert!(server.wait_for(registered, PATIENCE), "{:?}", agent.status());
    for request in server.record().to("/config") {
        assert_eq!((&*request.method, &request.json()["key"]), ("POST", &json!(KEY)));
        assert_eq!(request.json()["version"], buckler::VERSION);
    }
    agent.shutdown(Duration::from_secs(5));
}

#[test]
fn a_builder_takes_what_an_adapter_adds() {
    let server = server(Answer::new(500));
    let builder = buckler_transports::builder(settings(&server).build().unwrap()).unwrap();
    let agent: Agent = builder.platform("a framework").start();
    assert!(
        server.wait_for(|record| !record.requests.is_empty(), PATIENCE),
        "{:?}",
        agent.status()
    );
    assert_eq!(server.record().requests[0].json()["platform"], "a framework");
}

#[test]
fn an_agent_without_a_server_starts_all_the_same() {
    let agent = buckler_transports::start(Settings::builder().build().unwrap()).unwrap();
    assert!(agent.shutdown(PATIENCE).in_time, "{:?}", agent.status());
}

#[test]
fn settings_that_no_transport_can_use_are_an_error() {
    let server = server(Answer::new(500));
    let settings = settings(&server).transport("carrier-pigeon").build().unwrap();
    let error = buckler_transports::start(settings).unwrap_err().to_string();
    assert!(error.contains("carrier-pigeon"), "{error}");
}
