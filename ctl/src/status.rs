//! `bucklerctl status`: the server at a glance.

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    agents::{self, State},
    api::Api,
    show::{Screen, at, duration, text},
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
        let troubles = troubles(&health);
        screen.json(
            &json!({"health": health, "troubles": troubles, "agents": states, "unwell": unwell, "lists": lists}),
        )?;
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
    for trouble in troubles(&health) {
        screen.line(&format!("trouble  {trouble}"))?;
    }
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

/// How soon the end of the server's certificate is told of, in seconds: the week in which whatever
/// renews it should have done so.
const SOON_S: u64 = 7 * 86_400;

/// What is wrong with the server itself, by what it says of its health.
pub(crate) fn troubles(health: &Value) -> Vec<String> {
    let (journal, tls) = (at(health, "journal"), at(health, "tls"));
    let mut troubles = Vec::new();
    if let Some(problem) = at(journal, "problem").as_str() {
        troubles.push(format!(
            "nothing can be kept, and agents are told to come again: {problem}"
        ));
    }
    let warnings = at(journal, "warnings").as_array().into_iter().flatten();
    troubles.extend(
        warnings
            .filter_map(Value::as_str)
            .map(|warning| format!("the journal: {warning}")),
    );
    if let Some(problem) = at(tls, "problem").as_str() {
        troubles.push(format!("the certificate's files are not in force: {problem}"));
    }
    if let Some(ends) = at(tls, "ends_s").as_u64() {
        match ends.checked_sub(agents::unix_s()) {
            None | Some(0) => troubles.push("the server's certificate has ended: renew it".to_owned()),
            Some(left) if left < SOON_S => {
                troubles.push(format!("the server's certificate ends in {}: renew it", duration(left)))
            }
            Some(_) => {}
        }
    }
    troubles
}

fn count(agents: &[Value], state: State) -> usize {
    agents.iter().filter(|agent| State::of(agent) == Some(state)).count()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_well_is_told_of() {
        let now = agents::unix_s();
        let well = json!({"journal": {"kind": "disk", "position": 7}, "tls": {"ends_s": now + 30 * 86_400}});
        assert_eq!(troubles(&well), Vec::<String>::new());
        assert_eq!(troubles(&json!({"journal": {}})), Vec::<String>::new());
        let ill = json!({
            "journal": {"problem": "no space left", "warnings": ["one server replicates"]},
            "tls": {"problem": "key.pem: no key", "ends_s": now + 86_400 + 60},
        });
        let ill = troubles(&ill);
        for (line, said) in ill.iter().zip([
            "agents are told to come again: no space left",
            "the journal: one server replicates",
            "not in force: key.pem: no key",
            "the server's certificate ends in 1d",
        ]) {
            assert!(line.contains(said), "{said}: {line}");
        }
        assert_eq!(ill.len(), 4);
        assert_eq!(
            troubles(&json!({"tls": {"ends_s": now - 5}})),
            ["the server's certificate has ended: renew it"]
        );
    }
}
