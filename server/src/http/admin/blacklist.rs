//! A fleet's list in the admin API: read, added to, removed from.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use buckler::model::address;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{json, permit, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    list::Banned,
    store::{EntryView, FleetView, OperatorBan},
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

pub(super) async fn entries(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Page {
        fleet: String,
        #[serde(flatten)]
        head: FleetView,
        entries: Vec<EntryView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }
    permit(&request, &state)?;
    let Asked {
        fleet,
        address,
        after,
        limit,
    } = query(&request)?;
    let fleet = known_fleet(&state, fleet)?;
    let address = address.as_deref().map(network).transpose()?;
    let after = after.as_deref().map(network).transpose()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let page = state.owner.ask(move |store, now| {
        let entries = match address {
            Some(network) => store.entry(&fleet, network, now)?.into_iter().collect(),
            None => store.entries(&fleet, after, limit, now)?,
        };
        let last = entries.last().filter(|_| address.is_none() && entries.len() == limit);
        let next = last.map(|entry| entry.address.clone());
        Ok(Page {
            head: store.fleet(&fleet, now)?,
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
}

pub(super) async fn ban(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        result: &'static str,
        entry: Option<EntryView>,
    }
    permit(&request, &state)?;
    let Wanted {
        address,
        ttl_s,
        reason,
        fleet,
        force,
    } = json(&state, payload).await?;
    let network = network(&address)?;
    if !force && state.protected.touches(network) {
        let message = format!("{address} touches a protected network: say \"force\": true to list it all the same");
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    if ttl_s == Some(0) {
        return Err(Refusal::bad_request(
            "ttl_s: found 0, allowed is 1 or more, or nothing for a ban without end",
        ));
    }
    let fleet = known_fleet(&state, fleet)?;
    let ban = OperatorBan {
        network,
        ttl_s,
        why: reason,
    };
    let touched = fleet.clone();
    let done = state.owner.ask(move |store, now| {
        let result = match store.ban(&fleet, ban, now)? {
            Banned::Added => "added",
            Banned::Prolonged => "prolonged",
            Banned::Known | Banned::Late => "known",
        };
        Ok(Done {
            result,
            entry: store.entry(&fleet, network, now)?,
        })
    });
    let done = done.await;
    state.hub.touch(&touched);
    reply::ok(done?)
}

pub(super) async fn unban(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        removed: EntryView,
    }
    permit(&request, &state)?;
    let Asked { fleet, address, .. } = query(&request)?;
    let Some(address) = address else {
        return Err(Refusal::bad_request("address: missing"));
    };
    let network = network(&address)?;
    let fleet = known_fleet(&state, fleet)?;
    tracing::info!(%network, fleet, "an operator lets in again");
    let touched = fleet.clone();
    let removed = state
        .owner
        .ask(move |store, now| match store.unban(&fleet, network, now)? {
            Some(removed) => Ok(Ok(removed)),
            None => Ok(Err(store.entry(&fleet, network, now)?)),
        });
    let removed = removed.await;
    state.hub.touch(&touched);
    match removed? {
        Ok(removed) => reply::ok(Done { removed }),
        Err(covering) => {
            let by = covering
                .map(|entry| format!(", but {} is, and covers it", entry.address))
                .unwrap_or_default();
            Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("{address} is not listed{by}"),
            ))
        }
    }
}

fn network(text: &str) -> Result<IpNet, Refusal> {
    address::parse_network(text).ok_or_else(|| {
        Refusal::bad_request(format!(
            "found {text:?}, allowed is an address or a network in CIDR notation"
        ))
    })
}

/// The fleet that is asked for, if any profile has it.
fn known_fleet(state: &State, asked: Option<String>) -> Result<String, Refusal> {
    let asked = asked.unwrap_or_else(|| "default".to_owned());
    let profiles = state.profiles.all();
    if profiles.iter().any(|profile| **profile.fleet() == *asked) {
        return Ok(asked);
    }
    let known: Vec<&str> = profiles.iter().map(|profile| &**profile.fleet()).collect();
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        format!("no fleet {asked:?}, there is {known:?}"),
    ))
}
