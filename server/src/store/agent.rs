//! Agents as the store knows them: what they said last, how far their events are known, and what they may still share.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use buckler::protocol::{RequestCounts, v2};
use uuid::Uuid;

use super::{AgentIdent, AgentView, Events, Report, Shared};
use crate::moment::{Moment, Tick};

/// Streams of one agent that are remembered: a new process starts a new one, and several processes may share an id by
/// mistake. The one that was used longest ago goes first.
const STREAMS: usize = 16;

/// The most reasons of losses that are kept of an agent.
const REASONS: usize = 32;

/// The longest name that is kept of what an agent says of itself, in characters.
const NAME: usize = 64;

/// The longest error that is kept of what an agent says, in characters.
const ERROR: usize = 1_000;

/// One agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) view: AgentView,
    pub(super) heard: Tick,
    /// The highest `seq` that is known of each stream, the one used last at the end.
    streams: VecDeque<(Uuid, u64)>,
    /// When the current minute of sharing began, and how much was shared in it.
    minute: (Tick, u32),
    /// A version 1 agent was away: from when, and until when it is told so.
    away: Option<(Tick, Tick)>,
}

impl Agent {
    fn new(report: &Report, now: Moment) -> Self {
        let view = AgentView {
            id: report.who.to_string(),
            profile: Arc::clone(report.who.profile()),
            fleet: Arc::clone(&report.fleet),
            proto: 1,
            peer: report.peer,
            transport: report.transport,
            platform: String::new(),
            version: String::new(),
            routes: 0,
            registered: false,
            first_seen_ms: now.unix_ms,
            last_seen_ms: now.unix_ms,
            instance_id: None,
            telemetry: None,
            totals: v2::Totals::default(),
            lost: BTreeMap::new(),
            missing: 0,
            health: None,
            config: None,
            config_status: None,
            list: None,
            list_lag: None,
            shared: Shared::default(),
        };
        Self {
            view,
            heard: now.tick,
            streams: VecDeque::new(),
            minute: (now.tick, 0),
            away: None,
        }
    }

    /// Writes down what the agent says of itself.
    fn hear(&mut self, report: &Report, now: Moment) {
        let view = &mut self.view;
        view.fleet = Arc::clone(&report.fleet);
        view.peer = report.peer;
        view.transport = report.transport;
        view.version = name(&report.version);
        view.last_seen_ms = now.unix_ms;
        self.heard = now.tick;
        if let Some((platform, routes)) = &report.introduction {
            view.registered = true;
            view.platform = name(platform);
            view.routes = *routes;
        }
        if let Some(telemetry) = &report.telemetry {
            if let Some(RequestCounts {
                success,
                errors,
                attacks,
            }) = telemetry.requests
            {
                view.totals.success = view.totals.success.saturating_add(success);
                view.totals.errors = view.totals.errors.saturating_add(errors);
                view.totals.attacks = view.totals.attacks.saturating_add(attacks);
            }
            view.telemetry = Some(telemetry.clone());
        }
        if let Events::V2(part) = &report.events {
            hear_v2(view, part);
        }
    }

    /// The highest `seq` known of a stream.
    pub(super) fn mark(&self, stream: Uuid) -> Option<u64> {
        self.streams
            .iter()
            .find(|(known, _)| *known == stream)
            .map(|(_, seq)| *seq)
    }

    /// Sets the highest `seq` known of a stream.
    pub(super) fn set_mark(&mut self, stream: Uuid, seq: u64) {
        self.streams.retain(|(known, _)| *known != stream);
        self.streams.push_back((stream, seq));
        if self.streams.len() > STREAMS {
            self.streams.pop_front();
        }
    }

    /// Whether the agent may put one more entry on the list now; it is counted if so.
    pub(super) fn may_share(&mut self, live: u32, per_minute: u32, now: Tick) -> bool {
        let (began, shared) = &mut self.minute;
        if now.since(*began) >= 60 {
            (*began, *shared) = (now, 0);
        }
        if self.view.shared.live >= live || *shared >= per_minute {
            return false;
        }
        *shared += 1;
        true
    }

    /// Events of this agent never came.
    pub(super) fn missed(&mut self, events: u64) {
        self.view.missing = self.view.missing.saturating_add(events);
    }

    pub(super) fn refused(&mut self, code: &'static str) {
        *self.view.shared.refused.entry(code).or_default() += 1;
    }

    /// Notes how long a version 1 agent was silent before this beacon, and says since when it may have missed changes.
    ///
    /// Several processes may speak from this address with this key, and only one of them was told at `heard`: what changed
    /// within `window` before that is told again, and told to all of them for as long.
    fn missed_since(&mut self, heard: Option<Tick>, window: u64, now: Tick) -> Tick {
        let since = heard.map_or_else(Tick::default, |heard| heard.minus(window));
        if heard.is_none_or(|heard| now.since(heard) > window) {
            let since = self.away.map_or(
                since,
                |(earlier, until)| if now < until { earlier.min(since) } else { since },
            );
            self.away = Some((since, now.plus(window)));
        }
        let usual = now.minus(window);
        match self.away {
            Some((since, until)) if now < until => since.min(usual),
            Some(_) | None => usual,
        }
    }
}

fn hear_v2(view: &mut AgentView, part: &v2::AgentPart) {
    view.proto = 2;
    view.instance_id = Some(part.instance_id);
    view.totals = part.totals;
    let by_reason = |counts: &BTreeMap<String, u64>| {
        let counts = counts.iter().take(REASONS);
        counts.map(|(reason, count)| (name(reason), *count)).collect()
    };
    view.lost = by_reason(&part.lost);
    view.health = Some(v2::Health {
        state: name(&part.health.state),
        alarm: part.health.alarm.as_deref().map(words),
        uninspected: by_reason(&part.health.uninspected),
        ..part.health.clone()
    });
    view.config = part.have.config.as_ref().map(|config| v2::ConfigCursor {
        hash: name(&config.hash),
        ..config.clone()
    });
    view.list = part.have.list.as_ref().map(|list| v2::ListCursor {
        epoch: name(&list.epoch),
        digest: name(&list.digest),
        ..list.clone()
    });
    if let Some(status) = &part.config_status {
        view.config_status = Some(v2::ConfigStatus {
            error: status.error.as_deref().map(words),
            ..status.clone()
        });
    }
}

fn words(text: &str) -> String {
    text.chars().take(ERROR).collect()
}

fn name(text: &str) -> String {
    text.chars().take(NAME).collect()
}

/// All agents.
#[derive(Debug, Clone)]
pub(super) struct Agents {
    all: HashMap<Arc<AgentIdent>, Agent>,
    /// Who spoke of each stream last. What one process leaves on disk may be told by another, under its own name.
    streams: HashMap<Uuid, Arc<AgentIdent>>,
    most: usize,
}

impl Agents {
    pub(super) fn new(most: usize) -> Self {
        Self {
            all: HashMap::new(),
            streams: HashMap::new(),
            most: most.max(1),
        }
    }

    /// The agent that speaks, with what it says of itself written down, and since when it may have missed changes if it is a
    /// version 1 agent with this window.
    pub(super) fn hear(&mut self, report: &Report, window: u64, now: Moment) -> (&mut Agent, Tick) {
        if self.all.len() >= self.most && !self.all.contains_key(&report.who) {
            self.forget_some();
        }
        let inherited = self.inherited(report);
        let heard = self.all.get(&report.who).map(|agent| agent.heard);
        let agent = self
            .all
            .entry(Arc::clone(&report.who))
            .or_insert_with(|| Agent::new(report, now));
        agent.hear(report, now);
        if let Some((stream, seq)) = inherited {
            agent.set_mark(stream, seq);
        }
        // a registration is answered with the whole list
        let heard = if report.introduction.is_some() {
            Some(heard.unwrap_or(now.tick))
        } else {
            heard
        };
        let since = agent.missed_since(heard, window, now.tick);
        (agent, since)
    }

    /// How far the stream that an agent speaks of is known from another of its profile, if that is further than from this one.
    fn inherited(&mut self, report: &Report) -> Option<(Uuid, u64)> {
        let Events::V2(part) = &report.events else { return None };
        let known = |who: &AgentIdent| self.all.get(who).and_then(|agent| agent.mark(part.stream));
        let from = self.streams.get(&part.stream).filter(|from| **from != report.who);
        let seq = from
            .filter(|from| from.profile() == report.who.profile())
            .and_then(|from| known(from))
            .filter(|seq| known(&report.who).is_none_or(|own| own < *seq));
        if self.streams.len() > 2 * STREAMS * (self.all.len() + 1) {
            let all = &self.all;
            self.streams
                .retain(|stream, who| all.get(who).is_some_and(|agent| agent.mark(*stream).is_some()));
        }
        self.streams.insert(part.stream, Arc::clone(&report.who));
        seq.map(|seq| (part.stream, seq))
    }

    /// Who speaks, where a version 1 agent's beacon does not say which application it is of: the
    /// one that was heard last among those of its key, address and version.
    pub(super) fn known_as(&self, report: &Report) -> Option<Arc<AgentIdent>> {
        let AgentIdent::Keyed {
            profile,
            peer,
            mark: None,
        } = &*report.who
        else {
            return None;
        };
        if report.introduction.is_some() || self.all.contains_key(&report.who) {
            return None;
        }
        let is_like = |who: &AgentIdent| matches!(who, AgentIdent::Keyed { profile: theirs, peer: there, mark: Some(_) } if theirs == profile && there == peer);
        let version = name(&report.version);
        let alike = self
            .all
            .iter()
            .filter(|(who, agent)| is_like(who) && agent.view.version == version);
        alike
            .max_by_key(|(_, agent)| agent.heard)
            .map(|(who, _)| Arc::clone(who))
    }

    /// An entry that this agent added is no longer listed.
    pub(super) fn release(&mut self, who: &AgentIdent) {
        if let Some(agent) = self.all.get_mut(who) {
            agent.view.shared.live = agent.view.shared.live.saturating_sub(1);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.all.values()
    }

    /// Forgets the hundredth that was heard longest ago, so that forgetting costs little per agent.
    fn forget_some(&mut self) {
        let mut heard: Vec<Tick> = self.all.values().map(|agent| agent.heard).collect();
        let nth = heard.len() / 100;
        let (_, last, _) = heard.select_nth_unstable(nth);
        let last = *last;
        let mut left = nth + 1;
        self.all.retain(|_, agent| {
            let goes = agent.heard <= last && left > 0;
            left -= usize::from(goes);
            !goes
        });
        tracing::warn!(
            limit = self.most,
            "more agents than are remembered: forgot those that were silent longest"
        );
    }
}
