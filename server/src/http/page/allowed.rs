//! What operators allow: networks that no ban of the fleet touches.

use actix_web::{HttpResponse, web::Data};
use maud::{Markup, html};

use super::{
    guard::{Sent, Trouble, Visitor},
    layout::{button, link, token},
    list::PATH,
    see, sign_in, words,
};
use crate::{
    http::{
        admin::{
            allowlist::{self, View},
            blacklist,
        },
        state::State,
    },
    store::Role,
};

/// For how long a network may be allowed with a choice, in seconds and as people say it.
const LENGTHS: [(&str, &str); 6] = [
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    ("2592000", "30 days"),
    ("31536000", "1 year"),
    ("", "without end"),
];

/// What is allowed of a fleet.
pub(super) fn section(visitor: &Visitor, fleet: &str, allowed: &[View], now_ms: u64) -> Markup {
    let back = link(PATH, &[("fleet", fleet)]);
    html! {
        section .card #allowed {
            h2 { "Allowed" }
            p .hint { "No ban of the fleet touches these networks, whether an agent or an operator asks for it. Requests from there are judged all the same." }
            @if allowed.is_empty() { p .empty { "Nothing is allowed." } }
            @else {
                table {
                    thead { tr { th { "Network" } th { "Why" } th { "Since" } th { "Until" } th { "By" } th { span .away { "Actions" } } } }
                    tbody { @for view in allowed { tr {
                        td data-label="Network" { (view.address) }
                        td data-label="Why" { (view.why) }
                        td data-label="Since" { (words::ago(now_ms.saturating_sub(view.age_s.saturating_mul(1_000)), now_ms)) }
                        td data-label="Until" { (until(view, now_ms)) }
                        td data-label="By" { (view.by) }
                        td .actions { @if visitor.may(Role::Operate) {
                            @let fields = [("fleet", fleet), ("address", &*view.address), ("back", &*back)];
                            (button(visitor, "/admin/ui/list/disallow", &fields, ("", "Allow no longer")))
                        } }
                    } } }
                }
            }
        }
    }
}

fn until(view: &View, now_ms: u64) -> Markup {
    html! {
        @match view.ttl_s {
            Some(ttl_s) => (words::ago(now_ms.saturating_add(ttl_s.saturating_mul(1_000)).saturating_add(1_000), now_ms)),
            None => "without end",
        }
    }
}

/// Of other views: what allows a network, in a line.
pub(super) fn line(view: &View, now_ms: u64) -> Markup {
    html! { p .calm { strong { (view.address) } " is allowed: " (view.why) ", by " (view.by) ", until: " (until(view, now_ms)) } }
}

/// A form that allows an address or a network, for who may do it.
pub(super) fn form(visitor: &Visitor, fleet: &str, (address, reason): (&str, &str), back: &str) -> Markup {
    if !visitor.may(Role::Operate) {
        return html! {};
    }
    html! {
        details .card {
            summary { "Allow an address or a network" }
            form .stacked method="post" action="/admin/ui/list/allow" {
                (token(visitor))
                input type="hidden" name="fleet" value=(fleet);
                input type="hidden" name="back" value=(back);
                label { "Address or network" input type="text" name="address" value=(address) required placeholder="203.0.113.9 or 203.0.113.0/24"; }
                label { "For" select name="ttl_s" {
                    @for (seconds, said) in LENGTHS { option value=(seconds) selected[seconds == "2592000"] { (said) } }
                } }
                label { "Reason" input type="text" name="reason" value=(reason) required maxlength="120" placeholder="the office"; }
                button type="submit" { "Allow" }
            }
        }
    }
}

pub(super) async fn allow(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let network = blacklist::network(sent.text("address"))?;
    let fleet = blacklist::known_fleet(&visitor.asker, &state, sent.given("fleet").map(str::to_owned))?;
    let ttl_s = sent.seconds("ttl_s")?;
    let asked = (ttl_s, sent.text("reason").to_owned());
    allowlist::allowed(&visitor.asker, &state, (fleet.clone(), network), asked).await?;
    Ok(see(sign_in::next(sent.text("back")).unwrap_or(&link(PATH, &[("fleet", &fleet)]))).finish())
}

pub(super) async fn disallow(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let network = blacklist::network(sent.text("address"))?;
    let fleet = blacklist::known_fleet(&visitor.asker, &state, sent.given("fleet").map(str::to_owned))?;
    allowlist::disallowed(&visitor.asker, &state, fleet, network).await?;
    Ok(see(sign_in::next(sent.text("back")).unwrap_or(PATH)).finish())
}
