//! Every message between the actors, in one place. Facts are past participles, commands are imperatives.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use actix::Message;
use ipnet::IpNet;
use serde::Serialize;

pub(crate) use crate::model::{
    conversation::{ConfigPart, ConfigReceived, EventsAcknowledged, ListPart, ListReceived, TelemetryPart},
    session::Speak,
};
use crate::{
    actors::demand::Demand,
    model::{blacklist::Blacklist, outbox::Draft, policy::Policy},
    protocol::v2::Totals,
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

/// One offence: what to report, and whom to ban.
#[derive(Debug, Clone)]
pub(crate) struct Offence {
    pub(crate) draft: Draft,
    pub(crate) ban: Option<BanOrder>,
}

/// Whom to ban for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BanOrder {
    pub(crate) network: IpNet,
    pub(crate) length: Duration,
    /// The client's clean requests of the minute before it was caught; `None` where the host bans a network, whatever is in it.
    pub(crate) clean_requests: Option<u64>,
}

/// The host bans a client. From the generation → BlacklistSync.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct BanAsked {
    pub(crate) network: IpNet,
    pub(crate) length: Duration,
    pub(crate) why: String,
    /// Why it was not made; none where it was.
    pub(crate) reply: mpsc::Sender<Option<String>>,
}

/// The host lets a client in. From the generation → BlacklistSync.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct UnbanAsked {
    pub(crate) network: IpNet,
    pub(crate) reply: mpsc::Sender<Unbanned>,
}

/// What became of an [`unban`](crate::Agent::unban).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unbanned {
    /// The client was banned here, and is let in.
    LetIn,
    /// It was not banned.
    NotBanned,
    /// The fleet's list names it too: the server is asked to take it off, and it is refused until then.
    ListedByFleet,
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

/// The server sent a configuration. CloudLink → ConfigFetcher.
impl Message for ConfigReceived {
    type Result = ();
}

/// The server sent a list or its changes. CloudLink → BlacklistSync.
impl Message for ListReceived {
    type Result = ();
}

/// The server has every event of a stream up to a number. CloudLink → BlacklistSync.
impl Message for EventsAcknowledged {
    type Result = ();
}

/// The server has these counts. CloudLink → TelemetryReporter.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CountsDelivered(pub(crate) Totals);

/// There is something to tell or to fetch. BlacklistSync, ConfigFetcher → CloudLink.
impl Message for Speak {
    type Result = ();
}

/// What goes round: ConfigFetcher → RequestGuard → BlacklistSync → CloudLink, each behind its last facts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum Errand {
    /// Tell what there is to tell, then end. From the generation.
    Close,
    /// Tell what there is to tell, if it is time. From the generation, of an agent that speaks on demand.
    Exchange(Demand),
    /// What an exchange brought has been taken in once it comes back: on demand, nobody is told that it is done before. From CloudLink,
    /// twice: what the first round hands on has arrived with the second.
    Settle { exchange: u64, again: bool },
}

/// Panic. Tests only.
#[cfg(feature = "testing")]
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct Crash;
