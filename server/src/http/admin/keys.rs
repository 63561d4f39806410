//! Agent keys in the admin API: made, shown once, rotated, revoked.

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Asker, json as read};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    moment::Tick,
    profiles::KeyView,
    secret::Secret,
    store::{Command, KeyState, MOST_KEYS},
};

/// What keys begin with.
const PREFIX: &str = "bka_";

/// How long the key before a rotation stays in force, where nothing is said, in seconds: a day, in
/// which every agent can be given the new one.
const OVERLAP_S: u64 = 24 * 3_600;

/// The longest label, in characters.
const LABEL: usize = 100;

pub(super) async fn all(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All {
        keys: Vec<KeyView>,
    }
    let mut keys = state.profiles.keys(state.now().tick);
    keys.retain(|key| is_seen(&asker, &state, &key.profile));
    reply::ok(All { keys })
}

/// A key as an operator asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    profile: String,
    #[serde(default)]
    label: String,
    ttl_s: Option<u64>,
}

/// A key that was made: the only answer that it stands in.
#[derive(Serialize)]
struct Made {
    /// The key itself.
    secret: String,
    key: Option<KeyView>,
}

pub(super) async fn create(asker: Asker, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Wanted { profile, label, ttl_s } = read(&state, payload).await?;
    let Some(live) = state
        .profiles
        .get(&profile)
        .filter(|live| asker.operator.sees(live.fleet()))
    else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("no profile {profile:?}")));
    };
    let _changing = state.profiles.changing.lock().await;
    let (secret, key) = fresh(live.name(), &judged(label)?, ttl_s, state.now().tick)?;
    let shown = json!({"profile": profile, "label": key.label, "ttl_s": ttl_s});
    let note = asker.note("key.create", (&key.id, Some(live.fleet())), (json!(null), shown));
    made(&state, secret, vec![key], note).await
}

/// How a key is rotated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    #[serde(default = "overlap")]
    overlap_s: u64,
    ttl_s: Option<u64>,
}

const fn overlap() -> u64 {
    OVERLAP_S
}

pub(super) async fn rotate(
    asker: Asker,
    id: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let Rotation { overlap_s, ttl_s } = read(&state, payload).await?;
    let _changing = state.profiles.changing.lock().await;
    let (view, fleet) = found(&asker, &state, &id)?;
    if view.state != "active" {
        let message = format!(
            "the key {id} is {}: make another for the profile {:?}",
            view.state, view.profile
        );
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    let now = state.now().tick;
    let (secret, key) = fresh(&view.profile, &view.label, ttl_s, now)?;
    let end = now.plus(overlap_s);
    let before = KeyState {
        ends: Some(view.kept.ends.map_or(end, |known| known.min(end))),
        ..view.kept
    };
    let shown = json!({"replaced_by": key.id, "overlap_s": overlap_s});
    let note = asker.note(
        "key.rotate",
        (&before.id, fleet.as_deref()),
        (json!({"profile": view.profile}), shown),
    );
    made(&state, secret, vec![key, before], note).await
}

pub(super) async fn revoke(asker: Asker, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Revoked {
        revoked: Option<KeyView>,
    }
    let _changing = state.profiles.changing.lock().await;
    let (view, fleet) = match found(&asker, &state, &id) {
        Ok(found) => found,
        Err(unknown) => {
            forget_brought(&asker, &state, &id, unknown).await?;
            return reply::ok(Revoked { revoked: None });
        }
    };
    let now = state.now().tick;
    let revoked = KeyState {
        revoked: view.kept.revoked.or(Some(now)),
        ..view.kept
    };
    let was = json!({"profile": view.profile, "state": view.state});
    let note = asker.note(
        "key.revoke",
        (&id, fleet.as_deref()),
        (was, json!({"state": "revoked"})),
    );
    state.change_access(vec![Command::Key(revoked), note]).await?;
    let revoked = view_of(&state, &id);
    reply::ok(Revoked { revoked })
}

/// Has the credentials forgotten that a key has brought which is known no more: the file had it. An
/// error, if there are none, or some are not the operator's to revoke.
async fn forget_brought(asker: &Asker, state: &State, id: &str, unknown: Refusal) -> Result<(), Refusal> {
    let (key, asked): (Arc<str>, Arc<str>) = (id.into(), id.into());
    let of = state.owner.ask(move |node, _| {
        let brought = node.store.credentials().filter(|known| *known.key == *asked);
        Ok(brought.map(|known| Arc::clone(&known.profile)).collect::<BTreeSet<_>>())
    });
    let of = of.await?;
    if of.is_empty() || !of.iter().all(|profile| is_seen(asker, state, profile)) {
        return Err(unknown);
    }
    let live = of.first().and_then(|profile| state.profiles.get(profile));
    let fleet = live.as_ref().map(|live| &**live.fleet());
    let was = json!({"profiles": of, "state": "removed"});
    let note = asker.note("key.revoke", (id, fleet), (was, json!({"state": "revoked"})));
    state.change_access(vec![Command::ForgetBrought { key }, note]).await
}

/// A key that was never used, and its text.
fn fresh(profile: &Arc<str>, label: &str, ttl_s: Option<u64>, now: Tick) -> Result<(String, KeyState), Refusal> {
    if ttl_s == Some(0) {
        return Err(Refusal::bad_request(
            "ttl_s: found 0, allowed is 1 or more, or nothing for a key without end",
        ));
    }
    let (text, secret) = Secret::random(PREFIX);
    let key = KeyState {
        id: secret.fingerprint().name(),
        fingerprint: secret.fingerprint(),
        profile: Arc::clone(profile),
        label: label.to_owned(),
        tail: secret.tail(),
        from_file: false,
        made: now,
        ends: ttl_s.map(|ttl| now.plus(ttl)),
        revoked: None,
    };
    Ok((text, key))
}

/// Has keys kept, the first of which is new, and answers with it.
async fn made(state: &State, secret: String, keys: Vec<KeyState>, note: Command) -> Result<HttpResponse, Refusal> {
    let now = state.now().tick;
    let has_room = state
        .owner
        .ask(move |node, _| Ok(node.store.has_room_for_a_key(now)))
        .await?;
    if !has_room {
        let message = format!("there are {MOST_KEYS} keys in force: revoke some first");
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    let id = keys.first().map(|key| Arc::clone(&key.id)).unwrap_or_default();
    let commands = keys.into_iter().map(Command::Key).chain([note]);
    state.change_access(commands.collect()).await?;
    reply::ok(Made {
        secret,
        key: view_of(state, &id),
    })
}

fn view_of(state: &State, id: &str) -> Option<KeyView> {
    let keys = state.profiles.keys(state.now().tick);
    keys.into_iter().find(|key| *key.id == *id)
}

/// A key and the fleet of its profile, if it has one.
fn found(asker: &Asker, state: &State, id: &str) -> Result<(KeyView, Option<Arc<str>>), Refusal> {
    let view = view_of(state, id).filter(|key| is_seen(asker, state, &key.profile));
    let view = view.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, format!("no key {id:?}")))?;
    let live = state.profiles.get(&view.profile);
    let fleet = live.map(|live| Arc::clone(live.fleet()));
    Ok((view, fleet))
}

/// Whether a key of this profile concerns the operator; one of no profile concerns those of all
/// fleets.
fn is_seen(asker: &Asker, state: &State, profile: &str) -> bool {
    match state.profiles.get(profile) {
        Some(live) => asker.operator.sees(live.fleet()),
        None => asker.operator.sees_all(),
    }
}

/// A label, if it is one.
pub(super) fn judged(label: String) -> Result<String, Refusal> {
    if label.chars().count() > LABEL || label.chars().any(char::is_control) {
        return Err(Refusal::bad_request(format!(
            "label: allowed are up to {LABEL} characters, none of them a control character"
        )));
    }
    Ok(label)
}
