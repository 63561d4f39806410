//! One dense DFA, and how it is walked.

use std::fmt;

use regex_automata::{
    Anchored,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::{self, NFA, WhichCaptures},
    util::{primitives::StateID, start},
};

use super::source::{MatchType, Pattern, syntax};

/// The most memory of one automaton, in bytes, and of the work to build it: about what fits a second-level cache. pyrasp's own
/// decoys take 1 % of it.
pub(super) const SIZE_LIMIT: usize = 2 << 20;

/// From where patterns are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the first byte forward.
    FromStart,
    /// From the last byte backward.
    FromEnd,
    /// From each byte forward, all at once.
    Anywhere,
}

impl Direction {
    /// The direction that gives up soonest.
    pub(super) fn of(pattern: &Pattern) -> Self {
        match pattern.kind() {
            MatchType::Starts | MatchType::Match => Self::FromStart,
            MatchType::Ends => Self::FromEnd,
            MatchType::Contains => Self::Anywhere,
            MatchType::Regex => match nfa(&[pattern], Self::Anywhere) {
                Some(nfa) if nfa.is_always_start_anchored() => Self::FromStart,
                Some(_) | None => Self::Anywhere,
            },
        }
    }
}

/// Patterns of one direction as one DFA.
#[derive(Clone)]
pub(super) struct Automaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
    direction: Direction,
}

impl Automaton {
    /// One automaton for all patterns, unless it exceeds its limits. Patterns are parsed before, so that nothing else can fail.
    pub(super) fn build(patterns: &[&Pattern], direction: Direction) -> Option<Self> {
        let (kind, anchored) = match direction {
            Direction::FromStart | Direction::FromEnd => (StartKind::Anchored, Anchored::Yes),
            Direction::Anywhere => (StartKind::Unanchored, Anchored::No),
        };
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .accelerate(false)
                    .start_kind(kind)
                    .dfa_size_limit(Some(SIZE_LIMIT))
                    .determinize_size_limit(Some(SIZE_LIMIT)),
            )
            .build_from_nfa(&nfa(patterns, direction)?)
            .ok()?;
        let start = dfa.start_state(&start::Config::new().anchored(anchored)).ok()?;
        Some(Self { dfa, start, direction })
    }

    /// Whether a pattern matches these bytes.
    pub(super) fn matches(&self, bytes: impl DoubleEndedIterator<Item = u8>) -> bool {
        match self.direction {
            Direction::FromStart | Direction::Anywhere => self.walk(bytes),
            Direction::FromEnd => self.walk(bytes.rev()),
        }
    }

    /// Heap memory, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.dfa.memory_usage()
    }

    /// Follows the bytes until a pattern has matched or none can any more. A match shows one byte after its end.
    fn walk(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut state = self.start;
        for byte in bytes {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    return true;
                }
                if self.dfa.is_dead_state(state) {
                    return false;
                }
            }
        }
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Automaton")
            .field("direction", &self.direction)
            .field("memory_bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}

pub(super) fn nfa(patterns: &[&Pattern], direction: Direction) -> Option<NFA> {
    let sources: Vec<&str> = patterns.iter().map(|pattern| pattern.source()).collect();
    NFA::compiler()
        .syntax(syntax())
        .configure(
            thompson::Config::new()
                .utf8(false)
                .reverse(direction == Direction::FromEnd)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(SIZE_LIMIT)),
        )
        .build_many(&sources)
        .ok()
}
