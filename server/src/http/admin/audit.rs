//! Who changed what, in the admin API.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};

use super::{Asker, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    store::AuditEntry,
};

/// Entries of an answer where the question names no limit.
const PAGE: usize = 100;
/// The most entries of an answer.
const LARGEST_PAGE: usize = 1_000;

pub(super) async fn newest(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        limit: Option<usize>,
        /// Only entries with a lower number: the `next` of the page before.
        before: Option<u64>,
        action: Option<String>,
    }
    #[derive(Serialize)]
    struct Page {
        entries: Vec<AuditEntry>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
    let Asked { limit, before, action } = query(&request)?;
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let is_shown = move |entry: &&AuditEntry| {
        let is_theirs = match &entry.note.fleet {
            Some(fleet) => asker.operator.sees(fleet),
            None => asker.operator.sees_all(),
        };
        is_theirs
            && before.is_none_or(|before| entry.number < before)
            && action.as_ref().is_none_or(|action| *action == entry.note.action)
    };
    let entries = state.owner.ask(move |node, _| {
        let shown = node.store.audit().filter(is_shown);
        Ok(shown.take(limit).cloned().collect::<Vec<AuditEntry>>())
    });
    let entries = entries.await?;
    let next = entries
        .last()
        .filter(|_| entries.len() == limit)
        .map(|entry| entry.number);
    reply::ok(Page { entries, next })
}
