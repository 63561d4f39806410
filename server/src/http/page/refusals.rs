//! Refused requests that agents have told of, the newest first.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, Responder as _, web::Data};
use maud::{Markup, html};

use super::{
    guard::{Sent, Trouble, Visitor},
    layout::{frame, nothing},
    see, words,
};
use crate::{
    http::{
        admin::{blacklist::network, refusals::Wanted},
        state::State,
    },
    store::RefusalView,
};

/// Where they are.
const PATH: &str = "/admin/ui/refusals";
/// Refusals of a view.
const MOST: usize = 100;

pub(super) async fn newest(
    visitor: Visitor,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Trouble> {
    let asked = Sent::asked(&request);
    if let Some(id) = asked.given("id") {
        let plain: String = id.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        return Ok(see(&format!("{PATH}/{plain}")).finish());
    }
    let given = |field| asked.given(field).map(str::to_owned);
    let wanted = Wanted {
        profile: given("profile"),
        check: given("check"),
        rule: given("rule"),
        route: given("route"),
        client: asked.given("client").map(network).transpose()?,
    };
    let operator = visitor.asker.operator.clone();
    let found = state.owner.ask(move |node, _| {
        let seen: Vec<&RefusalView> = node
            .store
            .refusals()
            .filter(|refusal| operator.sees(&refusal.fleet))
            .collect();
        let profiles: BTreeSet<&str> = seen.iter().map(|refusal| &*refusal.profile).collect();
        let checks: BTreeSet<&str> = seen.iter().map(|refusal| &*refusal.why).collect();
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let (profiles, checks) = (owned(profiles), owned(checks));
        let found = seen
            .into_iter()
            .filter(|refusal| wanted.is(refusal))
            .take(MOST)
            .cloned();
        Ok((found.collect::<Vec<_>>(), profiles, checks))
    });
    let (found, profiles, checks) = found.await?;
    let select = |name: &str, known: &BTreeSet<String>, shown: fn(&str) -> String| {
        html! {
            select name=(name) {
                option value="" { "All" }
                @for known in known { option value=(known) selected[asked.text(name) == known] { (shown(known)) } }
            }
        }
    };
    let content = html! {
        form .filters method="get" role="search" {
            label { "Id shown to the client " input type="search" name="id" inputmode="text" pattern="[0-9a-fA-F]{16}" placeholder="16 digits" size="18"; }
            label { "Application " (select("profile", &profiles, str::to_owned)) }
            label { "Check " (select("check", &checks, words::check)) }
            label { "Rule " input type="search" name="rule" value=(asked.text("rule")) placeholder="sqli/" size="14"; }
            label { "Route " input type="search" name="route" value=(asked.text("route")) placeholder="/search" size="14"; }
            label { "Client " input type="search" name="client" value=(asked.text("client")) placeholder="203.0.113.0/24" size="16"; }
            button type="submit" { "Find" }
        }
        div data-live="refusals" { (table(&found, state.now().unix_ms)) }
        p .hint { "Agents tell of what they refuse where their profile shares (" code { "BLACKLIST_SHARE" } "). The newest 20,000 are kept." }
    };
    Ok(frame(&visitor, "Refusals", &content).respond_to(&request))
}

/// Refusals as a table.
pub(super) fn table(refusals: &[RefusalView], now_ms: u64) -> Markup {
    html! {
        @if refusals.is_empty() { p .empty { "Nothing was refused." } }
        @else {
            table {
                thead { tr { th { "When" } th { "Check" } th { "Client" } th { "Application" } th { "Request" } th { "Where in it" } th { "Then" } } }
                tbody { @for refusal in refusals { tr {
                    td data-label="When" { a href={ (PATH) "/" (refusal.id) } { (words::ago(refusal.at_ms, now_ms)) } }
                    td data-label="Check" { (words::check(&refusal.why)) span .sub { (refusal.rule) } }
                    td data-label="Client" { (refusal.address) }
                    td data-label="Application" { (refusal.profile) }
                    td data-label="Request" { (request(refusal)) }
                    td data-label="Where in it" { code { (refusal.place) } }
                    td data-label="Then" {
                        @if refusal.until_ms.is_some() { span .badge.bad { "banned" } } @else { span .badge { "refused" } }
                    }
                } } }
            }
        }
    }
}

/// The request, as far as it is known.
pub(super) fn request(refusal: &RefusalView) -> Markup {
    html! {
        @match (&refusal.method, &refusal.route) {
            (None, None) => (nothing()),
            (method, route) => code { (method.as_deref().unwrap_or_default()) " " (route.as_deref().unwrap_or("no route")) },
        }
    }
}
