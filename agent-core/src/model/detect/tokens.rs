//! The tokenizers of libinjection behind two questions, so that they can be replaced.
//!
//! `libinjectionrs` is a port of libinjection (BSD-3-Clause) to safe Rust. It is dormant, and wrong now and then: it takes `80% WOOL
//! AND 20% SILK` for a condition and `"a"-"b"` for a concatenation. Its word is therefore weighed by its fingerprint, never taken.

use libinjectionrs::detect_sqli;

/// The most of a value that is tokenized, in bytes: the tokenizer looks at five tokens, and they come first.
const MOST: usize = 2048;

/// What the tokenizer of SQL says of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sql {
    /// It is no injection.
    Harmless,
    /// It may be one, or a phrase that has the same tokens.
    Doubtful,
    /// It is one.
    Injection,
}

/// Fingerprints that everyday texts have too: a string between operators, numbers around `and`, a word before a comment, a comment on
/// documentation.
const DOUBTFUL: [&str; 29] = [
    "sos", "s&s", "1&1", "1c", "nc", "sc", "1ov", "v)on)", "v)os", "nks;T", "sTnos", "no(so", "1&s", "f(n)n", "nknBn",
    "f(n),", "nf(1o", "skson", "sEokn", "nos", "son", "s&n", "n&s", "so1", "1os", "sos;", "sosc", "s&n;", "X",
];

/// Steps that the tokenizer takes of a text that it is asked for, in the unit of
/// [`Fuel`](super::Fuel): measured, it takes 2 µs and 50 to 220 ns a byte.
pub(super) fn steps(text: &str) -> u64 {
    1_500 + 60 * text.len().min(MOST) as u64
}

/// Asks the tokenizer of SQL.
pub(super) fn sql(text: &str) -> Sql {
    let text = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
    let result = detect_sqli(text.as_bytes());
    if !result.is_injection() {
        return Sql::Harmless;
    }
    let fingerprint = result
        .fingerprint
        .map(|fingerprint| fingerprint.to_string())
        .unwrap_or_default();
    if DOUBTFUL.contains(&fingerprint.as_str()) || is_phrase(&fingerprint, text) || is_of_words(text) {
        Sql::Doubtful
    } else {
        Sql::Injection
    }
}

/// Whether the tokens are those of a phrase or of source code: they begin with a word, a call or a keyword, or with a string and an
/// operator, and hold neither a union, a comment nor an end of statement: `use s.replace('a', 'b')`, `status = "open" and x = y`,
/// `"%s: %s" % (a, b)`.
fn is_phrase(fingerprint: &str, text: &str) -> bool {
    // what stands in brackets is no statement of its own
    let begins_as_one = fingerprint.starts_with(['n', 'T', 'f', 'k'])
        || (fingerprint.starts_with('E') && text.starts_with(|first: char| first.is_alphabetic()))
        || (fingerprint.starts_with("so") && !fingerprint.contains('&'));
    begins_as_one && !fingerprint.contains(['U', 'c', ';'])
}

/// Whether a text is of words and everyday signs alone: `his or her; select one`. What computes or compares has others.
fn is_of_words(text: &str) -> bool {
    let is_everyday = |sign: char| {
        sign.is_alphabetic()
            || matches!(
                sign,
                ' ' | ',' | '.' | ';' | ':' | '!' | '?' | '%' | '&' | '-' | '\n' | '\r'
            )
    };
    text.chars().all(is_everyday) && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injections_are_told_from_phrases() {
        for text in [
            "1' OR '1'='1",
            "1 union select 1,2",
            "1; drop table users --",
            "-1' and 1=1 union select 1",
        ] {
            assert_eq!(sql(text), Sql::Injection, "{text}");
        }
        for text in [
            "80% ACRYLIC AND 20% WOOL",
            "a SMALL \"&\" SIGN",
            "use s.replace('a', 'b')",
            "his or her; select one",
        ] {
            assert_ne!(sql(text), Sql::Injection, "{text}");
        }
        for text in ["", "hello", "O'Brien", "it's"] {
            assert_eq!(sql(text), Sql::Harmless, "{text}");
        }
    }
}
