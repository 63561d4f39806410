//! Functions, guarded, over real sockets: what the clouds' front ends and hosts send, and what a server hears of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong"
)]

mod beacons;
mod events;
mod forwarded;
mod packed;
mod site;
mod whose;
