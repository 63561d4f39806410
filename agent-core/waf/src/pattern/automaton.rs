//! One dense DFA, and how it is walked.

use std::fmt;

use regex_automata::{
    Anchored,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::{self, NFA, WhichCaptures},
    util::{primitives::StateID, start},
};

use super::source::{MatchType, syntax};

/// The most memory of one automaton, in bytes: about what fits a second-level cache. pyrasp's own decoys take 1 % of it.
pub(super) const SIZE_LIMIT: usize = 2 << 20;

/// The most memory of the NFA that one automaton is made from, in bytes: its construction costs some milliseconds at most.
pub(super) const NFA_LIMIT: usize = 192 << 10;

/// What the construction of one automaton may cost, in steps of some nanoseconds: for every state and every class of bytes, the
/// states of the NFA that it stands for. It is what keeps `a.*b` beside `c.*d` from holding the agent's thread: twice as many of
/// them cost a hundredfold.
const STEPS: usize = 4_000_000;

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
    /// The direction in which a regular expression gives up soonest.
    pub(super) fn of_nfa(nfa: &NFA) -> Self {
        if nfa.is_always_start_anchored() {
            Self::FromStart
        } else {
            Self::Anywhere
        }
    }
}

impl MatchType {
    /// The direction of a type whose texts are no regular expressions.
    pub(super) const fn literal_direction(self) -> Option<Direction> {
        match self {
            Self::Starts | Self::Match => Some(Direction::FromStart),
            Self::Ends => Some(Direction::FromEnd),
            Self::Contains => Some(Direction::Anywhere),
            Self::Regex => None,
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
    /// One automaton for all sources, unless it exceeds its limits. They are parsed before, so that nothing else can fail.
    pub(super) fn build(sources: &[&str], direction: Direction, are_literals: bool) -> Option<Self> {
        let (kind, anchored) = match direction {
            Direction::FromStart | Direction::FromEnd => (StartKind::Anchored, Anchored::Yes),
            Direction::Anywhere => (StartKind::Unanchored, Anchored::No),
        };
        let nfa = nfa(sources, direction)?;
        let limits = Limits::of(&nfa, are_literals);
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .accelerate(false)
                    .start_kind(kind)
                    .dfa_size_limit(Some(limits.size))
                    .determinize_size_limit(Some(limits.work)),
            )
            .build_from_nfa(&nfa)
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

    /// Whether a pattern matches text of which only this beginning or this end is looked at: what is bound to the other side of it, or
    /// would have to reach there, does not.
    pub(super) fn matches_part(&self, beginning: &[u8], end: &[u8]) -> bool {
        match self.direction {
            Direction::FromStart | Direction::Anywhere => self.follow(beginning.iter().copied()) == Some(true),
            Direction::FromEnd => self.follow(end.iter().rev().copied()) == Some(true),
        }
    }

    /// Heap memory, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.dfa.memory_usage()
    }

    fn walk(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut state = self.start;
        self.advance(&mut state, bytes)
            .unwrap_or_else(|| self.dfa.is_match_state(self.dfa.next_eoi_state(state)))
    }

    fn follow(&self, bytes: impl Iterator<Item = u8>) -> Option<bool> {
        let mut state = self.start;
        self.advance(&mut state, bytes)
    }

    /// Follows the bytes until a pattern has matched or none can any more. A match shows one byte after its end.
    fn advance(&self, state: &mut StateID, bytes: impl Iterator<Item = u8>) -> Option<bool> {
        for byte in bytes {
            *state = self.dfa.next_state(*state, byte);
            if self.dfa.is_special_state(*state) {
                if self.dfa.is_match_state(*state) {
                    return Some(true);
                }
                if self.dfa.is_dead_state(*state) {
                    return Some(false);
                }
            }
        }
        None
    }
}

/// What bounds a construction.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of the DFA.
    pub(super) size: usize,
    /// Bytes of the sets of NFA states that DFA states stand for: at least one a member.
    pub(super) work: usize,
}

impl Limits {
    /// Of trees of literals, where a state stands for one place in the tree, and a few that end like it: the size alone bounds the work.
    const LITERALS: Self = Self {
        size: SIZE_LIMIT,
        work: SIZE_LIMIT,
    };

    /// Each set is followed once for each class of bytes, and at worst through every state that consumes nothing.
    pub(super) fn of(nfa: &NFA, are_literals: bool) -> Self {
        if are_literals {
            return Self::LITERALS;
        }
        let classes = nfa.byte_classes().alphabet_len().max(1);
        let silent = nfa.states().iter().filter(|state| state.is_epsilon()).count();
        let states = STEPS / (classes * (silent + 1));
        // transitions of four bytes, in rows of a power of two
        let row = classes.next_power_of_two() * 4;
        Self {
            size: SIZE_LIMIT.min(states.saturating_mul(row)),
            work: SIZE_LIMIT.min(STEPS / classes),
        }
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

/// The NFA of these sources, unless it exceeds its limit.
pub(super) fn nfa(sources: &[&str], direction: Direction) -> Option<NFA> {
    NFA::compiler()
        .syntax(syntax())
        .configure(
            thompson::Config::new()
                .utf8(false)
                .reverse(direction == Direction::FromEnd)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(NFA_LIMIT)),
        )
        .build_many(sources)
        .ok()
}
