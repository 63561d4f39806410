//! Agents as far as their events go: up to where these are known, and what each may still share.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AgentIdent, Shared, quota::Window};
use crate::{list::Touched, moment::Tick};

/// Streams of one agent that are remembered: a new process starts a new one, and several processes may share an id by
/// mistake. The one whose events came longest ago goes first.
const STREAMS: usize = 16;

/// Agents of one profile that may report from one stream: processes that share a state directory.
const HOLDERS: usize = 16;

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Agent {
    /// The fleet that its last events were of.
    pub(super) fleet: Arc<str>,
    pub(super) shared: Shared,
    /// Events that are missing from what came here.
    pub(super) missing: u64,
    /// The highest `seq` that is known of each stream, the one used last at the end.
    streams: VecDeque<(Uuid, u64)>,
    /// How much was changed in the current minute.
    pub(super) minute: Window,
    /// What its changes are counted under, beside its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counted_as: Option<Arc<str>>,
    /// When its last events came.
    last: Tick,
}

impl Agent {
    fn new(fleet: &Arc<str>, now: Tick) -> Self {
        Self {
            fleet: Arc::clone(fleet),
            shared: Shared::default(),
            missing: 0,
            streams: VecDeque::new(),
            minute: Window::default(),
            counted_as: None,
            last: now,
        }
    }

    /// The highest `seq` known of a stream.
    pub(super) fn mark(&self, stream: Uuid) -> Option<u64> {
        self.streams
            .iter()
            .find(|(known, _)| *known == stream)
            .map(|(_, seq)| *seq)
    }

    /// Whether the agent may make one more change now, which adds an entry or not.
    pub(super) fn has_room(&self, (live, per_minute): (u32, u32), adds: bool, now: Tick) -> bool {
        self.minute.used(now, 60) < per_minute && (!adds || self.shared.live < live)
    }

    /// Events of this agent never came.
    pub(super) fn missed(&mut self, events: u64) {
        self.missing = self.missing.saturating_add(events);
    }

    pub(super) fn refused(&mut self, code: &'static str) {
        *self.shared.refused.entry(code.into()).or_default() += 1;
    }
}

/// A stream of a profile.
type Stream = (Arc<str>, Uuid);

/// All agents that have reported events.
#[derive(Debug, Clone)]
pub(super) struct Agents {
    all: BTreeMap<Arc<AgentIdent>, Agent>,
    /// Whose marks each stream has: what one process leaves on disk may be reported by another,
    /// under its own name.
    holders: HashMap<Stream, Vec<Arc<AgentIdent>>>,
    most: usize,
    pub(super) touched: Touched<Arc<AgentIdent>>,
}

impl Agents {
    pub(super) fn new(most: usize) -> Self {
        Self {
            all: BTreeMap::new(),
            holders: HashMap::new(),
            most: most.max(1),
            touched: Touched::default(),
        }
    }

    /// Remembers no more than so many from now on.
    pub(super) fn limit(&mut self, most: usize) {
        self.most = most.max(1);
    }

    pub(super) fn get(&self, who: &AgentIdent) -> Option<&Agent> {
        self.all.get(who)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<AgentIdent>, &Agent)> {
        self.all.iter()
    }

    /// Forgets agents where one more would be too many. How many live entries each had, and what
    /// they were counted under, is returned: nothing else would take them out of the counts.
    pub(super) fn make_room(&mut self, who: &AgentIdent) -> Vec<(Arc<str>, u32)> {
        if self.all.len() >= self.most && !self.all.contains_key(who) {
            return self.forget_some();
        }
        Vec::new()
    }

    /// The agent that reports events now, for which there is [room](Self::make_room).
    pub(super) fn enter(&mut self, who: &Arc<AgentIdent>, fleet: &Arc<str>, now: Tick) -> &mut Agent {
        self.touched.note(Arc::clone(who));
        let agent = self
            .all
            .entry(Arc::clone(who))
            .or_insert_with(|| Agent::new(fleet, now));
        agent.fleet = Arc::clone(fleet);
        agent.last = now;
        agent
    }

    /// How far a stream is known, from this agent or from another of its profile.
    pub(super) fn mark(&self, who: &AgentIdent, stream: Uuid) -> Option<u64> {
        let holders = self.holders.get(&(Arc::clone(who.profile()), stream))?;
        let marks = holders.iter().filter_map(|holder| self.all.get(holder)?.mark(stream));
        marks.max()
    }

    /// Whether the agent itself has reported from this stream.
    pub(super) fn knows(&self, who: &AgentIdent, stream: Uuid) -> bool {
        self.all.get(who).is_some_and(|agent| agent.mark(stream).is_some())
    }

    /// Sets how far a stream is known from an agent.
    pub(super) fn set_mark(&mut self, who: &Arc<AgentIdent>, stream: Uuid, seq: u64) {
        let Some(agent) = self.all.get_mut(who) else { return };
        agent.streams.retain(|(known, _)| *known != stream);
        agent.streams.push_back((stream, seq));
        let dropped = (agent.streams.len() > STREAMS)
            .then(|| agent.streams.pop_front())
            .flatten();
        if let Some((dropped, _)) = dropped {
            self.let_go(who, dropped);
        }
        self.hold(who, stream);
    }

    /// Notes that an agent has a mark of this stream. Where too many have, the one that is behind
    /// gives its own up.
    fn hold(&mut self, who: &Arc<AgentIdent>, stream: Uuid) {
        let key = (Arc::clone(who.profile()), stream);
        let holders = self.holders.entry(key).or_default();
        if holders.contains(who) {
            return;
        }
        holders.push(Arc::clone(who));
        if holders.len() <= HOLDERS {
            return;
        }
        let mark = |holder: &Arc<AgentIdent>| self.all.get(holder).and_then(|agent| agent.mark(stream));
        let last = holders
            .iter()
            .min_by_key(|holder| (mark(holder), Arc::clone(holder)))
            .map(Arc::clone);
        if let Some(last) = last {
            self.let_go(&last, stream);
            if let Some(agent) = self.all.get_mut(&last) {
                agent.streams.retain(|(known, _)| *known != stream);
                self.touched.note(last);
            }
        }
    }

    fn let_go(&mut self, who: &AgentIdent, stream: Uuid) {
        let key = (Arc::clone(who.profile()), stream);
        if let Some(holders) = self.holders.get_mut(&key) {
            holders.retain(|holder| **holder != *who);
            if holders.is_empty() {
                self.holders.remove(&key);
            }
        }
    }

    /// An entry that this agent added is no longer listed. What it was counted under is returned;
    /// nothing of an agent that was forgotten since, even if it came again.
    pub(super) fn release(&mut self, who: &Arc<AgentIdent>) -> Option<Arc<str>> {
        let agent = self.all.get_mut(who)?;
        agent.shared.live = agent.shared.live.checked_sub(1)?;
        self.touched.note(Arc::clone(who));
        agent.counted_as.clone()
    }

    /// Remembers an agent as it was written down.
    pub(super) fn restore(&mut self, who: &Arc<AgentIdent>, agent: Agent) {
        let streams: Vec<Uuid> = agent.streams.iter().map(|(stream, _)| *stream).collect();
        self.all.insert(Arc::clone(who), agent);
        for stream in streams {
            self.hold(who, stream);
        }
    }

    /// Forgets agents of the key that has brought the most, those whose events came longest ago, of
    /// one second the lowest ids: ids that one key makes up take no other key's place. A hundredth
    /// of all goes at once, so that forgetting costs little per agent, and is the same everywhere.
    ///
    /// Those that have live entries go only where all have some: what a forgotten agent listed is
    /// counted for its key no more, and a key must not empty its count by making up ids.
    fn forget_some(&mut self) -> Vec<(Arc<str>, u32)> {
        let mut by_key: BTreeMap<Option<&Arc<str>>, usize> = BTreeMap::new();
        for agent in self.all.values() {
            *by_key.entry(agent.counted_as.as_ref()).or_default() += 1;
        }
        let crowd = by_key.into_iter().max_by_key(|(_, agents)| *agents);
        let crowd = crowd.and_then(|(key, _)| key.cloned());
        let is_of_crowd = |agent: &Agent| agent.counted_as == crowd;
        let mut all = self.all.values();
        let has_idle = all.any(|agent| is_of_crowd(agent) && agent.shared.live == 0);
        let of_crowd = self
            .all
            .iter()
            .filter(|(_, agent)| is_of_crowd(agent) && !(has_idle && agent.shared.live > 0));
        let mut oldest: Vec<(Tick, Arc<AgentIdent>)> =
            of_crowd.map(|(who, agent)| (agent.last, Arc::clone(who))).collect();
        let nth = (self.all.len() / 100).min(oldest.len().saturating_sub(1));
        oldest.select_nth_unstable(nth);
        let mut uncounted = Vec::new();
        for (_, who) in oldest.into_iter().take(nth + 1) {
            let Some(agent) = self.all.remove(&who) else { continue };
            for (stream, _) in agent.streams {
                self.let_go(&who, stream);
            }
            uncounted.extend(agent.counted_as.map(|key| (key, agent.shared.live)));
            self.touched.note(who);
        }
        tracing::warn!(
            limit = self.most,
            key = crowd.as_deref(),
            "more agents than are remembered: forgot those whose events came longest ago, of the key that has the most"
        );
        uncounted
    }
}
