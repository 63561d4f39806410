//! What the example programs share.

pub mod axum_shop;
pub mod blog;
pub mod client;
pub mod cloud_process;
pub mod custom_transport;
pub mod demo;
pub mod fleet;
pub mod guarded;
pub mod logs;
pub mod relay;
pub mod shop;
pub mod site;
pub mod swarm;

/// The Rust of the documents, compiled.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/HOSTS.md")]
    struct Hosts;
    #[doc = include_str!("../../docs/EXTENDING.md")]
    struct Extending;
}
