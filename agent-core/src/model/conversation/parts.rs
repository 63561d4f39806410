//! What each owner of a piece of state contributes to a message.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use crate::{
    model::{blacklist::SharedList, outbox::Outbox},
    protocol::{
        Telemetry,
        v2::{ConfigCursor, ConfigStatus, DryRunTotals, Event, ListCursor, ProcessLoad, Staging, Totals},
    },
};

/// Everything that a message is made of and that changes between two of them.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The configuration's.
    pub config: ConfigPart,
    /// The list's and the outbox's.
    pub list: ListPart,
    /// Counts and load.
    pub telemetry: TelemetryPart,
}

/// Which configuration is in force.
#[derive(Debug, Clone, Default)]
pub struct ConfigPart {
    /// The server's that is in force; none before the first, and from version 1 servers.
    pub have: Option<ConfigCursor>,
    /// What became of the newest.
    pub status: Option<ConfigStatus>,
}

/// Where the list stands, and the events that wait.
#[derive(Debug, Clone, Default)]
pub struct ListPart {
    /// The list in force; none before the first, and to ask for a snapshot.
    pub have: Option<ListCursor>,
    /// A snapshot whose pages are still coming.
    pub staging: Option<Staging>,
    /// Time since the server last confirmed the list.
    pub list_age: Option<Duration>,
    /// The stream that `first` and `events` belong to.
    pub stream: Uuid,
    /// The lowest number that is not acknowledged.
    pub first: u64,
    /// Events from there on.
    pub events: Vec<Event>,
    /// Events that wait, of every stream, those in `events` included.
    pub pending: usize,
}

/// Counts and load.
#[derive(Debug, Clone, Default)]
pub struct TelemetryPart {
    /// With the counts since the last delivery, for a version 1 server.
    pub telemetry: Telemetry,
    /// Counts since start.
    pub totals: Totals,
    /// The guarded process's load.
    pub process: ProcessLoad,
    /// Events that were lost since start, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Restarts of the actors since start.
    pub restarts: u64,
    /// What somebody should look at, in words; none where all is well.
    pub alarm: Option<String>,
    /// What a candidate configuration would have decided otherwise.
    pub dry_run: Option<DryRunTotals>,
    /// Requests that passed although their bodies were not inspected, since start, by reason.
    pub uninspected: BTreeMap<String, u64>,
}

impl ListPart {
    /// What a list and an outbox have to say. `shares`: whether events are for the server. `confirmed`: when it last confirmed
    /// the list.
    #[must_use]
    pub fn gather(
        list: &mut SharedList,
        outbox: &Outbox,
        shares: bool,
        confirmed: Option<Duration>,
        now: Duration,
    ) -> Self {
        let (have, staging) = list.have(now);
        Self {
            have,
            staging,
            list_age: confirmed.map(|at| now.saturating_sub(at)),
            stream: outbox.stream(),
            first: outbox.first(),
            events: if shares { outbox.batch(now) } else { Vec::new() },
            pending: if shares { outbox.len() } else { 0 },
        }
    }
}
