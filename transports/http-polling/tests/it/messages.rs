//! What the tests send, and how they make a transport.

use std::{future::Future, time::Duration};

use buckler::{
    protocol::{AgentKey, Beacon, Registration, Welcome},
    settings::{Settings, SettingsBuilder},
    transport::{Transport, TransportError},
};
use buckler_http_polling::{KIND, factory};
use buckler_tests::fault::{Answer, FaultServer, Script, Step};
use serde_json::json;

/// The agent's key: nothing but a request may ever hold it.
pub(crate) const KEY: &str = "0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33";

/// Longer than any exchange here takes, even on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn settings(server: &FaultServer) -> SettingsBuilder {
    Settings::builder().cloud_url(server.url("/config")).key(KEY)
}

/// Settings with one option.
pub(crate) fn with(server: &FaultServer, key: &str, option: impl Into<serde_json::Value>) -> SettingsBuilder {
    settings(server).transport_option(KIND, key, option)
}

pub(crate) fn transport(settings: SettingsBuilder) -> Box<dyn Transport> {
    factory(&settings.build().unwrap()).unwrap()().unwrap()
}

pub(crate) fn registration() -> Registration {
    Registration {
        key: AgentKey::new(KEY),
        version: "0.1.0".to_owned(),
        platform: "test".to_owned(),
        routes: [].into(),
        proto: None,
        v2: None,
    }
}

pub(crate) fn beacon() -> Beacon {
    Beacon {
        key: AgentKey::new(KEY),
        version: "0.1.0".to_owned(),
        telemetry: None,
        blacklist: Some(Vec::new()),
        proto: None,
        v2: None,
    }
}

/// A good answer to either message.
pub(crate) fn good() -> Answer {
    Answer::reply(&json!({}))
}

/// Runs a test's client side.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

/// Registers once with a server that always does the same.
pub(crate) fn register(step: impl Into<Step>) -> Result<Welcome, TransportError> {
    register_at(&FaultServer::start(Script::always(step)).unwrap())
}

/// Registers once, with the default options.
pub(crate) fn register_at(server: &FaultServer) -> Result<Welcome, TransportError> {
    register_with(settings(server))
}

/// Registers once.
pub(crate) fn register_with(settings: SettingsBuilder) -> Result<Welcome, TransportError> {
    run(async { discreet(transport(settings).register(registration()).await) })
}

/// Passes a result on after a look at its error: none may show the key.
pub(crate) fn discreet<T>(result: Result<T, TransportError>) -> Result<T, TransportError> {
    if let Err(error) = &result {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(KEY), "{shown}");
    }
    result
}
