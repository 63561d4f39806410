//! Buckler in AWS Lambda functions, on [`lambda_http`].
//!
//! ```no_run
//! use buckler_lambda::{Settings, run, start};
//! use lambda_http::{Error, Request, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let agent = start(Settings::load()?)?; // PYRASP_CLOUD_URL and PYRASP_KEY, or BUCKLER_…
//! run(agent, service_fn(async |_: Request| Ok::<_, Error>("hello"))).await
//! # }
//! ```
//! in place of `lambda_http::run(service_fn(…))`. An axum router, or any other service that takes `lambda_http`'s requests, is run the
//! same way.
//!
//! # What happens when
//! - **Before the first request** the agent registers, within [`REGISTER_WITHIN`]. The function serves whether it could or not.
//! - **A request** is judged from memory. Nobody waits for a server.
//! - **After the answer has gone out**, an internal extension has the agent speak if it is due by the wall clock, or if somebody was
//!   banned: over a fresh connection, for [`BEACON_WITHIN`] at most, and never beyond the invocation's own deadline. The client has
//!   its answer by then; the time counts as the function's. Between invocations Lambda freezes the process: nothing depends on
//!   timers, and an exchange that was in the air is begun anew. Where Lambda's Extensions API is missing, the agent speaks before
//!   the runtime asks for the next event, which comes to the same.
//! - **At the end** what waits is sent, for [`FLUSH_WITHIN`]. Lambda sends `SIGTERM` to a function that has registered an extension, and
//!   ends one that has only internal ones 500 ms later; an internal extension cannot ask for Lambda's `SHUTDOWN` event.
//!   A process that is killed without (a crash, a timeout, memory) loses what it had not said, unless
//!   [`state_dir`](buckler::settings::AgentSettings::state_dir) is set, and then only where the same environment is used again.
//!
//! # Who the client is
//! | event | the address |
//! |---|---|
//! | API Gateway, REST API (payload 1.0) | `requestContext.identity.sourceIp` |
//! | API Gateway, HTTP API (payload 2.0), function URL | `requestContext.http.sourceIp` |
//! | Application Load Balancer, VPC Lattice | the last hop of `X-Forwarded-For`, which the balancer appends; do not set it to preserve the header |
//!
//! That is whom the service had at the other end of its connection. With CloudFront or another proxy in front, name it in
//! `trusted_proxies`, and the client is found behind it.
//!
//! # What is judged
//! The path as it was asked for, below the API's stage: `/prod/.env` of the stage `prod` is `/.env`. Bodies are judged as they were sent,
//! decoded where the event has them in Base64; the function gets the event's request, its body and its URI untouched. A refusal is
//! an answer of whichever shape the event asks for.
//!
//! Nobody knows a function's routes: its 404 is no unknown path (check `path`), it may be no more than `no such article`; and a decoy
//! is one where that is the answer. A probe for what only attackers know is one in any case.
//!
//! Other events (a queue's, a schedule's, an invocation by hand), and messages within a WebSocket, pass untouched: `lambda_http` hands them
//! to the function as `POST /events`, with [`RequestContext::PassThrough`](lambda_http::request::RequestContext).
//!
//! # Limits
//! - Answers are buffered: `lambda_http::run_with_streaming_response` has no counterpart here.
//! - One request at a time, as Lambda has it. On managed instances, which take several, this runs them one after the other.
//! - With SnapStart every copy of a snapshot is the same instance to the server, until its first day is over.

mod answered;
mod event;
mod extension;
mod function;
mod lent;
mod lifecycle;

pub use buckler::{
    Agent, AgentBuilder, Settings,
    settings::SettingsError,
    status::{ShutdownReport, Status},
};

pub use crate::lifecycle::{BEACON_WITHIN, FLUSH_WITHIN, REGISTER_WITHIN, run};

/// What the agent tells the server it guards.
const PLATFORM: &str = "AWS Lambda";

/// Starts an agent that speaks [on demand](AgentBuilder::on_demand), with the transport that the settings name, for [`run`].
///
/// # Errors
/// Where the settings name a transport that does not exist, or give it an option that it does not take.
pub fn start(settings: Settings) -> Result<Agent, SettingsError> {
    Ok(builder(settings)?.start())
}

/// As [`start`], for what the settings cannot say: the application's routes, for one.
///
/// # Errors
/// As [`start`].
pub fn builder(settings: Settings) -> Result<AgentBuilder, SettingsError> {
    Ok(buckler_transports::builder(settings)?.platform(PLATFORM).on_demand())
}
