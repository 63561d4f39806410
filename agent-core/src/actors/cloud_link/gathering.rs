//! The actors' parts of one exchange, as they come in.

use std::time::Duration;

use crate::{
    actors::messages::{ConfigPart, ListPart, Part, TelemetryPart},
    model::{conversation::Parts, session::Exchange},
};

/// What has come so far.
pub(super) struct Gathering {
    pub(super) exchange: Exchange,
    pub(super) since: Duration,
    config: Option<ConfigPart>,
    list: Option<ListPart>,
    telemetry: Option<TelemetryPart>,
}

impl Gathering {
    pub(super) const fn new(exchange: Exchange, since: Duration) -> Self {
        Self {
            exchange,
            since,
            config: None,
            list: None,
            telemetry: None,
        }
    }

    /// Takes a part in.
    pub(super) fn add(&mut self, part: Part) {
        match part {
            Part::Config(part) => self.config = Some(part),
            Part::List(part) => self.list = Some(part),
            Part::Telemetry(part) => self.telemetry = Some(part),
        }
    }

    /// Takes all parts out, if all have come.
    pub(super) fn whole(&mut self) -> Option<Parts> {
        if self.config.is_none() || self.list.is_none() {
            return None;
        }
        let telemetry = self.telemetry.take()?;
        Some(Parts {
            config: self.config.take()?,
            list: self.list.take()?,
            telemetry,
        })
    }
}
