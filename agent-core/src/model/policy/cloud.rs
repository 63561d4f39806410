//! How the agent speaks to its server.

use std::time::Duration;

use url::Url;

use super::{
    paths::DAY,
    reader::Reader,
    value::{seconds, switch, url},
};

/// `BEACON`, `BEACON_URL`, `BEACON_DELAY` and `TELEMETRY_DATA`.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    pub(super) beacon: bool,
    pub(super) url: Option<Url>,
    pub(super) delay: Duration,
    pub(super) telemetry: bool,
}

impl Cloud {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            beacon: reader.read("BEACON", switch),
            url: reader.read("BEACON_URL", url),
            delay: reader.read("BEACON_DELAY", |value| seconds(value, &(1..=DAY))),
            telemetry: reader.read("TELEMETRY_DATA", switch),
        }
    }
}
