//! "Why was I blocked" in the admin API: refusals, by the ids that clients were shown.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use buckler::model::address;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Asker, blacklist::network, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    store::{EntryView, RefusalView},
};

/// Refusals of an answer where the question names no limit.
const PAGE: usize = 100;
/// The most refusals of an answer.
const LARGEST_PAGE: usize = 1_000;

/// Which refusals are looked for; all, where nothing is said.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Wanted {
    pub(in crate::http) profile: Option<String>,
    pub(in crate::http) check: Option<String>,
    /// A rule, or what rules begin with: `sqli/` names all of that family.
    pub(in crate::http) rule: Option<String>,
    pub(in crate::http) route: Option<String>,
    pub(in crate::http) client: Option<IpNet>,
}

impl Wanted {
    pub(in crate::http) fn is(&self, refusal: &RefusalView) -> bool {
        let same = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        let is_within =
            |network: IpNet| address::parse_network(&refusal.address).is_some_and(|client| network.contains(&client));
        same(&self.profile, &refusal.profile)
            && same(&self.check, &refusal.why)
            && self.rule.as_ref().is_none_or(|rule| refusal.rule.starts_with(&**rule))
            && same(&self.route, refusal.route.as_deref().unwrap_or_default())
            && self.client.is_none_or(is_within)
    }
}

pub(super) async fn newest(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        limit: Option<usize>,
        profile: Option<String>,
        check: Option<String>,
        rule: Option<String>,
        route: Option<String>,
        client: Option<String>,
    }
    #[derive(Serialize)]
    struct Page {
        refusals: Vec<RefusalView>,
    }
    let Asked {
        limit,
        profile,
        check,
        rule,
        route,
        client,
    } = query(&request)?;
    let wanted = Wanted {
        profile,
        check,
        rule,
        route,
        client: client.as_deref().map(network).transpose()?,
    };
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let refusals = state.owner.ask(move |node, _| {
        let theirs = node
            .store
            .refusals()
            .filter(|refusal| asker.operator.sees(&refusal.fleet) && wanted.is(refusal));
        Ok(theirs.take(limit).cloned().collect())
    });
    let refusals = refusals.await?;
    reply::ok(Page { refusals })
}

pub(super) async fn one(asker: Asker, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Answer {
        /// Absent where the id is that of a ban, which no refusal that is known here began with.
        #[serde(skip_serializing_if = "Option::is_none")]
        refusal: Option<RefusalView>,
        /// What bans the client by now, by the fleet's list.
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<EntryView>,
    }
    let id = id.into_inner();
    let asked = id.clone();
    let answer = state.owner.ask(move |node, now| {
        let store = &node.store;
        let theirs = |refusal: &&RefusalView| asker.operator.sees(&refusal.fleet);
        let Some(refusal) = store.refusal(&asked).filter(theirs).cloned() else {
            let entry = store.ban_by_id(&asked, |fleet| asker.operator.sees(fleet), now);
            let refusal = None;
            return Ok(entry.map(|entry| Answer {
                refusal,
                entry: Some(entry),
            }));
        };
        let entry = match address::parse_network(&refusal.address) {
            Some(network) => store.entry(&refusal.fleet, network, now)?,
            None => None,
        };
        let refusal = Some(refusal);
        Ok(Some(Answer { refusal, entry }))
    });
    match answer.await? {
        Some(answer) => reply::ok(answer),
        None => Err(unknown(&id)),
    }
}

fn unknown(id: &str) -> Refusal {
    let message = format!(
        "no refusal {id:?} is known here, and no listed network has it: the newest refusals are, of agents that share what they \
         catch, and the bans of every list. All others are known to the agent alone (`Agent::why`)"
    );
    Refusal::new(StatusCode::NOT_FOUND, message)
}
