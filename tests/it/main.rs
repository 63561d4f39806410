//! End-to-end tests: real agents, real servers, real sockets, and the house rules.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers too"
)]

mod adapters;
mod bans;
mod between;
mod browser;
mod captured;
mod child;
mod cloud;
mod conformance;
mod document;
mod faults;
mod flow;
mod hostile;
mod https;
mod judged;
mod kill;
mod logged;
mod matrix;
mod nginx;
mod protocol;
mod proxied;
mod replay;
mod rig;
mod secrets;
mod settings;
mod simulation;
mod site;
mod spans;
mod staged;
mod tidy;
mod tidy_docs;
mod why;
