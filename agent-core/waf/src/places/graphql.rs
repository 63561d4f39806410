//! GraphQL documents (GraphQL specification, October 2021): the document as a whole, and the strings that stand in it.

use super::{Field, Part, Place, Role, Visit};
use crate::normal::Spelling;

/// Whether a text begins as a document does.
pub(super) fn is_document(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [&b"{"[..], b"query", b"mutation", b"subscription", b"fragment"]
        .iter()
        .any(|start| text.starts_with(start))
        && text.contains(&b'{')
}

pub(super) fn body(body: &[u8], visit: &mut Visit<'_>) {
    let place = Place {
        part: Part::Body,
        name: "",
    };
    document(place, body, visit);
}

/// Visits a document and its strings. What stands between them is names and punctuation, which GraphQL's own parser checks.
pub(super) fn document(place: Place<'_>, text: &[u8], visit: &mut Visit<'_>) -> bool {
    let field = Field {
        place,
        role: Role::Document,
        value: text,
        spelling: Spelling::Literal,
    };
    if !visit(&field) {
        return false;
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        let after = rest.get(at + 1..).unwrap_or_default();
        let mut is_escaped = false;
        let end = after.iter().position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        });
        let value = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        let string = Field {
            role: Role::Value,
            value,
            ..field
        };
        if !value.is_empty() && !visit(&string) {
            return false;
        }
        rest = after.get(value.len() + 1..).unwrap_or_default();
    }
    true
}
