//! The pure model.
pub mod address;
pub mod ipset;
pub mod policy;
