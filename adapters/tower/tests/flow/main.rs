//! The layer around real axum applications, over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong"
)]

mod bodies;
mod grpc;
mod hyper;
mod routes;
mod site;
mod slow;
mod verdicts;
