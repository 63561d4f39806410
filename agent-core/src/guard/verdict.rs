//! What the guard answers: let it pass, or how to refuse it, and what was found.

use std::{borrow::Cow, net::IpAddr, num::NonZeroU32, time::Duration};

use super::{block_id::BlockId, explain::EvidenceCount, whereabouts::RequestInfo};
pub use crate::model::policy::Reaction;
use crate::{
    model::policy::{Check, Level, NarrowException},
    protocol::v2::{AddressOrigin, Evidence},
};

/// The guard's answer to a request or a response.
#[derive(Debug, Clone)]
#[must_use = "a verdict that is not obeyed guards nothing"]
pub enum Verdict {
    /// Let it pass. Detections of checks that only log are reported by the guard itself.
    Pass,
    /// Refuse it.
    Block(Refusal),
}

/// A refusal: how a request is answered, and the name by which one can ask why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name of this refusal, for the header [`BlockId::HEADER`].
    pub id: BlockId,
    /// The answer as the configuration has it; [`answer`](Self::answer) is what is sent.
    pub(super) reaction: Reaction,
    /// The seconds after which the client may try again, for the header `Retry-After`; absent where waiting changes nothing.
    pub retry_after: Option<NonZeroU32>,
    /// What the answer's content is.
    pub content_type: &'static str,
    /// The origin whose pages' scripts may read it.
    pub(super) cors_origin: Option<Box<str>>,
}

impl Refusal {
    /// This refusal of a client that may try again after a time: whole seconds, of which it takes at least one.
    pub(super) fn after(self, wait: Option<Duration>) -> Self {
        let seconds = |wait: Duration| {
            let begun = u64::from(wait.subsec_nanos() > 0);
            u32::try_from(wait.as_secs() + begun).unwrap_or(u32::MAX)
        };
        let retry_after = wait.map(|wait| NonZeroU32::new(seconds(wait)).unwrap_or(NonZeroU32::MIN));
        Self { retry_after, ..self }
    }

    /// With a status that says better what is wrong, where there is one.
    pub(super) const fn with_status(mut self, better: Option<u16>) -> Self {
        if let (Reaction::Respond { status, .. }, Some(better)) = (&mut self.reaction, better) {
            *status = better;
        }
        self
    }
}

/// The status of a refusal, with one that says better what is wrong, where there is one.
pub(super) const fn status_of(reaction: &Reaction, better: Option<u16>) -> u16 {
    match (reaction, better) {
        (Reaction::Respond { .. }, Some(better)) => better,
        _ => reaction.status(),
    }
}

/// The verdict on a request that was refused, as a host finds it for its own log and metrics: among
/// the extensions of the request, or, where the framework no longer gives that to a layer, of the
/// answer. A request that passed has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The refusal, as the client was shown it; [`Guard::why`](super::Guard::why) tells more.
    pub id: BlockId,
    /// The status that the client was answered with.
    pub status: u16,
}

impl Refusal {
    /// What the host is told of it.
    #[must_use]
    pub const fn blocked(&self) -> Blocked {
        Blocked {
            id: self.id,
            status: self.reaction.status(),
        }
    }
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
    /// What spoke against the client by then; absent where the finding does not count against it.
    pub count: Option<EvidenceCount>,
    /// For how long the client is to be banned; absent where it is not.
    pub ban_for: Option<Duration>,
    /// The client's requests of the last minute that nothing was found in, where it is to be banned: what its ban would block.
    pub clean_requests: u64,
    /// The rule that found it, `family/rule` (`sqli/tautology`); the check's own name where it has no rules.
    pub rule: Cow<'static, str>,
    /// How sure the rule is, in hundredths; 100 where it is no matter of degree.
    pub score: u8,
    /// The refusal that it led to; absent where it is only logged.
    pub id: Option<BlockId>,
    /// Where in the request: `path`, `host`, `header:x-scanner`; cut to [`Detection::PLACE`] bytes.
    pub place: Box<str>,
    /// What was there, cut to [`Detection::EXCERPT`] bytes, with what looks like a secret masked.
    pub excerpt: Box<str>,
    /// When, as [`Clock::unix`](crate::clock::Clock::unix) in milliseconds.
    pub at_ms: u64,
    /// The version of the configuration that it was judged by; absent where none came from the server.
    pub config_version: Option<u64>,
    /// Where the request went.
    pub request: RequestInfo,
    /// Its path, for the log of the host alone: cut, and without what its segments say that it is a
    /// secret.
    pub path: Box<str>,
    /// The host's `tracing` span that the request was judged in; disabled where there is none.
    pub span: tracing::Span,
    /// The narrowest exception by which the request would have passed or, where it passed, this
    /// finding would not have been made; absent where none would have.
    pub exception: Option<Box<NarrowException>>,
}

impl Detection {
    /// The most of a request that is kept of what was found in it, in bytes: enough to recognise it, too little to leak a form.
    pub const EXCERPT: usize = 120;

    /// The most that is kept of the name of a place, in bytes: parameters have short names, and attackers choose them.
    pub const PLACE: usize = 120;

    /// How many requests are evidence: where a number was exceeded all that are remembered of the
    /// client, of findings those that were refused.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.count.map_or(1, |count| match self.evidence {
            Evidence::Threshold => count.requests,
            Evidence::Certain | Evidence::Repeated => count.refused,
        })
    }
}
