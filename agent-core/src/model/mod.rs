//! The pure model: no clock, no I/O, no async.
pub mod address;
pub mod blacklist;
pub mod breaker;
pub mod conversation;
pub mod ipset;
pub mod outbox;
pub mod policy;
pub mod schedule;
pub mod session;
pub mod signing;
pub mod suggest;
pub mod ztaa;
