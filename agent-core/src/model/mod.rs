//! The pure model: no clock, no I/O, no async.
pub mod address;
pub mod blacklist;
pub mod breaker;
pub mod characters;
pub mod coding;
pub mod conversation;
pub mod detect;
pub mod ipset;
pub mod normal;
pub mod outbox;
pub mod pattern;
pub mod places;
pub mod policy;
pub mod schedule;
pub mod session;
pub mod suggest;
pub mod ztaa;
