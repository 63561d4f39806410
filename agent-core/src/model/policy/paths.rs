//! Which paths are ignored, are decoys, or count towards a flood; and how many requests a flood are.

use std::time::Duration;

use buckler_waf::pattern::{MatchType, PatternSet};

use super::{
    reader::Reader,
    value::{list, number, regex, seconds, switch, typed_pattern},
};

/// `IGNORE_PATHS`, `DECOY_ROUTES` and `BRUTE_AND_FLOOD_PATHS`.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) ignored: PatternSet,
    pub(super) decoys: PatternSet,
    pub(super) counted: PatternSet,
}

impl Paths {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            ignored: reader.patterns("IGNORE_PATHS", |value| list(value, regex)),
            decoys: reader.patterns("DECOY_ROUTES", |value| {
                list(value, |item| typed_pattern(item, MatchType::Starts))
            }),
            counted: reader.patterns("BRUTE_AND_FLOOD_PATHS", |value| list(value, regex)),
        }
    }
}

/// How much one source may send: `burst` requests at once, and then `limit` in each `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Requests that may come in each period; at least 1, at most 1,000,000.
    pub limit: u32,
    /// The period; whole seconds, from 1 to 86,400.
    pub period: Duration,
    /// Requests that may come at once after a pause; at least 1, at most 1,000,000.
    pub burst: u32,
}

/// A day: what comes more slowly than that is no flood.
pub(super) const DAY: u32 = 86_400;

/// The guard counts in a few bits a source; nobody sends more in a window that he may fill.
pub(super) const MOST_REQUESTS: u32 = 1_000_000;

impl Window {
    /// What one address may send by default. An office of 50 people behind one address opens a page every half minute, each with 60
    /// requests that nothing shows to be static files (the median page of the HTTP Archive makes 70 requests in all): 100 a second.
    /// At once, all of them may open a page with 200 resources. A flood sends hundreds a second and does not stop.
    pub const DEFAULT: Self = Self {
        limit: 6_000,
        period: Duration::from_secs(60),
        burst: 10_000,
    };

    /// How much more static files may be asked for than other requests. They cost a server little, and a page has many; but a
    /// client says itself that it asks for a picture (`Sec-Fetch-Dest`), which must not be a way around every limit.
    const STATIC: u32 = 10;

    /// Reads `FLOOD_RATIO`, `FLOOD_DELAY` and `FLOOD_BURST`.
    pub(super) fn of_requests(reader: &mut Reader) -> Self {
        let burst = reader.read("FLOOD_BURST", |value| number(value, &(0..=MOST_REQUESTS), ""));
        let own = Self::read(reader, "");
        match burst {
            // not whether a layer names it: a server sends every key
            0 if own.is_as_fast_as(Self::DEFAULT) => Self::DEFAULT,
            0 => own,
            burst => Self { burst, ..own },
        }
    }

    /// Reads `ERROR_FLOOD_RATIO` and `ERROR_FLOOD_DELAY`.
    pub(super) fn of_errors(reader: &mut Reader) -> Self {
        Self::read(reader, "ERROR_")
    }

    fn read(reader: &mut Reader, prefix: &str) -> Self {
        let limit = reader.read(&format!("{prefix}FLOOD_RATIO"), |value| {
            number(value, &(1..=MOST_REQUESTS), "")
        });
        Self {
            limit,
            period: reader.read(&format!("{prefix}FLOOD_DELAY"), |value| seconds(value, &(1..=DAY))),
            burst: limit,
        }
    }

    fn is_as_fast_as(self, other: Self) -> bool {
        (self.limit, self.period) == (other.limit, other.period)
    }

    /// The requests that may come in a time, multiplied by both periods, so that two windows can be compared.
    fn rate(self, other: Self) -> u128 {
        u128::from(self.limit) * other.period.as_nanos()
    }

    /// Whether whatever exceeds another window exceeds this one too.
    #[must_use]
    pub fn is_tighter_than(self, other: Self) -> bool {
        self.rate(other) <= other.rate(self) && self.burst <= other.burst
    }

    /// Whether fewer requests may come than by default, in the long run or at once.
    pub(crate) fn is_below_default(self) -> bool {
        self.rate(Self::DEFAULT) < Self::DEFAULT.rate(self) || self.burst < Self::DEFAULT.burst
    }

    /// What may be asked for of static files: a multiple of this window, or of the default where that is wider.
    #[must_use]
    pub fn of_static(self) -> Self {
        let wider = if self.rate(Self::DEFAULT) < Self::DEFAULT.rate(self) {
            Self::DEFAULT
        } else {
            self
        };
        Self {
            limit: wider.limit.saturating_mul(Self::STATIC),
            period: wider.period,
            burst: self.burst.max(Self::DEFAULT.burst).saturating_mul(Self::STATIC),
        }
    }
}

/// What is done about a source that sends more than its [`Window`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Flooding {
    /// After so long it is banned.
    pub(super) ban_after: Duration,
    /// Static files count as everything else does.
    pub(super) counts_static: bool,
}

impl Flooding {
    pub(super) fn read(reader: &mut Reader) -> Self {
        /// An hour: longer than anybody watches a flood.
        const LONGEST: u32 = 3600;
        Self {
            ban_after: reader.read("FLOOD_BAN_AFTER", |value| seconds(value, &(0..=LONGEST))),
            counts_static: reader.read("FLOOD_STATIC", switch),
        }
    }
}
