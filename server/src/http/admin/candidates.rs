//! Candidates in the admin API: a configuration is published to a share of a profile's agents, then
//! to more of them, and takes the place of the one in force or is abandoned.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use buckler::protocol::{
    ConfigMap,
    v2::{ConfigState, Signature},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Asker, json as read,
    profiles::{Replaced, answered, apart, changed, signed, theirs},
    query,
};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    node::Silence,
    profiles::{Candidate, LiveProfile, Profiles},
    store::{AgentView, Command},
};

/// The agents that an answer names of those that refused a candidate: more say the same.
const NAMED: usize = 20;

/// How a candidate fares.
#[derive(Debug, Default, Serialize)]
pub(in crate::http) struct Trial {
    /// Agents of the profile that speak version 2 and are not gone.
    pub(in crate::http) heard: u64,
    /// Those of them that are of the share.
    pub(in crate::http) in_share: u64,
    /// Those of them that run it.
    pub(in crate::http) running: u64,
    /// How many have rolled it back, or could not compile it.
    pub(in crate::http) refused: u64,
    /// Some of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http) refusals: Vec<Refused>,
}

/// An agent that does not run it any more, or never did.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Refused {
    pub(in crate::http) agent: String,
    pub(in crate::http) state: ConfigState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) error: Option<String>,
}

impl Trial {
    /// What agents say of a candidate.
    pub(in crate::http) fn of(
        candidate: &Candidate,
        agents: &[AgentView],
        interval_s: Option<u64>,
        now_ms: u64,
    ) -> Self {
        let (name, version) = (candidate.live().name(), candidate.live().version());
        let mut trial = Self::default();
        for agent in agents.iter().filter(|agent| agent.profile == *name && agent.proto >= 2) {
            let silent_s = now_ms.saturating_sub(agent.last_seen_ms) / 1_000;
            if Silence::of(silent_s, interval_s) != Silence::Gone {
                let is_in_share = Uuid::parse_str(&agent.id).is_ok_and(|id| candidate.has(id));
                let runs = agent.config.as_ref().is_some_and(|config| config.version == version);
                trial.heard += 1;
                trial.in_share += u64::from(is_in_share);
                trial.running += u64::from(runs);
            }
            let refused = agent.refused_config.as_ref();
            if let Some(status) = refused.filter(|refused| refused.version == version) {
                trial.refused += 1;
                trial.refusals.push(Refused {
                    agent: agent.id.clone(),
                    state: status.state,
                    error: status.error.clone(),
                });
            }
        }
        trial.refusals.truncate(NAMED);
        trial
    }

    /// Asks all agents, of all nodes.
    pub(in crate::http) async fn ask(state: &State, candidate: &Candidate) -> Result<Self, Refusal> {
        let (agents, _) = state.agents().await?;
        let interval_s = state.profiles.intervals().get(candidate.live().name()).copied();
        Ok(Self::of(candidate, &agents, interval_s, state.now().unix_ms))
    }

    /// What is odd about the share.
    pub(in crate::http) fn odd(&self, share: u8) -> Option<String> {
        (self.heard > 0 && self.in_share == 0).then(|| {
            format!(
                "a share of {share} % has none of the {} agents that were heard: raise it",
                self.heard
            )
        })
    }
}

/// A candidate as the admin API shows it.
#[derive(Serialize)]
struct CandidateView<'a> {
    profile: &'a str,
    version: u64,
    /// The version in force that it was made over.
    over: u64,
    share: u8,
    since_ms: u64,
    config: ConfigMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Value>,
    agents: Trial,
    /// What it protects less than the configuration in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weaker: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

async fn shown(state: &State, in_force: &LiveProfile, candidate: &Candidate) -> Result<HttpResponse, Refusal> {
    let agents = Trial::ask(state, candidate).await?;
    let live = candidate.live();
    let mut warnings = live.warnings();
    warnings.extend(live.warning_after(in_force).map(str::to_owned));
    warnings.extend(agents.odd(candidate.share()));
    reply::ok(CandidateView {
        profile: live.name(),
        version: live.version(),
        over: candidate.over(),
        share: candidate.share(),
        since_ms: live.since_ms(),
        config: live.shown(),
        signed: live.signature().map(signed),
        agents,
        weaker: live.policy().weaker_than(in_force.policy()),
        warnings,
    })
}

pub(super) async fn one(asker: Asker, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let live = theirs(&asker, &state, &name)?;
    shown(&state, &live, &*tried(&state.profiles, &name)?).await
}

/// Publishes a configuration to a share, in the place of the candidate that is tried, if one is.
pub(super) async fn publish(
    asker: Asker,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        share: u64,
    }
    let live = theirs(&asker, &state, &name)?;
    let Asked { share } = query(&request)?;
    let share = percent(share)?;
    let written = apart(read(&state, payload).await?)?;
    let candidate = stage(&asker, &state, &name, share, |_| Ok(written)).await?;
    shown(&state, &live, &candidate).await
}

/// What is asked of a candidate that is tried.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Step {
    share: Option<u64>,
    /// The candidate that is meant; the one that is tried, where nothing is said.
    version: Option<u64>,
    /// Although agents have rolled it back.
    force: bool,
}

/// Publishes the candidate to another share.
pub(super) async fn share(
    asker: Asker,
    name: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    let live = theirs(&asker, &state, &name)?;
    let Step { share, version, force } = read(&state, payload).await?;
    let Some(share) = share else {
        return Err(Refusal::bad_request(
            "share: found none, allowed is a number from 1 to 100",
        ));
    };
    let share = percent(share)?;
    let candidate = set_share(&asker, &state, &name, (version, share, force)).await?;
    shown(&state, &live, &candidate).await
}

pub(super) async fn promote(
    asker: Asker,
    name: Path<String>,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    theirs(&asker, &state, &name)?;
    let Step { share, version, force } = read(&state, payload).await?;
    if share.is_some() {
        return Err(Refusal::bad_request(
            "share: found one, allowed is none: all agents get what is promoted",
        ));
    }
    let replaced = put_through(&asker, &state, &name, (version, force)).await?;
    answered(&replaced, None)
}

pub(super) async fn abandon(asker: Asker, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let live = theirs(&asker, &state, &name)?;
    let warning = give_up(&asker, &state, &name, None).await?;
    answered(&Replaced::unchanged(live), warning)
}

pub(in crate::http) fn percent(share: u64) -> Result<u8, Refusal> {
    let percent = u8::try_from(share).ok().filter(|share| (1..=100).contains(share));
    percent.ok_or_else(|| Refusal::bad_request(format!("share: found {share}, allowed is a number from 1 to 100")))
}

/// The candidate of a profile.
fn tried(profiles: &Profiles, name: &str) -> Result<Arc<Candidate>, Refusal> {
    let none = || Refusal::new(StatusCode::NOT_FOUND, format!("no candidate of {name:?} is tried"));
    profiles.candidate(name).ok_or_else(none)
}

/// The candidate of a profile, if it is the one that is meant.
fn meant(profiles: &Profiles, name: &str, version: Option<u64>) -> Result<Arc<Candidate>, Refusal> {
    let candidate = tried(profiles, name)?;
    let tried = candidate.live().version();
    match version {
        Some(version) if version != tried => Err(Refusal::new(
            StatusCode::CONFLICT,
            format!("candidate {version} of {name:?} is tried no more: {tried} is. Look at that first"),
        )),
        _ => Ok(candidate),
    }
}

/// Publishes what is made of a profile's configuration to a share of its agents.
pub(in crate::http) async fn stage(
    asker: &Asker,
    state: &State,
    name: &str,
    share: u8,
    make: impl FnOnce(&LiveProfile) -> Result<(ConfigMap, Option<Signature>), Refusal>,
) -> Result<Arc<Candidate>, Refusal> {
    let profiles = &state.profiles;
    let changing = profiles.changing.lock().await;
    let live = theirs(asker, state, name)?;
    let (config, signature) = make(&live)?;
    let staged = profiles.stage(name, (&config, signature), share, state.now().unix_ms)?;
    let staged = staged.ok_or_else(|| gone(name))?;
    let (old, mut new) = staged.live().changes_from(&live);
    if let Some(new) = new.as_object_mut() {
        new.insert("share".to_owned(), json!(share));
    }
    let note = asker.note("profile.publish", (name, Some(live.fleet())), (old, new));
    keep(state, name, staged, note).await?;
    drop(changing);
    tried(profiles, name)
}

/// Publishes the candidate to another share of the agents.
pub(in crate::http) async fn set_share(
    asker: &Asker,
    state: &State,
    name: &str,
    (version, share, force): (Option<u64>, u8, bool),
) -> Result<Arc<Candidate>, Refusal> {
    let profiles = &state.profiles;
    let changing = profiles.changing.lock().await;
    let live = theirs(asker, state, name)?;
    let before = meant(profiles, name, version)?;
    if share > before.share() {
        fares_well(state, &before, force).await?;
    }
    let staged = profiles.share(name, share).ok_or_else(|| gone(name))?;
    let as_said = |share: u8| json!({"version": before.live().version(), "share": share});
    let states = (as_said(before.share()), as_said(share));
    let note = asker.note("profile.share", (name, Some(live.fleet())), states);
    keep(state, name, staged, note).await?;
    drop(changing);
    tried(profiles, name)
}

/// Puts the candidate in force, under its own version.
pub(in crate::http) async fn put_through(
    asker: &Asker,
    state: &State,
    name: &str,
    (version, force): (Option<u64>, bool),
) -> Result<Replaced, Refusal> {
    let judged = meant(&state.profiles, name, version)?;
    fares_well(state, &judged, force).await?;
    // another may be published meanwhile, which was not judged
    let version = Some(judged.live().version());
    changed(asker, state, (name, "profile.promote"), |profiles, _, unix_ms| {
        meant(profiles, name, version)?;
        Ok(profiles.promote(name, unix_ms)?)
    })
    .await
}

/// Has no agent run the candidate any more. What is to be said where agents may not go back.
pub(in crate::http) async fn give_up(
    asker: &Asker,
    state: &State,
    name: &str,
    version: Option<u64>,
) -> Result<Option<String>, Refusal> {
    let profiles = &state.profiles;
    let changing = profiles.changing.lock().await;
    let live = theirs(asker, state, name)?;
    let candidate = meant(profiles, name, version)?;
    let old = json!({"version": candidate.live().version(), "share": candidate.share()});
    let note = asker.note("profile.abandon", (name, Some(live.fleet())), (old, Value::Null));
    let command = Command::Unstage {
        name: Arc::clone(live.name()),
    };
    state.owner.submit(vec![command, note], |_, _, _| Ok(())).await?;
    profiles.try_out(name, None);
    drop(changing);
    let (own, theirs) = (live.signature(), candidate.live().signature());
    Ok(theirs
        .filter(|theirs| own.is_none_or(|own| own.version < theirs.version))
        .map(|theirs| {
            format!(
                "agents have taken signature {}: those that require a signature take no lower one, and keep the candidate. Sign what is in \
                 force again",
                theirs.version
            )
        }))
}

/// Has the store keep a candidate, and agents try it.
async fn keep(state: &State, name: &str, candidate: Candidate, note: Command) -> Result<(), Refusal> {
    let (of, wanted) = (name.to_owned(), candidate.state());
    let command = Command::Stage(wanted.clone());
    let is_kept = move |node: &crate::node::Node| node.store.candidate(&of) == Some(&wanted);
    let kept = state
        .owner
        .submit(vec![command, note], move |node, _, _| Ok(is_kept(node)));
    if !kept.await? {
        let message = format!("another change of {name:?} came first: look at the profile again");
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    state.profiles.try_out(name, Some(candidate));
    Ok(())
}

/// Refuses to go on with a candidate that agents have rolled back, unless an operator insists.
async fn fares_well(state: &State, candidate: &Candidate, force: bool) -> Result<(), Refusal> {
    if force {
        return Ok(());
    }
    let trial = Trial::ask(state, candidate).await?;
    let Some(first) = trial.refusals.first() else {
        return Ok(());
    };
    let why = first.error.as_deref().unwrap_or("it does not say why");
    let message = format!(
        "version {} does not run on {} of the agents that were to try it ({}: {why}): abandon it, or say `force`",
        candidate.live().version(),
        trial.refused,
        first.agent,
    );
    Err(Refusal::new(StatusCode::CONFLICT, message))
}

fn gone(name: &str) -> Refusal {
    let message = format!("the profile {name:?} or its candidate is gone");
    Refusal::new(StatusCode::CONFLICT, message)
}
