//! What runs a rule's pattern.
//!
//! A lazy automaton serves any pattern in bounded memory, but borrows a cache of states from a pool for each search, which for short
//! values costs more than the search. A pattern of few states is therefore compiled to the end: its search touches nothing but a
//! table that all threads read.

use std::ops::Range;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    meta::{BuildError, Regex},
    nfa::thompson::{self, WhichCaptures},
};
use regex_syntax::hir::Hir;

/// The most memory of one rule's cache of states in one thread, in bytes. Everyday values fill a tenth of it.
const CACHE: usize = 256 << 10;

/// The most memory of one rule's automaton, in bytes.
const NFA: usize = 4 << 20;

/// The largest table of a pattern, in bytes: nearly half of all patterns have one, together 1 MiB. To build all takes as long as to
/// parse the patterns.
const TABLE: usize = 40 << 10;

/// The same for a pattern that nearly every value is searched for.
const LARGE_TABLE: usize = 256 << 10;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Automaton {
    table: Option<dense::DFA<Vec<u32>>>,
    regex: Regex,
}

impl Automaton {
    /// Compiles a pattern. `is_frequent` says whether nearly every value is searched for it.
    pub(super) fn new(pattern: &Hir, is_frequent: bool) -> Result<Self, Box<BuildError>> {
        let regex = Regex::builder()
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE)
                    .nfa_size_limit(Some(NFA)),
            )
            .build_from_hir(pattern)?;
        let most = if is_frequent { LARGE_TABLE } else { TABLE };
        Ok(Self {
            table: table(pattern, most),
            regex,
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        let input = Input::new(text).anchored(Anchored::No).earliest(true);
        let by_table = self.table.as_ref().map(|table| table.try_search_fwd(&input));
        match by_table {
            Some(Ok(found)) => found.is_some(),
            Some(Err(_)) | None => self.regex.is_match(text),
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        self.regex.find(text).map(|found| found.range())
    }
}

/// A pattern's table, where it is not larger.
fn table(pattern: &Hir, most: usize) -> Option<dense::DFA<Vec<u32>>> {
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(NFA))
                .which_captures(WhichCaptures::None),
        )
        .build_from_hir(pattern)
        .ok()?;
    let limits = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(most))
        .determinize_size_limit(Some(2 * most));
    dense::Builder::new().configure(limits).build_from_nfa(&nfa).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(pattern: &str, is_frequent: bool) -> Automaton {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .build()
            .parse(pattern)
            .unwrap();
        Automaton::new(&hir, is_frequent).unwrap()
    }

    #[test]
    fn both_kinds_find_the_same() {
        for pattern in [r"\bab+c\b", "^a.{3}$", "x{2,3}|yé", r"[^a-z\s]\s*;", ""] {
            let small = automaton(pattern, false);
            assert!(small.table.is_some(), "{pattern}");
            for text in ["", "abc", "x ABBC.", "abcd", "aéb", "xx", "Yé", "1 ;", "a\n;", "é;"] {
                let by_regex = small.regex.is_match(text);
                assert_eq!(small.is_match(text), by_regex, "{pattern}: {text}");
                assert_eq!(small.find(text).is_some(), by_regex, "{pattern}: {text}");
            }
        }
    }

    #[test]
    fn a_pattern_of_many_states_has_no_table() {
        let large = automaton(r"\w[^>]{0,400}x[^<]{0,400}=", false);
        assert!(large.table.is_none());
        assert!(large.is_match("a and x and =") && !large.is_match("a and x"));
    }
}
