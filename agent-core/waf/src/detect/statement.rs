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
    "and", "as", "between", "binary", "by", "case", "collate", "comment", "date", "default", "distinct", "else", "escape", "except", "format", "glob", "having", "ilike", "in", "interval",
    "is", "like", "limit", "location", "match", "not", "on", "or", "password", "regexp", "returning", "rlike", "select", "separator", "set", "similar", "then", "time", "timestamp", "timestamptz",
    "to", "values", "when", "where", "xor", "zone", "div", "mod",
];
#[rustfmt::skip]
const BEFORE_A_NAME: &[&str] = &["from", "join", "into", "table", "update", "use", "using", "exists", "index", "view", "column", "key", "references", "schema", "over", "end", "with"];

/// Whether each string and each name in quotes of a statement begins where one may: behind a sign,
/// or behind a word of the language. A string that an application began ends where an injection's
/// first quote stands, which is behind anything.
fn strings_stand_in_it(text: &str) -> bool {
    let mut rest = 0;
    while let Some(next) = text.get(rest..).and_then(|rest| rest.find(['\'', '"', '`'])) {
        let at = rest + next;
        let (before, from) = text.split_at_checked(at).unwrap_or_default();
        let Some(quote) = from.chars().next() else { break };
        let Some(end) = from.get(1..).and_then(|inside| inside.find(quote)) else {
            return false;
        };
        rest = at + 1 + end + 1;
        // a quote that is doubled within the string, and the schema in front of a name
        let is_joined = before.ends_with(quote) || before.ends_with('.');
        // a name may be given without a word (`select id "ID"`)
        let names = || {
            let behind = text.get(rest..).unwrap_or_default().trim_start();
            let next = behind
                .split(|sign: char| !sign.is_ascii_alphanumeric())
                .next()
                .unwrap_or_default();
            quote != '\''
                && (behind.is_empty()
                    || behind.starts_with([',', ')', '.', '"', '`'])
                    || next.eq_ignore_ascii_case("from"))
        };
        if !(is_joined || is_behind_operator(before, quote) || names()) {
            return false;
        }
    }
    true
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

/// Words of sentences that no statement has.
#[rustfmt::skip]
const OF_SENTENCES: &[&str] = &[
    "i", "you", "we", "he", "she", "it", "they", "me", "my", "your", "our", "this", "that", "these", "the", "a", "an", "is", "are", "was", "were", "be", "been", "isn't", "aren't",
    "wasn't", "do", "does", "did", "don't", "doesn't", "didn't", "can", "can't", "could", "would", "should", "will", "won't", "have", "has", "had", "what", "what's", "why", "how",
    "who", "when", "which", "there", "here", "please", "thanks", "hi", "hello", "get", "gets", "gives", "returns", "took", "takes", "use", "using", "tried", "try", "run", "ran", "error",
    "wrong", "slow", "slower", "fast", "faster", "instead", "better", "because", "but", "of", "to", "with", "about", "so", "if", "use", "used", "test", "works", "work", "need", "want", "know", "think", "see", "says", "shows", "means", "hangs", "fails", "it's", "i'm", "i've", "you're", "that's", "there's", "let's",
];

/// The fewest of those words that make a sentence.
const FEWEST_OF_SENTENCES: usize = 2;

/// How many words are held against them: a sentence has some of them sooner, and each costs a
/// hundred comparisons.
const MOST_WORDS: usize = 200;

/// Whether a text is a sentence that may quote a statement: it has words of sentences, and what it
/// quotes is quoted as sentences do, from before a word to behind one. A string that is left is
/// left in front of a sign, and entered again behind one.
pub(super) fn is_sentence(text: &str) -> bool {
    let words = text.split_whitespace().take(MOST_WORDS).filter(|word| {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        OF_SENTENCES.iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    let asks = usize::from(text.trim_end().ends_with('?'));
    words.take(FEWEST_OF_SENTENCES).count() + asks >= FEWEST_OF_SENTENCES && quotes_as_sentences_do(text)
}

/// Words of JavaScript beside which another one may stand: `new x`, `x in y`.
#[rustfmt::skip]
pub(super) const OF_JAVASCRIPT: &[&str] = &[
    "in", "of", "instanceof", "new", "void", "typeof", "delete", "return", "throw", "if", "else", "for", "while", "do", "with", "var", "let", "const", "using", "function", "case", "default",
    "await", "async", "yield", "class", "extends", "import", "export", "from", "as", "get", "set", "static", "break", "continue",
];

/// The same of PHP, Python, Ruby and Java.
#[rustfmt::skip]
pub(super) const OF_SERVERS: &[&str] = &[
    "and", "or", "xor", "not", "is", "in", "as", "if", "else", "elif", "elsif", "elseif", "unless", "for", "foreach", "while", "until", "do", "with", "def", "fn", "function", "lambda", "print",
    "echo", "puts", "p", "del", "raise", "assert", "global", "nonlocal", "pass", "break", "continue", "goto", "use", "namespace", "clone", "include", "require", "try", "catch", "except", "rescue",
    "finally", "ensure", "final", "abstract", "interface", "enum", "package", "throws", "throw", "new", "return", "yield", "await", "async", "class", "module", "extends", "implements", "import",
    "from", "instanceof", "insteadof", "static", "public", "private", "protected", "const", "var", "int", "long", "float", "double", "boolean", "byte", "short", "char", "void", "string", "object",
    "end", "then", "begin", "case", "when", "default", "match", "switch", "defined", "alias", "undef", "exec", "eval",
];

/// Whether a text is a sentence of which no script is made: outside of what it quotes, two words
/// stand side by side of which none is `reserved`, as the language's own. That is an error of
/// syntax, whatever else stands there, unless a regular expression holds them.
pub(super) fn is_sentence_and_no_script(text: &str, reserved: &[&str]) -> bool {
    let is_quote = |sign: char| matches!(sign, '"' | '`');
    // an apostrophe within a word quotes nothing
    let quotes = |at: usize| {
        let is_letter = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
        let (before, from) = text.split_at_checked(at).unwrap_or_default();
        !(is_letter(before.chars().next_back()) && is_letter(from.chars().nth(1)))
    };
    let is_edge = |(at, sign): (usize, char)| (is_quote(sign) || sign == '\'' && quotes(at)).then_some(at);
    let first = text.char_indices().find_map(is_edge).unwrap_or(text.len());
    let last = text
        .char_indices()
        .rev()
        .find_map(is_edge)
        .map_or(text.len(), |at| at + 1);
    let outside = [text.get(..first), text.get(last..)];
    let mut lines = outside.into_iter().flatten().flat_map(str::lines);
    let has_words = lines.any(|line| has_two_words(line, reserved));
    has_words && !may_hold_a_pattern(text) && is_sentence(text)
}

/// Whether two words stand side by side in a line, of which none is the language's own, or one that
/// has an apostrophe.
fn has_two_words(line: &str, reserved: &[&str]) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|sign| sign.is_alphabetic() || sign == '\'')
            && !reserved.iter().any(|known| word.eq_ignore_ascii_case(known))
    };
    // no string begins behind a name: `don't`
    let is_contracted = |word: &str| {
        word.split_once('\'')
            .is_some_and(|(before, _)| before.len() > 1 && is_word(word))
    };
    let mut is_behind_word = false;
    line.split_whitespace().take(MOST_WORDS).any(|word| {
        let is_pair = is_behind_word && is_word(word.trim_end_matches(['.', ',', '?', '!', ':']));
        is_behind_word = is_word(word);
        is_pair || is_contracted(word)
    })
}

/// Whether a slash stands where a regular expression begins: behind a sign that wants an operand.
fn may_hold_a_pattern(text: &str) -> bool {
    text.match_indices('/').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let before = before.trim_end_matches([' ', '\t', '\n', '\r']).chars().next_back();
        before.is_none_or(|sign| "(,=:[!&|?{};+-*%~^<>/".contains(sign))
    })
}

/// Whether each quote is an apostrophe, opens in front of a word, or closes behind one.
fn quotes_as_sentences_do(text: &str) -> bool {
    let mut open = None;
    for at in memchr3_iter(b'\'', b'"', b'`', text.as_bytes()) {
        let (before, from) = text.split_at(at);
        let mut signs = from.chars();
        let (sign, after) = (signs.next(), signs.next());
        let before = before.chars().next_back();
        let is_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric());
        let is_edge = |sign: Option<char>| sign.is_none_or(|sign| sign.is_whitespace() || ".,;:!?()[]".contains(sign));
        if sign == Some('\'') && is_word(before) && is_word(after) {
            continue;
        }
        let opens = is_edge(before) && after.is_some_and(|sign| sign.is_alphanumeric() || "<*$%".contains(sign));
        let is_end =
            |last: char| last.is_alphanumeric() || ".?!%*>;`'".contains(last) || sign == Some('`') && last == ')';
        let closes = is_edge(after) && before.is_some_and(is_end);
        match open {
            None if opens => open = sign,
            Some(_) if open == sign && closes => open = None,
            // quotes of the other kind within
            Some(_) if open != sign => {}
            _ => return false,
        }
    }
    open.is_none()
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

/// Whether a text is the call of a function and words: `eval() in PHP 8`, `alert('hi') does
/// nothing`. Two words one behind the other, of which none is an operator, are an error of syntax
/// in every language that has calls, so that none of it runs.
pub(super) fn is_call_with_words(text: &str) -> bool {
    const OPERATORS: &[&str] = &[
        "in",
        "instanceof",
        "of",
        "and",
        "or",
        "xor",
        "is",
        "not",
        "as",
        "if",
        "else",
        "for",
        "union",
    ];
    let Some((name, rest)) = text.split_once('(') else {
        return false;
    };
    let Some((arguments, words)) = rest.split_once(')') else {
        return false;
    };
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == ' ';
    let is_argument = |sign: char| is_plain(sign) || "'\",.".contains(sign);
    let is_operator = |word: &str| OPERATORS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let is_word = |word: &str| !is_operator(word);
    let mut pairs = words.split_whitespace().zip(words.split_whitespace().skip(1));
    !name.is_empty()
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
        && arguments.chars().all(is_argument)
        && words.starts_with(' ')
        && words.chars().all(is_plain)
        && pairs.any(|(first, second)| is_word(first) && is_word(second))
        // a statement of SQL goes on with words
        && !words.split_whitespace().any(|word| is_operator(word) && !word.eq_ignore_ascii_case("in"))
}

/// Whether a value is words alone where people write or search: nothing in it leaves a string.
pub(super) fn is_said_in_words(value: &Value<'_>) -> bool {
    let is_prose = value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT);
    (is_prose || value.place.is_search()) && is_of_words(value.text)
}

/// Whether a text is words and blanks alone.
pub(super) fn is_of_words(text: &str) -> bool {
    text.chars().all(|sign| sign.is_alphabetic() || sign == ' ')
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

    #[test]
    fn sentences_that_quote_are_told() {
        for text in [
            "SELECT * FROM orders WHERE id = 5 gives me an error. What's wrong?",
            "Isn't \"select id from users\" slow? It's faster with an index.",
            "Your query `SELECT a, b FROM c` is missing a join, isn't it?",
            "He said \"it's fine\" and I don't know.",
            "What about `select max(id) from t where a = 'b'`? Would that be faster?",
        ] {
            assert!(is_sentence(text), "{text}");
        }
        for text in [
            "",
            "select a from b",
            "x', (select a from b), 'you are the",
            "you are the ' or 1=1 --",
            "' or (select the from is where you) or '",
            "this is it'; select a from b",
            "that is 'x' = 'x",
            "this is \" or \"\"=\"",
            "you' and (select the from x) and 'is",
            "the is')-- x",
        ] {
            assert!(!is_sentence(text), "{text}");
        }
    }
}
