//! Answers to version 2 agents. Pages of the list and the configuration come encoded, and are put in as they are.

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, HttpResponse};
use buckler::protocol::v2::AgentPart;
use serde::Serialize;

use super::{
    agents::Visit,
    reply::{self, Nothing, Refusal},
    state::State,
};
use crate::{
    exchange::{self, Part},
    profiles::LiveProfile,
    store::{AgentIdent, Events, Report, Transport},
};

/// `data` of the answer: version 1's fields are empty.
#[derive(Serialize)]
struct Answer<'a> {
    config: Nothing,
    blacklist: Nothing,
    v2: Part<'a>,
}

/// The answer to a registration or a beacon: both say and are told the same.
pub(super) async fn all(
    request: &HttpRequest,
    state: &State,
    profile: &LiveProfile,
    visit: Visit,
    part: AgentPart,
) -> Result<HttpResponse, Refusal> {
    let served = profile.served(&state.beacon_url(request))?;
    let news = served.is_news(part.have.config.as_ref(), part.config_status.as_ref());
    let have = part.have.clone();
    let report = report(visit, state.peer(request), Transport::Http, profile, part);
    let exchange = state
        .owner
        .ask(move |store, now| exchange::exchange(store, &report, &have, now))
        .await?;
    let v2 = exchange.part(news.then_some(&*served.json), Some(profile.policy().beacon_delay()))?;
    reply::ok(Answer {
        config: Nothing {},
        blacklist: Nothing {},
        v2,
    })
}

fn report(visit: Visit, peer: IpAddr, transport: Transport, profile: &LiveProfile, part: AgentPart) -> Report {
    let Visit {
        version,
        introduction,
        telemetry,
        bans: _,
    } = visit;
    let who = AgentIdent::Installed {
        profile: Arc::clone(profile.name()),
        id: part.agent_id,
    };
    Report {
        who: Arc::new(who),
        fleet: Arc::clone(profile.fleet()),
        peer,
        transport,
        version,
        introduction,
        telemetry,
        events: Events::V2(Box::new(part)),
    }
}
