//! Lists and tables between semicolons, whose columns may be called as commands are.

use super::honest::{OF_ADDRESSES, UNMISTAKABLE, is_named};
use crate::{
    detect::{Value, value::OF_TABLES},
    places::{Format, Part},
};

/// Whether a value is a list between semicolons, of which one entry is named as a command is:
/// `name;id;host`. Three entries, or two where the field is for lists, each a word; or a table of
/// them, as spreadsheets of half of Europe are exported.
pub(super) fn is_list(value: &Value<'_>) -> bool {
    let mut lines = value.text.trim().lines();
    let first = lines.next().unwrap_or_default();
    // the headers that a signed URL of a store names (AWS Signature Version 4)
    let first = first
        .split_once("SignedHeaders=")
        .map_or(first, |(_, list)| list.split('&').next().unwrap_or_default());
    let has_rows = value.text.trim().contains('\n');
    let is_sheet = has_rows && is_sheet(value);
    let is_table = has_rows && (is_sheet || value.context.format == Some(Format::Text));
    let is_for_lists = is_named(value, OF_LISTS);
    // spreadsheets end a line with an empty column
    let first = if is_table || is_for_lists {
        first.trim_end_matches(';')
    } else {
        first
    };
    let entries = first.split(';').count();
    // where an address is wanted, a list is one of hosts
    if is_named(value, OF_ADDRESSES) && first.split(';').any(|entry| COMMANDS.contains(&entry.trim())) {
        return false;
    }
    let is_word = |entry: &str| {
        let entry = entry.trim().trim_matches('"');
        entry.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && entry
                .chars()
                .all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | ' '))
    };
    entries >= if is_table || is_for_lists { 2 } else { 3 }
        && first.split(';').all(is_word)
        && ((is_sheet && value.place.is_named(OF_SHEETS))
            || is_typed_as_a_table(value)
            || !first.split(';').any(|entry| UNMISTAKABLE.contains(&entry.trim())))
        && lines.all(|line| line.trim().is_empty() || line.trim_end_matches(';').split(';').count() <= entries)
}

/// Whether a body says by its type that it is a table (RFC 4180).
fn is_typed_as_a_table(value: &Value<'_>) -> bool {
    let essence = value.context.content_type.split(';').next().unwrap_or_default().trim();
    let is = |known: &&str| essence.eq_ignore_ascii_case(known);
    value.context.format == Some(Format::Text)
        && ["text/csv", "application/csv", "text/tab-separated-values"]
            .iter()
            .any(is)
}

/// Names of fields that hold a spreadsheet and nothing else.
const OF_SHEETS: &[&str] = &["csv", "tsv", "csvdata", "csvtext", "sheet", "spreadsheet"];

/// Commands that may be names of columns, and are none of hosts.
const COMMANDS: &[&str] = &["id", "env", "ps", "sh", "bash", "w", "who", "df", "du", "arp"];

/// Whether a value is a table, of which no cell is a command with an argument: what follows a
/// line's end is the next row.
pub(super) fn is_table(value: &Value<'_>) -> bool {
    const OF_HOSTS: &[&str] = &[
        "sleep",
        "usleep",
        "ping",
        "nc",
        "ncat",
        "kill",
        "timeout",
        "telnet",
        "nslookup",
        "dig",
        "host",
        "traceroute",
        "tracert",
        "ftp",
        "ssh",
        "scp",
        "curl",
        "wget",
        "lynx",
        "ip",
    ];
    let is_call = |cell: &str| {
        let mut words = cell.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_host = OF_HOSTS.iter().any(|known| first.eq_ignore_ascii_case(known));
        let is_word = first.starts_with(|sign: char| sign.is_ascii_lowercase());
        second.starts_with(['-', '\'', '"'])
            || is_word && second.contains(['/', '.', '\\', '~', '*', '?', '%', '=', ':'])
            || is_host && !second.is_empty()
    };
    let is_plain = |cell: &str| {
        let is_path = cell.contains("bin/") || cell.contains('\\');
        !is_call(cell) && !is_path
    };
    is_sheet(value) && is_list(value) && value.text.split([';', '\n', '\r']).all(is_plain)
}

/// Whether a value has the shape of a spreadsheet's export, where one may stand: as a body, or in a
/// member for tables. The same number of semicolons in each line, of which there are two at least,
/// and nothing else of a shell's.
fn is_sheet(value: &Value<'_>) -> bool {
    let is_for_tables = value.context.format == Some(Format::Text) || value.place.is_named(OF_TABLES);
    let mut lines = value.text.lines().map(str::trim).filter(|line| !line.is_empty());
    let cells = |line: &str| line.trim_end_matches(';').split(';').count();
    let first = lines.next().map(cells).unwrap_or_default();
    let mut count = 1;
    let is_even = lines
        .inspect(|_| count += 1)
        .all(|line| (1..=first).contains(&cells(line)));
    value.place.part == Part::Body
        && is_for_tables
        && first >= 2
        && is_even
        && count >= 2
        && !value.text.contains(['|', '&', '`', '$', '<', '>', '{', '}'])
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
