//! The transport against real sockets: what it sends, and what it makes of all that may come.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test ends where it finds something else than it expects, its helpers included"
)]

mod client;
mod ends;
mod exchanges;
mod pushes;
mod secured;
mod server;
mod upgrades;
