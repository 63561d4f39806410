//! Whole statements of SQL: what reporting tools, consoles and telemetry send as content.
//!
//! An injection completes a statement that the application began, so that it cannot begin with one:
//! `select` in the place of a value is a syntax error unless a bracket or a separator stands before
//! it. Whether a text is a statement is told by its grammar's outline alone: the verb, the clause
//! that the verb wants, literals and brackets that are closed, and nothing behind the end.

use memchr::memchr3_iter;

use super::Value;
use crate::places::{NameHints, Part};

/// Verbs, each with the words of which one must follow, and how soon: within so many words.
#[rustfmt::skip]
const VERBS: [(&str, &[&str], usize); 11] = [
    ("select", &["from"], usize::MAX),
    ("with", &["as"], 12),
    ("insert", &["into", "ignore", "overwrite"], 1),
    ("update", &["set"], 12),
    ("delete", &["from"], 4),
    ("merge", &["using"], 12),
    ("explain", &["select", "update", "delete", "insert", "with"], 8),
    ("create", &["table", "index", "view", "schema", "type", "function"], 6),
    ("alter", &["table", "column", "view", "index"], 2),
    ("show", &["tables", "columns", "databases", "indexes", "create", "grants", "status", "variables"], 3),
    ("replace", &["into"], 2),
];

/// The fewest words of a statement: shorter ones are as well fragments.
const FEWEST_WORDS: usize = 4;

/// Whether a text is one whole statement.
pub(super) fn is_statement(text: &str) -> bool {
    let text = text.trim().trim_end_matches(';').trim_end();
    let mut words = text
        .split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default();
    let known = VERBS.iter().find(|(known, ..)| verb.eq_ignore_ascii_case(known));
    if known.is_none() || !text.starts_with(verb) || words.clone().take(FEWEST_WORDS).count() + 1 < FEWEST_WORDS {
        return false;
    }
    let has_clause = |(_, clauses, within): &(&str, &[&str], usize)| {
        let mut first = words.by_ref().take(*within);
        first.any(|word| clauses.iter().any(|clause| word.eq_ignore_ascii_case(clause)))
    };
    known.is_some_and(has_clause) && is_closed(text) && strings_stand_in_it(text)
}

/// Words that a string may follow in a statement, and those that a name in quotes may follow too.
#[rustfmt::skip]
const BEFORE_A_STRING: &[&str] = &[
    "and", "as", "between", "binary", "both", "by", "case", "collate", "comment", "date", "default", "distinct", "else", "escape", "except", "format", "glob", "having", "ilike", "in", "interval",
    "is", "leading", "like", "limit", "location", "match", "not", "on", "or", "password", "regexp", "returning", "rlike", "select", "separator", "set", "similar", "then", "time", "timestamp", "timestamptz",
    "to", "trailing", "values", "when", "where", "xor", "zone", "div", "mod",
];
#[rustfmt::skip]
const BEFORE_A_NAME: &[&str] = &["from", "join", "into", "table", "update", "use", "using", "exists", "index", "view", "column", "key", "references", "schema", "over", "end", "with"];

/// Whether each string and each name in quotes of a statement begins where one may: behind a sign,
/// or behind a word of the language. A string that an application began ends where an injection's
/// first quote stands, which is behind anything, and what stands in the next one is its code.
fn strings_stand_in_it(text: &str) -> bool {
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find(['\'', '"', '`', '-', '/'])) {
        let start = at + next;
        let (before, from) = text.split_at_checked(start).unwrap_or_default();
        let quote = match from.as_bytes() {
            [b'-', b'-', ..] => {
                at = start + from.find('\n').unwrap_or(from.len());
                continue;
            }
            [b'/', b'*', ..] => {
                at = start + from.find("*/").unwrap_or(from.len());
                continue;
            }
            [quote @ (b'\'' | b'"' | b'`'), ..] => char::from(*quote),
            _ => {
                at = start + 1;
                continue;
            }
        };
        let Some(length) = length_of_string(from, quote) else {
            return false;
        };
        at = start + length;
        let (string, behind) = from.split_at_checked(length).unwrap_or_default();
        // the schema in front of a name, and a name that is given without a word (`select id "ID"`)
        let names = || {
            let behind = behind.trim_start();
            let mut words = behind.split(|sign: char| !sign.is_ascii_alphanumeric());
            quote != '\''
                && (behind.is_empty()
                    || behind.starts_with([',', ')', '.', '"', '`'])
                    || words.next().is_some_and(|word| word.eq_ignore_ascii_case("from")))
        };
        let stands = before.ends_with('.') || is_behind_operator(before, quote) || names();
        if !stands || is_code(string) {
            return false;
        }
    }
    true
}

/// The length of a string with its quotes, of which those within are doubled.
fn length_of_string(from: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += from.get(at..)?.find(quote)? + 1;
        if !from.get(at..)?.starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether what stands in a string goes on with an expression or a clause, and has one: `' or 1=1
/// or '`. An operator alone joins words (`' and '`).
fn is_code(string: &str) -> bool {
    const CLAUSES: &[&str] = &["union", "having", "except", "intersect"];
    let inside = string
        .get(1..)
        .unwrap_or_default()
        .trim_start_matches([' ', '\t', '\n', '\r', ')']);
    let length = inside.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = inside.split_at_checked(length).unwrap_or_default();
    let mut known = BEHIND_A_STRING.iter().chain(CLAUSES);
    let goes_on = known.any(|known| word.eq_ignore_ascii_case(known));
    let is_joined = word.is_empty() && inside.starts_with(['|', '&', '=', '<', '>', '+', '-', '*', '/', ';', '^']);
    let rest = rest.trim_end_matches(['\'', '"']);
    let selects = || {
        rest.as_bytes()
            .windows(6)
            .any(|part| part.eq_ignore_ascii_case(b"select"))
    };
    let operand = rest.trim_start();
    let compares = || {
        let is_operand = operand.starts_with(|sign: char| sign.is_ascii_digit() || "('\"@!~-".contains(sign));
        let mut calls = rest
            .match_indices('(')
            .filter_map(|(at, _)| rest.get(..at)?.chars().next_back());
        is_operand || rest.contains(['=', '<', '>', '\'', '"']) || calls.any(char::is_alphanumeric)
    };
    goes_on && (selects() || compares()) || is_joined && (selects() || operand.contains(['\'', '"']))
}

/// Whether an operator, a separator or a word of the language ends a text, with what types a string
/// behind it (`N'x'`, `E'x'`).
fn is_behind_operator(before: &str, quote: char) -> bool {
    let typed = before
        .strip_suffix(['n', 'N', 'e', 'E', 'b', 'B', 'x', 'X', 'r', 'R'])
        .filter(|rest| quote == '\'' && !rest.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_'));
    let before = typed.unwrap_or(before).trim_end();
    let word = before
        .rsplit(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .next()
        .unwrap_or_default();
    match word {
        "" => before.ends_with([
            '=', '<', '>', '!', '~', '(', ',', '|', '+', '-', '*', '/', '%', '[', ':', '@', '?', '{', '}',
        ]),
        word => {
            let names = if quote == '\'' { &[][..] } else { BEFORE_A_NAME };
            let mut known = BEFORE_A_STRING.iter().chain(names);
            known.any(|known| word.eq_ignore_ascii_case(known))
        }
    }
}

/// Whether a text is statements, one behind the other, each whole: what an editor of SQL sends. A
/// comment may follow the last one.
pub(super) fn is_script(text: &str) -> bool {
    let text = text.trim();
    let mut count = 0;
    let is_plain = |part: &str| {
        let mut words = part
            .split(|sign: char| !sign.is_alphanumeric() && sign != '_')
            .filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default();
        let is_known = ["declare", "set", "use", "begin", "commit", "describe"]
            .iter()
            .any(|known| verb.eq_ignore_ascii_case(known))
            || VERBS.iter().any(|(known, ..)| verb.eq_ignore_ascii_case(known));
        is_known && part.starts_with(verb) && is_closed(part) && strings_stand_in_it(part)
    };
    let mut rest = text;
    while !rest.is_empty() {
        let Some(end) = end_of_statement(rest) else {
            return false;
        };
        let (statement, behind) = rest.split_at(end);
        let statement = statement.trim();
        if !(statement.is_empty() || is_plain(statement)) {
            return false;
        }
        count += usize::from(!statement.is_empty());
        rest = behind.strip_prefix(';').unwrap_or(behind).trim_start();
        if rest.starts_with("--") && !rest.contains('\n') {
            break;
        }
    }
    count > 0
}

/// Where the first statement of a text ends: at a semicolon outside of literals, at a comment up to
/// the end, or at the text's end. `None` where a literal is open.
fn end_of_statement(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text.get(at..)?.find(['\'', '"', '`', ';', '-']) {
        let start = at + next;
        let from = text.get(start..)?;
        let sign = from.chars().next()?;
        at = match sign {
            ';' => return Some(start),
            '-' if from.starts_with("--") => match from.find('\n') {
                Some(end) => start + end,
                None => return Some(start),
            },
            '-' => start + 1,
            quote => start + 1 + from.get(1..)?.find(quote)? + 1,
        };
    }
    Some(text.len())
}

/// Whether a value is what an editor of SQL runs: statements, in a field for them, at a path for
/// them.
pub(super) fn is_edited(value: &Value<'_>) -> bool {
    value.place.part == Part::Body
        && value.place.hints().any(NameHints::QUERY)
        && value.context.is_console()
        && is_script(value.text)
}

/// Whether all literals, names, brackets and comments are closed, and no second statement follows.
/// A comment at the end is none of a statement's, and all of an injection's: it hides what the
/// application wrote.
pub(super) fn is_closed(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let end = match first {
            '\'' | '"' | '`' => after.split_once(first).map(|(_, next)| next),
            '-' if after.starts_with('-') => after.split_once('\n').map(|(_, next)| next),
            '/' if after.starts_with('*') => after.split_once("*/").map(|(_, next)| next),
            ';' | '#' => None,
            '(' => {
                depth += 1;
                Some(after)
            }
            ')' => depth.checked_sub(1).map(|outer| {
                depth = outer;
                after
            }),
            _ => Some(after),
        };
        let is_comment = matches!(first, '-' | '/') && end.is_some_and(|end| end.len() + 1 < after.len());
        match end {
            Some(end) if is_comment && end.trim().is_empty() => return false,
            Some(end) => rest = end,
            None => return false,
        }
    }
    depth == 0
}

/// Whether a value came to an API that runs queries, as the query: of Salesforce, InfluxDB,
/// Elasticsearch, BI tools.
pub(super) fn is_asked_at(value: &Value<'_>) -> bool {
    const ENDS: &[&str] = &["query", "queryall", "queryAll", "sql", "_sql"];
    let last = value
        .context
        .path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let place = &value.place;
    ENDS.contains(&last) && (place.name.is_empty() || place.is_search() || place.hints().any(NameHints::QUERY))
}

/// Words that an expression goes on with directly behind a string that ends.
#[rustfmt::skip]
const BEHIND_A_STRING: &[&str] = &[
    "or", "and", "xor", "div", "mod", "rlike", "like", "ilike", "regexp", "glob", "sounds", "having", "is", "not", "in", "between", "collate", "notnull",
    "order", "group", "limit", "offset", "procedure", "into", "for", "fetch", "where",
];

/// Whether a quote may end a string: one that is no apostrophe within a word, as in `don't` and
/// `O'Neill`. Behind an apostrophe stand letters, and no word that an expression goes on with.
pub(super) fn may_leave_a_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr3_iter(b'\'', b'"', b'`', bytes).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let is_within = bytes.get(at) == Some(&b'\'')
            && before.is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
            && behind.first().is_some_and(u8::is_ascii_alphabetic);
        !is_within || goes_on(behind)
    })
}

/// Whether what stands behind a quote goes on with an expression, or is hidden by a comment behind
/// one letter.
fn goes_on(behind: &[u8]) -> bool {
    let is_of_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = behind.iter().take_while(is_of_word).count();
    let word = behind.get(..length).unwrap_or_default();
    if length == 1 {
        return matches!(behind.get(1), Some(b'-' | b'/'));
    }
    BEHIND_A_STRING
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// A text with blanks for its comments, where it has any. What MySQL runs of a comment stays.
pub(super) fn uncommented(text: &str) -> Option<String> {
    // most have none: a header that accepts all has both signs
    let (_, after) = text.split_once("/*")?;
    if !after.contains("*/") {
        return None;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_run = false;
    while let Some((before, after)) = rest.split_once(if is_run { "*/" } else { "/*" }) {
        if is_run {
            is_run = false;
            rest = after;
        } else if let Some(code) = after.strip_prefix('!').or_else(|| after.strip_prefix("M!")) {
            is_run = true;
            rest = without_version(code);
        } else {
            let Some((_, behind)) = after.split_once("*/") else {
                break;
            };
            rest = behind;
        }
        plain.push_str(before);
        plain.push(' ');
    }
    plain.push_str(rest);
    (rest.len() < text.len()).then_some(plain)
}

/// What MySQL and MariaDB run of a comment that may begin with the version which runs it: five
/// digits, or six where no operator wants the last of them.
fn without_version(code: &str) -> &str {
    let digits = code.bytes().take_while(u8::is_ascii_digit).count();
    let behind = |length: usize| code.get(length..).unwrap_or_default();
    let is_operator = |sign: char| "=<>!+-*/%^|&.".contains(sign);
    match digits {
        0..=4 => code,
        6 if !behind(6).trim_start().starts_with(is_operator) => behind(6),
        _ => behind(5),
    }
}

/// Whether a comparison is one of a name with itself.
pub(super) fn is_the_same_twice(text: &str) -> bool {
    let mut names = text
        .split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .filter(|name| !name.is_empty());
    let (first, last) = (names.next(), names.next_back());
    first.is_some() && first == last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_statements_are_told() {
        for text in [
            "SELECT Id, Name, Owner.Name FROM Opportunity WHERE StageName = 'Closed Won' AND Amount > 1000",
            "select * from orders where id = 7;",
            "SELECT count(*) FROM (SELECT 1 FROM a) x",
            "with a as (select id from b) select * from a",
            "insert into logs (a, b) values (1, 'it''s')",
            "UPDATE users SET name = 'O''Brien' WHERE id = 5",
            "explain select 1 from t",
            "SELECT a -- the key\n FROM b WHERE c - 1 > 0 /* all */ AND d = 2",
        ] {
            assert!(is_statement(text), "{text}");
        }
    }

    #[test]
    fn what_completes_a_statement_is_none() {
        for text in [
            "",
            "select",
            "select one of our range",
            "' union select a from b where c = 'd",
            "1; select a from b where c",
            "(select a from b where c = d)",
            "select a from b where c = 'd",
            "select a from b where c = d -- x",
            "select a from b where c = d #",
            "select a from b; drop table b",
            "select a from b) where (1 = 1",
            "select sleep(5) /* from a */",
            "selected items from the shop",
        ] {
            assert!(!is_statement(text), "{text}");
        }
    }

    #[test]
    fn scripts_are_whole_statements() {
        for text in [
            "SELECT * FROM users WHERE 1=1 AND name = 'kim' -- only kim",
            "INSERT INTO t (a,b) VALUES (1,'x;'); SELECT LAST_INSERT_ID();",
            "DECLARE @d date = GETDATE(); SELECT TOP 10 * FROM a WHERE d > @d",
            "select pg_size_pretty(pg_database_size(current_database()))",
        ] {
            assert!(is_script(text), "{text}");
        }
        for text in [
            "",
            ";",
            "1; select 1",
            "' or 1=1 --",
            "select 'a; drop table b",
            "select a); drop table b",
            "x' union select 1 --",
        ] {
            assert!(!is_script(text), "{text}");
        }
    }

    #[test]
    fn apostrophes_leave_no_string() {
        for text in [
            "",
            "don't",
            "O'Neill-Smith, Anne-Marie d'Arcy",
            "we'll say it's l'Est",
            "\u{e9}'s",
        ] {
            assert!(!may_leave_a_string(text), "{text}");
        }
        for text in [
            "'",
            "x' or",
            "x'or 1",
            "a'Or'a",
            "admin'--",
            "x's--",
            "x'1",
            "5'6",
            "say \"no\"",
            "d'or",
            "rock 'n'",
        ] {
            assert!(may_leave_a_string(text), "{text}");
        }
    }
}
