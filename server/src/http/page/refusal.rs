//! One refusal explains itself by the id that its client was shown, and offers what helps where it
//! was wrong: an unban, and the narrowest exception.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use buckler::{
    model::address,
    protocol::{ConfigMap, v2::Evidence},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    allowed,
    guard::{Answer, Trouble, Visitor},
    layout::{self, button, facts, frame, link},
    list, refusals, see, words,
};
use crate::{
    http::{
        admin::{
            allowlist::{self, View},
            profiles,
        },
        reply::Refusal,
        state::State,
    },
    store::{EntryView, RefusalView, Role},
};

/// What is known by an id.
struct Found {
    refusal: Option<RefusalView>,
    /// What bans the client by now.
    entry: Option<EntryView>,
    /// What allows the client.
    allowed: Option<View>,
    /// The fleet of that entry.
    fleet: String,
}

/// Looks an id up, in what the operator sees.
async fn find(visitor: &Visitor, state: &State, id: &str) -> Result<Found, Trouble> {
    let (operator, asked) = (visitor.asker.operator.clone(), id.to_owned());
    let found = state.owner.ask(move |node, now| {
        let store = &node.store;
        if let Some(refusal) = store.refusal(&asked).filter(|refusal| operator.sees(&refusal.fleet)) {
            let network = address::parse_network(&refusal.address);
            let entry = network
                .map(|network| store.entry(&refusal.fleet, network, now))
                .transpose()?
                .flatten();
            let allowed =
                network.and_then(|network| allowlist::of_fleet(node, &refusal.fleet, now, Some(network)).pop());
            let (fleet, refusal) = (refusal.fleet.to_string(), Some(refusal.clone()));
            return Ok(Some(Found {
                refusal,
                entry,
                allowed,
                fleet,
            }));
        }
        let fleets = store.fleets().filter(|fleet| operator.sees(fleet));
        let mut banned = fleets.filter_map(|fleet| Some((fleet, store.ban_by_id(&asked, |of| *of == **fleet, now)?)));
        Ok(banned.next().map(|(fleet, entry)| Found {
            refusal: None,
            allowed: None,
            entry: Some(entry),
            fleet: fleet.to_string(),
        }))
    });
    let unknown = || {
        let message = format!(
            "no refusal {id:?} is known here, and no listed network has it. The newest 20,000 refusals are, of agents that share \
             what they catch; all others are known to the agent alone"
        );
        Refusal::new(StatusCode::NOT_FOUND, message)
    };
    Ok(found.await?.ok_or_else(unknown)?)
}

pub(super) async fn one(visitor: Visitor, id: Path<String>, state: Data<State>) -> Answer {
    let found = find(&visitor, &state, &id).await?;
    let now_ms = state.now().unix_ms;
    let back = format!("/admin/ui/refusals/{id}");
    let content = html! {
        div data-live="refusal" {
            p .lead { code { (id.as_str()) } }
            @if let Some(refusal) = &found.refusal { (explained(refusal, now_ms)) }
            @else { p .lead { "This is the id of a ban: agents show it to clients that another agent or an operator banned." } }
            section .card {
                h2 { "The client now" }
                @if found.entry.is_some() {
                    p { (list::line(found.entry.as_ref(), now_ms)) }
                } @else { p { "No entry of the fleet's list bans it." } }
                div .actions {
                    @if let Some(entry) = &found.entry { (layout::unban(&visitor, &found.fleet, &entry.address, &back)) }
                    @if let Some(refusal) = &found.refusal {
                        a .button href=(link("/admin/ui/list", &[("fleet", &refusal.fleet), ("address", &refusal.address)])) { "All of this client" }
                    }
                }
            }
            @match (&found.allowed, &found.refusal) {
                (Some(view), _) => (allowed::line(view, now_ms)),
                (None, Some(refusal)) => (allowed::form(&visitor, &found.fleet, (&refusal.address, &format!("refused as {id}")), &back)),
                (None, None) => {},
            }
            @if let Some(refusal) = &found.refusal { (exception(&visitor, &state, refusal)) }
        }
    };
    Ok(frame(&visitor, "Why it was refused", &content))
}

fn explained(refusal: &RefusalView, now_ms: u64) -> Markup {
    let evidence = match refusal.evidence {
        Evidence::Certain => "certain: no honest client sends this",
        Evidence::Repeated => "repeated: several different values from one client",
        Evidence::Threshold => "threshold: a limit was exceeded",
    };
    html! {
        p .lead {
            (words::check(&refusal.why)) " was found in " code { (refusal.place) } " of a request to "
            strong { (refusal.profile) } @if let Some(host) = &refusal.host { " (" (host) ")" }
            ", " (words::ago(refusal.at_ms, now_ms)) "."
            @if refusal.until_ms.is_some() { " The client was banned for it." } @else { " The request was refused, and the client not banned." }
        }
        div .columns {
            section .card { h2 { "What was found" } (facts(&[
                ("Check", html! { (words::check(&refusal.why)) }),
                ("Rule", html! { code { (refusal.rule) } }),
                ("Where", html! { code { (refusal.place) } }),
                ("Score", html! { (refusal.score) " of 100, level " (refusal.level) }),
                ("Evidence", html! { (evidence) }),
                ("Against it", html! { (words::several(refusal.requests, "request", "requests")) ", "
                    (words::several(refusal.values.into(), "value", "values")) }),
            ])) }
            section .card { h2 { "The request" } (facts(&[
                ("Request", refusals::request(refusal)),
                ("Client", html! { (refusal.address) }),
                ("Answered", html! { @match refusal.status { Some(status) => (status), None => (layout::nothing()) } }),
                ("When", words::exactly(refusal.at_ms)),
                ("Agent", html! { a href=(link("/admin/ui/agent", &[("profile", &refusal.profile), ("id", &refusal.agent)])) { (refusal.profile) } }),
                ("Configuration", html! { @match refusal.config_version { Some(version) => { "version " (version) }, None => (layout::nothing()) } }),
            ])) }
        }
    }
}

fn exception(visitor: &Visitor, state: &State, refusal: &RefusalView) -> Markup {
    let Some(exception) = &refusal.exception else {
        return html! {};
    };
    let is_there = state
        .profiles
        .get(&refusal.profile)
        .is_some_and(|live| holds(&live.shown(), exception));
    html! {
        section .card {
            h2 { "If this was an honest request" }
            p { "The narrowest exception by which it would have passed, for " code { "EXCEPTIONS" } " of the profile:" }
            pre { code { (exception.to_string()) } }
            @if is_there { p .calm { "The profile has it." } }
            @else if visitor.may(Role::Operate) {
                (button(visitor, &format!("/admin/ui/refusals/{}/allow", refusal.id), &[], ("", &format!("Add it to {}", refusal.profile))))
            }
        }
    }
}

/// Whether a configuration has an exception.
fn holds(config: &ConfigMap, exception: &Value) -> bool {
    let exceptions = config.get("EXCEPTIONS").and_then(Value::as_array);
    exceptions.is_some_and(|exceptions| exceptions.contains(exception))
}

pub(super) async fn allow(visitor: Visitor, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let found = find(&visitor, &state, &id).await?;
    let refusal = found
        .refusal
        .ok_or_else(|| Refusal::bad_request("a ban has no exception: end it by an unban"))?;
    let exception = refusal.exception.ok_or_else(|| {
        Refusal::bad_request("the agent knows no exception for this: see the profile's SECURITY_CHECKS")
    })?;
    profiles::put_in_force(&visitor.asker, &state, &refusal.profile, |live| {
        let mut config = live.shown();
        if holds(&config, &exception) {
            return Err(Refusal::new(StatusCode::CONFLICT, "the profile has this exception"));
        }
        let exceptions = config.entry("EXCEPTIONS").or_insert_with(|| Value::Array(Vec::new()));
        let not_a_list = || {
            Refusal::new(
                StatusCode::CONFLICT,
                "EXCEPTIONS of the profile is no list: mend it there first",
            )
        };
        exceptions.as_array_mut().ok_or_else(not_a_list)?.push(exception);
        Ok(config)
    })
    .await?;
    Ok(see(&format!("/admin/ui/refusals/{id}")).finish())
}
