//! `bucklerctl status`: the server at a glance.

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    agents::{self, State},
    api::Api,
    show::{Screen, at, text},
};

pub(crate) fn run(api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let health: Value = api.get("admin/health", &[])?;
    let agents = agents::all(api)?;
    let lists = lists(api)?;
    let unwell = agents
        .iter()
        .filter(|agent| !agents::troubles(agent).is_empty())
        .count();
    if screen.is_json() {
        let states = State::ALL.map(|state| (state.name().to_owned(), json!(count(&agents, state))));
        let states: serde_json::Map<String, Value> = states.into_iter().collect();
        screen.json(&json!({"health": health, "agents": states, "unwell": unwell, "lists": lists}))?;
        return Ok(Answer::Yes);
    }
    let sockets = at(&health, "websockets");
    screen.line(&format!("server   {} {}", api.url(), text(&health, "version")))?;
    screen.line(&format!(
        "sockets  {} of {}, {} turned away",
        at(sockets, "open"),
        at(sockets, "most"),
        at(sockets, "turned_away")
    ))?;
    let states: Vec<String> = State::ALL
        .map(|state| format!("{} {}", count(&agents, state), state.name()))
        .into();
    screen.line(&format!("agents   {}", states.join(", ")))?;
    for list in &lists {
        screen.line(&format!(
            "list     {}: {} entries, revision {}",
            text(list, "fleet"),
            at(list, "count"),
            at(list, "rev")
        ))?;
    }
    if unwell > 0 {
        screen.line(&format!(
            "{unwell} agents are not well: `bucklerctl agents --unwell` says why"
        ))?;
    }
    Ok(Answer::Yes)
}

fn count(agents: &[Value], state: State) -> usize {
    agents.iter().filter(|agent| State::of(agent) == state).count()
}

/// The heads of the lists of all fleets.
fn lists(api: &Api) -> Result<Vec<Value>, Failure> {
    let profiles: Value = api.get("admin/profiles", &[])?;
    let profiles = at(&profiles, "profiles").as_array().cloned().unwrap_or_default();
    let mut fleets: Vec<String> = profiles.iter().map(|profile| text(profile, "fleet")).collect();
    fleets.sort_unstable();
    fleets.dedup();
    let head = |fleet: &String| -> Result<Value, Failure> {
        let mut page: Value = api.get("admin/blacklist", &[("fleet", fleet), ("limit", "1")])?;
        if let Some(page) = page.as_object_mut() {
            page.remove("entries");
            page.remove("next");
        }
        Ok(page)
    };
    fleets.iter().map(head).collect()
}
