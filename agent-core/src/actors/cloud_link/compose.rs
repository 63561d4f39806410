//! Puts a message together from the actors' parts, for either version of the protocol.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::replies::Reply;
use crate::{
    VERSION,
    actors::{
        estate::Estate,
        messages::{ConfigPart, ListPart, Part, TelemetryPart},
    },
    model::session::Exchange,
    protocol::{
        AgentKey, Beacon, Epoch, PROTO, Registration, Telemetry,
        v2::{AgentPart, EventKind, Have, Health, Totals},
    },
    transport::{Transport, TransportError},
};

/// What is known of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Peer {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// It answers as version 1.
    Version1,
    /// It answers with `data.v2`.
    Version2,
}

impl Peer {
    pub(super) const fn version(self) -> Option<u32> {
        match self {
            Self::Unknown => None,
            Self::Version1 => Some(1),
            Self::Version2 => Some(PROTO),
        }
    }
}

/// The actors' parts of one exchange, as they come in.
pub(super) struct Gathering {
    kind: Exchange,
    pub(super) since: Duration,
    config: Option<ConfigPart>,
    list: Option<ListPart>,
    telemetry: Option<TelemetryPart>,
}

/// What a message carried, to make sense of its reply.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) stream: Uuid,
    pub(super) first: u64,
    pub(super) events: usize,
    pub(super) pending: usize,
    pub(super) totals: Totals,
}

/// A whole message.
pub(super) enum Message {
    Register(Box<Registration>, Sent),
    Beacon(Option<url::Url>, Box<Beacon>, Sent),
}

impl Message {
    pub(super) const fn sent(&self) -> Sent {
        match self {
            Self::Register(_, sent) | Self::Beacon(_, _, sent) => *sent,
        }
    }

    pub(super) async fn carry(self, transport: &dyn Transport) -> Result<Reply, TransportError> {
        match self {
            Self::Register(registration, _) => transport.register(*registration).await.map(Reply::Welcome),
            Self::Beacon(url, beacon, _) => transport.beacon(url, *beacon).await.map(Reply::Beacon),
        }
    }
}

impl Gathering {
    pub(super) const fn new(kind: Exchange, since: Duration) -> Self {
        Self {
            kind,
            since,
            config: None,
            list: None,
            telemetry: None,
        }
    }

    /// Takes a part in; whether all have come.
    pub(super) fn add(&mut self, part: Part) -> bool {
        match part {
            Part::Config(part) => self.config = Some(part),
            Part::List(part) => self.list = Some(part),
            Part::Telemetry(part) => self.telemetry = Some(part),
        }
        self.config.is_some() && self.list.is_some() && self.telemetry.is_some()
    }

    /// The message for this peer; `None` where there is no server to send it to.
    pub(super) fn message(self, estate: &Estate, peer: Peer, state: &str) -> Option<Message> {
        let (cloud_url, key) = estate.identity.cloud.clone()?;
        let (config, list, telemetry) = (self.config?, self.list?, self.telemetry?);
        let sent = Sent {
            stream: list.stream,
            first: list.first,
            events: list.events.len(),
            pending: list.pending,
            totals: telemetry.totals,
        };
        match self.kind {
            Exchange::Register => {
                let v2 = agent_part(estate, config, list, telemetry, state);
                Some(Message::Register(Box::new(registration(estate, key, v2)), sent))
            }
            Exchange::Beacon => {
                let policy = Arc::clone(&estate.configuration.borrow().policy);
                let url = policy.beacon_url().filter(|url| may_follow(&cloud_url, url)).cloned();
                let mut beacon = Beacon {
                    key,
                    version: VERSION.to_owned(),
                    telemetry: None,
                    blacklist: None,
                    proto: None,
                    v2: None,
                };
                if policy.sends_telemetry() {
                    beacon.telemetry = Some(telemetry.telemetry.clone());
                }
                if peer == Peer::Version2 {
                    // the totals are in `v2`: never both forms of the same facts
                    beacon.telemetry = beacon.telemetry.map(|telemetry| Telemetry {
                        requests: None,
                        ..telemetry
                    });
                    beacon.proto = Some(PROTO);
                    beacon.v2 = Some(agent_part(estate, config, list, telemetry, state));
                } else if policy.shares() {
                    beacon.blacklist = Some(bans(&list));
                }
                Some(Message::Beacon(url, Box::new(beacon), sent))
            }
        }
    }
}

fn registration(estate: &Estate, key: AgentKey, v2: AgentPart) -> Registration {
    Registration {
        key,
        version: VERSION.to_owned(),
        platform: estate.identity.platform.clone(),
        routes: estate.identity.routes.clone(),
        proto: Some(PROTO),
        v2: Some(v2),
    }
}

fn agent_part(estate: &Estate, config: ConfigPart, list: ListPart, telemetry: TelemetryPart, state: &str) -> AgentPart {
    AgentPart {
        agent_id: estate.agent_id,
        instance_id: estate.identity.instance_id,
        have: Have {
            list: list.have,
            staging: list.staging,
            config: config.have,
        },
        config_status: config.status,
        stream: list.stream,
        first: list.first,
        events: list.events,
        totals: telemetry.totals,
        lost: telemetry.lost,
        health: Health {
            list_age_ms: list
                .list_age
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            restarts: telemetry.restarts,
            state: state.to_owned(),
            process: Some(telemetry.process),
        },
    }
}

/// Version 1 knows bans alone, and exact addresses: an IPv6 source is told by its network's first address.
fn bans(list: &ListPart) -> Vec<(String, Epoch)> {
    let bans = list.events.iter().filter(|event| event.kind == EventKind::Ban);
    bans.map(|event| {
        let address = event.address.split('/').next().unwrap_or(&event.address);
        (address.to_owned(), Epoch(event.at_ms / 1000))
    })
    .collect()
}

/// Whether a configuration may send beacons there: the server may choose port and path, but not another host, and not a way
/// that is less safe (rule 5 of the protocol).
fn may_follow(cloud_url: &url::Url, beacon_url: &url::Url) -> bool {
    let same_host = cloud_url.host() == beacon_url.host();
    let as_safe = cloud_url.scheme() != "https" || beacon_url.scheme() == "https";
    if !(same_host && as_safe) {
        tracing::debug!(%beacon_url, %cloud_url, "BEACON_URL leaves the configured server: not followed");
    }
    same_host && as_safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_url_never_leaves_the_configured_server() {
        let url = |text: &str| url::Url::parse(text).unwrap();
        let may = |cloud: &str, beacon: &str| may_follow(&url(cloud), &url(beacon));
        assert!(may("http://127.0.0.1:1/config", "http://127.0.0.1:2/beacon"));
        assert!(may(
            "http://fleet.example.com/config",
            "https://fleet.example.com/beacon"
        ));
        assert!(!may(
            "https://fleet.example.com/config",
            "http://fleet.example.com/beacon"
        ));
        assert!(!may(
            "https://fleet.example.com/config",
            "https://evil.example.com/beacon"
        ));
    }
}
