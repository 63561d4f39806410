//! What a ban needs, and how long it lasts: `BAN_EVIDENCE`, `BAN_WINDOW`, `BAN_SHARE` and `BAN_GROWTH`.

use std::time::Duration;

use super::{
    paths::DAY,
    reader::Reader,
    value::{number, probability, seconds, switch},
};

/// How many refused requests ban a client, and within which time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BanTerms {
    /// Refused requests with different values; from 1 to [`MOST_EVIDENCE`](Self::MOST_EVIDENCE).
    pub evidence: u32,
    /// The time within which they count; whole seconds, from 1 to 86,400.
    pub window: Duration,
    /// The part of the client's requests in that time that must have been refused, from 0 to 1.
    pub share: f64,
}

impl BanTerms {
    /// The most values that `BAN_EVIDENCE` may ask for: the guard remembers that many for each client, in 128 bytes.
    pub const MOST_EVIDENCE: u32 = 16;

    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            evidence: reader.read("BAN_EVIDENCE", |value| number(value, &(1..=Self::MOST_EVIDENCE), "")),
            window: reader.read("BAN_WINDOW", |value| seconds(value, &(1..=DAY))),
            share: reader.read("BAN_SHARE", probability),
        }
    }

    /// Terms that both of two configurations would ban by: the higher number, the higher share, the shorter time.
    #[must_use]
    pub fn milder_of(self, other: Self) -> Self {
        Self {
            evidence: self.evidence.max(other.evidence),
            window: self.window.min(other.window),
            share: self.share.max(other.share),
        }
    }
}

/// How long a ban lasts, by how often its client was banned before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BanLengths {
    /// `BLACKLIST_DELAY`: how long the entries of a version 1 server last, and bans that do not grow.
    pub(super) delay: Duration,
    /// Whether first bans are short (`BAN_GROWTH`).
    grows: bool,
    /// Whether a configuration sets `BLACKLIST_DELAY`, as the most that a ban may last.
    is_capped: bool,
}

impl BanLengths {
    /// A ban's first, second and every later length. Five minutes stop a scanner, and cost a person caught by mistake a coffee;
    /// a day outlasts most leases of an address, so that nothing longer would meet the same client.
    const STEPS: [Duration; 3] = [
        Duration::from_secs(5 * 60),
        Duration::from_secs(60 * 60),
        Duration::from_secs(24 * 60 * 60),
    ];

    /// Ten years, in seconds: longer than an address keeps its owner.
    const LONGEST: u32 = 10 * 365 * 86_400;

    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            delay: reader.read("BLACKLIST_DELAY", |value| seconds(value, &(1..=Self::LONGEST))),
            grows: reader.read("BAN_GROWTH", switch),
            is_capped: reader.is_chosen("BLACKLIST_DELAY"),
        }
    }

    /// The length of a ban whose client was banned this many times before.
    pub(super) fn after(&self, earlier: u32) -> Duration {
        let [first, second, later] = Self::STEPS;
        let step = match earlier {
            0 => first,
            1 => second,
            _ => later,
        };
        match (self.grows, self.is_capped) {
            (false, _) => self.delay,
            (true, false) => step,
            (true, true) => step.min(self.delay),
        }
    }
}
