//! Agents in the admin API: all of them, or a page of those that are asked for.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};

use super::{Asker, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    neighbours::Reach,
    node::Silence,
    store::AgentView,
};

/// The most agents of a page, half a megabyte.
const LARGEST_PAGE: usize = 1_000;

/// Which agents are asked for; all, where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    fleet: Option<String>,
    profile: Option<String>,
    platform: Option<String>,
    /// `online`, `late` or `gone`.
    state: Option<String>,
    name: Option<String>,
    host: Option<String>,
    release: Option<String>,
    environment: Option<String>,
    /// `key:value`, or `key` for those that have it at all.
    label: Option<String>,
    /// The last of the page before, as its `next` says.
    after: Option<String>,
    /// With it, agents come in the order of their names, so that pages follow one another.
    limit: Option<usize>,
}

impl Asked {
    fn judge(&self) -> Result<(), Refusal> {
        let allowed = [Silence::Online, Silence::Late, Silence::Gone].map(Silence::name);
        match &self.state {
            Some(found) if !allowed.contains(&found.as_str()) => Err(Refusal::bad_request(format!(
                "state: found {found:?}, allowed are {}",
                allowed.join(", ")
            ))),
            _ => Ok(()),
        }
    }

    fn is_of(&self, agent: &AgentView) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let identity = &agent.identity;
        let of = [
            (&self.name, &identity.name),
            (&self.host, &identity.host),
            (&self.release, &identity.release),
            (&self.environment, &identity.environment),
        ];
        is(&self.fleet, &agent.fleet)
            && is(&self.profile, &agent.profile)
            && is(&self.platform, &agent.platform)
            && of.iter().all(|(wanted, found)| wanted.is_none() || wanted == found)
            && self.label.as_deref().is_none_or(|wanted| identity.has_label(wanted))
    }
}

/// An agent's place in the order of pages.
fn place(agent: &AgentView) -> String {
    format!("{}/{}", agent.profile, agent.id)
}

/// Takes the page after a place out of the agents, and says where it ends if more follow.
fn page(agents: &mut Vec<AgentView>, after: Option<&str>, limit: usize) -> Option<String> {
    agents.sort_by_cached_key(place);
    let begin = after.map_or(0, |after| agents.partition_point(|agent| *place(agent) <= *after));
    agents.drain(..begin);
    let goes_on = agents.len() > limit;
    agents.truncate(limit);
    agents.last().filter(|_| goes_on).map(place)
}

/// An agent, and how long it has been silent by the interval of its profile.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    agent: AgentView,
    /// `online`, `late` or `gone`.
    state: &'static str,
    silent_s: u64,
}

pub(super) async fn all(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All {
        agents: Vec<Shown>,
        /// How many are as is asked, on all pages.
        count: usize,
        /// After which agent the next page begins; absent on the last.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// Which other nodes said what they know.
        #[serde(skip_serializing_if = "Option::is_none")]
        nodes: Option<Reach>,
    }
    let asked: Asked = query(&request)?;
    asked.judge()?;
    let (mut agents, nodes) = state.agents().await?;
    let (intervals, now_ms) = (state.profiles.intervals(), state.now().unix_ms);
    let silent_s = |agent: &AgentView| now_ms.saturating_sub(agent.last_seen_ms) / 1_000;
    let silence = |agent: &AgentView| Silence::of(silent_s(agent), intervals.get(&agent.profile).copied()).name();
    agents.retain(|agent| {
        let is_so = |wanted: &String| *wanted == silence(agent);
        asker.operator.sees(&agent.fleet) && asked.is_of(agent) && asked.state.as_ref().is_none_or(is_so)
    });
    let count = agents.len();
    let limit = asked.limit.map(|limit| limit.clamp(1, LARGEST_PAGE));
    let limit = limit.or_else(|| asked.after.as_ref().map(|_| LARGEST_PAGE));
    let next = limit.and_then(|limit| page(&mut agents, asked.after.as_deref(), limit));
    let shown = agents.into_iter().map(|agent| Shown {
        state: silence(&agent),
        silent_s: silent_s(&agent),
        agent,
    });
    reply::ok(All {
        agents: shown.collect(),
        count,
        next,
        nodes,
    })
}
