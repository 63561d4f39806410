//! Why a request was refused: kept for some time under the name of the refusal, for whoever is asked.
//!
//! Two tables of slots, which workers write and anybody reads, and nobody waits for: refusals of what was found, and refusals of listed
//! sources. The newest refusal of a slot wins.
//!
//! A source that is listed is refused again and again, and must not cost anything: it gets the same
//! name each time, that of the ban, and its slot is written once. A ban of one's own is named by
//! the refusal that it began with, one of the fleet's or of an operator's by its network, so that
//! all agents and the server know it by one name.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::{block_id::BlockId, whereabouts::RequestInfo};
use crate::model::{
    address::to_text,
    blacklist::{Hit, Scope},
    policy::{Level, NarrowException},
};

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The refusal, as the client was told it.
    #[serde(serialize_with = "shown")]
    pub id: BlockId,
    /// The check, by its configuration name; `on_detector_failure` where the guard could not judge the request.
    pub check: &'static str,
    /// The rule, `sqli/tautology`; the check's own name where it has no rules.
    pub rule: Cow<'static, str>,
    /// How sure the rule is, in hundredths.
    pub score: u8,
    /// What the configuration made of it.
    #[serde(serialize_with = "shown")]
    pub level: Level,
    /// Where in the request: `query:q`, `path`; empty where the request itself had no part in it.
    pub place: Box<str>,
    /// What was there, with what looks like a secret masked.
    pub excerpt: Box<str>,
    /// The client; absent where the connection had no address.
    pub source: Option<IpAddr>,
    /// When, in milliseconds since the Unix epoch. Of a listed source, when it was refused first.
    pub at_ms: u64,
    /// The version of the configuration that it was judged by; absent where none came from the server.
    pub config_version: Option<u64>,
    /// Until when the source is shut out, in milliseconds since the Unix epoch; absent where it is not, or for ever.
    pub until_ms: Option<u64>,
    /// The entry of the blacklist, where that is why.
    pub entry: Option<ListEntry>,
    /// Where the request went.
    #[serde(flatten)]
    pub request: RequestInfo,
    /// The narrowest exception by which it would have passed, to paste into `EXCEPTIONS`; absent
    /// where none would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Box<NarrowException>>,
    /// What spoke against the client by then; absent where the finding does not count against it.
    pub evidence: Option<EvidenceCount>,
}

/// What speaks against a client within `BAN_WINDOW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EvidenceCount {
    /// Different values for which requests were refused.
    pub values: u32,
    /// How many of them ban.
    pub needed: u32,
    /// The requests that were refused for them.
    pub refused: u64,
    /// All requests of the client.
    pub requests: u64,
    /// Whether its browser says that other sites made them: they count apart.
    pub is_foreign: bool,
}

/// `evidence 2 of 3`, and what else keeps it from banning.
impl fmt::Display for EvidenceCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            values,
            needed,
            refused,
            requests,
            is_foreign,
        } = self;
        write!(f, "evidence {values} of {needed}")?;
        if *is_foreign {
            f.write_str(" by requests that another site made")?;
        }
        if values >= needed {
            write!(f, " in {refused} of {requests} requests")?;
        }
        Ok(())
    }
}

/// What lists a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// The entry.
    #[serde(serialize_with = "as_text")]
    pub network: IpNet,
    /// Whose it is.
    #[serde(serialize_with = "as_name")]
    pub scope: Scope,
}

fn shown<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_text<S: Serializer>(network: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(*network))
}

fn as_name<S: Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(scope_name(*scope))
}

const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Local => "local",
        Scope::Shared => "shared",
    }
}

/// One line, for a log or an answer.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            rule,
            level,
            request,
            ..
        } = self;
        write!(f, "{id}: {rule} ({level})")?;
        if *request != RequestInfo::default() {
            write!(f, ", {request}")?;
        }
        if !self.place.is_empty() {
            write!(f, " in {}: {:?}", self.place, self.excerpt)?;
        }
        if let Some(ListEntry { network, scope }) = self.entry {
            write!(f, ", listed as {} ({})", to_text(network), scope_name(scope))?;
        }
        if let Some(evidence) = self.evidence {
            write!(f, ", refused, {evidence}")?;
        }
        if let Some(until) = self.until_ms {
            write!(f, ", until {until} ms")?;
        }
        if let Some(exception) = &self.exception {
            write!(f, "; to let it pass: {exception}")?;
        }
        Ok(())
    }
}

/// The explanations that are kept.
#[derive(Debug)]
pub(super) struct Explanations {
    found: Box<[Slot]>,
    listed: Box<[Slot]>,
    /// Bans of one's own, by their networks.
    own: Box<[ArcSwapOption<(IpNet, BlockId)>]>,
    /// Listed sources that were refused for the first time.
    fresh: ArrayQueue<BlockId>,
}

type Slot = ArcSwapOption<Kept>;

#[derive(Debug)]
struct Kept {
    explanation: Explanation,
    /// When it was written, in process time.
    at: Duration,
    /// The entry that lists it.
    hit: Option<Hit>,
}

impl Default for Explanations {
    fn default() -> Self {
        let slots = || (0..Self::SLOTS).map(|_| Slot::const_empty()).collect();
        Self {
            found: slots(),
            listed: slots(),
            own: (0..Self::SLOTS).map(|_| ArcSwapOption::const_empty()).collect(),
            fresh: ArrayQueue::new(Self::FRESH),
        }
    }
}

impl Explanations {
    /// Refusals of each table: at 500 bytes each 2 MiB, once so many were refused. What was refused a day ago is in the log.
    const SLOTS: usize = 4096;

    /// How long a listed source keeps its slot from another: two that share one and come in turns would else write with every request.
    const KEPT: Duration = Duration::from_secs(1);

    /// The most listed sources that wait to be told of: a line each is written a second.
    const FRESH: usize = 16;

    /// Slots of a refusal: with one, two of the last 75 refusals would share it as often as not,
    /// and one of them be lost.
    const WAYS: usize = 4;

    /// Keeps an explanation, in place of the oldest one of its slots.
    pub(super) fn keep(&self, explanation: Explanation, at: Duration) {
        let kept_at = |slot: &&Slot| slot.load().as_ref().map(|kept| kept.at);
        // an empty slot is before any time
        if let Some(slot) = ways(&self.found, explanation.id).iter().min_by_key(kept_at) {
            let hit = None;
            slot.store(Some(Arc::new(Kept { explanation, at, hit })));
        }
    }

    /// A ban of one's own began with this refusal: who is refused for it from now on is shown the
    /// same name.
    pub(super) fn banned(&self, network: IpNet, id: BlockId) {
        if let Some(slot) = slot(&self.own, BlockId::of_ban(network)) {
            slot.store(Some(Arc::new((network, id))));
        }
    }

    /// Takes listed sources that were refused for the first time since the last look, some of many.
    pub(super) fn fresh(&self) -> Vec<Explanation> {
        let taken = std::iter::from_fn(|| self.fresh.pop()).take(Self::FRESH);
        taken.filter_map(|id| self.find(id)).collect()
    }

    /// The name of the ban of a listed source. `explain` is asked only where it is not kept
    /// already.
    pub(super) fn listed(&self, hit: &Hit, now: Duration, explain: impl FnOnce(BlockId) -> Explanation) -> BlockId {
        let id = self.name(hit.network);
        if let Some(slot) = slot(&self.listed, id) {
            let known = slot.load();
            let is_kept = |kept: &Arc<Kept>| match kept.explanation.id == id {
                true => kept.hit == Some(*hit),
                false => now.saturating_sub(kept.at) < Self::KEPT,
            };
            if !known.as_ref().is_some_and(is_kept) {
                let is_new = known.as_ref().is_none_or(|kept| kept.explanation.id != id);
                slot.store(Some(Arc::new(Kept {
                    explanation: explain(id),
                    at: now,
                    hit: Some(*hit),
                })));
                if is_new {
                    // where there is no room, others are told of
                    let _full = self.fresh.push(id);
                }
            }
        }
        id
    }

    /// Why a request was refused, if that is still known: what was found in the one that a ban
    /// began with, and what lists its source by now.
    pub(super) fn find(&self, id: BlockId) -> Option<Explanation> {
        let listed = self.listed_as(id);
        let Some(found) = ways(&self.found, id).iter().find_map(|slot| look(slot, id)) else {
            return listed;
        };
        let (entry, until_ms) = listed.map_or((found.entry, found.until_ms), |listed| (listed.entry, listed.until_ms));
        Some(Explanation {
            entry,
            until_ms,
            ..found
        })
    }

    /// Why a source is refused for being listed.
    pub(super) fn listed_as(&self, id: BlockId) -> Option<Explanation> {
        look(slot(&self.listed, id)?, id)
    }

    /// The refusal that the ban of this network began with, or the name that all agents know it by.
    pub(super) fn name(&self, network: IpNet) -> BlockId {
        let shared = BlockId::of_ban(network);
        let own = slot(&self.own, shared).and_then(|slot| slot.load().as_ref().map(|own| **own));
        own.filter(|(known, _)| *known == network).map_or(shared, |(_, id)| id)
    }
}

fn look(slot: &Slot, id: BlockId) -> Option<Explanation> {
    let kept = slot.load();
    let explanation = &kept.as_ref()?.explanation;
    (explanation.id == id).then(|| explanation.clone())
}

/// The slots that a refusal may be kept in.
fn ways(slots: &[Slot], id: BlockId) -> &[Slot] {
    let set = id.number() % (slots.len() / Explanations::WAYS).max(1) as u64;
    let from = usize::try_from(set).map_or(0, |set| set * Explanations::WAYS);
    slots.get(from..from + Explanations::WAYS).unwrap_or_default()
}

fn slot<T>(slots: &[T], id: BlockId) -> Option<&T> {
    // the remainder is below the number of slots, whatever the width of a pointer
    let index = usize::try_from(id.number() % slots.len().max(1) as u64).ok()?;
    slots.get(index)
}
