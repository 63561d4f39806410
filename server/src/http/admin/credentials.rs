//! Credentials of enrolled agents in the admin API: each is revoked alone, and reset where its
//! agent may enrol again.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Asker;
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    store::{Command, CredentialView},
};

pub(super) async fn all(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All {
        credentials: Vec<CredentialView>,
    }
    let credentials = state
        .owner
        .ask(|node, _| Ok(node.store.credentials().map(CredentialView::from).collect::<Vec<_>>()));
    let mut credentials = credentials.await?;
    credentials.retain(|credential| is_seen(&asker, &state, &credential.profile));
    reply::ok(All { credentials })
}

/// An agent as a path names it.
type Named = Path<(String, Uuid)>;

/// The agent is refused from now on, whatever key it brings; its connections are closed.
pub(super) async fn revoke(asker: Asker, path: Named, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let (profile, agent) = path.into_inner();
    changed(&asker, &state, (&profile, agent), Change::Revoke).await?;
    done(profile, agent)
}

/// The credential is forgotten, revoked or not, and what speaks with it has to go: the agent enrols
/// again by its profile's key.
pub(super) async fn reset(asker: Asker, path: Named, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let (profile, agent) = path.into_inner();
    changed(&asker, &state, (&profile, agent), Change::Reset).await?;
    done(profile, agent)
}

fn done(profile: String, agent: Uuid) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Done {
        profile: String,
        agent: Uuid,
    }
    reply::ok(Done { profile, agent })
}

/// What an operator makes of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Change {
    Revoke,
    Reset,
}

/// Has a credential revoked or reset.
pub(in crate::http) async fn changed(
    asker: &Asker,
    state: &State,
    (profile, agent): (&str, Uuid),
    change: Change,
) -> Result<(), Refusal> {
    let unknown = || {
        let message = format!("no agent {agent} of the profile {profile:?} has a credential of its own");
        Refusal::new(StatusCode::NOT_FOUND, message)
    };
    if !is_seen(asker, state, profile) {
        return Err(unknown());
    }
    let _changing = state.profiles.changing.lock().await;
    let name: Arc<str> = profile.into();
    let asked = Arc::clone(&name);
    let known = state.owner.ask(move |node, _| {
        Ok(node
            .store
            .credential(&asked, agent)
            .map(|known| known.revoked.is_some()))
    });
    let was_revoked = known.await?.ok_or_else(unknown)?;
    let (command, action, new) = match change {
        Change::Revoke => (
            Command::RevokeCredential { profile: name, agent },
            "credential.revoke",
            json!({"state": "revoked"}),
        ),
        Change::Reset => (
            Command::ResetCredential { profile: name, agent },
            "credential.reset",
            Value::Null,
        ),
    };
    let was = json!({"profile": profile, "state": if was_revoked { "revoked" } else { "active" }});
    let live = state.profiles.get(profile);
    let fleet = live.as_ref().map(|live| &**live.fleet());
    let note = asker.note(action, (&agent.to_string(), fleet), (was, new));
    state.change_access(vec![command, note]).await
}

/// Whether the agents of a profile concern the operator; those of one that is gone concern who sees
/// all fleets.
fn is_seen(asker: &Asker, state: &State, profile: &str) -> bool {
    match state.profiles.get(profile) {
        Some(live) => asker.operator.sees(live.fleet()),
        None => asker.operator.sees_all(),
    }
}
