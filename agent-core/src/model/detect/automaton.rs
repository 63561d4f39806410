//! What runs a rule's pattern, in a cost per byte that no text can raise.
//!
//! A pattern of few states is compiled to the end: its search touches nothing but a table that all
//! threads read. The others are served by a lazy automaton, which keeps the states that texts have
//! led to in a cache of each thread. Such an automaton is as fast as a table while its states fit;
//! where they do not, it clears its cache again and again, and at last gives up for a search that
//! is a hundred times slower. A text that leads to ever new states is easily written for a pattern
//! that counts (`[^>]{0,400}`), as each number that may still come is a state of its own.
//!
//! So no pattern counts far: [`relaxed`] takes what is repeated up to more than [`COUNTED`] times
//! for what is repeated without end, which finds whatever the pattern as it is written finds. Then
//! all states that there are fit into [`CACHE`], which a test shows for every rule by going to each
//! of them. No rule is written with a higher count, so that it finds what it says.

use std::ops::Range;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    meta::{BuildError, Regex},
    nfa::thompson::{self, WhichCaptures},
};
use regex_syntax::hir::{Hir, HirKind, Repetition};

/// The most repetitions that are counted: more than any rule has to tell apart, and few enough to
/// keep states few.
pub(super) const COUNTED: u32 = 7;

/// The most memory of one rule's cache of states in one thread, in bytes. Everyday values fill a
/// fiftieth of it, and no text more than the states that there are.
const CACHE: usize = 4 << 20;

/// The most memory of one rule's automaton, in bytes.
const NFA: usize = 4 << 20;

/// The largest table of a pattern, in bytes: more than half of all patterns have one, together 1
/// MiB. To build all takes as long as to parse the patterns.
const TABLE: usize = 40 << 10;

/// The same for a pattern that nearly every value is searched for.
const LARGE_TABLE: usize = 256 << 10;

/// The most of a text that is searched again for where a match begins, in bytes: an excerpt shows
/// less.
const SHOWN: usize = 256;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Automaton {
    table: Option<dense::DFA<Vec<u32>>>,
    regex: Regex,
}

impl Automaton {
    /// Compiles a pattern. `is_frequent` says whether nearly every value is searched for it.
    pub(super) fn new(pattern: &Hir, is_frequent: bool) -> Result<Self, Box<BuildError>> {
        let pattern = relaxed(pattern);
        let regex = Regex::builder()
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE)
                    .nfa_size_limit(Some(NFA)),
            )
            .build_from_hir(&pattern)?;
        let most = if is_frequent { LARGE_TABLE } else { TABLE };
        Ok(Self {
            table: table(&pattern, most),
            regex,
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.end(text).is_some()
    }

    /// Where a match is, as far as an excerpt shows it: its end is the first at which the text
    /// matches.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let end = self.end(text)?;
        let from = text.floor_char_boundary(end.saturating_sub(SHOWN));
        let near = Input::new(text).span(from..end);
        Some(self.regex.find(near).map_or(from..end, |found| found.range()))
    }

    /// The first position at which a match ends.
    fn end(&self, text: &str) -> Option<usize> {
        let input = Input::new(text).anchored(Anchored::No).earliest(true);
        let by_table = self.table.as_ref().map(|table| table.try_search_fwd(&input));
        let found = match by_table {
            Some(Ok(found)) => found,
            Some(Err(_)) | None => self.regex.search_half(&input),
        };
        found.map(|found| found.offset())
    }
}

/// A pattern that matches wherever this one does, and counts nothing beyond [`COUNTED`].
fn relaxed(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Repetition(repeated) => Hir::repetition(Repetition {
            min: repeated.min.min(COUNTED),
            max: repeated.max.filter(|max| *max <= COUNTED),
            greedy: repeated.greedy,
            sub: Box::new(relaxed(&repeated.sub)),
        }),
        HirKind::Capture(group) => relaxed(&group.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(relaxed).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(relaxed).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => pattern.clone(),
    }
}

/// A pattern's table, where it is not larger.
fn table(pattern: &Hir, most: usize) -> Option<dense::DFA<Vec<u32>>> {
    let limits = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(most))
        .determinize_size_limit(Some(2 * most));
    dense::Builder::new()
        .configure(limits)
        .build_from_nfa(&nfa(pattern)?)
        .ok()
}

fn nfa(pattern: &Hir) -> Option<thompson::NFA> {
    let limits = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(NFA))
        .which_captures(WhichCaptures::None);
    thompson::Compiler::new().configure(limits).build_from_hir(pattern).ok()
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
        let large = automaton(&LARGE.replace("{0,400}", "{0,6}"), false);
        assert!(large.table.is_none());
        assert!(large.is_match("a-x-y-z-=1") && !large.is_match("a=x-y-z-b-1"));
    }

    /// States of many places at once: each letter may begin a match.
    const LARGE: &str = r"\w[-\w]{0,400}x[-\w]{0,400}y[-\w]{0,400}z[-\w]{0,400}=";

    #[test]
    fn counts_that_go_far_are_not_counted() {
        let text = |long: usize| format!("ax{}yz=", "-".repeat(long));
        let relaxed = automaton(LARGE, false);
        for long in [0, 400, 4000] {
            assert!(relaxed.is_match(&text(long)), "{long}");
            assert_eq!(relaxed.find(&text(long)).map(|at| at.end), Some(text(long).len()));
        }
        assert!(!relaxed.is_match("ax yz=") && !relaxed.is_match("az="));
        let counted = automaton("^a{3,5}b", false);
        assert!(counted.is_match("aaab") && !counted.is_match("aab") && !counted.is_match("aaaaaab"));
    }

    #[test]
    fn where_a_match_is_costs_no_second_search_of_a_long_text() {
        let long = format!("{}<b>", "<a ".repeat(5000));
        let found = automaton("<[^<>]*>", false).find(&long).unwrap();
        assert_eq!(&long[found], "<b>");
        let endless = format!("<{}>", "é".repeat(5000));
        let found = automaton("<[^<>]*>", false).find(&endless).unwrap();
        assert!(
            found.len() <= SHOWN + 1 && found.end == endless.len(),
            "as much as is shown: {found:?}"
        );
    }
}

/// Goes to every state that a text can lead to.
#[cfg(test)]
pub(super) mod states {
    use std::collections::HashSet;

    use regex_automata::{hybrid::dfa::DFA, util::start};

    use super::*;

    /// The states of a pattern's lazy automaton and the memory of them all, in bytes; `None` where
    /// it exceeds the cache, so that the automaton would give up.
    pub(in crate::model::detect) fn of(pattern: &Hir) -> Option<(usize, usize)> {
        let never_clearing = DFA::config()
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder()
            .configure(never_clearing)
            .build_from_nfa(nfa(&relaxed(pattern))?)
            .ok()?;
        let (mut cache, mut seen, mut next) = (dfa.create_cache(), HashSet::new(), Vec::new());
        for before in [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r')] {
            let from = start::Config::new().look_behind(before).anchored(Anchored::No);
            next.push(dfa.start_state(&mut cache, &from).ok()?);
        }
        let units: Vec<_> = dfa.byte_classes().representatives(..).collect();
        while let Some(state) = next.pop() {
            if state.is_dead() || state.is_quit() || !seen.insert(state) {
                continue;
            }
            for unit in &units {
                next.push(match unit.as_u8() {
                    Some(byte) => dfa.next_state(&mut cache, state, byte).ok()?,
                    None => dfa.next_eoi_state(&mut cache, state).ok()?,
                });
            }
        }
        Some((seen.len(), cache.memory_usage()))
    }
}
