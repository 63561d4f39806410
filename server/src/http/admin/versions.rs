//! Versions of a profile's configuration in the admin API: what was in force before, and back to
//! it.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use buckler::protocol::ConfigMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Asker, json as read,
    profiles::{ProfileView, Replaced, answered, changed, signed, theirs},
};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    profiles::{LiveProfile, Prepared, Profiles, shown},
    store::{ProfileState, versions::MOST},
};

/// A configuration that was in force before.
#[derive(Serialize)]
struct VersionView {
    version: u64,
    /// `file` or `api`, as of the profile.
    source: &'static str,
    since_ms: u64,
    /// Absent of the file's, which the server does not keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConfigMap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Value>,
}

impl From<&ProfileState> for VersionView {
    fn from(state: &ProfileState) -> Self {
        Self {
            version: state.version,
            source: if state.replaced.is_some() { "api" } else { "file" },
            since_ms: state.at_ms,
            config: state.replaced.as_ref().map(shown),
            signed: state.signature.as_ref().map(signed),
        }
    }
}

pub(super) async fn all(asker: Asker, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All<'a> {
        in_force: ProfileView<'a>,
        /// The newest first.
        before: Vec<VersionView>,
    }
    let live = theirs(&asker, &state, &name)?;
    let before = kept(&state, &name).await?;
    reply::ok(All {
        in_force: ProfileView::from(&live),
        before: before.iter().map(VersionView::from).collect(),
    })
}

/// The versions of a profile that were in force before, the newest first.
pub(in crate::http) async fn kept(state: &State, name: &str) -> Result<Vec<ProfileState>, Refusal> {
    let name = name.to_owned();
    let kept = state
        .owner
        .ask(move |node, _| Ok(node.store.versions(&name).cloned().collect()));
    Ok(kept.await?)
}

pub(super) async fn rollback(
    asker: Asker,
    name: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        version: u64,
    }
    theirs(&asker, &state, &name)?;
    let Asked { version } = read(&state, payload).await?;
    let earlier = Earlier::find(&asker, &state, &name, version).await?;
    answer(&asker, &state, (&name, "profile.rollback"), &earlier).await
}

/// Drops what the admin API put in the place of the file's configuration.
pub(super) async fn reset(asker: Asker, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    answer(&asker, &state, (&name, "profile.reset"), &Earlier::File).await
}

async fn answer(
    asker: &Asker,
    state: &State,
    (name, action): (&str, &str),
    earlier: &Earlier,
) -> Result<HttpResponse, Refusal> {
    let replaced = put_back(asker, state, (name, action), earlier, |_| Ok(())).await?;
    answered(&replaced, earlier.warning(&replaced.before))
}

/// Where an operator goes back to.
#[derive(Debug, Clone)]
pub(in crate::http) enum Earlier {
    /// What the file says.
    File,
    /// A version that was in force.
    Kept(Box<ProfileState>),
}

impl Earlier {
    /// A version of a profile that the operator sees.
    pub(in crate::http) async fn find(asker: &Asker, state: &State, name: &str, version: u64) -> Result<Self, Refusal> {
        let live = theirs(asker, state, name)?;
        let of = name.to_owned();
        let found = state
            .owner
            .ask(move |node, _| Ok(node.store.version(&of, version).cloned()));
        found.await?.map(Box::new).map(Self::Kept).ok_or_else(|| {
            let why = if live.version() == version {
                "it is in force"
            } else {
                "it is not kept"
            };
            let message =
                format!("no version {version} of {name:?} to go back to: {why}, and the newest {MOST} before it are");
            Refusal::new(StatusCode::NOT_FOUND, message)
        })
    }

    /// The profile as it is to be.
    pub(in crate::http) fn prepare(
        &self,
        profiles: &Profiles,
        before: &LiveProfile,
        unix_ms: u64,
    ) -> Result<Option<Prepared>, Refusal> {
        let name = before.name();
        let conflict = |message: String| Err(Refusal::new(StatusCode::CONFLICT, message));
        if let Self::Kept(state) = self {
            if let Some(config) = &state.replaced {
                return Ok(profiles.replace(name, (config, state.signature.clone()), unix_ms)?);
            }
            if state.file != before.file() {
                return conflict(format!(
                    "version {} was the file's, which has changed since: change the file back",
                    state.version
                ));
            }
        }
        if !before.is_replaced() {
            return conflict(format!(
                "the file's configuration of {name:?} is in force: there is nothing to drop"
            ));
        }
        Ok(profiles.reset(name, unix_ms)?)
    }

    /// What is to be said where agents have taken a later signature.
    pub(in crate::http) fn warning(&self, before: &LiveProfile) -> Option<String> {
        let Self::Kept(state) = self else { return None };
        let (own, later) = (state.signature.as_ref()?.version, before.signature()?.version);
        (own < later).then(|| {
            format!(
                "it is signed as version {own}, and agents have taken {later}: those that require a signature take no lower one. Sign it \
                 again"
            )
        })
    }
}

/// Puts an earlier configuration in force, where it is wanted.
pub(in crate::http) async fn put_back(
    asker: &Asker,
    state: &State,
    (name, action): (&str, &str),
    earlier: &Earlier,
    is_wanted: impl FnOnce(&LiveProfile) -> Result<(), Refusal>,
) -> Result<Replaced, Refusal> {
    changed(asker, state, (name, action), |profiles, before, unix_ms| {
        is_wanted(before)?;
        earlier.prepare(profiles, before, unix_ms)
    })
    .await
}
