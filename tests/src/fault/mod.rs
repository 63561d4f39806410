//! A server that misbehaves by script, on a real socket, and remembers what it was sent.
//!
//! ```
//! use buckler_tests::fault::{Answer, FaultServer, Script, Step};
//!
//! let server = FaultServer::start(Script::sequence([
//!     Step::Hang,
//!     Answer::new(200).html("<h1>It works</h1>").into(),
//!     Answer::reply(&serde_json::json!({"config": {}, "blacklist": {}})).into(),
//! ]))?;
//! let cloud_url = server.url("/config");
//! // … and later
//! assert_eq!(server.record().requests.len(), 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! It answers each request of a connection in turn, as its [`Script`] says. It runs on a thread of its own, so that a test may
//! block or run any runtime, and ends with its owner.

mod answer;
mod connection;
mod host;
mod record;
mod script;
mod server;

pub use self::{
    answer::{Answer, Pace},
    record::{Record, Seen},
    script::{Script, Step},
    server::FaultServer,
};

#[cfg(test)]
mod tests;
