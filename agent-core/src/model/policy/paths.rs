//! Which paths are ignored, are decoys, or count towards a flood; and how many requests a flood are.

use std::time::Duration;

use super::{
    reader::Reader,
    value::{list, number, regex, seconds, typed_pattern},
};
use crate::model::pattern::{MatchType, PatternSet};

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

/// More than `limit` requests of one source within `period` are a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Requests that are no flood yet; at least 1, at most 1,000,000.
    pub limit: u32,
    /// The window's length; whole seconds, from 1 to 86,400.
    pub period: Duration,
}

/// A day: what comes more slowly than that is no flood.
pub(super) const DAY: u32 = 86_400;

/// The guard counts in a few bits a source; nobody sends more in a window that he may fill.
pub(super) const MOST_REQUESTS: u32 = 1_000_000;

impl Window {
    /// Reads `<prefix>FLOOD_RATIO` and `<prefix>FLOOD_DELAY`.
    pub(super) fn read(reader: &mut Reader, prefix: &str) -> Self {
        Self {
            limit: reader.read(&format!("{prefix}FLOOD_RATIO"), |value| {
                number(value, &(1..=MOST_REQUESTS), "")
            }),
            period: reader.read(&format!("{prefix}FLOOD_DELAY"), |value| seconds(value, &(1..=DAY))),
        }
    }
}
