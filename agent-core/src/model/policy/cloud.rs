//! How the agent speaks to its server.

use std::time::Duration;

use url::Url;

use super::{
    paths::DAY,
    reader::Reader,
    value::{seconds, switch, url},
};

/// `BEACON`, `BEACON_URL`, `BEACON_DELAY`, `REFRESH_DELAY` and `TELEMETRY_DATA`.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    pub(super) beacon: bool,
    pub(super) url: Option<Url>,
    pub(super) delay: Duration,
    pub(super) refresh: Duration,
    pub(super) telemetry: bool,
}

/// The shortest time between two requests for a configuration, in seconds: rule 7 of the protocol, nobody hammers.
const OFTENEST_REFRESH: u32 = 10;

impl Cloud {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            beacon: reader.read("BEACON", switch),
            url: reader.read("BEACON_URL", url),
            delay: reader.read("BEACON_DELAY", |value| seconds(value, &(1..=DAY))),
            refresh: reader.read("REFRESH_DELAY", |value| seconds(value, &(OFTENEST_REFRESH..=DAY))),
            telemetry: reader.read("TELEMETRY_DATA", switch),
        }
    }
}
