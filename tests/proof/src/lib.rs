//! What proves the whole: [`fuzz`], targets that take any bytes and hold Buckler to its promises, and mutations for them.
//!
//! A broken promise is a panic that says which one. Nothing in here reads a clock or draws a number that a seed does not give.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken promise is told by a panic"
)]

pub mod fuzz;
pub mod simulation;
