//! Profiles: which configuration is in force, and which agents run it.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use maud::{Markup, html};

use super::{
    candidate,
    guard::{Answer, Visitor},
    layout::{facts, frame, link, nothing, path_of_profile},
    profile_edit, words,
};
use crate::{
    http::{
        admin::{candidates::Trial, profiles, versions},
        state::State,
    },
    profiles::LiveProfile,
    store::AgentView,
};

/// Versions that a profile's agents run, and by how many each.
type Versions = BTreeMap<Option<u64>, u64>;

fn versions(agents: &[AgentView], name: &str) -> Versions {
    let mut versions = Versions::new();
    for agent in agents
        .iter()
        .filter(|agent| *agent.profile == *name && agent.proto >= 2)
    {
        *versions
            .entry(agent.config.as_ref().map(|config| config.version))
            .or_default() += 1;
    }
    versions
}

pub(super) async fn all(visitor: Visitor, state: Data<State>) -> Answer {
    let agents = state.agents().await?.0;
    let mut all = state.profiles.all();
    all.retain(|live| visitor.sees(live.fleet()));
    let now_ms = state.now().unix_ms;
    let content = html! {
        div data-live="profiles" {
            @if all.is_empty() { p .empty { "There is no profile." } }
            @else {
                table {
                    thead { tr { th { "Profile" } th { "Fleet" } th { "Template" } th { "In force" } th { "Since" } th { "Agents run" } th { "Odd" } } }
                    tbody { @for live in &all { tr {
                        td data-label="Profile" { a href=(path_of_profile(live.name())) { (live.name()) } }
                        td data-label="Fleet" { (live.fleet()) }
                        td data-label="Template" { (live.template()) }
                        td data-label="In force" { (live.version()) span .sub { (source(live)) } }
                        td data-label="Since" { (words::ago(live.since_ms(), now_ms)) }
                        td data-label="Agents run" { (run(&versions(&agents, live.name()), (live.version(), tried_of(&state, live)))) }
                        td data-label="Odd" { (words::count(odd(live).len() as u64)) }
                    } } }
                }
            }
        }
    };
    Ok(frame(&visitor, "Profiles", &content))
}

fn source(live: &LiveProfile) -> &'static str {
    if live.is_replaced() {
        "set here or by the API"
    } else {
        "from the file"
    }
}

/// What is odd in a configuration, and what honest clients may suffer from.
pub(super) fn odd(live: &LiveProfile) -> Vec<String> {
    let mut odd = live.warnings();
    odd.extend(live.policy().cautions());
    odd
}

/// The version of the candidate that a share of agents try.
fn tried_of(state: &State, live: &LiveProfile) -> Option<u64> {
    let candidate = state.profiles.candidate(live.name());
    candidate.map(|candidate| candidate.live().version())
}

fn run(versions: &Versions, (newest, tried): (u64, Option<u64>)) -> Markup {
    html! {
        @if versions.is_empty() { span .none { "none" } }
        @for (version, count) in versions {
            @let is_tried = version.is_some() && *version == tried;
            @let kind = if *version == Some(newest) || is_tried { "badge good" } else { "badge fair" };
            span class=(kind) { (words::count(*count)) " × "
                @match version { Some(version) => (version), None => "their own" } @if is_tried { " (candidate)" } } " "
        }
    }
}

pub(super) async fn one(visitor: Visitor, name: Path<String>, state: Data<State>) -> Answer {
    let live = profiles::theirs(&visitor.asker, &state, &name)?;
    let agents = state.agents().await?.0;
    let kept = versions::kept(&state, &name).await?;
    let (now_ms, odd) = (state.now().unix_ms, odd(&live));
    let checks = live.policy().checks_on();
    let tried = state.profiles.candidate(live.name());
    let interval_s = state.profiles.intervals().get(live.name()).copied();
    let content = html! {
        div data-live="profile" {
            section .card {
                (facts(&[
                    ("Fleet", html! { a href=(link("/admin/ui/list", &[("fleet", live.fleet())])) { (live.fleet()) } }),
                    ("Template", html! { (live.template()) }),
                    ("In force", html! { "version " (live.version()) ", " (source(&live)) ", put in force " (words::ago(live.since_ms(), now_ms)) }),
                    ("Signed", html! { @match live.signature() {
                        Some(signature) => { "as version " (signature.version) ", ends " (words::ago(signature.expires_s.saturating_mul(1_000), now_ms)) },
                        None => (nothing()),
                    } }),
                    ("Agents run", run(&versions(&agents, live.name()), (live.version(), tried_of(&state, &live)))),
                    ("Checks on", html! { @for (check, level) in &checks { span .badge { (check.title()) " " (format!("{level:?}").to_lowercase()) } " " } }),
                ]))
                @for odd in &odd { p .trouble { (odd) } }
            }
            @if let Some(tried) = &tried {
                @let trial = Trial::of(tried, &agents, interval_s, now_ms);
                (candidate::card(&visitor, &live, tried, &trial, now_ms))
            }
        }
        (profile_edit::editor(&visitor, &live, None))
        (profile_edit::history(&visitor, &live, &kept, now_ms))
    };
    Ok(frame(&visitor, &format!("Profile {}", live.name()), &content))
}
