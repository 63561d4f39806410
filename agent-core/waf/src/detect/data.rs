//! Files that a value holds itself, as a `data:` URL in Base64 (RFC 2397): a picture is shown, and
//! a document is parsed or run by what opens it.

use memchr::memchr_iter;

use super::Value;
use crate::{
    normal::bytes_of_base64,
    places::{NameHints, Part},
};

/// The longest code that is looked into, in digits: what a parameter holds, and of a file in a body
/// its beginning.
const LONGEST: usize = 16 << 10;

/// What begins a document of a language that whoever opens it runs, or that fetches something as it
/// is parsed; in lower case.
#[rustfmt::skip]
const PROGRAMS: &[&[u8]] = &[b"<?php", b"<!doctype", b"<!entity", b"<?xml-stylesheet", b"<xsl:", b"<xi:", b"<script"];

/// Of those that are short, what only counts in a text: pictures have any three bytes somewhere.
const IN_TEXTS: &[&[u8]] = &[b"<?=", b"<? ", b"<%@", b"<%=", b"<%e"];

/// Types of documents that are parsed or run. A browser takes what has no type for text, and
/// whatever opens a file takes it for what it expects.
const PARSED: &[&str] = &["html", "xml", "xsl", "php", "javascript", "ecmascript"];

/// Whether one of the files in a value is a program, or a document where an application opens what
/// the value names.
pub(super) fn is_opened(value: &Value<'_>) -> bool {
    let text = value.text;
    let mut rest = text;
    let mut left = LONGEST;
    while let Some((head, code)) = next_file(rest) {
        let end = code.bytes().position(|byte| !is_of_base64(byte)).unwrap_or(code.len());
        let looked = end.min(left);
        left -= looked;
        if !value.spend(looked as u64) {
            return false;
        }
        if is_document(value, head) || code.get(..looked).is_some_and(holds_program) {
            return true;
        }
        rest = code.get(end..).unwrap_or_default();
    }
    false
}

/// What stands between the next `data:` and the code, and all from the code on.
fn next_file(text: &str) -> Option<(&str, &str)> {
    const SCHEME: &[u8] = b"data:";
    let comma = text
        .match_indices(',')
        .map(|(at, _)| at)
        .find(|at| text.get(..*at).is_some_and(|before| ends_with(before, "base64")))?;
    let (before, code) = text.split_at_checked(comma)?;
    // a type and its parameters are short
    let from = before.ceil_char_boundary(before.len().saturating_sub(128));
    let near = before.get(from..)?;
    let scheme = near
        .as_bytes()
        .windows(SCHEME.len())
        .rposition(|part| part.eq_ignore_ascii_case(SCHEME));
    let head = scheme
        .and_then(|at| near.get(at + SCHEME.len()..))
        .unwrap_or("text/plain");
    Some((head, code.get(1..)?))
}

/// Whether a file's type says that it is no picture, in a parameter that names a file to open.
fn is_document(value: &Value<'_>, head: &str) -> bool {
    const OPENED: NameHints = NameHints::FILE.and(NameHints::URL).and(NameHints::TEMPLATE);
    let kind = head.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_drawing = kind == "image/svg+xml";
    let is_parsed = kind.is_empty() || !is_drawing && PARSED.iter().any(|part| kind.contains(part));
    let hints = || value.place.hints();
    value.place.part == Part::Query
        && (is_parsed && hints().any(OPENED) || is_drawing && hints().any(NameHints::FILE.and(NameHints::TEMPLATE)))
}

/// Whether a code stands for a program or a document that fetches.
fn holds_program(code: &str) -> bool {
    let mut bytes = bytes_of_base64(code);
    bytes.make_ascii_lowercase();
    let is_text = || {
        let is_shown = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
        str::from_utf8(&bytes).is_ok() && bytes.iter().all(is_shown)
    };
    let has_any = |tags: &[&[u8]]| {
        memchr_iter(b'<', &bytes).any(|at| {
            let from = bytes.get(at..).unwrap_or_default();
            tags.iter().any(|tag| from.starts_with(tag))
        })
    };
    has_any(PROGRAMS) || has_any(IN_TEXTS) && is_text()
}

fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b' ' | b'\\')
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|last| last.eq_ignore_ascii_case(end))
}
