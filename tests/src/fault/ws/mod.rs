//! WebSocket, spoken well or badly: how an upgrade is accepted, and what is said afterwards.
//!
//! The framing is written by hand, since a server that lies must be able to send what no library would.

mod framing;
mod handshake;
mod spoken;
mod talk;

pub use self::{handshake::Upgrade, spoken::Say};
pub(super) use self::{handshake::is_upgrade, talk::converse};

#[cfg(test)]
mod tests;
