//! The candidate on a profile's page: which agents try it and how it fares, and its way to more of
//! them, to all, or back.

use actix_web::{HttpResponse, web::Data};
use maud::{Markup, html};

use super::{
    guard::{Sent, Trouble, Visitor},
    layout::{button, facts, path_of_profile, token},
    see, words,
};
use crate::{
    http::{
        admin::{
            candidates::{self, Trial},
            profiles::Replaced,
        },
        reply::Refusal,
        state::State,
    },
    profiles::{Candidate, LiveProfile},
    store::Role,
};

/// Shares that are offered, in percent.
pub(super) const SHARES: [u8; 4] = [1, 10, 50, 100];

/// A candidate and how it fares, with what can be done about it.
pub(super) fn card(visitor: &Visitor, live: &LiveProfile, candidate: &Candidate, trial: &Trial, now_ms: u64) -> Markup {
    let tried = candidate.live();
    let (path, version) = (path_of_profile(live.name()), tried.version().to_string());
    let fares_badly = trial.refused > 0;
    html! {
        section .card {
            h2 { "Candidate " (version) }
            (facts(&[
                ("Published", html! { "to " (candidate.share()) " % of the agents, " (words::ago(tried.since_ms(), now_ms)) }),
                ("Instead of", html! { "version " (candidate.over()) }),
                ("Of the share", html! { (words::count(trial.in_share)) " of " (words::several(trial.heard, "agent", "agents")) }),
                ("Run it", html! { span class=(if trial.running > 0 { "badge good" } else { "badge" }) { (words::count(trial.running)) } }),
                ("Refused it", html! { span class=(if fares_badly { "badge bad" } else { "badge" }) { (words::count(trial.refused)) } }),
            ]))
            @for refused in &trial.refusals {
                p .problem { (refused.agent) ": " (refused.error.as_deref().unwrap_or("it does not say why")) }
            }
            @if let Some(odd) = trial.odd(candidate.share()) { p .trouble { (odd) } }
            (super::profile_edit::compare(tried, live))
            @if visitor.may(Role::Operate) {
                div .actions {
                    form .inline method="post" action=(path) {
                        (token(visitor))
                        input type="hidden" name="do" value="share";
                        input type="hidden" name="candidate" value=(version);
                        label { "Share " (shares("share", candidate.share())) }
                        @if fares_badly { (sure()) }
                        button type="submit" { "Publish to this share" }
                    }
                    form .inline method="post" action=(path) {
                        (token(visitor))
                        input type="hidden" name="do" value="promote";
                        input type="hidden" name="candidate" value=(version);
                        @if fares_badly { (sure()) }
                        button .primary type="submit" { "Put in force for all" }
                    }
                    (button(visitor, &path, &[("do", "abandon"), ("candidate", &version)], ("danger", "Abandon")))
                }
            }
        }
    }
}

fn sure() -> Markup {
    html! { label { input type="checkbox" name="force" value="yes"; " although agents refused it" } }
}

/// A choice of shares, the one that is chosen among them.
pub(super) fn shares(name: &str, chosen: u8) -> Markup {
    let other = Some(chosen).filter(|chosen| !SHARES.contains(chosen));
    html! {
        select name=(name) {
            @for share in other.into_iter().chain(SHARES) { option value=(share) selected[share == chosen] { (share) " %" } }
        }
    }
}

/// The share that a form names.
pub(super) fn share_of(sent: &Sent) -> Result<u8, Refusal> {
    let share = sent.text("share").parse();
    candidates::percent(share.map_err(|_| Refusal::bad_request("the share is not a number"))?)
}

/// The candidate that the page was about, by its version.
fn version_of(sent: &Sent) -> Result<Option<u64>, Refusal> {
    let version = sent.text("candidate").parse().map(Some);
    version.map_err(|_| Refusal::bad_request("the candidate is not a number"))
}

/// Takes the steps that the card offers; `None` where the form asks for another.
pub(super) async fn change(
    visitor: &Visitor,
    live: &LiveProfile,
    sent: &Sent,
    state: &Data<State>,
) -> Result<Option<HttpResponse>, Trouble> {
    let (asker, name) = (&visitor.asker, &**live.name());
    let force = sent.text("force") == "yes";
    match sent.text("do") {
        "share" => {
            let step = (version_of(sent)?, share_of(sent)?, force);
            drop(candidates::set_share(asker, state, name, step).await?);
        }
        "promote" => {
            let step = (version_of(sent)?, force);
            let _: Replaced = candidates::put_through(asker, state, name, step).await?;
        }
        // what an agent that requires a signature does stands on the page: it goes on with the
        // candidate
        "abandon" => drop(candidates::give_up(asker, state, name, version_of(sent)?).await?),
        _ => return Ok(None),
    }
    Ok(Some(see(&path_of_profile(name)).finish()))
}
