//! Operators' tokens in the admin API: made, shown once, revoked.

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asker, json as read, keys::judged};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    moment::Tick,
    secret::Secret,
    store::{Command, MOST_TOKENS, Role, TokenState},
    tokens::OF_FILE,
};

/// What tokens begin with.
const PREFIX: &str = "bkt_";

/// A token as an operator sees it.
#[derive(Serialize)]
struct TokenView {
    id: Arc<str>,
    label: Arc<str>,
    tail: String,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleets: Option<BTreeSet<Arc<str>>>,
    /// `active` or `ended`.
    state: &'static str,
    made_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_ms: Option<u64>,
    /// Since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_ms: Option<u64>,
}

impl TokenView {
    fn new((token, used): (TokenState, Option<Tick>), now: Tick) -> Self {
        Self {
            state: if token.is_in_force(now) { "active" } else { "ended" },
            id: token.id,
            label: token.label,
            tail: token.tail,
            role: token.role,
            fleets: token.fleets,
            made_ms: token.made.unix_ms(),
            ends_ms: token.ends.map(Tick::unix_ms),
            used_ms: used.map(Tick::unix_ms),
        }
    }
}

/// Whether the operator may see and revoke a token: one that sees no fleet that is not theirs.
fn is_theirs(asker: &Asker, token: &TokenState) -> bool {
    match &token.fleets {
        Some(fleets) => fleets.iter().all(|fleet| asker.operator.sees(fleet)),
        None => asker.operator.sees_all(),
    }
}

pub(super) async fn all(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All {
        tokens: Vec<TokenView>,
    }
    let now = state.now().tick;
    let theirs = state.tokens.all().into_iter();
    let theirs = theirs.filter(|(token, _)| is_theirs(&asker, token));
    reply::ok(All {
        tokens: theirs.map(|token| TokenView::new(token, now)).collect(),
    })
}

/// A token as an operator asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    label: String,
    role: Role,
    fleets: Option<BTreeSet<Arc<str>>>,
    ttl_s: Option<u64>,
}

pub(super) async fn create(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Made {
        /// The token itself: the only answer that it stands in.
        secret: String,
        token: TokenView,
    }
    let Wanted {
        label,
        role,
        fleets,
        ttl_s,
    } = read(&state, payload).await?;
    if label.trim().is_empty() || fleets.as_ref().is_some_and(BTreeSet::is_empty) || ttl_s == Some(0) {
        return Err(Refusal::bad_request(
            "allowed is a label that is not empty, one fleet or more or no `fleets` for all, and a ttl_s of 1 or more or none",
        ));
    }
    if label.trim().eq_ignore_ascii_case(OF_FILE) {
        return Err(Refusal::bad_request(format!(
            "label: found {label:?}, which is what the audit calls the configuration file: allowed is another"
        )));
    }
    let _changing = state.profiles.changing.lock().await;
    if state.tokens.all().len() >= MOST_TOKENS {
        let message = format!("there are {MOST_TOKENS} tokens: revoke some first");
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    let now = state.now().tick;
    let (secret, token) = Secret::random(PREFIX);
    let token = TokenState {
        id: token.fingerprint().name(),
        fingerprint: token.fingerprint(),
        label: judged(label)?.into(),
        tail: token.tail(),
        role,
        fleets,
        made: now,
        ends: ttl_s.map(|ttl| now.plus(ttl)),
    };
    if !is_theirs(&asker, &token) {
        let message = "a token makes others for its own fleets alone: name them in `fleets`";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    let shown = json!({"label": token.label, "role": token.role, "fleets": token.fleets, "ttl_s": ttl_s});
    let note = asker.note("token.create", (&token.id, None), (json!(null), shown));
    state.change_access(vec![Command::Token(token.clone()), note]).await?;
    let token = TokenView::new((token, None), now);
    reply::ok(Made { secret, token })
}

pub(super) async fn revoke(asker: Asker, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Revoked {
        revoked: TokenView,
    }
    let _changing = state.profiles.changing.lock().await;
    let mut known = state.tokens.all().into_iter();
    let Some(token) = known.find(|(token, _)| *token.id == **id && is_theirs(&asker, token)) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("no token {:?}", &**id)));
    };
    let was = json!({"label": token.0.label, "role": token.0.role, "fleets": token.0.fleets});
    let note = asker.note("token.revoke", (&id, None), (was, json!(null)));
    let id = Arc::clone(&token.0.id);
    state.change_access(vec![Command::ForgetToken { id }, note]).await?;
    let revoked = TokenView::new(token, state.now().tick);
    reply::ok(Revoked { revoked })
}
