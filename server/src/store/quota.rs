//! How much may be changed by whom: counted for each agent, for the key it speaks with, and for its
//! fleet, so that ids that one key makes up share nothing that another key does not.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{AgentIdent, BatchEvents};
use crate::{list::Touched, moment::Tick};

/// What keys and fleets are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// The longest that an agent's ban lasts for the fleet, in seconds.
    pub longest_ban_s: u64,
    /// For the agents of one key.
    pub key: Quota,
    /// For the agents of one fleet.
    pub fleet: Quota,
    /// For the version 1 agents of one fleet: they cannot say how sure they are.
    pub v1: Quota,
    /// The most agents that one key may bring in an hour.
    pub key_new_agents: u32,
}

/// How much may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The most live entries.
    pub live: u32,
    /// The most bans, lifts and prolongations in a minute.
    pub per_minute: u32,
}

impl Quota {
    const NONE: Self = Self {
        live: u32::MAX,
        per_minute: u32::MAX,
    };
}

/// None, as in rules that were written down before there were any.
impl Default for Quotas {
    fn default() -> Self {
        Self {
            longest_ban_s: u64::MAX,
            key: Quota::NONE,
            fleet: Quota::NONE,
            v1: Quota::NONE,
            key_new_agents: u32::MAX,
        }
    }
}

impl Quotas {
    /// What those are held to who are counted together with an agent by their keys.
    pub(super) const fn for_key(&self, events: &BatchEvents) -> Quota {
        match events {
            BatchEvents::V1 { .. } => self.v1,
            BatchEvents::V2 { .. } => self.key,
        }
    }
}

/// By what right an agent speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// The name of its key; `None` in what was written down before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
}

impl Via {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.key.is_none()
    }

    /// What an agent's changes are counted under, beside its own and its fleet's.
    pub(super) fn counted_as(&self, fleet: &str, events: &BatchEvents) -> Option<Arc<str>> {
        let key = self.key.as_ref()?;
        Some(match events {
            BatchEvents::V1 { .. } => format!("v1/{fleet}").into(),
            BatchEvents::V2 { .. } => Arc::clone(key),
        })
    }
}

/// How much was counted since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window(Tick, u32);

/// The windows' lengths, in seconds.
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

impl Window {
    pub(super) fn used(self, now: Tick, length: u64) -> u32 {
        if now.since(self.0) >= length { 0 } else { self.1 }
    }

    pub(super) fn count(&mut self, now: Tick, length: u64) {
        let used = self.used(now, length);
        if used == 0 {
            self.0 = now;
        }
        self.1 = used.saturating_add(1);
    }
}

/// What was changed by those who are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Entries that are still listed.
    pub(super) live: u32,
    minute: Window,
    /// Agents that came.
    hour: Window,
}

impl Bucket {
    /// Whether there is room for one more change, which adds an entry or not.
    pub(super) fn has_room(&self, quota: Quota, adds: bool, now: Tick) -> bool {
        self.minute.used(now, MINUTE) < quota.per_minute && (!adds || self.live < quota.live)
    }

    /// Counts a change.
    pub(super) fn count(&mut self, now: Tick) {
        self.minute.count(now, MINUTE);
    }

    /// Whether it says no more than one that was just made.
    fn counts_nothing(&self, now: Tick) -> bool {
        self.live == 0 && self.minute.used(now, MINUTE) == 0 && self.hour.used(now, HOUR) == 0
    }
}

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// Agents of one key, or the version 1 agents of one fleet.
    Key,
    /// Agents of one fleet.
    Fleet,
}

/// All that is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    keys: BTreeMap<Arc<str>, Bucket>,
    fleets: BTreeMap<Arc<str>, Bucket>,
    pub(super) touched: Touched<(Together, Arc<str>)>,
}

impl Buckets {
    /// What is counted under these names.
    pub(super) fn of(&mut self, key: Option<&Arc<str>>, fleet: &Arc<str>) -> (Option<&mut Bucket>, &mut Bucket) {
        if let Some(key) = key {
            self.touched.note((Together::Key, Arc::clone(key)));
        }
        self.touched.note((Together::Fleet, Arc::clone(fleet)));
        let key = key.map(|key| self.keys.entry(Arc::clone(key)).or_default());
        (key, self.fleets.entry(Arc::clone(fleet)).or_default())
    }

    /// Whether a key may bring one more agent.
    pub(super) fn may_enter(&self, key: &str, most: u32, now: Tick) -> bool {
        let came = self.keys.get(key).map_or(0, |bucket| bucket.hour.used(now, HOUR));
        came < most
    }

    /// A key brings one more agent.
    pub(super) fn enter(&mut self, key: &Arc<str>, now: Tick) {
        self.touched.note((Together::Key, Arc::clone(key)));
        self.keys.entry(Arc::clone(key)).or_default().hour.count(now, HOUR);
    }

    /// So many entries are counted under another key from now on.
    pub(super) fn pass_on(&mut self, from: Option<&Arc<str>>, to: Option<&Arc<str>>, live: u32) {
        if let Some(from) = from {
            self.touched.note((Together::Key, Arc::clone(from)));
            if let Some(bucket) = self.keys.get_mut(from) {
                bucket.live = bucket.live.saturating_sub(live);
            }
        }
        if let Some(to) = to {
            self.touched.note((Together::Key, Arc::clone(to)));
            let bucket = self.keys.entry(Arc::clone(to)).or_default();
            bucket.live = bucket.live.saturating_add(live);
        }
    }

    /// An entry of a fleet is no longer listed.
    pub(super) fn release(&mut self, key: Option<&Arc<str>>, fleet: &Arc<str>) {
        self.pass_on(key, None, 1);
        self.touched.note((Together::Fleet, Arc::clone(fleet)));
        if let Some(bucket) = self.fleets.get_mut(fleet) {
            bucket.live = bucket.live.saturating_sub(1);
        }
    }

    /// Forgets what is counted under keys where that is nothing: most of these are gone for good.
    pub(super) fn sweep(&mut self, now: Tick) {
        let Self { keys, touched, .. } = self;
        keys.retain(|name, bucket| {
            let is_over = bucket.counts_nothing(now);
            if is_over {
                touched.note((Together::Key, Arc::clone(name)));
            }
            !is_over
        });
    }

    /// Entries of an agent that was written down, in case what is counted together was not.
    pub(super) fn found(&mut self, fleet: &Arc<str>, live: u32) {
        if live > 0 {
            let bucket = self.fleets.entry(Arc::clone(fleet)).or_default();
            bucket.live = bucket.live.saturating_add(live);
        }
    }

    pub(super) fn get(&self, together: Together, name: &str) -> Option<&Bucket> {
        match together {
            Together::Key => self.keys.get(name),
            Together::Fleet => self.fleets.get(name),
        }
    }

    pub(super) fn restore(&mut self, together: Together, name: Arc<str>, bucket: Bucket) {
        match together {
            Together::Key => self.keys.insert(name, bucket),
            Together::Fleet => self.fleets.insert(name, bucket),
        };
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Together, &Arc<str>, &Bucket)> {
        let keys = self.keys.iter().map(|(name, bucket)| (Together::Key, name, bucket));
        let fleets = self.fleets.iter().map(|(name, bucket)| (Together::Fleet, name, bucket));
        keys.chain(fleets)
    }
}

/// Whether a word of one is a word of the other: the same agent, or processes of one application
/// that share its key.
pub(super) fn is_same_maker(one: &AgentIdent, other: &AgentIdent) -> bool {
    one.profile() == other.profile()
}
