//! What operators allow, in the admin API: networks that no ban of the fleet's list touches while
//! the entry is in force.

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
    Asker,
    blacklist::{known_fleet, network},
    json as read, query,
};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    moment::{Moment, Tick},
    node::Node,
    owner::Plan,
    store::{Allowed, Answer, Command, MOST_ALLOWED, StoreError, may_be_allowed},
};

/// An allowed network as an operator sees it.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct View {
    pub(in crate::http) address: String,
    /// Seconds left; absent for what never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) ttl_s: Option<u64>,
    pub(in crate::http) age_s: u64,
    pub(in crate::http) by: Arc<str>,
    pub(in crate::http) why: Arc<str>,
}

impl View {
    fn new(network: IpNet, allowed: &Allowed, now: Moment) -> Self {
        Self {
            address: address::to_text(network),
            ttl_s: (allowed.end != Tick::FOREVER).then(|| allowed.end.left(now.tick)),
            age_s: now.tick.since(allowed.made),
            by: Arc::clone(&allowed.by),
            why: Arc::clone(&allowed.why),
        }
    }
}

/// What is allowed of a fleet, or what allows a network there.
pub(in crate::http) fn of_fleet(node: &Node, fleet: &str, now: Moment, network: Option<IpNet>) -> Vec<View> {
    let allows = |allowed: &IpNet| network.is_none_or(|network| allowed.contains(&network));
    let allowed = node
        .store
        .allowed(fleet, now.tick)
        .filter(|(allowed, _)| allows(allowed));
    allowed
        .map(|(network, allowed)| View::new(network, allowed, now))
        .collect()
}

pub(super) async fn all(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        fleet: Option<String>,
        address: Option<String>,
    }
    #[derive(Serialize)]
    struct Page {
        fleet: String,
        allowed: Vec<View>,
    }
    let Asked { fleet, address } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let address = address.as_deref().map(network).transpose()?;
    let page = state.owner.ask(move |node, now| {
        let allowed = of_fleet(node, &fleet, now, address);
        Ok(Page { allowed, fleet })
    });
    reply::ok(page.await?)
}

/// What is to be allowed, as an operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    address: String,
    ttl_s: Option<u64>,
    reason: String,
    fleet: Option<String>,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Done {
    /// Bans that were lifted for it.
    lifted: usize,
    allowed: View,
}

pub(super) async fn allow(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Wanted {
        address,
        ttl_s,
        reason,
        fleet,
    } = read(&state, payload).await?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let network = network(&address)?;
    reply::ok(allowed(&asker, &state, (fleet, network), (ttl_s, reason)).await?)
}

/// What is wrong with an entry.
fn judge(network: IpNet, ttl_s: Option<u64>) -> Result<(), Refusal> {
    if ttl_s == Some(0) {
        return Err(Refusal::bad_request(
            "ttl_s: found 0, allowed is 1 or more, or nothing for an entry without end",
        ));
    }
    if !may_be_allowed(network) {
        return Err(Refusal::bad_request(format!(
            "{} is wider than /16, or /32 of IPv6: allow the networks that you mean",
            address::to_text(network)
        )));
    }
    Ok(())
}

/// Allows a network, for so many seconds or without end.
pub(in crate::http) async fn allowed(
    asker: &Asker,
    state: &State,
    (fleet, network): (String, IpNet),
    (ttl_s, reason): (Option<u64>, String),
) -> Result<Done, Refusal> {
    let (reason, shown) = (super::reason(&reason)?, address::to_text(network));
    judge(network, ttl_s)?;
    let allow = Command::Allow {
        fleet: fleet.as_str().into(),
        network,
        ttl_s,
        why: reason.to_owned(),
        by: Arc::clone(&asker.operator.label),
    };
    let new = json!({"ttl_s": ttl_s, "why": reason});
    let (asker, touched) = (asker.clone(), fleet.clone());
    let plan = move |node: &mut Node, now: Moment| {
        // said before it is kept, so that no entry of the audit tells of what did not come to be
        if !node.store.has_room_to_allow(&fleet, network) {
            return (Plan::default(), fleet);
        }
        let note = asker.note(
            "allow",
            (&shown, Some(&fleet)),
            (before(node, &fleet, network, now), new),
        );
        let plan = Plan {
            commands: vec![allow, note],
            is_optional: false,
        };
        (plan, fleet)
    };
    let done = state.owner.act(plan, move |node, fleet, answers, now| {
        let lifted = match answers.first() {
            Some(Answer::Allowed(Some(lifted))) => *lifted,
            Some(Answer::Allowed(None)) | None => return Ok(None),
            Some(Answer::Done | Answer::Taken { .. } | Answer::Banned(_) | Answer::Unbanned(_)) => {
                return Err(StoreError::Failed(
                    "an entry of the allowlist came to nothing".to_owned(),
                ));
            }
        };
        let kept = node
            .store
            .allowed(&fleet, now.tick)
            .find(|(known, _)| *known == network);
        let allowed = kept.map(|(network, allowed)| View::new(network, allowed, now));
        Ok(allowed.map(|allowed| Done { lifted, allowed }))
    });
    let done = done.await;
    state.hub.touch(&touched);
    done?.ok_or_else(|| {
        let message = format!(
            "the fleet has {MOST_ALLOWED} entries: remove some, or allow a network in the place of its addresses"
        );
        Refusal::new(StatusCode::CONFLICT, message)
    })
}

pub(super) async fn disallow(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        address: String,
        fleet: Option<String>,
    }
    #[derive(Serialize)]
    struct Removed {
        removed: View,
    }
    let Asked { address, fleet } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let removed = disallowed(&asker, &state, fleet, network(&address)?).await?;
    reply::ok(Removed { removed })
}

/// Takes back that exactly this network is allowed.
pub(in crate::http) async fn disallowed(
    asker: &Asker,
    state: &State,
    fleet: String,
    network: IpNet,
) -> Result<View, Refusal> {
    let (asker, shown) = (asker.clone(), address::to_text(network));
    let disallow = Command::Disallow {
        fleet: fleet.as_str().into(),
        network,
    };
    let target = shown.clone();
    let plan = move |node: &mut Node, now: Moment| {
        let mut known = node.store.allowed(&fleet, now.tick);
        let Some((_, allowed)) = known.find(|(known, _)| *known == network) else {
            return (Plan::default(), None);
        };
        let view = View::new(network, allowed, now);
        drop(known);
        let was = before(node, &fleet, network, now);
        let note = asker.note("disallow", (&target, Some(&fleet)), (was, Value::Null));
        let plan = Plan {
            commands: vec![disallow, note],
            is_optional: false,
        };
        (plan, Some(view))
    };
    let removed = state.owner.act(plan, |_, removed, _, _| Ok(removed)).await?;
    removed.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            format!("{shown} is not allowed by an entry of its own"),
        )
    })
}

/// The entry of exactly this network, for the audit.
fn before(node: &Node, fleet: &str, network: IpNet, now: Moment) -> Value {
    let mut known = node.store.allowed(fleet, now.tick);
    let known = known.find(|(known, _)| *known == network);
    known.map_or(Value::Null, |(_, allowed)| {
        json!({"why": allowed.why, "by": allowed.by, "ttl_s": (allowed.end != Tick::FOREVER).then(|| allowed.end.left(now.tick))})
    })
}

/// Refuses a ban that touches what is allowed, in words that say what to do.
pub(in crate::http) fn refuse(node: &Node, fleet: &str, network: IpNet, now: Moment) -> Result<(), Refusal> {
    let Some((by, allowed)) = node.store.allowed_at(fleet, network, now.tick) else {
        return Ok(());
    };
    let (shown, by) = (address::to_text(network), address::to_text(by));
    let touches = if shown == by {
        "is".to_owned()
    } else {
        format!("touches {by}, which is")
    };
    let message = format!(
        "{shown} {touches} allowed ({}, by {}): take that back first",
        allowed.why, allowed.by
    );
    Err(Refusal::new(StatusCode::CONFLICT, message))
}

/// The same, for who does not hold the node.
pub(in crate::http) async fn refuse_allowed(state: &State, fleet: &str, network: IpNet) -> Result<(), Refusal> {
    let fleet = fleet.to_owned();
    let judged = state.owner.ask(move |node, now| Ok(refuse(node, &fleet, network, now)));
    judged.await?
}
