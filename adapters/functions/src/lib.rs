//! Buckler in functions: containers that a cloud starts for a request, and throttles or freezes once it is answered.
//!
//! | module | for | platform |
//! |---|---|---|
//! | [`google`] | Google Cloud Functions (2nd generation) and Cloud Run | `Google Cloud Function` |
//! | [`azure`] | Azure Functions with a custom handler | `Azure Function` |
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use buckler_functions::{Settings, google};
//!
//! let app = Router::new().route("/", get(async || "hello"));
//! let agent = google::start(Settings::load()?)?; // PYRASP_CLOUD_URL and PYRASP_KEY, or a settings file
//! google::serve(agent, app).await?; // on $PORT, until SIGTERM
//! # Ok(())
//! # }
//! ```
//!
//! [`azure`] is used the same way. A service that is none of axum's is served as
//! `Router::new().fallback_service(service)`.
//!
//! # Time
//! Between requests there may be no processor time for hours, and none at all afterwards. So nothing here depends on it:
//! - The agent is [on demand](buckler::AgentBuilder::on_demand): it speaks when a request asks it to, on a fresh connection.
//! - It registers before the first request is served, within [`REGISTRATION`], and serves without where that does not succeed.
//! - A request during which a beacon is due, by wall clock, carries it: the exchange runs beside the application, and the answer
//!   waits for its end, for [`BEACON`] at most. So does an answer after which there is a ban to share. One request pays at a time; the
//!   others pass by.
//! - On `SIGTERM`, requests in flight have [`DRAIN`] to end, and the agent [`FLUSH`] to tell the server what it does not know yet. That
//!   is less than the ten seconds which Cloud Run grants before it kills.
//!
//! # Who the client is
//! Functions are reached through the cloud's own front end alone, so that the address which it wrote into `X-Forwarded-For`, the last
//! one there, counts as the connection's other end. Whatever stands left of it came from the client. Where proxies of your own stand
//! before the cloud (a load balancer, a content delivery network), the last address is theirs: name them in `trusted_proxies`, as with
//! every other host, and the chain is followed to whom they name.

pub mod azure;
mod beacons;
mod front;
pub mod google;
mod serving;
mod variable;

pub use buckler::{
    Agent, AgentBuilder, Settings,
    settings::SettingsError,
    status::{ShutdownReport, Status},
};

pub use crate::{
    beacons::{Answering, BEACON},
    serving::{DRAIN, FLUSH, REGISTRATION},
    variable::VariableError,
};
