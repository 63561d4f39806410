//! What agents and servers say to each other: the serde types of both protocol versions, and nothing else.
//!
//! Everything is JSON over `POST`; a version 2 peer adds `"proto": 2` and an object `v2` to the version 1 message.
//! Types here accept what the documentation or a release of pyrasp is known to send (`null` where an object is expected,
//! `error` for `errors`, an epoch as a float) and refuse everything else by type. They never judge meaning: an address is a
//! string here, and [`crate::model::address`] decides what it names.

mod envelope;
pub mod frame;
mod key;
mod v1;
pub mod v2;

pub use envelope::{BareReply, Envelope, ReplyForm};
pub use key::AgentKey;
pub use v1::{
    Beacon, BeaconReply, BlacklistUpdate, ConfigMap, Epoch, Registration, RequestCounts, Route, Routes, Telemetry,
    Welcome,
};

/// The protocol version that this crate adds to version 1, sent as `"proto"`.
pub const PROTO: u32 = 2;
