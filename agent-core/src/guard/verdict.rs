//! What the guard answers: let it pass, or how to refuse it, and what was found.

use std::net::IpAddr;

pub use crate::model::policy::Reaction;
use crate::{
    model::policy::{Check, Level},
    protocol::v2::{AddressOrigin, Evidence},
};

/// The guard's answer to a request or a response.
#[derive(Debug, Clone)]
#[must_use = "a verdict that is not obeyed guards nothing"]
pub enum Verdict {
    /// Let it pass. Detections of checks that only log are reported by the guard itself.
    Pass,
    /// Refuse it.
    Block(Reaction),
}

impl Verdict {
    /// Whether it is to be refused.
    #[must_use]
    pub const fn is_block(&self) -> bool {
        matches!(self, Self::Block(_))
    }
}

/// An attack that was found in a request, on its way to the actors.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Which check found it.
    pub check: Check,
    /// What the configuration made of it.
    pub level: Level,
    /// The client, in the one form of its address; unspecified (`0.0.0.0`) where the connection had none.
    pub source: IpAddr,
    /// Where the client's address was read.
    pub origin: AddressOrigin,
    /// Whether the client may be banned at all, see [`Trusted::bannable`](super::Trusted::bannable).
    pub bannable: bool,
    /// How sure it is.
    pub evidence: Evidence,
    /// Where in the request: `path`, `host`, `header:x-scanner`.
    pub place: Box<str>,
    /// What was there, cut to [`Detection::EXCERPT`] bytes.
    pub excerpt: Box<str>,
    /// When, as [`Clock::unix`](crate::clock::Clock::unix) in milliseconds.
    pub at_ms: u64,
}

impl Detection {
    /// The most of a request that is kept of what was found in it, in bytes: enough to recognise it, too little to leak a form.
    pub const EXCERPT: usize = 120;
}
