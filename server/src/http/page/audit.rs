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
const ACTIONS: [&str; 20] = [
    "ban",
    "unban",
    "list.complete",
    "proposal.ban",
    "proposal.dismiss",
    "profile",
    "profile.publish",
    "profile.share",
    "profile.promote",
    "profile.abandon",
    "profile.reset",
    "profile.rollback",
    "profile.file",
    "key.create",
    "key.rotate",
    "key.revoke",
    "credential.revoke",
    "credential.reset",
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The words that look like actions in the code that writes the audit.
    fn words_of(text: &str, found: &mut BTreeSet<String>) {
        const KINDS: [&str; 6] = ["list.", "proposal.", "profile.", "key.", "credential.", "token."];
        let above = text.split("#[cfg(test)]").next().unwrap();
        for quoted in above.split('"').skip(1).step_by(2) {
            let is_word = quoted.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.');
            if is_word && KINDS.iter().any(|kind| quoted.starts_with(kind)) {
                found.insert(quoted.to_owned());
            }
        }
    }

    #[test]
    fn every_action_can_be_filtered_by() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = BTreeSet::from(["ban", "unban", "profile"].map(str::to_owned));
        words_of(&fs::read_to_string(source.join("profiles/mod.rs")).unwrap(), &mut found);
        for entry in fs::read_dir(source.join("http/admin")).unwrap() {
            words_of(&fs::read_to_string(entry.unwrap().path()).unwrap(), &mut found);
        }
        let known: BTreeSet<String> = ACTIONS.map(str::to_owned).into();
        assert_eq!(known, found);
    }
}
