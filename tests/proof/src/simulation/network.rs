//! What happens to a message on its way.

use std::time::Duration;

use buckler::protocol::v2::ServerPart;
use fastrand::Rng;

use super::plan::Weather;

/// The longest that a message usually takes.
pub(super) const USUAL: Duration = Duration::from_millis(200);
/// The longest that one takes which was stuck in a proxy: longer than an agent waits for its answer.
pub(super) const SLOWEST: Duration = Duration::from_secs(90);

/// What becomes of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// How long each of its copies takes; none if it is lost.
    pub(super) copies: Vec<Duration>,
}

pub(super) fn fate(weather: &Weather, random: &mut Rng) -> Fate {
    let mut copies = Vec::new();
    if !chance(weather.lost, random) {
        copies.push(delay(weather, random));
        if chance(weather.repeated, random) {
            copies.push(delay(weather, random));
        }
    }
    Fate { copies }
}

fn delay(weather: &Weather, random: &mut Rng) -> Duration {
    let most = if chance(weather.slow, random) { SLOWEST } else { USUAL };
    Duration::from_millis(random.u64(1..=u64::try_from(most.as_millis()).unwrap_or(1)))
}

/// Takes an entry out of a list; whether there was one.
pub(super) fn tamper(part: &mut ServerPart, random: &mut Rng) -> bool {
    let Some(list) = &mut part.list else { return false };
    if list.add.is_empty() {
        return list.remove.pop().is_some();
    }
    list.add.swap_remove(random.usize(..list.add.len()));
    true
}

/// Whether what happens `often` times in a thousand happens now.
pub(super) fn chance(often: u32, random: &mut Rng) -> bool {
    random.u32(0..1_000) < often
}
