//! `bucklerctl proposals`: bans that wait for a second witness, and an operator's word on them.

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    api::Api,
    cli::{FleetArgs, ProposalsCommand},
    refusals::listed,
    show::{Screen, at, duration, tabled, text},
};

const PATH: &str = "admin/proposals";

pub(crate) fn run(command: &ProposalsCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        ProposalsCommand::List { fleet } => list(api, fleet, screen),
        ProposalsCommand::Ban { address, fleet } => {
            let done: Value = api.post(PATH, &json!({"address": address, "fleet": fleet.fleet}))?;
            let words = format!("{address} is banned {}", listed(at(&done, "entry")));
            screen.done(&done, &words)
        }
        ProposalsCommand::Dismiss { address, fleet } => {
            let mut query = fleet.query();
            query.push(("address", address));
            let done: Value = api.delete(PATH, &query)?;
            let words = format!("{} is proposed no more", text(at(&done, "dismissed"), "address"));
            screen.done(&done, &words)
        }
    }
}

fn list(api: &Api, fleet: &FleetArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let seconds = |one: &Value, member: &str| duration(at(one, member).as_u64().unwrap_or_default());
    let row = |one: &Value| {
        [
            text(one, "address"),
            seconds(one, "ttl_s"),
            seconds(one, "age_s"),
            text(one, "profile"),
            text(one, "why"),
        ]
    };
    let head = ["NETWORK", "ENDS IN", "AGE", "BY", "WHY"];
    let page = api.get(PATH, &fleet.query())?;
    tabled(page, "proposals", (head, "Nothing is proposed"), row, screen)
}
