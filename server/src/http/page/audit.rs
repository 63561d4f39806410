//! Who changed what.

use actix_web::{HttpRequest, web::Data};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    guard::{Answer, Sent, Visitor},
    layout::{frame, link, nothing},
    words,
};
use crate::{http::state::State, store::AuditEntry};

/// Changes of a view.
const PAGE: usize = 100;

/// What can be done, to be filtered by.
const ACTIONS: [&str; 9] = [
    "ban",
    "unban",
    "profile",
    "profile.file",
    "key.create",
    "key.rotate",
    "key.revoke",
    "token.create",
    "token.revoke",
];

pub(super) async fn newest(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let (operator, action) = (visitor.asker.operator.clone(), asked.text("action").to_owned());
    let before: Option<u64> = asked.text("before").parse().ok();
    let is_shown = move |entry: &&AuditEntry| {
        let is_theirs = match &entry.note.fleet {
            Some(fleet) => operator.sees(fleet),
            None => operator.sees_all(),
        };
        is_theirs
            && before.is_none_or(|before| entry.number < before)
            && (action.is_empty() || action == entry.note.action)
    };
    let entries = state.owner.ask(move |node, _| {
        let shown = node.store.audit().filter(is_shown);
        Ok(shown.take(PAGE).cloned().collect::<Vec<AuditEntry>>())
    });
    let (entries, now_ms) = (entries.await?, state.now().unix_ms);
    let next = entries
        .last()
        .filter(|_| entries.len() == PAGE)
        .map(|entry| entry.number.to_string());
    let content = html! {
        form .filters method="get" {
            label { "What " select name="action" {
                option value="" { "All" }
                @for action in ACTIONS { option selected[asked.text("action") == action] { (action) } }
            } }
            button type="submit" { "Filter" }
        }
        div data-live="audit" {
            @if entries.is_empty() { p .empty { "Nothing was changed." } }
            @else {
                table {
                    thead { tr { th { "When" } th { "Who" } th { "What" } th { "Of what" } th { "Before" } th { "After" } } }
                    tbody { @for entry in &entries { (row(entry, now_ms)) } }
                }
            }
            @if let Some(next) = next {
                p .more { a href=(link("/admin/ui/audit", &[("before", &next), ("action", asked.text("action"))])) { "Earlier changes" } }
            }
        }
    };
    Ok(frame(&visitor, "Audit", &content))
}

fn row(entry: &AuditEntry, now_ms: u64) -> Markup {
    let note = &entry.note;
    html! {
        tr {
            td data-label="When" { (words::ago(entry.at_ms, now_ms)) }
            td data-label="Who" { (note.who) span .sub {
                @if !note.tail.is_empty() { "…" (note.tail) " " } @if let Some(from) = note.from { "from " (from.to_string()) }
            } }
            td data-label="What" { (note.action) }
            td data-label="Of what" { (note.target) @if let Some(fleet) = &note.fleet { span .sub { (fleet) } } }
            td data-label="Before" { (value(&note.old)) }
            td data-label="After" { (value(&note.new)) }
        }
    }
}

fn value(value: &Value) -> Markup {
    html! { @if value.is_null() { (nothing()) } @else { code .value { (value.to_string()) } } }
}
