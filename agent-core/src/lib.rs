//! Buckler's agent: it lives inside a web application, guards it, and shares the attackers it catches with a fleet.
//!
//! ```text
//! request ─▶ Guard ─▶ Verdict                                                      server
//!              ▲  └─▶ Intake (ring) ─▶ RequestGuard ─▶ BlacklistSync ─▶ CloudLink ─▶ Transport ─▶ │
//!              │                            │  ▲        TelemetryReporter ─▶ │                     │
//!              └──── Snapshot ◀── publish ──┘  └─────── ConfigFetcher ◀───── │ ◀── reply or push ◀─┘
//! ```
//!
//! Web workers read a snapshot and drop events into a ring; actors own every piece of state, turn events into bans and reports,
//! and publish the next snapshot; transports carry their exchanges to the server and back.
//!
//! A host uses [`Settings`], [`Agent`] and, through an adapter for its framework, [`guard::Guard`]:
//!
//! ```
//! use std::time::Duration;
//! use buckler::{Agent, Settings, guard::{RequestView, RouteMatch, Verdict}};
//!
//! let agent = Agent::builder(Settings::builder().build()?).platform("my framework").start();
//! let guard = agent.guard();
//! let headers: &[(&str, &[u8])] = &[("user-agent", b"curl/8.5")];
//! let request = RequestView {
//!     peer: Some("203.0.113.9".parse()?),
//!     method: "GET",
//!     path: "/.git/config",
//!     query: "",
//!     host: Some("shop.example.com"),
//!     route: RouteMatch::Unsure,
//!     headers: &headers,
//! };
//! assert!(matches!(guard.check(&request), Verdict::Block(_)));
//! agent.shutdown(Duration::from_secs(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//! - `agent` (on by default): all of the above. Without it only [`protocol`], [`model`] and
//!   [`private`] are built, which is what a server needs.
//! - `testing`: a clock that is driven by hand and a transport that follows a script, for tests.

#[cfg(feature = "agent")]
mod actors;
#[cfg(feature = "agent")]
mod agent;
pub mod clock;
#[cfg(feature = "agent")]
pub mod detect;
#[cfg(feature = "agent")]
pub mod guard;
pub mod model;
#[cfg(feature = "agent")]
mod notice;
pub mod private;
pub mod protocol;
#[cfg(feature = "agent")]
pub mod settings;
#[cfg(feature = "agent")]
pub mod status;
#[cfg(feature = "agent")]
mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "agent")]
pub mod transport;

#[cfg(feature = "agent")]
pub use self::{
    agent::{Agent, AgentBuilder, Ban, BanError, Exchanged, Unbanned},
    settings::Settings,
    status::{ShutdownReport, Status},
};

/// This crate's version, as the agent tells it to the server.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
