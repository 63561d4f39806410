//! Which of some patterns match: one walk through the text tells all that do, where [`PatternSet`](super::PatternSet) stops at the
//! first.

use std::fmt;

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    util::{primitives::StateID, start},
};

use super::{
    Pattern, TooLarge,
    automaton::{Direction, Limits, nfa},
    construction::{Sized, are_literals, construct},
    decoded::Decoded,
};

/// Patterns of which it is asked which of them match.
///
/// ```
/// use buckler_waf::pattern::{MatchType, Pattern, PatternIndex};
/// let patterns = [Pattern::new("/api/", MatchType::Starts)?, Pattern::new(".json", MatchType::Ends)?];
/// let index = PatternIndex::new(&patterns)?;
/// assert_eq!(index.find_decoded("/api/items.json").collect::<Vec<_>>(), [0, 1]);
/// assert_eq!(index.find_decoded("/%61pi/items").collect::<Vec<_>>(), [0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PatternIndex {
    automata: Box<[Numbered]>,
}

/// The numbers of the patterns that match, in their order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Matches(u128);

impl PatternIndex {
    /// The most patterns of an index: the bits of one word that needs no memory of its own.
    pub const MOST: usize = u128::BITS as usize;

    /// Compiles patterns; each has its place in the list for a number.
    ///
    /// # Errors
    /// Where they are more than [`MOST`](Self::MOST) or need more memory than is granted: the patterns that do.
    pub fn new(patterns: &[Pattern]) -> Result<Self, TooLarge> {
        if patterns.len() > Self::MOST {
            return Err(TooLarge::of(patterns));
        }
        let automata = construct(patterns, &Numbered::build)?;
        Ok(Self {
            automata: automata.into_boxed_slice(),
        })
    }

    /// The patterns that match what the percent-encoded text stands for, decoded once and byte by byte on the way.
    #[must_use]
    pub fn find_decoded(&self, encoded: &str) -> Matches {
        let bytes = encoded.as_bytes();
        let mut found = Matches::default();
        for automaton in &self.automata {
            if bytes.contains(&b'%') {
                automaton.find(Decoded::new(bytes), &mut found);
            } else {
                automaton.find(bytes.iter().copied(), &mut found);
            }
        }
        found
    }

    /// Heap memory of the automata, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.automata.iter().map(|automaton| automaton.dfa.memory_usage()).sum()
    }
}

impl Iterator for Matches {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lowest = self.0.trailing_zeros();
        (lowest < u128::BITS).then(|| {
            self.0 &= self.0 - 1;
            lowest as usize
        })
    }
}

/// Patterns of one direction as one DFA that goes on after a match.
#[derive(Clone)]
struct Numbered {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    direction: Direction,
    /// The number of each of the automaton's patterns.
    numbers: Box<[u8]>,
}

impl Numbered {
    fn build(group: &[Sized<'_>], direction: Direction) -> Option<Self> {
        let (kind, anchored) = match direction {
            Direction::FromStart | Direction::FromEnd => (StartKind::Anchored, Anchored::Yes),
            Direction::Anywhere => (StartKind::Unanchored, Anchored::No),
        };
        let sources: Vec<&str> = group.iter().map(|sized| sized.pattern.source()).collect();
        let nfa = nfa(&sources, direction)?;
        let limits = Limits::of(&nfa, are_literals(group));
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .accelerate(false)
                    .match_kind(MatchKind::All)
                    .start_kind(kind)
                    .dfa_size_limit(Some(limits.size))
                    .determinize_size_limit(Some(limits.work)),
            )
            .build_from_nfa(&nfa)
            .ok()?;
        let start = dfa.start_state(&start::Config::new().anchored(anchored)).ok()?;
        Some(Self {
            dfa,
            start,
            direction,
            numbers: group
                .iter()
                .map(|sized| u8::try_from(sized.number))
                .collect::<Result<_, _>>()
                .ok()?,
        })
    }

    fn find(&self, bytes: impl DoubleEndedIterator<Item = u8>, found: &mut Matches) {
        match self.direction {
            Direction::FromStart | Direction::Anywhere => self.walk(bytes, found),
            Direction::FromEnd => self.walk(bytes.rev(), found),
        }
    }

    /// Follows the bytes until none can match any more. A match shows one byte after its end.
    fn walk(&self, bytes: impl Iterator<Item = u8>, found: &mut Matches) {
        let mut state = self.start;
        for byte in bytes {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_dead_state(state) {
                    return;
                }
                self.note(state, found);
            }
        }
        self.note(self.dfa.next_eoi_state(state), found);
    }

    fn note(&self, state: StateID, found: &mut Matches) {
        if self.dfa.is_match_state(state) {
            let patterns = (0..self.dfa.match_len(state)).map(|index| self.dfa.match_pattern(state, index));
            let numbers = patterns.filter_map(|pattern| self.numbers.get(pattern.as_usize()));
            numbers.for_each(|number| found.0 |= 1 << number);
        }
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered")
            .field("direction", &self.direction)
            .field("patterns", &self.numbers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::MatchType, *};
    use crate::pattern::PatternSet;

    fn patterns(all: &[(&str, MatchType)]) -> Vec<Pattern> {
        all.iter()
            .map(|(text, kind)| Pattern::new(text, *kind).unwrap())
            .collect()
    }

    #[test]
    fn all_that_match_are_told_in_their_order() {
        let index = PatternIndex::new(&patterns(&[
            (".json", MatchType::Ends),
            ("/api/v1/", MatchType::Starts),
            ("/api/v1/items.json", MatchType::Match),
            ("items", MatchType::Contains),
            ("/api/", MatchType::Starts),
            (r"/v\d+/", MatchType::Regex),
            ("^/api/", MatchType::Regex),
        ]))
        .unwrap();
        let found = |path: &str| index.find_decoded(path).collect::<Vec<_>>();
        assert_eq!(found("/api/v1/items.json"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(found("/api/%76%31/items"), [1, 3, 4, 5, 6]);
        assert_eq!(found("/shop/v2/x.json"), [0, 5]);
        assert!(found("/").is_empty() && found("").is_empty());
        assert!(index.memory_bytes() > 0);
    }

    #[test]
    fn the_number_of_patterns_is_bounded() {
        let many = |count: usize| -> Vec<Pattern> {
            (0..count)
                .map(|number| Pattern::new(&format!("/{number}/"), MatchType::Starts).unwrap())
                .collect()
        };
        let index = PatternIndex::new(&many(PatternIndex::MOST)).unwrap();
        assert_eq!(index.find_decoded("/127/x").collect::<Vec<_>>(), [127]);
        assert!(PatternIndex::new(&many(PatternIndex::MOST + 1)).is_err());
        let none = PatternIndex::new(&[]).unwrap();
        assert_eq!((none.find_decoded("/").next(), none.memory_bytes()), (None, 0));
    }

    #[test]
    fn what_is_too_large_is_named() {
        let error = PatternIndex::new(&patterns(&[("/", MatchType::Starts), ("a[ab]{40}c", MatchType::Regex)]));
        assert_eq!(error.map(drop).unwrap_err().patterns, ["a[ab]{40}c"]);
    }

    proptest! {
        /// Each pattern is told exactly where a set of it alone would match.
        #[test]
        fn as_each_alone(
            texts in prop::collection::vec(("[ab./]{1,3}", 0_usize..4), 0..8),
            path in "[ab./%]{0,8}",
        ) {
            let kinds = [MatchType::Starts, MatchType::Ends, MatchType::Contains, MatchType::Match];
            let all: Vec<Pattern> = texts.iter().map(|(text, kind)| Pattern::new(text, kinds[*kind]).unwrap()).collect();
            let found: Vec<usize> = PatternIndex::new(&all).unwrap().find_decoded(&path).collect();
            let alone: Vec<usize> = (0..all.len())
                .filter(|number| PatternSet::new(&all[*number..=*number]).unwrap().is_match_decoded(&path))
                .collect();
            prop_assert_eq!(found, alone);
        }
    }
}
