//! What a guard works with.

use std::sync::Arc;

use buckler_waf::detect::Detectors;

use super::{CompressedBodies, Intake, Published, Recent, Tally, Uninspected};
use crate::clock::Clock;

/// What a guard works with. All of it outlives the actors.
#[derive(Debug)]
pub struct GuardParts {
    /// What it judges by.
    pub published: Arc<Published>,
    /// Where detections go.
    pub intake: Arc<Intake>,
    /// Where requests are counted.
    pub tally: Arc<Tally>,
    /// Where the site's clients are written down.
    pub recent: Arc<Recent>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What happens to a request that the guard itself fails on.
    pub on_failure: OnFailure,
    /// What happens to a request whose body is compressed.
    pub compressed_bodies: CompressedBodies,
    /// What happens to a request whose body was not inspected.
    pub uninspected: Uninspected,
    /// What looks into the values that requests carry.
    pub detectors: Arc<Detectors>,
}

/// What happens to a request that the guard itself fails on, or a detector, where the others find nothing in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It passes (`allow`): a fault of the guard must not take the application down.
    #[default]
    Open,
    /// It is refused, as a blocked request is (`block`).
    Closed,
}
