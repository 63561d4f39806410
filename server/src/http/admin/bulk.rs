//! Many bans or unbans at once, with one reason: what cannot be done is left out and named, and all
//! else is one record.

use std::collections::BTreeSet;

use actix_web::{
    HttpResponse,
    web::{Data, Payload},
};
use buckler::model::address;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Asker, allowlist,
    blacklist::{self, Doubt, entry_before, known_fleet},
    json as read, reason,
};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    list::Banned,
    moment::Moment,
    node::Node,
    owner::Plan,
    store::{Answer, Command},
};

/// The most addresses of one request: with what the audit says of each, a record of 300 KB.
pub(in crate::http) const MOST: usize = 500;

/// What is done with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum Act {
    Ban,
    Unban,
}

/// What an operator asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    #[serde(rename = "do")]
    pub(in crate::http) act: Act,
    pub(in crate::http) addresses: Vec<String>,
    pub(in crate::http) ttl_s: Option<u64>,
    pub(in crate::http) reason: String,
    pub(in crate::http) fleet: Option<String>,
    /// Takes also what an operator should look at twice, but for what is protected.
    #[serde(default)]
    pub(in crate::http) force: bool,
    /// Takes networks that are only wider than an agent may ask for.
    #[serde(default)]
    pub(in crate::http) allow_wide: bool,
}

/// What was not done.
#[derive(Debug, Serialize)]
pub(in crate::http) struct LeftOut {
    pub(in crate::http) address: String,
    pub(in crate::http) why: String,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Done {
    pub(in crate::http) fleet: String,
    pub(in crate::http) done: Vec<String>,
    pub(in crate::http) left_out: Vec<LeftOut>,
}

impl Done {
    fn leave_out(&mut self, address: impl Into<String>, why: impl Into<String>) {
        self.left_out.push(LeftOut {
            address: address.into(),
            why: why.into(),
        });
    }
}

pub(super) async fn many(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let wanted = read(&state, payload).await?;
    reply::ok(perform(&asker, &state, wanted).await?)
}

/// Does it.
pub(in crate::http) async fn perform(asker: &Asker, state: &State, wanted: Wanted) -> Result<Done, Refusal> {
    if wanted.addresses.is_empty() || wanted.addresses.len() > MOST {
        let found = wanted.addresses.len();
        return Err(Refusal::bad_request(format!(
            "addresses: found {found}, allowed are 1 to {MOST} at once"
        )));
    }
    reason(&wanted.reason)?;
    if wanted.ttl_s == Some(0) {
        return Err(Refusal::bad_request("ttl_s: found 0, allowed is 1 or more"));
    }
    let fleet = known_fleet(asker, state, wanted.fleet.clone())?;
    let mut done = Done {
        fleet,
        done: Vec::new(),
        left_out: Vec::new(),
    };
    let networks = judged(state, &wanted, &mut done);
    let (asker, touched) = (asker.clone(), done.fleet.clone());
    let plan = move |node: &mut Node, now| planned(node, &asker, (networks, &wanted, done), now);
    let done = state.owner.act(plan, |_, (networks, mut done), answers, _| {
        // each is followed by its entry of the audit
        for (network, answer) in networks.into_iter().zip(answers.iter().step_by(2)) {
            let shown = address::to_text(network);
            match answer {
                Answer::Banned(Banned::Allowed) => done.leave_out(shown, "it was allowed meanwhile"),
                Answer::Unbanned(None) => done.leave_out(shown, "it is not listed any more"),
                Answer::Banned(_) | Answer::Unbanned(Some(_)) => done.done.push(shown),
                Answer::Done | Answer::Taken { .. } | Answer::Allowed(_) => {
                    done.leave_out(shown, "there is no such list")
                }
            }
        }
        Ok(done)
    });
    let done = done.await;
    state.hub.touch(&touched);
    Ok(done?)
}

/// The networks that are meant, each once; what makes no sense or should be looked at twice is left
/// out.
fn judged(state: &State, wanted: &Wanted, done: &mut Done) -> BTreeSet<IpNet> {
    let mut networks = BTreeSet::new();
    for text in &wanted.addresses {
        let Some(network) = address::parse_network(text) else {
            done.leave_out(text.clone(), "no address, and no network in CIDR notation");
            continue;
        };
        let mut doubts = match wanted.act {
            Act::Ban => blacklist::doubts(&state.protected, text, network, wanted.ttl_s),
            Act::Unban => Vec::new(),
        };
        doubts.retain(|doubt| match doubt {
            // one by one, so that no list shuts the fleet itself out
            Doubt::Protected(_) => true,
            Doubt::TooWide(_) => !(wanted.force || wanted.allow_wide),
            Doubt::HostBits { .. } | Doubt::Endless(_) => !wanted.force,
        });
        if doubts.is_empty() {
            networks.insert(network);
        } else {
            let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
            done.leave_out(text.clone(), doubts.join("; "));
        }
    }
    networks
}

/// What is to be kept of it, by what the node knows.
fn planned(
    node: &Node,
    asker: &Asker,
    (networks, wanted, mut done): (BTreeSet<IpNet>, &Wanted, Done),
    now: Moment,
) -> (Plan, (Vec<IpNet>, Done)) {
    let (mut commands, mut taken) = (Vec::new(), Vec::new());
    for network in networks {
        let (fleet, shown) = (done.fleet.clone(), address::to_text(network));
        let was = entry_before(node, &fleet, network, now);
        let (command, action, new) = match wanted.act {
            Act::Ban => {
                if let Err(refusal) = allowlist::refuse(node, &fleet, network, now) {
                    done.leave_out(shown, refusal.to_string());
                    continue;
                }
                let ban = Command::Ban {
                    fleet: fleet.as_str().into(),
                    network,
                    ttl_s: wanted.ttl_s,
                    why: wanted.reason.clone(),
                };
                (ban, "ban", json!({"ttl_s": wanted.ttl_s, "why": wanted.reason}))
            }
            Act::Unban if was == Value::Null => {
                done.leave_out(shown, "it is not listed");
                continue;
            }
            Act::Unban => {
                let unban = Command::Unban {
                    fleet: fleet.as_str().into(),
                    network,
                };
                (unban, "unban", json!({"why": wanted.reason}))
            }
        };
        let note = asker.note(action, (&shown, Some(&fleet)), (was, new));
        commands.extend([command, note]);
        taken.push(network);
    }
    let plan = Plan {
        commands,
        is_optional: false,
    };
    (plan, (taken, done))
}
