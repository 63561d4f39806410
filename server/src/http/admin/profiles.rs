//! Profiles in the admin API: their configurations, read and replaced.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use buckler::protocol::ConfigMap;
use serde::Serialize;

use super::{Asker, json};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    profiles::LiveProfile,
};

/// A profile as the admin API shows it: never with its keys.
#[derive(Serialize)]
struct ProfileView<'a> {
    name: &'a str,
    fleet: &'a str,
    template: &'a str,
    version: u64,
    /// `file`, or `api` where the admin API put this configuration in the place of the file's. It
    /// stays, over restarts too, until the file changes the profile's template or configuration.
    source: &'static str,
    since_ms: u64,
    config: ConfigMap,
    /// What is odd in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
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
            warnings: live.warnings(),
        }
    }
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
    let config: ConfigMap = json(&state, payload).await?;
    let live = put_in_force(&asker, &state, &name, |_| Ok(config)).await?;
    reply::ok(ProfileView::from(&live))
}

/// Makes a configuration of the one in force, and puts it in its place.
pub(in crate::http) async fn put_in_force(
    asker: &Asker,
    state: &State,
    name: &str,
    make: impl FnOnce(&LiveProfile) -> Result<ConfigMap, Refusal>,
) -> Result<Arc<LiveProfile>, Refusal> {
    let profiles = &state.profiles;
    let changing = profiles.changing.lock().await;
    let before = theirs(asker, state, name)?;
    let config = make(&before)?;
    let prepared = profiles.replace(name, &config, state.now().unix_ms)?;
    let mut prepared = prepared.ok_or_else(|| no_profile(name))?;
    let mut commands = std::mem::take(&mut prepared.commands);
    if let Some(after) = prepared.get(name) {
        let states = after.changes_from(&before);
        commands.push(asker.note("profile", (name, Some(before.fleet())), states));
    }
    state.owner.submit(commands, |_, _, _| Ok(())).await?;
    profiles.publish(prepared);
    drop(changing);
    profiles.get(name).ok_or_else(|| no_profile(name))
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
