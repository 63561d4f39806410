//! What agents ask: registration, beacon, and the bare `GET` that the vendor documents.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use buckler::{
    model::address,
    protocol::{Beacon, BlacklistUpdate, ConfigMap, PROTO, Registration, v2},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    list::{self, Exchange},
    reply::{self, Nothing, Refusal},
    state::{State, bearer},
};
use crate::{
    list::Recent,
    moment::{Moment, Tick},
    profiles::LiveProfile,
    store::{AgentIdent, Events, Report, Window},
};

/// How long changes are told to version 1 agents again, in seconds, at least: they acknowledge nothing, and several processes
/// share a key and an address, of which each must hear of a change once.
const TOLD_AGAIN_S: u64 = 600;

/// Changes are told again for at least as many of the agent's intervals.
const TOLD_AGAIN_INTERVALS: u64 = 3;

/// `POST` to the cloud path.
pub(super) async fn register(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let (profile, registration) = read::<Registration>(&state, payload).await?;
    let Registration {
        key: _,
        version,
        platform,
        routes,
        proto,
        v2,
    } = registration;
    tracing::info!(profile = %profile.name(), platform, version, proto, "an agent registers");
    let visit = Visit {
        version,
        introduction: Some((platform, routes.len())),
        telemetry: None,
        bans: Vec::new(),
    };
    match v2_part(proto, v2) {
        Some(part) => answer_v2(&request, &state, &profile, visit, part).await,
        None => {
            let report = visit.report_v1(&request, &state, &profile);
            state.owner.ask(move |store, now| store.report(&report, now)).await?;
            reply::ok(welcome(&request, &state, &profile).await?)
        }
    }
}

/// `POST` to the beacon path.
pub(super) async fn beacon(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let (profile, beacon) = read::<Beacon>(&state, payload).await?;
    let Beacon {
        key: _,
        version,
        telemetry,
        blacklist,
        proto,
        v2,
    } = beacon;
    let visit = Visit {
        version,
        introduction: None,
        telemetry,
        bans: blacklist.unwrap_or_default(),
    };
    match v2_part(proto, v2) {
        Some(part) => answer_v2(&request, &state, &profile, visit, part).await,
        None => answer_v1(&state, &profile, visit.report_v1(&request, &state, &profile)).await,
    }
}

/// `GET` to the cloud path, with the key in `X-Buckler-Key` or as a bearer token, and nowhere else: a key in a URL would stand
/// in every log on the way.
pub(super) async fn bare(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let headers = request.headers();
    let key = headers
        .get("x-buckler-key")
        .and_then(|key| key.to_str().ok())
        .or_else(|| bearer(headers));
    let profile = state.profile(key)?;
    reply::bare(welcome(&request, &state, &profile).await?)
}

/// `POST` to `/logs`, where pyrasp's `LOG_PROTOCOL` `http` sends each security event. It brings no key, so nothing follows
/// from it: it is accepted, so that the agent's log thread does not stall, and shown to whoever turns this log line on.
pub(super) async fn log(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let body = state.body(payload).await?;
    tracing::debug!(peer = %state.peer(&request), event = ?String::from_utf8_lossy(&body), "an agent logs");
    reply::ok(Nothing {})
}

/// The profile of the key in a body, and the body by its type. The key is looked at first: who has none learns nothing.
async fn read<T: DeserializeOwned>(state: &State, payload: Payload) -> Result<(Arc<LiveProfile>, T), Refusal> {
    #[derive(Deserialize)]
    struct Keyed<'a> {
        #[serde(borrow, default)]
        key: Option<Cow<'a, str>>,
    }
    let body = state.body(payload).await?;
    // serde would take a list for an object
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Refusal::bad_request("the body is no JSON object: line 1"));
    }
    let Keyed { key } = serde_json::from_slice(&body).map_err(|error| malformed(&error))?;
    let profile = state.profile(key.as_deref())?;
    let message = serde_json::from_slice(&body).map_err(|error| malformed(&error))?;
    Ok((profile, message))
}

/// Says where, and not what: what serde found may be the key.
fn malformed(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    let what = if error.is_data() {
        "not a message of the protocol"
    } else {
        "not JSON"
    };
    Refusal::bad_request(format!("the body is {what}: line {line}, column {column}"))
}

/// Version 2's part, if the agent speaks it.
fn v2_part(proto: Option<u32>, part: Option<v2::AgentPart>) -> Option<v2::AgentPart> {
    part.filter(|_| proto.is_some_and(|proto| proto >= PROTO))
}

/// What both messages have in common.
struct Visit {
    version: String,
    introduction: Option<(String, usize)>,
    telemetry: Option<buckler::protocol::Telemetry>,
    bans: Vec<(String, buckler::protocol::Epoch)>,
}

impl Visit {
    fn report_v1(self, request: &HttpRequest, state: &State, profile: &LiveProfile) -> Report {
        let peer = state.peer(request);
        let interval = profile.policy().beacon_delay().as_secs();
        let ban_for = profile.policy().ban_for().as_secs();
        let told_again = TOLD_AGAIN_S.max(interval.saturating_mul(TOLD_AGAIN_INTERVALS));
        let who = AgentIdent::Keyed {
            profile: Arc::clone(profile.name()),
            peer,
        };
        let bans = self.bans;
        Report {
            who: Arc::new(who),
            fleet: Arc::clone(profile.fleet()),
            peer,
            version: self.version,
            introduction: self.introduction,
            telemetry: self.telemetry,
            events: Events::V1 {
                bans,
                ban_for,
                told_again,
            },
        }
    }

    fn report_v2(self, peer: IpAddr, profile: &LiveProfile, part: v2::AgentPart) -> Report {
        let who = AgentIdent::Installed {
            profile: Arc::clone(profile.name()),
            id: part.agent_id,
        };
        Report {
            who: Arc::new(who),
            fleet: Arc::clone(profile.fleet()),
            peer,
            version: self.version,
            introduction: self.introduction,
            telemetry: self.telemetry,
            events: Events::V2(Box::new(part)),
        }
    }
}

/// The answer to a version 1 registration, in the envelope or bare.
#[derive(Serialize)]
struct Welcome {
    config: ConfigMap,
    blacklist: BTreeMap<IpAddr, u64>,
}

async fn welcome(request: &HttpRequest, state: &State, profile: &LiveProfile) -> Result<Welcome, Refusal> {
    let fleet = Arc::clone(profile.fleet());
    let ban_for = profile.policy().ban_for().as_secs();
    let listed = state
        .owner
        .ask(move |store, now| Ok((store.addresses(&fleet, now)?, now)))
        .await?;
    let (addresses, now) = listed;
    let blacklist = addresses
        .into_iter()
        .map(|(address, end)| (address, banned_at(end, ban_for, now)))
        .collect();
    Ok(Welcome {
        config: profile.served_v1(&state.beacon_url(request)),
        blacklist,
    })
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

async fn answer_v1(state: &State, profile: &LiveProfile, report: Report) -> Result<HttpResponse, Refusal> {
    let fleet = Arc::clone(profile.fleet());
    let ban_for = profile.policy().ban_for().as_secs();
    let recent = state.owner.ask(move |store, now| {
        let receipt = store.report(&report, now)?;
        store.recent(
            &fleet,
            &Window {
                since: receipt.missed_since,
                ban_for,
            },
            now,
        )
    });
    let Recent { new, remove } = recent.await?;
    let text = |networks: Vec<ipnet::IpNet>| networks.into_iter().map(address::to_text).collect();
    reply::ok(Changes {
        blacklist: BlacklistUpdate {
            new: text(new),
            remove: text(remove),
        },
    })
}

async fn answer_v2(
    request: &HttpRequest,
    state: &State,
    profile: &LiveProfile,
    visit: Visit,
    part: v2::AgentPart,
) -> Result<HttpResponse, Refusal> {
    let served = profile.served(&state.beacon_url(request))?;
    let news = list::is_news(&served.cursor, part.have.config.as_ref(), part.config_status.as_ref());
    let have = part.have.clone();
    let report = visit.report_v2(state.peer(request), profile, part);
    let fleet = Arc::clone(profile.fleet());
    let exchange = state.owner.ask(move |store, now| {
        let receipt = store.report(&report, now)?;
        let step = store.list_for(&fleet, &have, now)?;
        Ok(Exchange { receipt, step, now })
    });
    let exchange = exchange.await?;
    list::answer(
        &exchange,
        news.then_some(&*served.json),
        profile.policy().beacon_delay(),
    )
}
