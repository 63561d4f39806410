//! `bucklerctl allow`: networks that no ban of the fleet touches.

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    api::Api,
    cli::AllowCommand,
    show::{Screen, at, duration, tabled, text},
};

const PATH: &str = "admin/allowlist";

pub(crate) fn run(command: &AllowCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        AllowCommand::List { address, fleet } => {
            let mut query = fleet.query();
            query.extend(address.iter().map(|address| ("address", address.as_str())));
            let page: Value = api.get(PATH, &query)?;
            let is_there = address.is_none() || at(&page, "allowed").as_array().is_some_and(|all| !all.is_empty());
            let row = |one: &Value| {
                [
                    text(one, "address"),
                    ends(one),
                    duration(at(one, "age_s").as_u64().unwrap_or_default()),
                    text(one, "by"),
                    text(one, "why"),
                ]
            };
            let head = ["NETWORK", "ENDS IN", "AGE", "BY", "WHY"];
            tabled(page, "allowed", (head, "Nothing is allowed"), row, screen)?;
            Ok(if is_there { Answer::Yes } else { Answer::No })
        }
        AllowCommand::Add {
            address,
            ttl,
            reason,
            fleet,
            ..
        } => {
            let asked = json!({"address": address, "ttl_s": ttl, "reason": reason, "fleet": fleet.fleet});
            let done: Value = api.post(PATH, &asked)?;
            let allowed = at(&done, "allowed");
            let end = match ends(allowed) {
                end if end.is_empty() => "without end".to_owned(),
                end => format!("for {end}"),
            };
            let lifted = at(&done, "lifted").as_u64().unwrap_or_default();
            let words = format!(
                "{} is allowed {end}, {lifted} bans are lifted",
                text(allowed, "address")
            );
            screen.done(&done, &words)
        }
        AllowCommand::Remove { address, fleet } => {
            let mut query = fleet.query();
            query.push(("address", address));
            let done: Value = api.delete(PATH, &query)?;
            let words = format!("{} is allowed no longer", text(at(&done, "removed"), "address"));
            screen.done(&done, &words)
        }
    }
}

/// For how long an entry is in force; empty where it has no end.
fn ends(one: &Value) -> String {
    at(one, "ttl_s").as_u64().map(duration).unwrap_or_default()
}
