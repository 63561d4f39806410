//! What looks like a command of a shell and is none: lists, quoted code, passwords, settings. Only asked where a rule matches.

use std::borrow::Cow;

use crate::model::{
    detect::{Rule, Value},
    places::{Format, Part, Role},
};

/// Whether a rule that matches says nothing here, by what is known of the value.
pub(super) fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    match rule.name {
        "separator-word" => is_list(value) || value.is_password(),
        "glob" | "expansion" | "variables" | "here-string" | "redirect" | "computed-word" | "brace"
        | "piped-to-shell" => value.is_password(),
        // build tools, loggers and compose files fill them in; what a logger obeys without being asked is `jndi`
        "lookup-probe" => value.place.part == Part::Body && value.role == Role::Value,
        "start-argument" | "folder" => is_scheduled(value),
        _ => false,
    }
}

/// Names of fields that hold the names of others.
const OF_LISTS: &[&str] = &[
    "columns",
    "cols",
    "fields",
    "headers",
    "header",
    "keys",
    "tags",
    "labels",
    "properties",
    "props",
    "attributes",
    "sort",
    "order",
    "orderby",
    "select",
];

/// Whether a value is a list between semicolons, of which one entry is named as a command is: `name;id;host`. Three entries, or two
/// where the field is for lists, each a word; or a table of them, as spreadsheets of half of Europe are exported.
fn is_list(value: &Value<'_>) -> bool {
    let mut lines = value.text.trim().lines();
    let first = lines.next().unwrap_or_default();
    // the headers that a signed URL of a store names (AWS Signature Version 4)
    let first = first
        .split_once("SignedHeaders=")
        .map_or(first, |(_, list)| list.split('&').next().unwrap_or_default());
    let entries = first.split(';').count();
    let is_table = value.text.trim().contains('\n') && value.context.format == Some(Format::Text);
    let last = value.place.name.rsplit(['.', '[']).next().unwrap_or_default();
    let is_for_lists = OF_LISTS
        .iter()
        .any(|known| last.trim_end_matches(']').eq_ignore_ascii_case(known));
    let is_word = |entry: &str| {
        let entry = entry.trim().trim_matches('"');
        entry.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && entry
                .chars()
                .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | ' '))
    };
    entries >= if is_table || is_for_lists { 2 } else { 3 }
        && first.split(';').all(is_word)
        && first
            .split(';')
            .next()
            .is_some_and(|entry| entry.trim().chars().count() > 1)
        && lines.all(|line| line.trim().is_empty() || line.split(';').count() == entries)
}

/// The fewest words around quoted code that make a message of it.
const FEWEST_WORDS: usize = 3;

/// The value without what it quotes as code, where it is a message in a body: chats and trackers mark code with backticks. Without a
/// message around them backticks are a shell's.
pub(super) fn without_quoted_code<'v>(value: &Value<'v>) -> Option<Cow<'v, str>> {
    if value.place.part != Part::Body || value.text.bytes().filter(|byte| *byte == b'`').count() < 2 {
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

/// Whether a value is what a scheduler runs, in its field: an interpreter by its path, and a program by its own. Nothing in it is for
/// a shell, and it reads nothing of the system's.
fn is_scheduled(value: &Value<'_>) -> bool {
    const FIELDS: &[&str] = &["command", "commandline", "cron", "job", "entrypoint", "execstart"];
    const INTERPRETERS: &[&str] = &["php", "python", "perl", "ruby", "node", "java"];
    let last = value.place.name.rsplit(['.', '[', '_', '-']).next().unwrap_or_default();
    let is_for_it = FIELDS
        .iter()
        .any(|known| last.trim_end_matches(']').eq_ignore_ascii_case(known));
    let mut words = value.text.split_whitespace();
    let program = words.next().unwrap_or_default();
    let name = program
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.');
    let script = words.next().unwrap_or_default();
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'/' | b'.' | b'-' | b'_' | b':' | b'=' | b',')
    };
    value.place.part == Part::Body
        && is_for_it
        && program.starts_with('/')
        && INTERPRETERS.contains(&name)
        && script.starts_with('/')
        && !["/etc", "/proc", "/dev", "/tmp", "/root", "/bin"]
            .iter()
            .any(|folder| script.starts_with(folder))
        && !value.text.contains("..")
        && value.text.bytes().all(is_plain)
}
