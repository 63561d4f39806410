//! Answers to version 1 agents. An application starts only if its registration is answered well, so everything that can fail
//! here and be done without is done without.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse};
use buckler::{
    model::address,
    protocol::{BlacklistUpdate, ConfigMap},
};
use ipnet::IpNet;
use serde::Serialize;

use super::{
    agents::Visit,
    reply::{self, Refusal},
    state::State,
};
use crate::{
    list::Recent,
    moment::{Moment, Tick},
    profiles::LiveProfile,
    store::{AgentIdent, BanRules, Events, Report, Transport, Window},
};

/// How long changes are told to version 1 agents again, in seconds, at least: they acknowledge nothing, and several processes
/// share a key and an address, of which each must hear of a change once.
const TOLD_AGAIN_S: u64 = 600;

/// Changes are told again for at least as many of the agent's intervals.
const TOLD_AGAIN_INTERVALS: u64 = 3;

/// Configuration and list, in the envelope or bare.
#[derive(Serialize)]
pub(super) struct Welcome {
    config: ConfigMap,
    blacklist: BTreeMap<IpAddr, u64>,
}

/// The answer to a registration.
pub(super) async fn welcome(
    request: &HttpRequest,
    state: &State,
    profile: &LiveProfile,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let report = report(visit, request, state, profile);
    if let Err(error) = state.owner.ask(move |store, now| store.report(&report, now)).await {
        tracing::error!(%error, "a registration could not be kept");
    }
    reply::ok(whole(request, state, profile).await)
}

/// Configuration and list. Without the list, if the store fails: the agent is told of it with its beacons.
pub(super) async fn whole(request: &HttpRequest, state: &State, profile: &LiveProfile) -> Welcome {
    let fleet = Arc::clone(profile.fleet());
    let ban_for = profile.policy().ban_for().as_secs();
    let listed = state
        .owner
        .ask(move |store, now| Ok((store.addresses(&fleet, now)?, now)))
        .await;
    let (addresses, now) = listed.unwrap_or_else(|error| {
        tracing::error!(%error, "a registration is answered without the list");
        (Vec::new(), Moment::default())
    });
    let banned = addresses
        .into_iter()
        .map(|(address, end)| (address, banned_at(end, ban_for, now)));
    Welcome {
        config: profile.served_v1(&state.beacon_url(request)),
        blacklist: banned.collect(),
    }
}

/// When an agent that bans for `ban_for` seconds must have banned, for its ban to end when this one does: it knows no ends,
/// only beginnings. For an operator's long ban that lies in the future, which pyrasp bears.
fn banned_at(end: Tick, ban_for: u64, now: Moment) -> u64 {
    now.unix_s_of(end).saturating_sub(ban_for)
}

/// The answer to a version 1 beacon. It never has a `config`: no release can apply one.
#[derive(Serialize)]
struct Changes {
    blacklist: BlacklistUpdate,
}

/// The answer to a beacon.
pub(super) async fn changes(
    request: &HttpRequest,
    state: &State,
    profile: &LiveProfile,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let has_bans = !visit.bans.is_empty();
    let report = report(visit, request, state, profile);
    let fleet = Arc::clone(profile.fleet());
    let ban_for = profile.policy().ban_for().as_secs();
    let recent = state.owner.ask(move |store, now| {
        let since = store.report(&report, now)?.missed_since;
        store.recent(&fleet, &Window { since, ban_for }, now)
    });
    let recent = recent.await;
    if has_bans {
        state.hub.touch(profile.fleet());
    }
    let Recent { new, remove } = recent?;
    let text = |networks: Vec<IpNet>| networks.into_iter().map(address::to_text).collect();
    reply::ok(Changes {
        blacklist: BlacklistUpdate {
            new: text(new),
            remove: text(remove),
        },
    })
}

fn report(visit: Visit, request: &HttpRequest, state: &State, profile: &LiveProfile) -> Report {
    let peer = state.peer(request);
    let interval = profile.policy().beacon_delay().as_secs();
    let ban_for = profile.policy().ban_for().as_secs();
    let told_again = TOLD_AGAIN_S.max(interval.saturating_mul(TOLD_AGAIN_INTERVALS));
    let who = AgentIdent::Keyed {
        profile: Arc::clone(profile.name()),
        peer,
    };
    Report {
        who: Arc::new(who),
        fleet: Arc::clone(profile.fleet()),
        peer,
        transport: Transport::Http,
        version: visit.version,
        introduction: visit.introduction,
        telemetry: visit.telemetry,
        // bans of agents that say nothing of their evidence are taken as they are
        bans: BanRules::default(),
        events: Events::V1 {
            bans: visit.bans,
            ban_for,
            told_again,
        },
    }
}
