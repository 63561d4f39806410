//! What stands before and around a function.

use std::{fs, net::SocketAddr, sync::Arc};

use buckler::Agent;
use buckler_functions::{
    azure::{Azure, FunctionApp},
    google::{Environment, Google},
};
use buckler_tests::cloud::{AzureHost, Front};
use serde_json::json;
use tempfile::TempDir;

use super::host::Kind;

/// The front end that clients meet, before an application that is served there; none where they meet the application itself.
pub(super) fn front(kind: Kind, served_at: SocketAddr) -> Option<Front> {
    match kind {
        Kind::ActixWeb | Kind::Axum | Kind::Hyper | Kind::HyperWithoutPeers => None,
        Kind::Google => Some(Front::of_google(served_at)),
        Kind::Azure => Some(Front::of_azure(AzureHost::read(files().path(), served_at))),
    }
}

/// The guard of a container on Cloud Run.
pub(super) fn google(agent: &Arc<Agent>) -> Google {
    let environment = Environment {
        service: Some("shop".to_owned()),
        ..Environment::default()
    };
    Google::new(Arc::clone(agent), environment)
}

/// The guard of a custom handler.
pub(super) fn azure(agent: &Arc<Agent>) -> Azure {
    Azure::new(Arc::clone(agent), app())
}

/// The function app of that handler: one function for every path, to which requests are forwarded.
pub(super) fn app() -> FunctionApp {
    FunctionApp::read(files().path()).unwrap()
}

fn files() -> TempDir {
    let files = tempfile::tempdir().unwrap();
    let host = json!({
        "customHandler": {"enableForwardingHttpRequest": true},
        "extensions": {"http": {"routePrefix": ""}},
    });
    fs::write(files.path().join("host.json"), host.to_string()).unwrap();
    let trigger = json!({"type": "httpTrigger", "direction": "in", "name": "req", "route": "{*path}"});
    let output = json!({"type": "http", "direction": "out", "name": "res"});
    let function = files.path().join("shop");
    fs::create_dir(&function).unwrap();
    fs::write(
        function.join("function.json"),
        json!({"bindings": [trigger, output]}).to_string(),
    )
    .unwrap();
    files
}
