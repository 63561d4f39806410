//! Bans that wait for a second witness: an operator may be it, or dismiss them.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use maud::{Markup, html};

use super::{
    guard::{Answer, Sent, Trouble, Visitor},
    layout::{button, frame, link},
    list::{self, known_fleets, usual_fleet},
    see, words,
};
use crate::{
    http::{
        admin::{
            blacklist,
            proposals::{self, View},
        },
        reply::Refusal,
        state::State,
    },
    store::Role,
};

/// Where they are.
const PATH: &str = "/admin/ui/proposals";
/// Proposals of a view.
const MOST: usize = 200;

pub(super) async fn all(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let known = known_fleets(&visitor, &state);
    let fleet = asked.given("fleet").map(str::to_owned);
    let fleet = fleet.or_else(|| usual_fleet(&known).cloned());
    let fleet = blacklist::known_fleet(&visitor.asker, &state, fleet)?;
    let of = fleet.clone();
    let found = state.owner.ask(move |node, now| {
        let mut all: Vec<View> = proposals::waiting(node, &of, now).collect();
        all.sort_by_key(|view| view.age_s);
        let count = all.len();
        all.truncate(MOST);
        Ok((all, count))
    });
    let ((shown, count), now_ms) = (found.await?, state.now().unix_ms);
    let content = html! {
        form .filters method="get" {
            (list::fleets(&known, &fleet))
            button type="submit" { "Show" }
        }
        p .hint { "Bans of one application whose evidence is " code { "repeated" } " wait here for another application, or for an operator. "
            "Until then the client is refused where it was caught, and nowhere else." }
        div data-live="proposals" {
            p .hint { (words::several(count as u64, "proposal", "proposals")) @if count > MOST { ", the newest " (MOST) " are shown" } }
            (table(&visitor, &fleet, &shown, now_ms))
        }
    };
    Ok(frame(&visitor, "Proposals", &content))
}

fn table(visitor: &Visitor, fleet: &str, shown: &[View], now_ms: u64) -> Markup {
    html! {
        @if shown.is_empty() { p .empty { "Nothing is proposed." } }
        @else {
            table {
                thead { tr { th { "Client" } th { "Why" } th { "By" } th { "Since" } th { "Until" } th { span .away { "Actions" } } } }
                tbody { @for view in shown { tr {
                    td data-label="Client" { a href=(link("/admin/ui/refusals", &[("client", &view.address)])) { (view.address) } }
                    td data-label="Why" { (words::check(&view.why)) }
                    td data-label="By" { a href=(link("/admin/ui/agent", &[("profile", &view.profile), ("id", &view.agent)])) { (view.profile) } }
                    td data-label="Since" { (words::ago(now_ms.saturating_sub(view.age_s.saturating_mul(1_000)), now_ms)) }
                    td data-label="Until" { (words::ago(now_ms.saturating_add(view.ttl_s.saturating_mul(1_000)).saturating_add(1_001), now_ms)) }
                    td .actions { @if visitor.may(Role::Operate) {
                        @let fields = |what| [("fleet", fleet), ("address", &view.address), ("do", what)];
                        (button(visitor, PATH, &fields("ban"), ("danger", "Ban for all"))) " "
                        (button(visitor, PATH, &fields("dismiss"), ("", "Dismiss")))
                    } }
                } } }
            }
        }
    }
}

pub(super) async fn decide(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let network = blacklist::network(sent.text("address"))?;
    let fleet = blacklist::known_fleet(&visitor.asker, &state, sent.given("fleet").map(str::to_owned))?;
    let back = link(PATH, &[("fleet", &fleet)]);
    match sent.text("do") {
        "ban" => drop(proposals::accepted(&visitor.asker, &state, network, fleet).await?),
        "dismiss" => drop(proposals::dismissed(&visitor.asker, &state, network, fleet).await?),
        _ => return Err(Refusal::bad_request("allowed is ban or dismiss").into()),
    }
    Ok(see(&back).finish())
}
