//! Agents that say what an attacker has them say: the key is right, and the rest is made up.

use std::time::{Duration, SystemTime};

use buckler::protocol::v2::{AddressOrigin, AgentPart, Event, EventKind, Evidence, ServerPart};
use buckler_server::{Profile, RunningServer, Server, ServerConfig};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{flow::ADMIN, site::PATIENCE};

/// The key of the application that was robbed of it.
pub(super) const STOLEN: &str = "the-stolen-key-of-the-blog";
/// The key of an application that was not.
pub(super) const HONEST: &str = "the-key-of-the-shop";

/// A server of one fleet with two applications.
pub(super) fn two_applications() -> ServerConfig {
    let profile = |key: &str, name: &str| {
        let profile = Profile::for_key(key).set("APP_NAME", name);
        profile.set("BLACKLIST_SHARE", true).set("BEACON_DELAY", 1)
    };
    ServerConfig::new()
        .profile("blog", profile(STOLEN, "blog"))
        .profile("shop", profile(HONEST, "shop"))
        .admin_token(ADMIN)
}

pub(super) fn started(config: ServerConfig) -> RunningServer {
    Server::builder(config).listen("127.0.0.1:0").start().unwrap()
}

/// Milliseconds by the wall clock.
#[expect(clippy::disallowed_methods, reason = "the server runs on the system's clock")]
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Something that calls itself an agent.
pub(super) struct Puppet {
    key: &'static str,
    pub(super) part: AgentPart,
    seq: u64,
}

impl Puppet {
    pub(super) fn new(key: &'static str) -> Self {
        let part = AgentPart {
            agent_id: Uuid::new_v4(),
            instance_id: Uuid::now_v7(),
            stream: Uuid::new_v4(),
            first: 1,
            ..AgentPart::default()
        };
        Self { key, part, seq: 0 }
    }

    /// An event that goes with the next message.
    pub(super) fn event(&mut self, kind: EventKind, address: &str, evidence: Evidence) -> &mut Event {
        self.seq += 1;
        self.part.events.push(Event {
            seq: self.seq,
            kind,
            address: address.to_owned(),
            at_ms: unix_ms(),
            ttl_s: 3_600,
            why: "decoy".to_owned(),
            evidence,
            peer: AddressOrigin::Socket,
            detail: None,
        });
        self.part.events.last_mut().unwrap()
    }

    pub(super) fn bans(&mut self, address: &str) -> &mut Event {
        self.event(EventKind::Ban, address, Evidence::Certain)
    }

    pub(super) fn lifts(&mut self, address: &str) -> &mut Event {
        self.event(EventKind::Unban, address, Evidence::Certain)
    }

    fn message(&self) -> Value {
        json!({"key": self.key, "version": "0.1.0", "proto": 2, "v2": self.part})
    }

    /// Sends what waits, and drops what is acknowledged.
    pub(super) fn speaks(&mut self, server: &RunningServer) -> ServerPart {
        let mut answers = all_speak(server, std::slice::from_mut(self));
        answers.remove(0)
    }

    /// The status that its message is answered with.
    pub(super) fn is_answered(&self, server: &RunningServer) -> u16 {
        let url = server.beacon_url().to_string();
        actix_rt::System::new().block_on(async {
            let client = awc::Client::builder().timeout(PATIENCE).finish();
            let answer = client.post(&url).send_json(&self.message()).await.unwrap();
            answer.status().as_u16()
        })
    }

    fn trim(&mut self, ack: u64) {
        self.part.events.retain(|event| event.seq > ack);
        self.part.first = self.part.events.first().map_or(self.seq + 1, |event| event.seq);
    }
}

/// Sends what waits at each, one after another over one connection.
pub(super) fn all_speak(server: &RunningServer, puppets: &mut [Puppet]) -> Vec<ServerPart> {
    let url = server.beacon_url().to_string();
    actix_rt::System::new().block_on(async {
        let client = awc::Client::builder().timeout(PATIENCE).finish();
        let mut answers = Vec::with_capacity(puppets.len());
        for puppet in puppets {
            let mut answer = client.post(&url).send_json(&puppet.message()).await.unwrap();
            let text = answer.body().limit(64 << 20).await.unwrap();
            assert_eq!(answer.status().as_u16(), 200, "{text:?}");
            let mut body: Value = serde_json::from_slice(&text).unwrap();
            let part: ServerPart = serde_json::from_value(body["data"]["v2"].take()).unwrap();
            puppet.trim(part.ack.unwrap_or_default());
            answers.push(part);
        }
        answers
    })
}

/// The codes by which events were refused.
pub(super) fn codes(part: &ServerPart) -> Vec<&str> {
    part.nack.iter().map(|nack| nack.code.as_str()).collect()
}

/// The fleet's list: addresses with the seconds that they have left.
pub(super) fn listed(server: &RunningServer) -> Vec<(String, Option<u64>)> {
    let page = crate::flow::admin(server, "GET", "blacklist?limit=10000", None);
    let entries = page["data"]["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| (entry["address"].as_str().unwrap().to_owned(), entry["ttl_s"].as_u64()))
        .collect()
}

pub(super) fn stop(server: RunningServer) {
    server.stop(Duration::from_secs(5));
}
