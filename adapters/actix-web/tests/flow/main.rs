//! The whole way of a request: real clients, a real `HttpServer` with two workers, a real agent with local settings.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking that its setting is wrong"
)]

mod answers;
mod bodies;
mod clients;
mod peeked;
mod protocols;
mod site;
mod verdicts;
