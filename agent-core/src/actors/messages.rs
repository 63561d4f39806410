//! Every message between the actors, in one place. Facts are past participles, commands are imperatives.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::Message;
use ipnet::IpNet;

use crate::{
    model::{blacklist::Blacklist, outbox::Draft, policy::Policy},
    protocol::{
        BlacklistUpdate, ConfigMap, Epoch, Telemetry,
        v2::{ConfigCursor, ConfigStatus, Event, ListCursor, ListUpdate, Nack, ProcessLoad, Staging, Totals},
    },
};

/// A configuration is in force. ConfigFetcher → all others.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub(crate) struct PolicyChanged(pub(crate) Arc<Policy>);

/// The list was replaced as a whole; changes within it need no message. BlacklistSync → RequestGuard.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ListChanged(pub(crate) Arc<Blacklist>);

/// Offences that the guard saw, in order. RequestGuard → BlacklistSync, again after a restart until taken.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct OffendersCaught {
    /// Rises by one; a batch that was taken already is not taken again.
    pub(crate) batch: u64,
    pub(crate) offences: Vec<Offence>,
}

/// One offence: what to report, and whom to ban for how long.
#[derive(Debug, Clone)]
pub(crate) struct Offence {
    pub(crate) draft: Draft,
    pub(crate) ban: Option<(IpNet, Duration)>,
}

/// A batch is in the outbox. BlacklistSync → RequestGuard.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct BatchTaken(pub(crate) u64);

/// An exchange is about to begin: send your part. CloudLink → ConfigFetcher, BlacklistSync, TelemetryReporter.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct ReportPart {
    pub(crate) exchange: u64,
}

/// An actor's part of an exchange. → CloudLink.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct PartReported {
    pub(crate) exchange: u64,
    pub(crate) part: Part,
}

/// Whose part it is.
pub(crate) enum Part {
    Config(ConfigPart),
    List(ListPart),
    Telemetry(TelemetryPart),
}

/// ConfigFetcher's part.
#[derive(Debug, Default)]
pub(crate) struct ConfigPart {
    pub(crate) have: Option<ConfigCursor>,
    pub(crate) status: Option<ConfigStatus>,
}

/// BlacklistSync's part.
#[derive(Debug, Default)]
pub(crate) struct ListPart {
    pub(crate) have: Option<ListCursor>,
    pub(crate) staging: Option<Staging>,
    pub(crate) list_age: Option<Duration>,
    pub(crate) stream: uuid::Uuid,
    pub(crate) first: u64,
    pub(crate) events: Vec<Event>,
    /// Events that wait, those in `events` included.
    pub(crate) pending: usize,
}

/// TelemetryReporter's part.
#[derive(Debug, Default)]
pub(crate) struct TelemetryPart {
    /// With the counts since the last delivery.
    pub(crate) telemetry: Telemetry,
    pub(crate) totals: Totals,
    pub(crate) process: ProcessLoad,
    pub(crate) lost: BTreeMap<String, u64>,
    pub(crate) restarts: u64,
}

/// The server sent a configuration. CloudLink → ConfigFetcher.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ConfigReceived {
    pub(crate) body: ConfigMap,
    /// Version and hash; absent from a version 1 server.
    pub(crate) name: Option<ConfigCursor>,
}

/// The server sent a list or its changes. CloudLink → BlacklistSync.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum ListReceived {
    /// Version 2.
    Update(ListUpdate),
    /// Version 1, at registration: all of it.
    Whole(BTreeMap<String, Epoch>),
    /// Version 1, in a beacon's reply.
    Change(BlacklistUpdate),
}

/// The server has every event of a stream up to `up_to`. CloudLink → BlacklistSync.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EventsAcknowledged {
    pub(crate) stream: uuid::Uuid,
    pub(crate) up_to: u64,
    pub(crate) nack: Vec<Nack>,
}

/// The server has these counts. CloudLink → TelemetryReporter.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CountsDelivered(pub(crate) Totals);

/// There is something to tell or to fetch. BlacklistSync, ConfigFetcher → CloudLink.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) enum Speak {
    /// Within a second.
    Soon,
    /// At once: the server has more pages.
    Now,
}

/// Tell what there is to tell, then end. Generation → RequestGuard → BlacklistSync → CloudLink, each behind its last facts.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct Close;

/// Panic. Tests only.
#[cfg(feature = "testing")]
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct Crash;
