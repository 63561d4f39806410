//! Azure Functions with a custom handler: the host, Azure's own program, starts the handler beside itself and hands it what triggers
//! functions over HTTP on loopback.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use buckler_functions::{Settings, azure};
//!
//! let app = Router::new().route("/api/hello", get(async || "hello"));
//! let agent = azure::start(Settings::load()?)?; // reports the routes of every function.json
//! azure::serve(agent, app).await?; // on $FUNCTIONS_CUSTOMHANDLER_PORT
//! # Ok(())
//! # }
//! ```
//!
//! Who serves the handler himself puts an [`Azure`] around it as a layer, and calls [`Agent::exchange`] before and [`Agent::shutdown`]
//! after.
//!
//! # What the host sends
//! How it hands over an invocation depends on `host.json` and on the function's `function.json`, which a [`FunctionApp`] reads:
//!
//! - **Forwarded**: where `host.json` has `enableForwardingHttpRequest` and the function has an HTTP trigger and an HTTP output and no
//!   other binding, the handler gets the client's request, at its own path. The host joins repeated parameters of the query
//!   with commas; the header `X-Original-URL` has them as the client wrote them. Both are judged: what the query holds, and what the
//!   header adds to it.
//! - **As JSON**: every other function gets a `POST` to `/{its name}` with `{"Data": {…}, "Metadata": {…}}`. Where `Data` holds a request
//!   (`Url`, `Method`, `Headers`, `Body`, under the name of the HTTP trigger), that request is judged, by its own address, path,
//!   query, headers and body, and the handler then gets the `POST` as it came. Of its answer, the status that counts is the one in
//!   `Outputs`. A refusal is an answer with the status 200 that tells the host what to tell the client:
//!   `{"Outputs": {"res": {"statusCode": "403", "headers": {…}, "body": "…"}}, "Logs": […], "ReturnValue": null}`. A function without an
//!   HTTP output cannot say so: the refusal is the status itself, which the host turns into a 500 for the client.
//! - **Other triggers** (queues, timers, blobs) come as JSON too. They are no client's doing: they are judged by what they carry alone, and
//!   nobody is banned for them, counted for them or looked up in the list. A refused one has failed for the host, which retries it
//!   and, with a queue, puts it aside in the poison queue.
//! - **Probes**: while the handler starts, the host asks for `GET /` until there is any answer, and does so again to keep it warm. The
//!   handler answers them; they are neither judged nor counted. Probes are told from requests by what the host adds to these (the
//!   invocation's id) and the front end does (`X-Forwarded-For`).
//!
//! The sources are the documentation of custom handlers, and the host's own (`DefaultHttpWorkerService` in `Azure/azure-functions-host`).
//! The host itself cannot be run in this project's tests: they emulate what is documented.
//!
//! # Who the client is
//! The last address in `X-Forwarded-For`, which the front end of App Service writes with the client's port (`203.0.113.9:50123`) after
//! whatever the client sent. pyrasp takes the leftmost one, which the client may choose. Behind Azure Front Door or an Application
//! Gateway, name its addresses in `trusted_proxies`. Without the header, under the Core Tools on a developer's machine, the
//! connection itself says where it came from: loopback, which is never banned.

mod answer;
mod app;
mod bindings;
mod invocation;
mod layer;
mod packed;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    sync::Arc,
};

use axum::Router;

pub use self::{
    app::{AppError, FunctionApp},
    layer::{Azure, AzureService},
};
use crate::{
    Agent, AgentBuilder, Settings, SettingsError, ShutdownReport, VariableError, serving,
    variable::{self, of_process},
};

/// What the agent tells the server it guards.
const PLATFORM: &str = "Azure Function";

/// The variable that says where to listen.
const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Starts an agent that speaks when a request asks it to, and tells the server the routes of the process's [`FunctionApp`]. It returns at
/// once.
///
/// # Errors
/// Where the settings name a transport that does not exist, or give it an option that it does not take.
pub fn start(settings: Settings) -> Result<Agent, SettingsError> {
    Ok(builder(settings, &FunctionApp::from_env())?.start())
}

/// As [`start`], for what the settings cannot say, and for another function app.
///
/// # Errors
/// As [`start`].
pub fn builder(settings: Settings, app: &FunctionApp) -> Result<AgentBuilder, SettingsError> {
    let builder = buckler_tower::builder(settings)?;
    Ok(builder.platform(PLATFORM).routes(app.routes()).on_demand())
}

/// Serves a handler, guarded, on `$FUNCTIONS_CUSTOMHANDLER_PORT` until `SIGTERM`.
///
/// # Errors
/// Where the variable is missing or no port, or the port cannot be listened on.
pub async fn serve(agent: impl Into<Arc<Agent>>, handler: Router) -> io::Result<ShutdownReport> {
    Azure::from_env(agent).serve(handler).await
}

/// Where the host expects the handler.
///
/// # Errors
/// Where the variable is missing or no port.
fn port() -> Result<NonZeroU16, VariableError> {
    variable::port(&of_process, PORT)?.ok_or(VariableError {
        variable: PORT,
        found: String::new(),
        allowed: "the port that the Azure Functions host chose, which starts this program itself",
    })
}

impl Azure {
    /// For an agent, as the process's own environment says.
    #[must_use]
    pub fn from_env(agent: impl Into<Arc<Agent>>) -> Self {
        Self::new(agent, FunctionApp::from_env())
    }

    /// Serves a handler, guarded, on `$FUNCTIONS_CUSTOMHANDLER_PORT` until `SIGTERM`.
    ///
    /// # Errors
    /// Where the variable is missing or no port, or the port cannot be listened on.
    pub async fn serve(self, handler: Router) -> io::Result<ShutdownReport> {
        // the host is on the same machine, and nobody else has any business here
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port().map_err(io::Error::other)?.get()));
        let agent = Arc::clone(self.agent());
        serving::serve(&agent, address, handler.layer(self)).await
    }
}
