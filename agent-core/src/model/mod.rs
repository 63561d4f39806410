//! The pure model.
pub mod address;
