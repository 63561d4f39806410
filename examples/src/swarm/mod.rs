//! Thousands of agents' conversations in one process: the session, outbox and list of a real agent, and a real transport, without
//! the guard and the actors around them.

mod board;
mod cloud;
mod member;

pub use board::{Board, Latencies};
pub use cloud::{ADMIN_TOKEN, Cloud, KEY, serve};
pub use member::{Member, Order};
