//! What the example programs share.

pub mod blog;
pub mod client;
pub mod demo;
pub mod fleet;
pub mod logs;
pub mod shop;
pub mod site;
