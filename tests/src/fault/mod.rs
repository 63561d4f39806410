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
//! Over a WebSocket the same script answers the same messages: [`Script::upgrading`] lets clients in, and a frame
//! `{"id": 7, "beacon": {…}}` is asked about as a request to `/beacon` whose method is `FRAME`. Its [`Answer`] goes back as the frame
//! `{"id": 7, "code": …, "reply": …}`, stalled, cut and spoilt in the same ways. What only a WebSocket can do is a list of
//! [`Say`], in the place of an answer ([`Step::Say`]) or whenever the test likes ([`FaultServer::say`]).
//!
//! It answers each request of a connection in turn, as its [`Script`] says. It runs on a thread of its own, so that a test may
//! block or run any runtime, and ends with its owner.

mod answer;
mod connection;
mod host;
mod record;
mod script;
mod server;
mod ws;

pub use self::{
    answer::{Answer, Pace},
    record::{Record, Seen},
    script::{Script, Step},
    server::FaultServer,
    ws::{Say, Upgrade},
};

#[cfg(test)]
mod tests;
