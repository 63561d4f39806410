//! Sets of patterns that are asked for every request: compiled once into automata that a look-up walks without a lock, an
//! allocation or a bad case. A dense DFA reads each byte at most once, however many patterns there are.
//!
//! Patterns that are tied to the beginning or the end of the text are kept apart from those that may match anywhere: their
//! automata give up within a few bytes, the latter read the whole text.

mod automaton;
mod decoded;
mod index;
mod source;

use automaton::{Automaton, Direction};
use decoded::Decoded;
pub use index::{Matches, PatternIndex};
pub use source::{MatchType, Pattern, PatternProblem};

/// The most automata of one set: patterns like `a.*b` are small alone and double each other's size together, so what is too
/// large as one automaton is split in halves. Each costs a look-up another walk.
const MAX_AUTOMATA: usize = 6;

/// Patterns of which it is only asked whether any of them matches.
///
/// ```
/// use buckler::model::pattern::{MatchType, Pattern, PatternSet};
/// let set = PatternSet::new(&[Pattern::new("/.git/", MatchType::Starts)?, Pattern::new(r"\.php$", MatchType::Regex)?])?;
/// assert!(set.is_match(b"/.git/config") && set.is_match(b"/blog/index.php"));
/// assert!(!set.is_match(b"/docs/.git/"));
/// assert!(set.is_match_decoded("/%2egit/config"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    patterns: usize,
    automata: Box<[Automaton]>,
}

/// Patterns that are too large for an automaton, each alone or all together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("too large to be matched in bounded memory: {}", .patterns.join(" "))]
pub struct TooLarge {
    /// The patterns as they were written.
    pub patterns: Vec<String>,
}

impl PatternSet {
    /// Compiles patterns. No patterns make a set that nothing matches and that costs nothing to ask.
    ///
    /// # Errors
    /// Where they need more memory than is granted: the patterns that do.
    pub fn new(patterns: &[Pattern]) -> Result<Self, TooLarge> {
        let mut automata = Vec::new();
        for direction in [Direction::FromStart, Direction::FromEnd, Direction::Anywhere] {
            let group: Vec<&Pattern> = patterns
                .iter()
                .filter(|pattern| Direction::of(pattern) == direction)
                .collect();
            if !group.is_empty() {
                build_into(&mut automata, &group, direction)?;
            }
        }
        Ok(Self {
            patterns: patterns.len(),
            automata: automata.into_boxed_slice(),
        })
    }

    /// Whether any pattern matches.
    #[must_use]
    pub fn is_match(&self, haystack: &[u8]) -> bool {
        self.automata
            .iter()
            .any(|automaton| automaton.matches(haystack.iter().copied()))
    }

    /// Whether any pattern matches what the percent-encoded text stands for, decoded once and byte by byte on the way.
    #[must_use]
    pub fn is_match_decoded(&self, encoded: &str) -> bool {
        let bytes = encoded.as_bytes();
        if bytes.contains(&b'%') {
            self.automata
                .iter()
                .any(|automaton| automaton.matches(Decoded::new(bytes)))
        } else {
            self.is_match(bytes)
        }
    }

    /// Whether there are no patterns in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patterns == 0
    }

    /// How many patterns are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.patterns
    }

    /// Heap memory of the automata, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.automata.iter().map(Automaton::memory_bytes).sum()
    }
}

/// Builds one automaton for all, or else two for the halves.
fn build_into(automata: &mut Vec<Automaton>, patterns: &[&Pattern], direction: Direction) -> Result<(), TooLarge> {
    let too_large = || TooLarge {
        patterns: patterns.iter().map(|pattern| pattern.text().to_owned()).collect(),
    };
    if automata.len() == MAX_AUTOMATA {
        return Err(too_large());
    }
    if let Some(automaton) = Automaton::build(patterns, direction) {
        automata.push(automaton);
        return Ok(());
    }
    if patterns.len() < 2 {
        return Err(too_large());
    }
    let (left, right) = patterns.split_at(patterns.len() / 2);
    build_into(automata, left, direction)?;
    build_into(automata, right, direction)
}

#[cfg(test)]
mod tests;
