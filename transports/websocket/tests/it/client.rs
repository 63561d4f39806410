//! What the tests send, and how they make a transport.

use std::{future::Future, net::SocketAddr};

use buckler::{
    protocol::{AgentKey, Beacon, BeaconReply, Registration, Welcome},
    settings::{Settings, SettingsBuilder},
    transport::{Push, Transport, TransportError},
};
use buckler_websocket::{KIND, factory};
use futures_util::StreamExt;

use crate::server::{PATIENCE, Peer, Server};

/// The agent's key: nothing but the upgrade request's header and the messages may ever hold it.
pub(crate) const KEY: &str = "0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33";

pub(crate) fn settings(address: SocketAddr) -> SettingsBuilder {
    Settings::builder()
        .cloud_url(format!("http://{address}/api/config?profile=1"))
        .key(KEY)
}

/// Settings with one option.
pub(crate) fn with(address: SocketAddr, key: &str, option: impl Into<serde_json::Value>) -> SettingsBuilder {
    settings(address).transport_option(KIND, key, option)
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
        proto: Some(2),
        v2: None,
    }
}

pub(crate) fn beacon() -> Beacon {
    Beacon {
        key: AgentKey::new(KEY),
        version: "0.1.0".to_owned(),
        telemetry: None,
        blacklist: None,
        proto: Some(2),
        v2: None,
    }
}

pub(crate) async fn register(transport: &dyn Transport) -> Result<Welcome, TransportError> {
    discreet(transport.register(registration()).await)
}

pub(crate) async fn send_beacon(transport: &dyn Transport) -> Result<BeaconReply, TransportError> {
    discreet(transport.beacon(None, beacon()).await)
}

/// Passes a result on after a look at its error: none may show the key.
fn discreet<T>(result: Result<T, TransportError>) -> Result<T, TransportError> {
    if let Err(error) = &result {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(KEY), "{shown}");
    }
    result
}

/// The next push, which must come.
pub(crate) async fn next(pushes: &mut (impl futures_util::Stream<Item = Push> + Unpin)) -> Push {
    actix_rt::time::timeout(PATIENCE, pushes.next()).await.unwrap().unwrap()
}

/// The number that a test gave a push, so that it can be told from others.
pub(crate) fn number(push: &Push) -> Option<u64> {
    match push {
        Push::Said(part) if part.flags.is_empty() => Some(part.server_ms),
        Push::Said(_) | Push::Open | Push::Closed(_) => None,
    }
}

/// Runs a test's client side.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

/// Registers once with a server that does `script` on its first connection.
pub(crate) fn register_with(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Result<Welcome, TransportError> {
    let server = Server::start(move |peer, _| script(peer));
    run(async { register(&*transport(settings(server.address()))).await })
}
