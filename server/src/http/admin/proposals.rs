//! Bans that wait for a second witness, in the admin API.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use buckler::model::address;
use serde::{Deserialize, Serialize};

use super::{Asker, blacklist::known_fleet, query};
use crate::http::{
    reply::{self, Refusal},
    state::State,
};

/// The most that are shown: the thousand of each profile are kept that end last.
const MOST: usize = 10_000;

/// A ban that one application asks for.
#[derive(Serialize)]
struct View {
    address: String,
    agent: String,
    profile: Arc<str>,
    why: Arc<str>,
    age_s: u64,
    ttl_s: u64,
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
        let waiting = node.store.proposals(&fleet, now.tick).take(MOST);
        let proposals = waiting.map(|(network, proposal)| View {
            address: address::to_text(network),
            agent: proposal.by.to_string(),
            profile: Arc::clone(proposal.by.profile()),
            why: Arc::clone(&proposal.why),
            age_s: now.tick.since(proposal.made),
            ttl_s: proposal.end.left(now.tick),
        });
        Ok(Page {
            proposals: proposals.collect(),
            fleet,
        })
    });
    reply::ok(page.await?)
}
