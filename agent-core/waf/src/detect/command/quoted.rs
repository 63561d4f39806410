//! Commands that are shown and not given: what is quoted as code, and files that are written as
//! text.

use std::borrow::Cow;

use super::Value;
use crate::places::{NameHints, Part};

/// The fewest words around quoted code that make a message of it.
pub(super) const FEWEST_WORDS: usize = 3;

/// The value without what it quotes as code, where it is a message in a body: chats and trackers
/// mark code with backticks. Without a message around them backticks are a shell's.
pub(super) fn without_quoted_code<'v>(value: &Value<'v>) -> Option<Cow<'v, str>> {
    // what is not read by people, a shell may put between its own quotes
    const READ: NameHints = NameHints::TEXT
        .and(NameHints::HTML)
        .and(NameHints::CODE)
        .and(NameHints::TEMPLATE)
        .and(NameHints::REPORT);
    const NAMES: &[&str] = &[
        "markdown",
        "md",
        "payload",
        "input",
        "output",
        "completion",
        "reasoning",
    ];
    let is_read = value.is_document
        || value.place.hints().any(READ)
        || value.place.is_search()
        || value.place.is_named(NAMES)
        || value.context.is_webhook();
    if let Some(rest) = without_elements_of_code(value) {
        return Some(Cow::Owned(rest));
    }
    if value.place.part != Part::Body || !is_read || value.text.bytes().filter(|byte| *byte == b'`').count() < 2 {
        return None;
    }
    let mut rest = String::with_capacity(value.text.len());
    let mut left = value.text;
    while let Some((before, after)) = left.split_once('`') {
        let opens =
            before.is_empty() && rest.is_empty() || before.ends_with([' ', '\n', '(', '[', '"', '>', '*', '_', ':']);
        let fence = after.trim_start_matches('`');
        let ticks = after.len() - fence.len() + 1;
        let closing = "`".repeat(ticks.min(3));
        let closed = fence.split_once(closing.as_str()).filter(|(_, next)| {
            next.is_empty()
                || next.starts_with(|next: char| {
                    !next.is_alphanumeric() && !matches!(next, '/' | '$' | '-' | ';' | '|' | '&')
                })
        });
        let (true, Some((_, next))) = (opens, closed) else {
            return None;
        };
        rest.push_str(before);
        rest.push(' ');
        left = next;
    }
    rest.push_str(left);
    let is_word = |word: &&str| word.chars().filter(|sign| sign.is_alphanumeric()).count() > 1;
    (rest.split_whitespace().filter(is_word).count() >= FEWEST_WORDS).then_some(Cow::Owned(rest))
}

/// Rich text without what it shows as code, where it has any: an element for code is closed, and
/// begins as code does and no injection.
fn without_elements_of_code(value: &Value<'_>) -> Option<String> {
    const RICH: NameHints = NameHints::HTML.and(NameHints::TEXT);
    const ELEMENTS: &[(&str, &str)] = &[("<pre", "</pre>"), ("<code", "</code>")];
    if value.place.part != Part::Body || !value.text.contains("</") || !value.place.hints().any(RICH) {
        return None;
    }
    let (mut plain, mut rest) = (String::new(), value.text);
    let mut has_block = false;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at_checked(at)?;
        let Some((start, end)) = ELEMENTS.iter().find(|(start, _)| from.starts_with(start)) else {
            let (tag, behind) = rest.split_at_checked(at + 1)?;
            plain.push_str(tag);
            rest = behind;
            continue;
        };
        let (attributes, content) = from.get(start.len()..)?.split_once('>')?;
        let (code, behind) = content.split_once(end)?;
        let first = code.trim_start_matches("<code>").trim_start().chars().next();
        let begins = first.is_none_or(|first| first.is_alphanumeric() || "#/.<-@_[".contains(first));
        if !(begins && (attributes.is_empty() || attributes.starts_with(' '))) {
            return None;
        }
        // a block of lines stands by itself, and a line within a text
        has_block |= *end == "</pre>" && code.trim().contains('\n');
        plain.push_str(before);
        plain.push_str("code");
        rest = behind;
    }
    plain.push_str(rest);
    let is_word = |word: &&str| word.chars().filter(|sign| sign.is_alphanumeric()).count() > 1;
    let words = plain
        .split(['<', '>', ' ', '\n'])
        .filter(|word| !word.contains(['/', '=']))
        .filter(is_word);
    let is_text = || words.take(FEWEST_WORDS_AROUND).count() == FEWEST_WORDS_AROUND;
    (plain != value.text && (has_block || is_text())).then_some(plain)
}

/// The fewest words, with the names of elements, around an element of code that make a text of it.
const FEWEST_WORDS_AROUND: usize = 4;

/// The value without the files that it holds as `data:` URLs in Base64 (RFC 2397), where it has
/// any: `;base64,/9j/` reads as a separator, a command and a path, and is how the URL of every JPEG
/// begins. What stands around them stays.
pub(super) fn without_files(value: &Value<'_>) -> Option<String> {
    const SCHEME: &str = "data:";
    // reads as a word and cannot be the beginning of another URL
    const LEFT: &str = "file";
    let mut rest = value.text;
    let mut plain: Option<String> = None;
    let mut begin = 0;
    while let Some((before, content)) = rest.get(begin..)?.split_once(SCHEME) {
        let Some(behind) = behind_file(content) else {
            begin += before.len() + SCHEME.len();
            continue;
        };
        let text = plain.get_or_insert_default();
        text.push_str(rest.get(..begin + before.len())?);
        text.push_str(LEFT);
        (rest, begin) = (behind, 0);
    }
    let mut plain = plain?;
    plain.push_str(rest);
    Some(plain)
}

/// What follows a file in Base64, which stands behind `data:`; `None` where none does.
fn behind_file(content: &str) -> Option<&str> {
    const BASE64: &str = "base64,";
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '+' | '-' | '_');
    // slashes are escaped in the JSON of some languages
    let slash = |text: &'_ str| text.strip_prefix('\\').unwrap_or(text).strip_prefix('/').map(str::len);
    let kind = content.trim_start_matches(is_name);
    let kind = match slash(kind) {
        Some(left) => kind.get(kind.len() - left..)?.trim_start_matches(is_name),
        None => content,
    };
    let mut parameters = kind.strip_prefix(';')?;
    while !parameters.starts_with(BASE64) {
        let value = parameters.trim_start_matches(is_name).strip_prefix('=')?;
        let behind = match value.strip_prefix('"') {
            Some(quoted) => quoted.trim_start_matches(is_name).strip_prefix('"')?,
            None => value.trim_start_matches(is_name),
        };
        parameters = behind.strip_prefix(';')?.trim_start_matches(' ');
    }
    let mut code = parameters.strip_prefix(BASE64)?;
    let is_of_base64 = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '+' | '/' | '-' | '_' | '=');
    loop {
        code = code.trim_start_matches(is_of_base64);
        match code.strip_prefix('\\') {
            Some(escaped) if escaped.starts_with('/') => code = escaped,
            _ => return Some(code),
        }
    }
}
