//! How agents are, and what an operator should look at.

use std::{collections::BTreeMap, sync::Arc};

use buckler::protocol::v2::ConfigState;

use super::words;
use crate::{http::state::State, node::Silence, store::AgentView};

/// Whether an agent speaks, and has what the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Condition {
    InStep,
    Behind,
    Late,
    Gone,
}

impl Condition {
    pub(super) const ALL: [Self; 4] = [Self::InStep, Self::Behind, Self::Late, Self::Gone];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InStep => "in step",
            Self::Behind => "behind",
            Self::Late => "late",
            Self::Gone => "gone",
        }
    }

    /// By which the style sheet colours it.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::InStep => "good",
            Self::Behind | Self::Late => "fair",
            Self::Gone => "bad",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

/// What is expected of a profile's agents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Seconds between two beacons.
    interval_s: u64,
    /// The version of the configuration in force.
    version: u64,
    /// That of the candidate that a share of them try.
    tried: Option<u64>,
}

/// Of every profile.
pub(super) fn expected(state: &State) -> BTreeMap<Arc<str>, Expected> {
    let (profiles, intervals) = (state.profiles.all(), state.profiles.intervals());
    let expected = profiles.iter().map(|live| {
        let interval_s = intervals.get(live.name()).copied().unwrap_or_default();
        let version = live.version();
        let tried = state.profiles.candidate(live.name());
        let expected = Expected {
            interval_s,
            version,
            tried: tried.map(|candidate| candidate.live().version()),
        };
        (Arc::clone(live.name()), expected)
    });
    expected.collect()
}

/// How an agent is.
pub(super) fn condition(agent: &AgentView, expected: Option<&Expected>, now_ms: u64) -> Condition {
    let silent_s = now_ms.saturating_sub(agent.last_seen_ms) / 1_000;
    match Silence::of(silent_s, expected.map(|expected| expected.interval_s)) {
        Silence::Gone => return Condition::Gone,
        Silence::Late => return Condition::Late,
        Silence::Online => {}
    }
    let runs = agent.config.as_ref().map(|config| config.version);
    let has_config = agent.proto < 2
        || expected.is_none_or(|expected| runs == Some(expected.version) || runs.is_some() && runs == expected.tried);
    let has_list = agent.proto < 2 || agent.list_lag == Some(0);
    if has_config && has_list {
        Condition::InStep
    } else {
        Condition::Behind
    }
}

/// What is wrong with an agent, a sentence each.
pub(super) fn of_agent(agent: &AgentView) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some(health) = &agent.health
        && let Some(alarm) = &health.alarm
    {
        troubles.push(alarm.clone());
    }
    if let Some(status) = &agent.config_status {
        let why = status.error.as_deref().unwrap_or("it does not say why");
        match status.state {
            ConfigState::Failed => troubles.push(format!(
                "configuration {} does not compile there: {why}",
                status.version
            )),
            ConfigState::RolledBack => {
                troubles.push(format!("configuration {} was rolled back: {why}", status.version))
            }
            ConfigState::Applied | ConfigState::Probation => {
                if let Some(held) = &status.error {
                    troubles.push(format!(
                        "configuration {} is not in force as a whole: {held}",
                        status.version
                    ));
                }
            }
        }
    }
    let lost: u64 = agent.lost.values().copied().fold(0, u64::saturating_add);
    if lost > 0 {
        troubles.push(format!("{} were lost", words::several(lost, "event", "events")));
    }
    if agent.missing > 0 {
        troubles.push(format!(
            "{} never came here",
            words::several(agent.missing, "event", "events")
        ));
    }
    troubles
}

/// What is wrong with the server itself.
pub(super) fn of_server(state: &State) -> Vec<String> {
    let health = state.owner.health();
    let journal = health.problem.load();
    let kept = journal
        .as_ref()
        .map(|problem| format!("The journal fails: nothing can be kept, and agents are told to come again. {problem}"));
    let warnings = health
        .warnings()
        .into_iter()
        .map(|warning| format!("The journal: {warning}"));
    let tls = state.tls().and_then(|tls| tls.problem());
    let tls = tls.map(|problem| format!("The certificate's files are not in force: {problem}"));
    kept.into_iter().chain(warnings).chain(tls).collect()
}
