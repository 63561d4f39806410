//! Agents that are gone are forgotten when an operator says so; those that speak would be back with
//! their next word.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asker, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    node::Silence,
    store::{AgentView, Command},
};

/// The most agents that one request forgets: a record of half a megabyte.
const MOST: usize = 5_000;

/// The most agents that an entry of the audit names.
const NAMED: usize = 20;

#[derive(Serialize)]
struct Done {
    /// How many there were.
    forgotten: usize,
    /// Whether there are more that are gone.
    more: bool,
}

/// Which agent is meant, where agents of several profiles have the same address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfProfile {
    profile: Option<String>,
}

pub(super) async fn one(
    asker: Asker,
    path: Path<String>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let OfProfile { profile } = query(&request)?;
    forget_one(&asker, &state, (profile.as_deref(), &path.into_inner())).await?;
    reply::ok(Done {
        forgotten: 1,
        more: false,
    })
}

/// Which agents are meant: those that are gone, in words, so that no slip forgets them all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    state: Option<String>,
    profile: Option<String>,
    fleet: Option<String>,
}

pub(super) async fn gone(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Gone {
        state: silence,
        profile,
        fleet,
    } = query(&request)?;
    if silence.as_deref() != Some(Silence::Gone.name()) {
        return Err(Refusal::bad_request("state: allowed is gone: no others are forgotten"));
    }
    let (forgotten, more) = forget_gone(&asker, &state, (profile.as_deref(), fleet.as_deref())).await?;
    reply::ok(Done { forgotten, more })
}

/// Forgets one agent by its name, and by its profile where that is not enough.
pub(in crate::http) async fn forget_one(
    asker: &Asker,
    state: &State,
    (profile, id): (Option<&str>, &str),
) -> Result<(), Refusal> {
    let (mut agents, _) = state.agents().await?;
    agents.retain(|agent| {
        agent.id == id && profile.is_none_or(|profile| *agent.profile == *profile) && asker.operator.sees(&agent.fleet)
    });
    let Some(agent) = agents.pop() else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no such agent was heard lately"));
    };
    if let Some(other) = agents.first() {
        let (one, other) = (&agent.profile, &other.profile);
        return Err(Refusal::bad_request(format!(
            "profile: missing: agents of {one:?} and of {other:?} are called so"
        )));
    }
    let silence = silence(state, &state.profiles.intervals(), &agent);
    if silence != Silence::Gone {
        let message = format!("{id} is {}: only who is gone is forgotten", silence.name());
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    let was = json!({"profile": agent.profile, "name": agent.identity.name, "last_seen_ms": agent.last_seen_ms});
    let note = asker.note("agent.forget", (id, Some(&agent.fleet)), (was, Value::Null));
    let commands = vec![forgotten(&agent), note];
    state.owner.submit(commands, |_, _, _| Ok(())).await?;
    Ok(())
}

/// Forgets all who are gone, of one profile or fleet or of all that the operator sees: how many
/// they were, and whether there are more.
pub(in crate::http) async fn forget_gone(
    asker: &Asker,
    state: &State,
    (profile, fleet): (Option<&str>, Option<&str>),
) -> Result<(usize, bool), Refusal> {
    let (mut agents, _) = state.agents().await?;
    let intervals = state.profiles.intervals();
    agents.retain(|agent| {
        let is_asked =
            profile.is_none_or(|name| *agent.profile == *name) && fleet.is_none_or(|name| *agent.fleet == *name);
        is_asked && asker.operator.sees(&agent.fleet) && silence(state, &intervals, agent) == Silence::Gone
    });
    let more = agents.len() > MOST;
    agents.truncate(MOST);
    let mut commands: Vec<Command> = agents.iter().map(forgotten).collect();
    let mut by_fleet: BTreeMap<Arc<str>, Vec<&str>> = BTreeMap::new();
    for agent in &agents {
        by_fleet.entry(Arc::clone(&agent.fleet)).or_default().push(&agent.id);
    }
    for (fleet, ids) in by_fleet {
        let named: Vec<&str> = ids.iter().copied().take(NAMED).collect();
        let was = json!({"agents": ids.len(), "ids": named});
        commands.push(asker.note("agent.forget", ("gone", Some(&fleet)), (was, Value::Null)));
    }
    if !commands.is_empty() {
        state.owner.submit(commands, |_, _, _| Ok(())).await?;
    }
    Ok((agents.len(), more))
}

fn forgotten(agent: &AgentView) -> Command {
    Command::ForgetAgent {
        profile: Arc::clone(&agent.profile),
        agent: agent.id.as_str().into(),
    }
}

fn silence(state: &State, intervals: &HashMap<Arc<str>, u64>, agent: &AgentView) -> Silence {
    let silent_s = state.now().unix_ms.saturating_sub(agent.last_seen_ms) / 1_000;
    Silence::of(silent_s, intervals.get(&agent.profile).copied())
}
