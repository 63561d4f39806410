//! Buckler's agent.
#[cfg(feature = "agent")]
pub mod clock;
pub mod model;
pub mod protocol;
#[cfg(feature = "agent")]
pub mod transport;
