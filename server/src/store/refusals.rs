//! Refusals that agents have told of, by the names under which their clients know them: "why was I blocked".

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use buckler::{
    model::address::parse_network,
    protocol::v2::{Detail, Event, EventKind, Evidence},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AgentIdent;
use crate::moment::Moment;

/// The newest that are kept, at half a kB each: whoever asks does so within the day.
pub(crate) const MOST: usize = 20_000;

/// The most bans that agents are told to let go of at once: a change of the list each.
const MOST_BANNED: usize = 1_000;

/// The longest rule, place and check that are kept, in characters.
const TEXT: usize = 120;

/// Why a request was refused, as the agent told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// As the client was told it: 16 hexadecimal digits, in lower case.
    pub id: String,
    /// The agent.
    pub agent: String,
    /// The profile of its key.
    pub profile: Arc<str>,
    /// The fleet of that profile.
    pub fleet: Arc<str>,
    /// The client, as far as a ban reaches: an address, or an IPv6 network of 64 bits.
    pub address: String,
    /// The check, by its configuration name.
    pub why: String,
    /// The rule.
    pub rule: String,
    /// Where in the request.
    pub place: String,
    /// How sure the rule is, in hundredths.
    pub score: u8,
    /// 1 (block) or 2 (block, as evidence for a ban).
    pub level: u8,
    /// How sure a ban is, or would be: `certain`, `repeated` or `threshold`.
    pub evidence: Evidence,
    /// Refused requests that spoke against the client by then; 0 where the agent does not tell.
    pub requests: u64,
    /// Different values in them.
    pub values: u32,
    /// The version of the configuration that it was judged by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_version: Option<u64>,
    /// The request's method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The pattern of the application's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The status that the client was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The narrowest exception by which the request would have passed, for the key `EXCEPTIONS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Value>,
    /// When, in milliseconds since the Unix epoch, by the agent's clock.
    pub at_ms: u64,
    /// Until when the agent shuts the client out, by the server's clock; absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// The newest refusals.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    by_id: HashMap<u64, RefusalView>,
    /// In the order in which they came.
    order: VecDeque<u64>,
    /// How many came before the oldest that is kept.
    forgotten: u64,
    /// The refusals that the last checkpoint holds: from the one with this number on, up to before
    /// that one.
    kept: (u64, u64),
}

impl Refusals {
    /// Keeps what an event says of a refusal. A name that is known already stays what it is: it is nobody else's.
    pub(super) fn keep(&mut self, who: &AgentIdent, fleet: &Arc<str>, event: &Event, now: Moment) {
        let Some(detail) = &event.detail else { return };
        let Some(id) = detail.id.as_deref().and_then(number) else {
            return;
        };
        if self.by_id.contains_key(&id) {
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.forgotten += 1;
            self.by_id.remove(&oldest);
        }
        self.order.push_back(id);
        self.by_id.insert(id, view(id, who, fleet, (event, detail), now));
    }

    /// By its name, in either case.
    pub(super) fn get(&self, id: &str) -> Option<&RefusalView> {
        self.by_id.get(&number(id)?)
    }

    /// How many have changed since [`changes`](Self::changes) was called last.
    pub(super) fn changed(&self) -> usize {
        let came = self.forgotten + self.order.len() as u64;
        usize::try_from(came.saturating_sub(self.kept.1)).unwrap_or(usize::MAX)
    }

    /// Those that came since this was called last, with their numbers, and the numbers of those
    /// that are gone.
    pub(super) fn changes(&mut self) -> (Vec<(u64, RefusalView)>, std::ops::Range<u64>) {
        let (from, upto) = self.kept;
        let came = self.rows().filter(|(number, _)| *number >= upto).collect();
        self.kept = (self.forgotten, self.forgotten + self.order.len() as u64);
        (came, from..self.forgotten.min(upto))
    }

    /// All of them, with their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, RefusalView)> + '_ {
        let numbered = (self.forgotten..).zip(&self.order);
        numbered.filter_map(|(number, id)| Some((number, self.by_id.get(id)?.clone())))
    }

    /// Keeps one as it was written down; they come in the order of their numbers.
    pub(super) fn restore(&mut self, index: u64, refusal: RefusalView) {
        let Some(id) = number(&refusal.id) else { return };
        if self.order.is_empty() {
            (self.forgotten, self.kept) = (index, (index, index));
        }
        self.kept.1 = index + 1;
        self.order.push_back(id);
        self.by_id.insert(id, refusal);
    }

    /// Networks that agents of a fleet still ban themselves, by their newest refusals, and that
    /// hold something of this one or lie within it.
    pub(super) fn banned_touching(&self, fleet: &str, network: IpNet, now: Moment) -> BTreeSet<IpNet> {
        let of_fleet = self.newest().filter(|refusal| *refusal.fleet == *fleet);
        let running = of_fleet.filter(|refusal| refusal.until_ms.is_some_and(|until| until > now.unix_ms));
        let banned = running.filter_map(|refusal| parse_network(&refusal.address));
        let touching = banned.filter(|banned| network.contains(banned) || banned.contains(&network));
        touching.take(MOST_BANNED).collect()
    }

    /// The newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &RefusalView> {
        self.order.iter().rev().filter_map(|id| self.by_id.get(id))
    }
}

fn view(id: u64, who: &AgentIdent, fleet: &Arc<str>, (event, detail): (&Event, &Detail), now: Moment) -> RefusalView {
    let bans = event.kind == EventKind::Ban && event.ttl_s > 0;
    RefusalView {
        id: format!("{id:016x}"),
        agent: who.to_string(),
        profile: Arc::clone(who.profile()),
        fleet: Arc::clone(fleet),
        address: cut(&event.address),
        why: cut(&event.why),
        rule: cut(&detail.rule),
        place: cut(&detail.place),
        score: detail.score,
        level: detail.level,
        evidence: event.evidence,
        requests: detail.requests,
        values: detail.values,
        config_version: detail.config_version,
        method: detail.method.as_deref().map(cut),
        route: detail.route.as_deref().map(cut),
        host: detail.host.as_deref().map(cut),
        status: detail.status,
        exception: detail.exception.as_deref().and_then(exception),
        at_ms: event.at_ms,
        until_ms: bans.then(|| now.unix_ms.saturating_add(event.ttl_s.saturating_mul(1_000))),
    }
}

/// An exception as an agent wrote it, within bounds: operators paste it.
fn exception(text: &str) -> Option<Value> {
    /// As long as the longest that an agent writes: eight rules and eight places of 120 bytes, and
    /// a route.
    const MOST: usize = 4096;
    let value: Value = serde_json::from_str(text).ok().filter(|_| text.len() <= MOST)?;
    let members = value.as_object()?;
    let is_known = |name: &String| matches!(name.as_str(), "rule" | "place" | "route" | "network");
    members.keys().all(is_known).then_some(value)
}

pub(super) fn number(id: &str) -> Option<u64> {
    let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(id, 16).ok().filter(|_| is_id)
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_kept_that_a_configuration_takes() {
        assert!(exception(r#"{"rule":"sqli/stacked","place":"query:q","route":"/search"}"#).is_some());
        for text in ["", "{", "[]", r#"{"level":0}"#, r#"{"rule":"sqli","more":1}"#] {
            assert_eq!(exception(text), None, "{text}");
        }
        assert_eq!(exception(&format!(r#"{{"rule":"{}"}}"#, "x".repeat(5_000))), None);
    }

    #[test]
    fn a_name_is_sixteen_hexadecimal_digits() {
        assert_eq!(number("00000000000000fF"), Some(255));
        for text in ["", "ff", "+0000000000000ff", "00000000000000fg", "00000000000000fff"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
