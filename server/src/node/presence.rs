//! Who is there, and how: what agents say of themselves with every beacon. It is this node's alone
//! and lasts as long as its process; an agent that is not known here is asked to register again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use buckler::protocol::{RequestCounts, v2};

use crate::{
    moment::{Moment, Tick},
    store::{AgentIdent, AgentView, Events, Report, Shared},
};

/// The most reasons of losses that are kept of an agent.
const REASONS: usize = 32;

/// The longest name that is kept of what an agent says of itself, in characters.
const NAME: usize = 64;

/// The longest error that is kept of what an agent says, in characters.
const ERROR: usize = 1_000;

/// An agent as it was heard.
#[derive(Debug, Clone)]
struct Heard {
    view: AgentView,
    at: Tick,
    /// A version 1 agent was away: from when, and until when it is told so.
    away: Option<(Tick, Tick)>,
}

/// All agents that were heard.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    all: HashMap<Arc<AgentIdent>, Heard>,
    most: usize,
}

impl Heard {
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
            identity: v2::Identity::default(),
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
            refused_config: None,
            list: None,
            list_lag: None,
            shared: Shared::default(),
            credential: None,
        };
        Self {
            view,
            at: now.tick,
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
        self.at = now.tick;
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
            if report.introduction.is_some() {
                view.identity = part.identity.as_deref().map(v2::Identity::bounded).unwrap_or_default();
            }
        }
    }

    /// Notes how long a version 1 agent was silent before this beacon, and says since when it may
    /// have missed changes.
    ///
    /// Several processes may speak from this address with this key, and only one of them was told
    /// at `heard`: what changed within `window` before that is told again, and told to all of them
    /// for as long.
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
        let status = v2::ConfigStatus {
            error: status.error.as_deref().map(words),
            ..status.clone()
        };
        if matches!(status.state, v2::ConfigState::Failed | v2::ConfigState::RolledBack) {
            view.refused_config = Some(status.clone());
        }
        view.config_status = Some(status);
    }
}

fn words(text: &str) -> String {
    text.chars().take(ERROR).collect()
}

fn name(text: &str) -> String {
    text.chars().take(NAME).collect()
}

impl Presence {
    pub(super) fn new(most: usize) -> Self {
        Self {
            all: HashMap::new(),
            most: most.max(1),
        }
    }

    /// Writes down what an agent says of itself. Whether it has registered, and since when it may
    /// have missed changes if it is a version 1 agent with this window.
    pub(super) fn hear(&mut self, report: &Report, window: u64, now: Moment) -> (bool, Tick) {
        if self.all.len() >= self.most && !self.all.contains_key(&report.who) {
            self.forget_some();
        }
        let heard = self.all.get(&report.who).map(|agent| agent.at);
        let agent = self
            .all
            .entry(Arc::clone(&report.who))
            .or_insert_with(|| Heard::new(report, now));
        agent.hear(report, now);
        // a registration is answered with the whole list
        let heard = if report.introduction.is_some() {
            Some(heard.unwrap_or(now.tick))
        } else {
            heard
        };
        let since = agent.missed_since(heard, window, now.tick);
        (agent.view.registered, since)
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
        alike.max_by_key(|(_, agent)| agent.at).map(|(who, _)| Arc::clone(who))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<AgentIdent>, &AgentView)> {
        self.all.iter().map(|(who, agent)| (who, &agent.view))
    }

    /// Forgets the agents of these names, by profile: all are looked at once, however many go.
    pub(super) fn forget(&mut self, names: &HashMap<&str, HashSet<&str>>) {
        self.all.retain(|who, agent| {
            let of_profile = names.get(&**who.profile());
            of_profile.is_none_or(|names| !names.contains(agent.view.id.as_str()))
        });
    }

    /// Forgets who was silent for so many seconds; how many were.
    pub(super) fn forget_silent(&mut self, seconds: u64, now: Tick) -> usize {
        let before = self.all.len();
        self.all.retain(|_, agent| now.since(agent.at) < seconds);
        before - self.all.len()
    }

    /// Forgets the hundredth that was heard longest ago, so that forgetting costs little per agent.
    fn forget_some(&mut self) {
        let mut heard: Vec<(Tick, Arc<AgentIdent>)> = self
            .all
            .iter()
            .map(|(who, agent)| (agent.at, Arc::clone(who)))
            .collect();
        let nth = heard.len() / 100;
        heard.select_nth_unstable(nth);
        for (_, who) in heard.into_iter().take(nth + 1) {
            self.all.remove(&who);
        }
        tracing::warn!(
            limit = self.most,
            "more agents than are remembered: forgot those that were silent longest"
        );
    }
}
