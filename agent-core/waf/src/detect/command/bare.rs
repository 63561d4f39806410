//! A command as the shell reads it, without what only splits its words.

use crate::detect::Marks;

/// How the commands begin that are looked for at the beginning, as a test sees to.
const BEGINNINGS: &[&[u8]] = &[
    b"who", b"ifc", b"una", b"cur", b"wge", b"cat", b"ll", b"ls", b"pin", b"pyt", b"csc",
];

/// What shells drop within a word, and signs that variables of one sign have.
const DROPPED: Marks = Marks::QUOTE
    .and(Marks::BACKSLASH)
    .and(Marks::DOLLAR)
    .and(Marks::AT)
    .and(Marks::STAR)
    .and(Marks::UNDERSCORE)
    .and(Marks::of_byte(b'^'))
    .and(Marks::of_byte(b'!'))
    .and(Marks::of_byte(b'?'));

/// What is taken out of words, or begins it: a text without any of them stays as it is.
pub(super) const TAKEN_OUT: Marks = Marks::QUOTE
    .and(Marks::BACKSLASH)
    .and(Marks::DOLLAR)
    .and(Marks::of_byte(b'^'));

/// Whether a word is split as only a shell puts together again: a letter, then what the shell
/// drops, then a letter.
pub(super) fn is_split(text: &str) -> bool {
    let is_dropped = |byte: &u8| DROPPED.has(*byte);
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(is_dropped) {
        let length = rest.iter().skip(at).take_while(|byte| is_dropped(byte)).count();
        let before = at.checked_sub(1).and_then(|before| rest.get(before));
        let after = rest.get(at + length);
        if [before, after]
            .into_iter()
            .all(|byte| byte.is_some_and(u8::is_ascii_alphabetic))
        {
            return true;
        }
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.contains("${")
}

/// Whether what stands at the beginning may be a command that is looked for there once nothing
/// splits its words, by its first letters. A variable may stand for nothing, and says nothing.
pub(super) fn may_begin_with_command(text: &str) -> bool {
    let is_dropped = |byte: &u8| matches!(byte, b'\'' | b'"' | b'^' | b'\\' | b'`');
    let is_passed = |byte: &u8| byte.is_ascii_whitespace() || is_dropped(byte) || *byte == 0x0b;
    let mut bytes = text.bytes().skip_while(is_passed).filter(|byte| !is_dropped(byte));
    let mut first = [0; 3];
    for place in &mut first {
        match bytes.next() {
            Some(b'$') => return true,
            Some(byte) => *place = byte.to_ascii_lowercase(),
            None => break,
        }
    }
    BEGINNINGS.iter().any(|beginning| first.starts_with(beginning))
}

/// Whether the first word is split within.
pub(super) fn begins_split(text: &str) -> bool {
    let first = text.trim_ascii_start();
    let end = first
        .find(|sign: char| sign.is_ascii_whitespace())
        .unwrap_or(first.len());
    first.get(..end).is_some_and(is_split)
}

/// The text without quotes, escapes and variables that are empty, where there are any: `c''at`,
/// `c\at`, `c^at`, `c$@at`, `cat$u`.
pub(super) fn command(text: &str) -> Option<String> {
    let is_plain = |byte: &u8| !matches!(byte, b'\'' | b'"' | b'^' | b'\\' | b'$' | b'`');
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.bytes().take_while(is_plain).count();
        let (before, from) = rest.split_at(plain);
        bare.push_str(before);
        let Some(after) = from.get(1..) else { break };
        rest = match from.as_bytes().first() {
            Some(b'$') => without_variable(after, bare.ends_with(|last: char| last.is_ascii_alphabetic()))
                .unwrap_or_else(|| {
                    bare.push('$');
                    after
                }),
            Some(b'`') => after.strip_prefix('`').unwrap_or_else(|| {
                bare.push('`');
                after
            }),
            _ => after,
        };
    }
    (bare.len() < text.len()).then_some(bare)
}

/// What follows a variable that is empty where nothing has set it: one of one sign or one letter,
/// one in braces, and one of any name behind a word.
fn without_variable(after: &str, is_behind_a_word: bool) -> Option<&str> {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    if let Some(braced) = after.strip_prefix('{') {
        // no further than the name goes: many of these may stand in a text, and no closing brace
        let rest = braced.trim_start_matches(is_of_name);
        return rest.strip_prefix('}').filter(|_| rest.len() < braced.len());
    }
    let first = after.chars().next()?;
    if matches!(first, '@' | '*' | '!' | '?' | '_' | '$' | '#') {
        return after.get(1..);
    }
    let rest = after.trim_start_matches(is_of_name);
    let length = after.len() - rest.len();
    let is_empty = first.is_ascii_alphabetic() && (length == 1 || is_behind_a_word);
    is_empty.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_words_are_told() {
        for text in ["c'a't", r"c\at", "c$@at", "cat;w''ho", "O'Brien", "c${Z}at"] {
            assert!(is_split(text), "{text}");
        }
        for text in ["'cat'", "\"Chromium\";v=\"131\"", "a = 'b'", "$HOME", "cat", ""] {
            assert!(!is_split(text), "{text}");
        }
    }

    /// Goes to every state that texts lead to which have nothing that ends a command and begin with
    /// no command's letter.
    #[test]
    fn rules_for_split_words_match_nothing_that_is_spared_them() {
        use std::collections::HashSet;

        use regex_automata::{Input, hybrid::dfa::DFA, nfa::thompson};

        use super::super::{ENDS, rules::BARE};
        // the letters so far, as long as a command may begin with them; none where none does
        let further = |letters: &Option<Vec<u8>>, byte: u8| {
            let letters = letters.as_ref()?;
            let more = [letters.as_slice(), &[byte.to_ascii_lowercase()]].concat();
            let is_begun = BEGINNINGS.iter().any(|beginning| beginning.starts_with(&more));
            is_begun.then_some(more)
        };
        let is_whole = |letters: &Option<Vec<u8>>| {
            let letters = letters.as_deref();
            letters.is_some_and(|letters| BEGINNINGS.contains(&letters))
        };
        let spared: Vec<u8> = (0..=u8::MAX).filter(|byte| !Marks::of(&[*byte]).any(ENDS)).collect();
        for rule in BARE {
            let nfa = thompson::Compiler::new()
                .configure(thompson::Config::new().utf8(false))
                .build_from_hir(&rule.parsed().unwrap())
                .unwrap();
            let dfa = DFA::builder()
                .configure(DFA::config().cache_capacity(64 << 20))
                .build_from_nfa(nfa)
                .unwrap();
            let mut cache = dfa.create_cache();
            let start = dfa.start_state_forward(&mut cache, &Input::new("")).unwrap();
            let (mut seen, mut left) = (HashSet::new(), vec![(start, Some(Vec::new()))]);
            while let Some((state, letters)) = left.pop() {
                if !seen.insert((state, letters.clone())) {
                    continue;
                }
                let end = dfa.next_eoi_state(&mut cache, state).unwrap();
                assert!(!end.is_match() && !state.is_match(), "{}", rule.name);
                for byte in &spared {
                    let is_passed = byte.is_ascii_whitespace() || *byte == 0x0b;
                    let is_before = is_passed && letters.as_ref().is_some_and(Vec::is_empty);
                    let after = if is_before {
                        letters.clone()
                    } else {
                        further(&letters, *byte)
                    };
                    if !is_whole(&after) {
                        let next = dfa.next_state(&mut cache, state, *byte).unwrap();
                        left.push((next, after));
                    }
                }
            }
        }
    }

    #[test]
    fn a_first_word_that_is_split_is_told() {
        for text in ["c'a't /etc", " py''thon -c x", r"w\get x", "I'd like"] {
            assert!(begins_split(text), "{text}");
        }
        for text in ["python -c 'a'b'", "'cat' -n", "", "I like d'Or"] {
            assert!(!begins_split(text), "{text}");
        }
    }

    #[test]
    fn what_splits_words_is_taken_out() {
        for (text, bare) in [
            ("c''at", Some("cat")),
            (r"c\at /etc", Some("cat /etc")),
            ("c$@at", Some("cat")),
            ("cat$u+/etc$u/x", Some("cat+/etc/x")),
            ("una$$me", Some("uname")),
            ("ping``", Some("ping")),
            ("c${Z}at /etc", Some("cat /etc")),
            ("sh$XX -c id", Some("sh -c id")),
            ("c${Z", None),
            ("c${}at", None),
            ("c${Z ${at}", Some("c${Z ")),
            ("$HOME $abc", None),
            ("cat", None),
            ("$", None),
        ] {
            assert_eq!(command(text).as_deref(), bare, "{text}");
        }
    }
}
