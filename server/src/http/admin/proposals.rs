//! Bans that wait for a second witness, in the admin API: seen, taken or dismissed by an operator.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use buckler::model::address;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Asker, allowlist,
    blacklist::{known_fleet, network},
    json as read, query,
};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    moment::Moment,
    node::Node,
    owner::Plan,
    store::{Command, EntryView, Proposal},
};

/// The most that are shown: the thousand of each profile are kept that end last.
const MOST: usize = 10_000;

/// A ban that one application asks for.
#[derive(Debug, Serialize)]
pub(in crate::http) struct View {
    pub(in crate::http) address: String,
    pub(in crate::http) agent: String,
    pub(in crate::http) profile: Arc<str>,
    pub(in crate::http) why: Arc<str>,
    pub(in crate::http) age_s: u64,
    pub(in crate::http) ttl_s: u64,
}

impl View {
    fn new(network: IpNet, proposal: &Proposal, now: Moment) -> Self {
        Self {
            address: address::to_text(network),
            agent: proposal.by.to_string(),
            profile: Arc::clone(proposal.by.profile()),
            why: Arc::clone(&proposal.why),
            age_s: now.tick.since(proposal.made),
            ttl_s: proposal.end.left(now.tick),
        }
    }
}

/// What waits in a fleet: not what an entry of its list covers by now.
pub(in crate::http) fn waiting<'n>(
    node: &'n Node,
    fleet: &'n str,
    now: Moment,
) -> impl Iterator<Item = View> + use<'n> {
    let list = node.store.list(fleet).ok();
    let is_open = move |network: &IpNet| list.is_none_or(|list| list.covering(*network, now.tick).is_none());
    let waiting = node.store.proposals(fleet, now.tick);
    waiting
        .filter(move |(network, _)| is_open(network))
        .map(move |(network, proposal)| View::new(network, proposal, now))
}

pub(super) async fn all(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        fleet: Option<String>,
    }
    #[derive(Serialize)]
    struct Page {
        fleet: String,
        proposals: Vec<View>,
    }
    let Asked { fleet } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let page = state.owner.ask(move |node, now| {
        let proposals = waiting(node, &fleet, now).take(MOST).collect();
        Ok(Page { proposals, fleet })
    });
    reply::ok(page.await?)
}

/// One proposal, as it is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    address: String,
    fleet: Option<String>,
}

pub(super) async fn accept(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        entry: EntryView,
    }
    let Named { address, fleet } = read(&state, payload).await?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let entry = accepted(&asker, &state, network(&address)?, fleet).await?;
    reply::ok(Done { entry })
}

pub(super) async fn dismiss(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        dismissed: View,
    }
    let Named { address, fleet } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let dismissed = dismissed(&asker, &state, network(&address)?, fleet).await?;
    reply::ok(Done { dismissed })
}

/// Bans what is proposed, for what is left of it and for its reason: an operator is the second
/// witness.
pub(in crate::http) async fn accepted(
    asker: &Asker,
    state: &State,
    network: IpNet,
    fleet: String,
) -> Result<EntryView, Refusal> {
    if state.protected.judge(network).is_err() {
        let message = format!(
            "{} was protected since it was proposed: dismiss it",
            address::to_text(network)
        );
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    allowlist::refuse_allowed(state, &fleet, network).await?;
    let (of, touched) = (fleet.clone(), fleet.clone());
    let ban = move |view: &View| Command::Ban {
        fleet: of.as_str().into(),
        network,
        ttl_s: Some(view.ttl_s),
        why: view.why.to_string(),
    };
    let plan = decided(asker.clone(), "proposal.ban", network, fleet.clone(), ban);
    let entry = state.owner.act(plan, move |node, proposed, _, now| {
        let entry = proposed.map(|_| node.store.entry(&fleet, network, now)).transpose()?;
        Ok(entry.flatten())
    });
    let entry = entry.await;
    state.hub.touch(&touched);
    entry?.ok_or_else(|| not_there(network))
}

/// Forgets what is proposed. Bans of before that come late are not listed either, for a day.
pub(in crate::http) async fn dismissed(
    asker: &Asker,
    state: &State,
    network: IpNet,
    fleet: String,
) -> Result<View, Refusal> {
    let of = fleet.clone();
    // withdraws the proposal; nothing is listed that it could remove
    let unban = move |_: &View| Command::Unban {
        fleet: of.as_str().into(),
        network,
    };
    let plan = decided(asker.clone(), "proposal.dismiss", network, fleet, unban);
    let proposed = state.owner.act(plan, |_, proposed, _, _| Ok(proposed));
    proposed.await?.ok_or_else(|| not_there(network))
}

/// What is done with a proposal, if it waits still when that is decided.
fn decided(
    asker: Asker,
    action: &'static str,
    network: IpNet,
    fleet: String,
    command: impl FnOnce(&View) -> Command + Send + 'static,
) -> impl FnOnce(&mut Node, Moment) -> (Plan, Option<View>) + Send + 'static {
    let shown = address::to_text(network);
    move |node, now| {
        let found = waiting(node, &fleet, now).find(|view| view.address == shown);
        let Some(view) = found else {
            return (Plan::default(), None);
        };
        let was = json!({"by": view.agent, "profile": view.profile, "why": view.why, "ttl_s": view.ttl_s});
        let note = asker.note(action, (&shown, Some(&fleet)), (was, Value::Null));
        let commands = vec![command(&view), note];
        let plan = Plan {
            commands,
            is_optional: false,
        };
        (plan, Some(view))
    }
}

fn not_there(network: IpNet) -> Refusal {
    let message = format!("nothing is proposed of {}", address::to_text(network));
    Refusal::new(StatusCode::NOT_FOUND, message)
}
