//! What looks like an injection of SQL and is none: statements where they are the content, talk
//! about them, passwords. Only asked where a rule matches.

use memchr::memchr3_iter;

use crate::{
    detect::{Marks, Rule, Value, sentence, statement},
    places::{NameHints, Part},
};

/// Names of fields whose values are in a language: each has strings and comparisons, as SQL has.
pub(super) const LANGUAGES: NameHints = NameHints::QUERY.and(NameHints::CODE).and(NameHints::TEMPLATE);

/// Whether a rule that matches says nothing here, by what is known of the value.
pub(super) fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    match rule.name {
        "stacked" | "stacked-command" => statement::is_edited(value),
        // no statement needs these, whoever sends it
        "delay" | "sleep" | "system-function" | "procedure" | "program" | "versioned-comment" | "comment-split"
        | "comment-blank" | "union-split" => false,
        // a pair of numbers in a cookie is a counter's (`ab=12=12`)
        "compare" => {
            value.place.part == Part::Cookie || value.is_password() || is_content(value) || statement::is_edited(value)
        }
        "break-hash" | "break-rest" | "break-around" | "break-sum" | "break-signs" | "cast" | "exponent" | "json" => {
            value.is_password() && !is_no_password(rule.name, value.text)
                || is_content(value)
                || statement::is_edited(value)
        }
        // generators put quotes and dashes anywhere, attacks a comment to the end
        "break-comment" if value.is_password() => !value.text.trim_end().ends_with('-'),
        "number-condition" | "unspaced-condition" | "odd-condition" => {
            value.place.hints().any(NameHints::TEXT.and(LANGUAGES))
        }
        // hints add up, and a sentence about a statement has all of them
        "case" if is_measure(value) => true,
        // by itself no statement completes another one, and words alone are searched for: `drop
        // table lamp`
        "statement" if value.place.is_search() && sentence::is_of_words(value.text) => true,
        "union-select" if sentence::is_said_in_words(value) => true,
        "select" | "select-from" | "select-literal" | "statement" | "columns" | "tautology" | "case"
        | "break-subquery" => is_content(value) || is_talk(value) || statement::is_edited(value),
        "identifier-condition" => false,
        "identifier-itself" => !statement::is_the_same_twice(value.text),
        _ => is_content(value) || statement::is_edited(value),
    }
}

/// Whether what looks like an injection is none of a password's accidents: it is nothing else
/// (`'or'1`), or calls a function.
fn is_no_password(rule: &str, text: &str) -> bool {
    // as short as no generator's
    const SHORTEST: usize = 7;
    let is_call = |(at, _): (usize, &str)| {
        let before = text.get(..at).unwrap_or_default();
        let name = before.trim_end_matches(|sign: char| sign.is_ascii_alphanumeric() || sign == '_');
        before.len() - name.len() >= 3
    };
    let is_joined = || {
        ["||", "&&", "or'", "and'"]
            .iter()
            .any(|joined| text.to_ascii_lowercase().contains(joined))
    };
    let is_alone = rule == "break-around" && text.len() < SHORTEST && is_joined();
    is_alone || text.contains(')') && text.match_indices('(').any(is_call)
}

/// Whether a text is an operator between quotes and nothing else, as no password is: `'='`, `''='`,
/// `'='#`.
pub(super) fn is_of_signs(text: &str) -> bool {
    const LONGEST: usize = 7;
    text.len() <= LONGEST
        && text.starts_with(['\'', '"'])
        && text.trim_end_matches(['#', '-']).ends_with(['\'', '"'])
        && text.len() > 2
        && text.contains(['=', '+', '*', '|', '&', '<', '>', '^'])
        && text.bytes().all(|byte| b"'\"=-+*|&<>^#".contains(&byte))
}

/// Whether a value is what people write to each other about statements: a sentence in a body's
/// field for prose.
pub(super) fn is_talk(value: &Value<'_>) -> bool {
    value.place.part == Part::Body
        && value.place.hints().any(NameHints::TEXT)
        && sentence::is_sentence(value.text)
        && !hides_a_rest(value)
}

/// Whether a comment or another statement begins where a condition or a clause ends, so that what
/// stands behind is the rest of the application's: behind a number, a string or a bracket.
fn hides_a_rest(value: &Value<'_>) -> bool {
    let text = value.text;
    let bytes = text.as_bytes();
    let begins = |at: usize| matches!(bytes.get(at..), Some([b'#' | b';', ..] | [b'-', b'-', ..]));
    let ends = |at: usize| {
        let before = text.get(..at).unwrap_or_default().trim_end();
        before.ends_with(|last: char| last.is_ascii_digit() || matches!(last, ')' | '\'' | '"'))
    };
    memchr3_iter(b'#', b';', b'-', bytes).any(|at| begins(at) && ends(at))
        || value.marks.any(Marks::STAR) && text.match_indices("/*").any(|(at, _)| ends(at))
}

/// Whether a value is what a chart is to show, in a body's field for it: calls of functions around
/// columns, closed, without a query (`SUM(CASE WHEN a = 'x' THEN 1 ELSE 0 END)`).
fn is_measure(value: &Value<'_>) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &["having", "measure", "metric", "metricsql", "calculation", "dimension", "aggregate", "column"];
    #[rustfmt::skip]
    const CALLS: &[&str] = &["sum(", "count(", "avg(", "min(", "max(", "median(", "round(", "coalesce("];
    let is_named = || value.place.hints().any(LANGUAGES) || value.place.is_named(NAMES);
    let text = value.text.trim_start().to_ascii_lowercase();
    value.place.part == Part::Body
        && CALLS.iter().any(|call| text.starts_with(call))
        && !text.contains("select")
        && is_named()
        && statement::is_closed(value.text)
}

/// Whether a value is a statement where statements are the content: a query language's field, or a
/// report of what was run.
fn is_content(value: &Value<'_>) -> bool {
    const OF_STATEMENTS: NameHints = LANGUAGES.and(NameHints::REPORT);
    let is_in_a_body =
        || value.place.part == Part::Body && (value.place.hints().any(OF_STATEMENTS) || value.context.is_report());
    statement::is_statement(value.text) && (is_in_a_body() || statement::is_asked_at(value))
}
