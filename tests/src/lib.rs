//! What tests of the whole share: [`fault::FaultServer`], a server that misbehaves by script,
//! [`ca::Ca`], which issues certificates for it, [`http`], a client that sees what goes over the
//! wire, [`cloud`], the clouds around a function, [`readings`], requests that may be read in two
//! ways, [`nats`], real servers of the engine that nodes share, and [`wait`], for what other
//! threads and processes do.
//!
//! Nothing here depends on Buckler's own crates, so that any of them may use it in its tests.

pub mod ca;
pub mod cloud;
pub mod fault;
pub mod http;
pub mod nats;
pub mod proxy;
pub mod readings;
pub mod wait;
