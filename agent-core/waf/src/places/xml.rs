//! XML: the document as a whole, its texts and the values of its attributes.

use super::{Field, Part, Place, Role, Visit, charset};
use crate::normal::Spelling;

/// Visits a document, as a whole in this role.
pub(super) fn body(whole: Role, body: &[u8], visit: &mut Visit<'_>) {
    let utf7 = utf7(body);
    let body = utf7.as_deref().unwrap_or(body);
    if !visit(&Field::whole(Part::Body, whole, body, Spelling::Literal)) {
        return;
    }
    let mut rest = body;
    let mut name: &[u8] = &[];
    loop {
        let at = rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
        let (text, tag) = rest.split_at(at);
        if !show(name, text.trim_ascii(), visit) {
            return;
        }
        let Some(tag) = tag.get(1..) else {
            return;
        };
        rest = match section(tag) {
            Some((section, after)) => {
                if !show(name, section, visit) {
                    return;
                }
                after
            }
            None => {
                let (inside, after) = split_tag(tag);
                name = tag_name(inside);
                if !inside.starts_with(b"!") && !inside.starts_with(b"?") && !attributes(inside, visit) {
                    return;
                }
                after
            }
        };
    }
}

fn show(name: &[u8], value: &[u8], visit: &mut Visit<'_>) -> bool {
    value.is_empty()
        || visit(&Field {
            place: Place {
                part: Part::Body,
                name: str::from_utf8(name).unwrap_or_default(),
            },
            role: Role::Value,
            value,
            spelling: Spelling::Literal,
        })
}

/// What stands in a CDATA section, and what follows it.
fn section(tag: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = tag.strip_prefix(b"![CDATA[")?;
    let end = inside
        .windows(3)
        .position(|bytes| bytes == b"]]>")
        .unwrap_or(inside.len());
    Some((inside.get(..end)?, inside.get(end + 3..).unwrap_or_default()))
}

/// A tag up to its `>`, and what follows it. Quotes may hold a `>`; where one is not closed, the tag ends at the first `>` or with the
/// text.
fn split_tag(tag: &[u8]) -> (&[u8], &[u8]) {
    let mut quote = None;
    let end = tag.iter().position(|byte| {
        match (quote, *byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, b'>') => return true,
            _ => {}
        }
        false
    });
    let end = end.unwrap_or(tag.len());
    (
        tag.get(..end).unwrap_or_default(),
        tag.get(end + 1..).unwrap_or_default(),
    )
}

fn tag_name(tag: &[u8]) -> &[u8] {
    let tag = tag.strip_prefix(b"/").unwrap_or(tag);
    tag.split(|byte| byte.is_ascii_whitespace() || *byte == b'/')
        .next()
        .unwrap_or_default()
}

/// Visits the values between quotes in a tag.
fn attributes(tag: &[u8], visit: &mut Visit<'_>) -> bool {
    let mut rest = tag;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\'')) {
        let quote = rest.get(at).copied();
        let before = rest.get(..at).unwrap_or_default().trim_ascii_end();
        let name = before
            .strip_suffix(b"=")
            .unwrap_or_default()
            .rsplit(u8::is_ascii_whitespace)
            .next()
            .unwrap_or_default();
        let after = rest.get(at + 1..).unwrap_or_default();
        let end = after
            .iter()
            .position(|byte| Some(*byte) == quote)
            .unwrap_or(after.len());
        if !name.starts_with(b"xmlns") && !show(name, after.get(..end).unwrap_or_default(), visit) {
            return false;
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    true
}

/// The document in ASCII, where it says that it is written in UTF-7 (RFC 2152), which no scanner for `<` reads.
fn utf7(body: &[u8]) -> Option<Vec<u8>> {
    let head = body.get(..body.len().min(100))?.to_ascii_lowercase();
    head.windows(5).position(|bytes| bytes == b"utf-7")?;
    Some(charset::utf7(body))
}
