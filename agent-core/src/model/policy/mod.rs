//! A configuration, parsed, checked and compiled once.

mod check;
mod reaction;

pub use check::{Check, Level};
pub use reaction::Reaction;
