//! `CrowdSec`'s local API, as far as its bouncers read it: the list as *decisions*, whole and as
//! what has changed. The key is a bouncer's, in `X-Api-Key`, and may read its fleet's list and
//! nothing else.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload, Query},
};
use buckler::model::{address, blacklist::ban_id::ban_id};
use ipnet::IpNet;
use serde::Serialize;

use super::{failures::Wrong, reply::Refusal, state::State};
use crate::{
    list::is_exact,
    moment::Tick,
    node::{Decisions, ListedNet},
    profiles::BouncerIdent,
    secret::Secret,
};

/// Who decides, as bouncers that filter by origin are told.
const ORIGIN: &str = "buckler";
/// What JavaScript and Lua hold exactly: bouncers are written in both.
const EXACT: u64 = (1 << 53) - 1;

/// A decision, as `CrowdSec` writes it.
#[derive(Serialize)]
struct Decision<'a> {
    duration: String,
    id: u64,
    origin: &'static str,
    scenario: &'a str,
    scope: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

/// What is asked for. Parameters that are not known ask for nothing, as there.
#[derive(Debug, Default)]
struct Asked {
    startup: bool,
    network: Option<String>,
    kinds: Vec<String>,
    scopes: Vec<String>,
    origins: Vec<String>,
    containing: Vec<String>,
    not_containing: Vec<String>,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let mut asked = Self::default();
        for (name, value) in pairs.into_inner() {
            let words = || value.split(',').map(|word| word.trim().to_ascii_lowercase());
            match name.as_str() {
                "startup" => asked.startup = value == "true",
                "ip" | "range" | "value" => asked.network = Some(value),
                "type" => asked.kinds.extend(words()),
                "scope" | "scopes" => asked.scopes.extend(words()),
                "origins" => asked.origins.extend(words()),
                "scenarios_containing" => asked.containing.extend(words()),
                "scenarios_not_containing" => asked.not_containing.extend(words()),
                _ => {}
            }
        }
        Ok(asked)
    }

    /// The network that is asked for, if one is.
    fn network(&self) -> Result<Option<IpNet>, Refusal> {
        let wanted = self.network.as_deref().map(|text| {
            address::parse_network(text).ok_or_else(|| {
                Refusal::bad_request(format!(
                    "found {text:?}, allowed is an address or a network in CIDR notation"
                ))
            })
        });
        wanted.transpose()
    }

    fn has_scope(&self, listed: &ListedNet) -> bool {
        self.scopes.is_empty()
            || self
                .scopes
                .iter()
                .any(|one| one.eq_ignore_ascii_case(scope(listed.network)))
    }

    fn wants(&self, listed: &ListedNet) -> bool {
        allows(&self.kinds, "ban")
            && allows(&self.origins, ORIGIN)
            && self.has_scope(listed)
            && self.wants_why(&listed.why)
    }

    /// A list has a million entries, and hardly a bouncer asks for some of them by their reason.
    fn wants_why(&self, why: &str) -> bool {
        if self.containing.is_empty() && self.not_containing.is_empty() {
            return true;
        }
        let why = why.to_ascii_lowercase();
        (self.containing.is_empty() || self.containing.iter().any(|word| why.contains(word)))
            && !self.not_containing.iter().any(|word| why.contains(word))
    }
}

/// Whether something is wanted: where nothing is named, everything is.
fn allows(wanted: &[String], found: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| one == found)
}

/// `GET /v1/decisions`: what is listed, or what lists one address. `null` where that is nothing.
pub(super) async fn decisions(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let bouncer = bouncer(&request, &state).await?;
    let asked = Asked::of(&request)?;
    let network = asked.network()?;
    let listed = state
        .owner
        .ask(move |node, now| Ok((node.decisions(&bouncer.fleet, network, now)?, now.tick)));
    let (listed, now) = listed.await?;
    let wanted: Vec<_> = listed
        .iter()
        .filter(|one| asked.wants(one))
        .map(|one| decision(one, now))
        .collect();
    json(&(!wanted.is_empty()).then_some(wanted))
}

/// `GET /v1/decisions/stream`: everything where `startup=true`, else what has changed since this
/// bouncer asked last.
pub(super) async fn stream(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Changes<'a> {
        deleted: Vec<Decision<'a>>,
        new: Vec<Decision<'a>>,
    }
    let bouncer = bouncer(&request, &state).await?;
    let asked = Asked::of(&request)?;
    let (peer, startup) = (state.peer(&request), asked.startup);
    let changes = state.owner.ask(move |node, now| {
        let who = (bouncer.name, peer);
        Ok((node.decisions_since(who, &bouncer.fleet, startup, now)?, now.tick))
    });
    let (Decisions { new, deleted }, now) = changes.await?;
    json(&Changes {
        new: new
            .iter()
            .filter(|one| asked.wants(one))
            .map(|one| decision(one, now))
            .collect(),
        deleted: deleted
            .iter()
            .filter(|one| asked.has_scope(one))
            .map(|one| decision(one, now))
            .collect(),
    })
}

/// `POST /v1/usage-metrics`: bouncers tell what they did, and are thanked. Nothing follows from it.
pub(super) async fn usage(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let bouncer = bouncer(&request, &state).await?;
    state.proven(payload, &bouncer.name).whole().await?;
    Ok(HttpResponse::Created().finish())
}

/// The bouncer of the key that came with a request; a wrong one is counted.
async fn bouncer(request: &HttpRequest, state: &State) -> Result<BouncerIdent, Refusal> {
    let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
    match key.and_then(|key| state.profiles.bouncer(&Secret::of(key))) {
        Some(bouncer) => Ok(bouncer),
        None => Err(state.wrong(request, Wrong::Key).await),
    }
}

fn decision(listed: &ListedNet, now: Tick) -> Decision<'_> {
    let left = listed.end.left(now);
    let (hours, minutes, seconds) = (left / 3_600, left / 60 % 60, left % 60);
    Decision {
        duration: format!("{hours}h{minutes}m{seconds}s"),
        id: ban_id(listed.network) & EXACT,
        origin: ORIGIN,
        scenario: &listed.why,
        scope: scope(listed.network),
        kind: "ban",
        value: address::to_text(listed.network),
    }
}

fn scope(network: IpNet) -> &'static str {
    if is_exact(network) { "Ip" } else { "Range" }
}

fn json(body: &impl Serialize) -> Result<HttpResponse, Refusal> {
    let body = serde_json::to_vec(body)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body))
}
