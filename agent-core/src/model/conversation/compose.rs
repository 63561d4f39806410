//! Puts a message together, for either version of the protocol.

use url::Url;
use uuid::Uuid;

use super::{Conversation, ListPart, Parts, Peer, understand::Sent};
use crate::{
    VERSION,
    model::{policy::Policy, session::Exchange},
    protocol::{
        AgentKey, Beacon, Epoch, PROTO, Registration, Routes, Telemetry,
        v2::{AgentPart, EventKind, Have, Health, Identity},
    },
};

/// Who the agent is: what does not change while it runs.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Where it registers.
    pub cloud_url: Url,
    /// Its key.
    pub key: AgentKey,
    /// The framework that it guards.
    pub platform: String,
    /// The application's routes.
    pub routes: Routes,
    /// Names the installation.
    pub agent_id: Uuid,
    /// Names this run of the process.
    pub instance_id: Uuid,
    /// The fingerprint of the credential that it wants to speak with.
    pub enrol: Option<String>,
    /// What people know it by.
    pub identity: Identity,
}

/// A whole message.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// To be sent to the cloud URL.
    Register(Box<Registration>),
    /// To be sent to the URL that the configuration names, or to where the transport knows.
    Beacon(Option<Url>, Box<Beacon>),
}

impl Conversation {
    /// The message of the exchange that [`Action::Begin`](super::Action::Begin) asked for. Its answer is to be given with the
    /// [`number`](Self::number) of now.
    #[must_use]
    pub fn compose(&mut self, exchange: Exchange, who: &Introduction, policy: &Policy, parts: Parts) -> Outgoing {
        self.sent = Some(Sent::of(&parts));
        match exchange {
            Exchange::Register => Outgoing::Register(Box::new(self.registration(who, parts))),
            Exchange::Beacon => {
                let url = policy.beacon_url().map(|url| who.followed(url));
                Outgoing::Beacon(url, Box::new(self.beacon(who, policy, parts)))
            }
        }
    }

    fn registration(&self, who: &Introduction, parts: Parts) -> Registration {
        let identity = (!who.identity.is_empty()).then(|| Box::new(who.identity.clone()));
        Registration {
            key: who.key.clone(),
            version: VERSION.to_owned(),
            platform: who.platform.clone(),
            routes: who.routes.clone(),
            proto: Some(PROTO),
            v2: Some(AgentPart {
                identity,
                ..self.agent_part(who, parts)
            }),
        }
    }

    fn beacon(&self, who: &Introduction, policy: &Policy, parts: Parts) -> Beacon {
        let mut beacon = Beacon {
            key: who.key.clone(),
            version: VERSION.to_owned(),
            telemetry: policy.sends_telemetry().then(|| parts.telemetry.telemetry.clone()),
            blacklist: None,
            proto: None,
            v2: None,
        };
        if self.peer == Peer::Version2 {
            // the totals are in `v2`: never both forms of the same facts
            beacon.telemetry = beacon.telemetry.map(|telemetry| Telemetry {
                requests: None,
                ..telemetry
            });
            beacon.proto = Some(PROTO);
            beacon.v2 = Some(self.agent_part(who, parts));
        } else if policy.shares() {
            beacon.blacklist = Some(bans(&parts.list));
        }
        beacon
    }

    fn agent_part(&self, who: &Introduction, parts: Parts) -> AgentPart {
        let Parts {
            config,
            list,
            telemetry,
        } = parts;
        let list_age_ms = list
            .list_age
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        AgentPart {
            agent_id: who.agent_id,
            instance_id: who.instance_id,
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
            enrol: who.enrol.clone(),
            identity: None,
            health: Health {
                list_age_ms,
                restarts: telemetry.restarts,
                alarm: telemetry.alarm,
                dry_run: telemetry.dry_run,
                uninspected: telemetry.uninspected,
                state: self.state().name().to_owned(),
                process: Some(telemetry.process),
            },
        }
    }
}

impl Introduction {
    /// Where beacons go that a configuration sends there: to that place, or, where the agent may
    /// not follow, to the same path at the server that it knows. A proxy that changes `Host` has a
    /// server behind it name itself wrongly.
    fn followed(&self, beacon_url: &Url) -> Url {
        if self.may_follow(beacon_url) {
            return beacon_url.clone();
        }
        let mut at_home = self.cloud_url.clone();
        at_home.set_path(beacon_url.path());
        at_home.set_query(beacon_url.query());
        at_home
    }

    /// Whether a configuration may send beacons there: the server may choose port and path, but not another host, and not a way
    /// that is less safe (rule 5 of the protocol).
    #[must_use]
    pub fn may_follow(&self, beacon_url: &Url) -> bool {
        let same_host = self.cloud_url.host() == beacon_url.host();
        let as_safe = self.cloud_url.scheme() != "https" || beacon_url.scheme() == "https";
        same_host && as_safe
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
