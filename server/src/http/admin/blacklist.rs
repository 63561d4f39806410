//! A fleet's list in the admin API: read, added to, removed from.

use std::{collections::BTreeSet, fmt, net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use buckler::model::address;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asker, allowlist, json as read, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    list::Banned,
    moment::Moment,
    node::Node,
    owner::Plan,
    protect::{Protected, TOO_WIDE},
    store::{Answer, Command, EntryView, FleetView, StoreError, new_epoch},
};

/// Entries of an answer where the question names no limit.
const PAGE: usize = 1_000;
/// The most entries of an answer.
const LARGEST_PAGE: usize = 10_000;

/// What the list's paths are asked by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    fleet: Option<String>,
    address: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn entries(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Page {
        fleet: String,
        #[serde(flatten)]
        head: FleetView,
        entries: Vec<EntryView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }
    let Asked {
        fleet,
        address,
        after,
        limit,
    } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let address = address.as_deref().map(network).transpose()?;
    let after = after.as_deref().map(network).transpose()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let page = state.owner.ask(move |node, now| {
        let store = &node.store;
        let entries = match address {
            Some(network) => store.entry(&fleet, network, now)?.into_iter().collect(),
            None => store.entries(&fleet, after, limit, now)?,
        };
        let last = entries.last().filter(|_| address.is_none() && entries.len() == limit);
        let next = last.map(|entry| entry.address.clone());
        Ok(Page {
            head: store.fleet(&fleet)?,
            fleet,
            entries,
            next,
        })
    });
    reply::ok(page.await?)
}

/// A ban as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    address: String,
    ttl_s: Option<u64>,
    #[serde(default)]
    reason: String,
    fleet: Option<String>,
    #[serde(default)]
    force: bool,
    /// Takes a network that is only wider than an agent may ask for: an import has such.
    #[serde(default)]
    allow_wide: bool,
    #[serde(default)]
    dry_run: bool,
}

/// What a ban would block, as far as the server knows: those who speak to it, and those whom agents
/// refused lately.
#[derive(Serialize)]
pub(in crate::http) struct WouldBlock {
    pub(in crate::http) agents: Vec<Known>,
    pub(in crate::http) clients: Vec<String>,
}

/// An agent that speaks from within the network.
#[derive(Serialize)]
pub(in crate::http) struct Known {
    pub(in crate::http) id: String,
    pub(in crate::http) profile: Arc<str>,
    pub(in crate::http) peer: IpAddr,
}

/// The most clients that are shown: those refused last.
const CLIENTS: usize = 1_000;

/// What was asked for, as it is understood.
#[derive(Serialize)]
pub(in crate::http) struct Asking {
    /// As it was written.
    pub(in crate::http) address: String,
    /// The network that this names.
    pub(in crate::http) network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) ttl_s: Option<u64>,
    pub(in crate::http) reason: String,
    pub(in crate::http) fleet: String,
}

/// What became of it.
#[derive(Serialize)]
pub(in crate::http) struct Done {
    pub(in crate::http) result: &'static str,
    pub(in crate::http) covers: u128,
    asked: Asking,
    /// The entry of this network, or of the wider one that covers it.
    entry: Option<EntryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) would_block: Option<WouldBlock>,
    /// What would have to be insisted on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http) needs_force: Vec<String>,
}

pub(super) async fn ban(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Wanted {
        address,
        ttl_s,
        reason,
        fleet,
        force,
        allow_wide,
        dry_run,
    } = read(&state, payload).await?;
    let network = network(&address)?;
    if ttl_s == Some(0) {
        return Err(Refusal::bad_request(
            "ttl_s: found 0, allowed is 1 or more, or nothing for a ban without end",
        ));
    }
    let mut doubts = doubts(&state.protected, &address, network, ttl_s);
    if allow_wide {
        doubts.retain(|doubt| !matches!(doubt, Doubt::TooWide(_)));
    }
    let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
    if !force && !dry_run && !doubts.is_empty() {
        let message = format!(
            "{}: say \"force\": true to list it all the same, or \"dry_run\": true to see whom it would block",
            doubts.join("; ")
        );
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    let fleet = known_fleet(&asker, &state, fleet)?;
    allowlist::refuse_allowed(&state, &fleet, network).await?;
    let asked = Asking {
        address,
        network: address::to_text(network),
        ttl_s,
        reason,
        fleet,
    };
    reply::ok(if dry_run {
        tried(&state, network, asked, doubts).await?
    } else {
        banned(&asker, &state, network, asked).await?
    })
}

/// Says what a ban would do.
pub(in crate::http) async fn tried(
    state: &State,
    network: IpNet,
    asked: Asking,
    needs_force: Vec<String>,
) -> Result<Done, Refusal> {
    let done = state.owner.ask(move |node, now| {
        Ok(Done {
            result: "dry_run",
            covers: addresses_in(network),
            entry: node.store.entry(&asked.fleet, network, now)?,
            would_block: Some(would_block(node, network)),
            needs_force,
            asked,
        })
    });
    Ok(done.await?)
}

/// Lists a network.
pub(in crate::http) async fn banned(
    asker: &Asker,
    state: &State,
    network: IpNet,
    asked: Asking,
) -> Result<Done, Refusal> {
    let ban = Command::Ban {
        fleet: asked.fleet.as_str().into(),
        network,
        ttl_s: asked.ttl_s,
        why: asked.reason.clone(),
    };
    let (touched, asker) = (asked.fleet.clone(), asker.clone());
    let plan = move |node: &mut Node, now| {
        let new = json!({"ttl_s": asked.ttl_s, "why": asked.reason});
        let states = (entry_before(node, &asked.fleet, network, now), new);
        let note = asker.note("ban", (&asked.network, Some(&asked.fleet)), states);
        let plan = Plan {
            commands: vec![ban, note],
            is_optional: false,
        };
        (plan, asked)
    };
    let done = state.owner.act(plan, move |node, asked, answers, now| {
        let result = match answers.first() {
            // it was allowed while this waited, or before
            Some(Answer::Banned(Banned::Allowed)) => {
                return Ok(allowlist::refuse(node, &asked.fleet, network, now).map(|()| None));
            }
            Some(Answer::Banned(Banned::Added)) => "added",
            Some(Answer::Banned(Banned::Prolonged)) => "prolonged",
            Some(Answer::Banned(Banned::Known | Banned::Late)) => "known",
            Some(Answer::Done | Answer::Taken { .. } | Answer::Unbanned(_) | Answer::Allowed(_)) | None => {
                return Err(StoreError::Failed("a ban came to nothing".to_owned()));
            }
        };
        Ok(Ok(Some(Done {
            result,
            covers: addresses_in(network),
            entry: node.store.entry(&asked.fleet, network, now)?,
            would_block: None,
            needs_force: Vec::new(),
            asked,
        })))
    });
    let done = done.await;
    state.hub.touch(&touched);
    done??.ok_or_else(|| Refusal::new(StatusCode::CONFLICT, "what was allowed has just ended: ask once more"))
}

/// Why an operator should look twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Doubt {
    /// It was written by an address within it.
    HostBits { written: String, network: IpNet },
    /// It would hurt the fleet itself.
    Protected(IpNet),
    /// No agent may ask for so much.
    TooWide(IpNet),
    /// There is no end.
    Endless(IpNet),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |network: &IpNet| address::to_text(*network);
        match self {
            Self::HostBits { written, network } => {
                write!(
                    f,
                    "{written} has host bits set and would list all of {}",
                    shown(network)
                )
            }
            Self::Protected(network) => write!(f, "{} touches a protected network", shown(network)),
            Self::TooWide(network) => write!(
                f,
                "{} is wider than an agent may ask for and covers {} addresses",
                shown(network),
                addresses_in(*network)
            ),
            Self::Endless(network) => write!(f, "the ban of {} would never end (ttl_s is missing)", shown(network)),
        }
    }
}

/// Why an operator should look twice at a ban.
pub(in crate::http) fn doubts(protected: &Protected, address: &str, network: IpNet, ttl_s: Option<u64>) -> Vec<Doubt> {
    let found = [
        has_host_bits(address).then(|| Doubt::HostBits {
            written: address.to_owned(),
            network,
        }),
        protected.touches(network).then_some(Doubt::Protected(network)),
        (protected.judge(network) == Err(TOO_WIDE)).then_some(Doubt::TooWide(network)),
        ttl_s.is_none().then_some(Doubt::Endless(network)),
    ];
    found.into_iter().flatten().collect()
}

/// Whether a network was written by an address within it: `203.0.113.77/24`.
fn has_host_bits(text: &str) -> bool {
    text.trim()
        .parse::<IpNet>()
        .is_ok_and(|net| net.addr() != net.network())
}

fn addresses_in(network: IpNet) -> u128 {
    let host_bits = u32::from(network.max_prefix_len().saturating_sub(network.prefix_len()));
    1_u128.checked_shl(host_bits).unwrap_or(u128::MAX)
}

fn would_block(node: &Node, network: IpNet) -> WouldBlock {
    let agents = node
        .heard()
        .filter(|agent| network.contains(&agent.peer))
        .map(|agent| Known {
            id: agent.id.clone(),
            profile: Arc::clone(&agent.profile),
            peer: agent.peer,
        });
    let refused = node.store.refusals().take(CLIENTS).map(|refusal| &refusal.address);
    let within = |address: &&String| address::parse_network(address).is_some_and(|client| network.contains(&client));
    let clients: BTreeSet<String> = refused.filter(within).cloned().collect();
    WouldBlock {
        agents: agents.collect(),
        clients: clients.into_iter().collect(),
    }
}

pub(super) async fn unban(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        removed: EntryView,
    }
    let Asked { fleet, address, .. } = query(&request)?;
    let Some(address) = address else {
        return Err(Refusal::bad_request("address: missing"));
    };
    let network = network(&address)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let removed = unbanned(&asker, &state, network, fleet).await?;
    reply::ok(Done { removed })
}

/// Removes the entry of exactly this network; it is returned.
pub(in crate::http) async fn unbanned(
    asker: &Asker,
    state: &State,
    network: IpNet,
    fleet: String,
) -> Result<EntryView, Refusal> {
    let (touched, asker) = (fleet.clone(), asker.clone());
    let unban = Command::Unban {
        fleet: fleet.as_str().into(),
        network,
    };
    let plan = move |node: &mut Node, now| {
        let was = entry_before(node, &fleet, network, now);
        let note = asker.note("unban", (&address::to_text(network), Some(&fleet)), (was, Value::Null));
        let plan = Plan {
            commands: vec![unban, note],
            is_optional: false,
        };
        (plan, fleet)
    };
    let removed = state.owner.act(plan, move |node, fleet, answers, now| {
        if let Some(Answer::Unbanned(Some(removed))) = answers.first() {
            return Ok(Ok(EntryView::clone(removed)));
        }
        Ok(Err(node.store.entry(&fleet, network, now)?))
    });
    let removed = removed.await;
    state.hub.touch(&touched);
    match removed? {
        Ok(removed) => Ok(removed),
        Err(covering) => {
            let by = covering
                .map(|entry| format!(", but {} is, and covers it", entry.address))
                .unwrap_or_default();
            Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("{} is not listed{by}", address::to_text(network)),
            ))
        }
    }
}

/// Begins a history of which agents are told that it is complete: what another server, or this one
/// before a loss, had listed is not kept any longer.
pub(super) async fn complete(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        fleet: Option<String>,
    }
    #[derive(Serialize)]
    struct Done {
        fleet: String,
        #[serde(flatten)]
        head: FleetView,
    }
    let Asked { fleet } = read(&state, payload).await?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let renew = Command::Renew {
        fleet: fleet.as_str().into(),
        epoch: new_epoch(),
        complete: true,
    };
    let note = asker.note("list.complete", (&fleet, Some(&fleet)), (Value::Null, Value::Null));
    let touched = fleet.clone();
    let done = state.owner.submit(vec![renew, note], move |node, _, _| {
        Ok(Done {
            head: node.store.fleet(&fleet)?,
            fleet,
        })
    });
    let done = done.await;
    state.hub.touch(&touched);
    reply::ok(done?)
}

/// The entry of exactly this network, for the audit.
pub(super) fn entry_before(node: &Node, fleet: &str, network: IpNet, now: Moment) -> Value {
    let own = node.store.own_entry(fleet, network, now);
    own.and_then(|entry| serde_json::to_value(entry).ok())
        .unwrap_or_default()
}

pub(in crate::http) fn network(text: &str) -> Result<IpNet, Refusal> {
    address::parse_network(text).ok_or_else(|| {
        Refusal::bad_request(format!(
            "found {text:?}, allowed is an address or a network in CIDR notation"
        ))
    })
}

/// The fleet that is asked for, if any profile has it.
///
/// Where none is asked for it is `default`, or the only one that the token is for.
pub(in crate::http) fn known_fleet(asker: &Asker, state: &State, asked: Option<String>) -> Result<String, Refusal> {
    let own = asker.operator.fleets.as_ref().and_then(|fleets| match fleets.len() {
        1 => fleets.first().map(ToString::to_string),
        _ => None,
    });
    let asked = asked.or(own).unwrap_or_else(|| "default".to_owned());
    let mut profiles = state.profiles.all();
    profiles.retain(|profile| asker.operator.sees(profile.fleet()));
    if profiles.iter().any(|profile| **profile.fleet() == *asked) {
        return Ok(asked);
    }
    let known: Vec<&str> = profiles.iter().map(|profile| &**profile.fleet()).collect();
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        format!("no fleet {asked:?}, there is {known:?}"),
    ))
}
