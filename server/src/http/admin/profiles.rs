//! Profiles in the admin API: their configurations, read and replaced.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use buckler::{
    model::policy::laid_over,
    protocol::{ConfigMap, v2::Signature},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Asker, json as read};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    profiles::{LiveProfile, Prepared, Profiles},
};

/// A profile as the admin API shows it: never with its keys.
#[derive(Serialize)]
pub(super) struct ProfileView<'a> {
    name: &'a str,
    fleet: &'a str,
    template: &'a str,
    version: u64,
    /// `file`, or `api` where the admin API put this configuration in the place of the file's. It
    /// stays, over restarts too, until the file changes the profile's template or configuration.
    source: &'static str,
    since_ms: u64,
    config: ConfigMap,
    /// What it is signed as, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Value>,
    /// What is odd in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

impl<'a> From<&'a Arc<LiveProfile>> for ProfileView<'a> {
    fn from(live: &'a Arc<LiveProfile>) -> Self {
        let (name, fleet) = (live.name(), live.fleet());
        Self {
            name,
            fleet,
            template: live.template(),
            version: live.version(),
            source: if live.is_replaced() { "api" } else { "file" },
            since_ms: live.since_ms(),
            config: live.shown(),
            signed: live.signature().map(signed),
            warnings: live.warnings(),
        }
    }
}

/// What a configuration is signed as, by whom, and until when.
pub(super) fn signed(signature: &Signature) -> Value {
    let keys: Vec<&str> = signature.signed.iter().map(|signed| &*signed.key).collect();
    json!({"version": signature.version, "expires_s": signature.expires_s, "keys": keys})
}

pub(super) async fn all(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All<'a> {
        profiles: Vec<ProfileView<'a>>,
    }
    let mut all = state.profiles.all();
    all.retain(|live| asker.operator.sees(live.fleet()));
    reply::ok(All {
        profiles: all.iter().map(ProfileView::from).collect(),
    })
}

pub(super) async fn one(asker: Asker, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let live = theirs(&asker, &state, &name)?;
    reply::ok(ProfileView::from(&live))
}

pub(super) async fn replace(
    asker: Asker,
    name: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    // who may not see the profile is told so before a body is read
    theirs(&asker, &state, &name)?;
    let (config, signature) = apart(read(&state, payload).await?)?;
    let replaced = put_signed(&asker, &state, &name, |_| Ok((config, signature))).await?;
    answered(&replaced, None)
}

/// Changes some keys: those that are null are dropped, and all others stay.
pub(super) async fn merge(
    asker: Asker,
    name: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    theirs(&asker, &state, &name)?;
    let (keys, signature) = apart(read(&state, payload).await?)?;
    if signature.is_some() {
        return Err(Refusal::bad_request(
            "signature: found one, allowed is none: what is signed is taken as a whole, by PUT",
        ));
    }
    let merged = put_signed(&asker, &state, &name, |live| Ok((laid_over(&live.shown(), keys), None))).await?;
    answered(&merged, None)
}

/// The configuration that is in force now, with what is to be said of the step from the one before.
pub(super) fn answered(replaced: &Replaced, more: Option<String>) -> Result<HttpResponse, Refusal> {
    let Replaced { before, live, tried } = replaced;
    let mut view = ProfileView::from(live);
    view.warnings.extend(live.warning_after(before).map(str::to_owned));
    let is_over = tried.filter(|tried| *tried != live.version());
    view.warnings
        .extend(is_over.map(|tried| format!("candidate {tried} is tried no more")));
    view.warnings.extend(more);
    reply::ok(view)
}

/// A configuration, and its signature where it came as `{"config": {…}, "signature": {…}}`.
pub(super) fn apart(mut written: ConfigMap) -> Result<(ConfigMap, Option<Signature>), Refusal> {
    match (written.len(), written.remove("signature"), written.remove("config")) {
        (2, Some(signature), Some(Value::Object(config))) => {
            let signature = serde_json::from_value(signature);
            let signature = signature.map_err(|error| Refusal::bad_request(format!("signature: {error}")))?;
            Ok((config, Some(signature)))
        }
        (_, signature, config) => {
            let taken = [("signature", signature), ("config", config)];
            let taken = taken
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            written.extend(taken);
            Ok((written, None))
        }
    }
}

/// Makes a configuration of the one in force, and puts it in its place.
pub(in crate::http) async fn put_in_force(
    asker: &Asker,
    state: &State,
    name: &str,
    make: impl FnOnce(&LiveProfile) -> Result<ConfigMap, Refusal>,
) -> Result<Arc<LiveProfile>, Refusal> {
    let replaced = put_signed(asker, state, name, |live| Ok((make(live)?, None))).await?;
    Ok(replaced.live)
}

/// As [`put_in_force`], of a configuration that may be signed.
async fn put_signed(
    asker: &Asker,
    state: &State,
    name: &str,
    make: impl FnOnce(&LiveProfile) -> Result<(ConfigMap, Option<Signature>), Refusal>,
) -> Result<Replaced, Refusal> {
    changed(asker, state, (name, "profile"), |profiles, before, unix_ms| {
        if let Some(candidate) = profiles.candidate(name) {
            let (tried, share) = (candidate.live().version(), candidate.share());
            let message = format!(
                "candidate {tried} of {name:?} is tried by a share of {share} %, over what is in force: promote or abandon it first"
            );
            return Err(Refusal::new(StatusCode::CONFLICT, message));
        }
        let (config, signature) = make(before)?;
        Ok(profiles.replace(name, (&config, signature), unix_ms)?)
    })
    .await
}

/// A profile as it was, and as it is now.
pub(in crate::http) struct Replaced {
    pub(in crate::http) before: Arc<LiveProfile>,
    pub(in crate::http) live: Arc<LiveProfile>,
    /// The candidate that was tried until now, if it is tried no more.
    tried: Option<u64>,
}

impl Replaced {
    /// A profile that goes on as it is.
    pub(super) fn unchanged(live: Arc<LiveProfile>) -> Self {
        Self {
            before: Arc::clone(&live),
            live,
            tried: None,
        }
    }
}

/// Prepares what a profile is to be, has it kept, and puts it in force: one change after the other.
pub(super) async fn changed(
    asker: &Asker,
    state: &State,
    (name, action): (&str, &str),
    prepare: impl FnOnce(&Profiles, &LiveProfile, u64) -> Result<Option<Prepared>, Refusal>,
) -> Result<Replaced, Refusal> {
    let profiles = &state.profiles;
    let changing = profiles.changing.lock().await;
    let before = theirs(asker, state, name)?;
    let tried = profiles.candidate(name).map(|candidate| candidate.live().version());
    let prepared = prepare(profiles, &before, state.now().unix_ms)?;
    let mut prepared = prepared.ok_or_else(|| no_profile(name))?;
    let mut commands = std::mem::take(&mut prepared.commands);
    if let Some(after) = prepared.get(name) {
        let states = after.changes_from(&before);
        commands.push(asker.note(action, (name, Some(before.fleet())), states));
    }
    state.owner.submit(commands, |_, _, _| Ok(())).await?;
    profiles.publish(prepared);
    drop(changing);
    let live = profiles.get(name).ok_or_else(|| no_profile(name))?;
    let tried = tried.filter(|_| profiles.candidate(name).is_none());
    Ok(Replaced { before, live, tried })
}

/// The profile of this name, if the operator sees its fleet.
pub(in crate::http) fn theirs(asker: &Asker, state: &State, name: &str) -> Result<Arc<LiveProfile>, Refusal> {
    let live = state
        .profiles
        .get(name)
        .filter(|live| asker.operator.sees(live.fleet()));
    live.ok_or_else(|| no_profile(name))
}

fn no_profile(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("no profile {name:?}"))
}
