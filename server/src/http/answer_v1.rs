//! Answers to version 1 agents. An application starts only if its registration is answered well, so everything that can fail
//! here and be done without is done without.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use buckler::{
    model::address,
    protocol::{BlacklistUpdate, ConfigMap},
};
use ipnet::IpNet;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{
    agents::Visit,
    reply::{self, Nothing, Refusal},
    state::State,
};
use crate::{
    lines::Lines,
    list::Recent,
    moment::{Moment, Tick},
    node::Node,
    owner::Plan,
    profiles::{Abilities, Admitted, leave_out_secrets},
    store::{AgentIdent, BanRules, Events, Mark, Receipt, Report, StoreError, Transport, Window},
};

/// How long changes are told to version 1 agents again, in seconds, at least: they acknowledge nothing, and several processes
/// share a key and an address, of which each must hear of a change once.
const TOLD_AGAIN_S: u64 = 600;

/// A changed configuration is sent with every beacon for so many of the agent's intervals: an agent
/// acknowledges nothing, and the processes that share a key and an address come one after the
/// other.
const SENT_AGAIN_INTERVALS: u64 = 3;

/// The name of the URL's parameter that tells agents behind one address apart.
const MARK: &str = "agent";

/// Changes are told again for at least as many of the agent's intervals.
const TOLD_AGAIN_INTERVALS: u64 = 3;

/// Configuration and list, in the envelope or bare.
#[derive(Serialize)]
pub(super) struct Welcome {
    config: ConfigMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(serialize_with = "or_empty")]
    blacklist: Option<Arc<RawValue>>,
}

/// An object without members where there is no list: a version 1 agent cannot take `null` for it.
fn or_empty<S: Serializer>(list: &Option<Arc<RawValue>>, serializer: S) -> Result<S::Ok, S::Error> {
    match list {
        Some(list) => list.serialize(serializer),
        None => Nothing {}.serialize(serializer),
    }
}

/// Lines of each failure a minute: agents come again and again while it lasts.
const LINES_A_MINUTE: u64 = 20;

/// The answer to a registration.
pub(super) async fn welcome(
    request: &HttpRequest,
    state: &State,
    profile: &Admitted,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    let (mark, abilities) = (visit.mark, Abilities::of(&visit.version));
    let report = report(visit, request, state, profile);
    if let Err(error) = reported(state, report, |_, _, _| Ok(())).await {
        static LINES: Lines = Lines::new(LINES_A_MINUTE);
        if let Some(unsaid) = LINES.admit() {
            tracing::error!(%error, unsaid, "a registration could not be kept");
        }
    }
    let mut welcome = whole(request, state, profile).await;
    if let Some(mark) = mark.filter(|_| !profile.names_beacon_url()) {
        let url = marked(&state.beacon_url(request), mark);
        welcome.config.insert("BEACON_URL".to_owned(), url.into());
    }
    welcome.template = profile.template_v1().filter(|_| abilities.templates).map(str::to_owned);
    reply::ok(welcome)
}

/// Where the agents of this mark send their beacons.
fn marked(beacon_url: &str, mark: Mark) -> String {
    format!("{beacon_url}?{MARK}={mark}")
}

/// The mark in a beacon's URL.
fn mark_in(request: &HttpRequest) -> Option<Mark> {
    let mut pairs = request
        .query_string()
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == MARK)
        .and_then(|(_, mark)| Mark::parse(mark))
}

/// What who only reads is shown: the list, and the configuration without its secrets. Agents
/// register, and have them from there.
pub(super) async fn shown(request: &HttpRequest, state: &State, profile: &Admitted) -> Welcome {
    let mut welcome = whole(request, state, profile).await;
    leave_out_secrets(&mut welcome.config);
    welcome
}

/// Configuration and list. Without the list, if the store fails: the agent is told of it with its beacons.
async fn whole(request: &HttpRequest, state: &State, profile: &Admitted) -> Welcome {
    let ban_for = profile.policy().ban_for().as_secs();
    let listed = state.wholes.of(&state.owner, profile.fleet(), ban_for).await;
    if let Err(error) = &listed {
        static LINES: Lines = Lines::new(LINES_A_MINUTE);
        if let Some(unsaid) = LINES.admit() {
            tracing::error!(%error, unsaid, "a registration is answered without the list");
        }
    }
    Welcome {
        config: profile.served_v1(&state.beacon_url(request)),
        template: None,
        blacklist: listed.ok(),
    }
}

/// The answer to a version 1 beacon. `config` is there where it is news and the agent's release can
/// take it: one that cannot loses the rest of the answer with it.
#[derive(Serialize)]
struct Changes {
    blacklist: BlacklistUpdate,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConfigMap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
}

/// The answer to a beacon.
pub(super) async fn changes(
    request: &HttpRequest,
    state: &State,
    profile: &Admitted,
    mut visit: Visit,
) -> Result<HttpResponse, Refusal> {
    visit.mark = mark_in(request);
    let (mark, takes) = (visit.mark, Abilities::of(&visit.version).configurations);
    let has_bans = !visit.bans.is_empty();
    let report = report(visit, request, state, profile);
    let fleet = Arc::clone(profile.fleet());
    let ban_for = profile.policy().ban_for().as_secs();
    let interval = profile.policy().beacon_delay().as_secs();
    let changed = profile.version();
    let recent = reported(state, report, move |node, receipt, now| {
        let since = receipt.missed_since;
        let recent = node.store.recent(&fleet, &Window { since, ban_for }, now)?;
        Ok((recent, is_news(changed, since, interval, now)))
    });
    let recent = recent.await;
    if has_bans {
        state.hub.touch(profile.fleet());
    }
    let (Recent { new, remove }, is_news) = recent?;
    let text = |networks: Vec<IpNet>| networks.into_iter().map(address::to_text).collect();
    reply::ok(Changes {
        blacklist: BlacklistUpdate {
            new: text(new),
            remove: text(remove),
        },
        config: (takes && is_news).then(|| {
            let url = state.beacon_url(request);
            profile.served_v1_whole(&mark.map_or_else(|| url.clone(), |mark| marked(&url, mark)))
        }),
        template: profile.template_v1().filter(|_| takes && is_news).map(str::to_owned),
    })
}

/// Keeps what an agent reports, and goes on with what came of that.
async fn reported<T: Send + 'static>(
    state: &State,
    mut report: Report,
    then: impl FnOnce(&mut Node, Receipt, Moment) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let plan = move |node: &mut Node, _| {
        let mut intent = node.intent(&mut report);
        (Plan::of(&mut intent), (report, intent))
    };
    let kept = state.owner.act(plan, move |node, (report, intent), answers, now| {
        let receipt = node.receive(&report, &intent, answers, now);
        then(node, receipt, now)
    });
    kept.await
}

/// Whether an agent that was told everything until `since` may lack a configuration of this
/// version, which is the time of its change.
fn is_news(version: u64, since: Tick, interval: u64, now: Moment) -> bool {
    let recently = now
        .unix_s()
        .saturating_sub(interval.saturating_mul(SENT_AGAIN_INTERVALS));
    let was_away = now.tick.since(since) > TOLD_AGAIN_S.max(interval.saturating_mul(TOLD_AGAIN_INTERVALS));
    version > recently || (was_away && version >= now.unix_s_of(since))
}

fn report(visit: Visit, request: &HttpRequest, state: &State, profile: &Admitted) -> Report {
    let peer = state.peer(request);
    let interval = profile.policy().beacon_delay().as_secs();
    let ban_for = profile.policy().ban_for().as_secs();
    let told_again = TOLD_AGAIN_S.max(interval.saturating_mul(TOLD_AGAIN_INTERVALS));
    let who = AgentIdent::Keyed {
        profile: Arc::clone(profile.name()),
        peer,
        mark: visit.mark.filter(|_| !profile.names_beacon_url()),
    };
    Report {
        who: Arc::new(who),
        fleet: Arc::clone(profile.fleet()),
        peer,
        via: profile.via(),
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
