//! The transport against real sockets: what it sends, what it makes of good replies, and of every bad one.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test ends where it finds something else than it expects, its helpers included"
)]

mod failures;
mod hostile;
mod kept;
mod messages;
mod places;
mod proxied;
mod replies;
mod secured;
