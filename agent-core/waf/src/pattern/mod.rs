//! Sets of patterns that are asked for every request: compiled once into automata that a look-up walks without a lock, an
//! allocation or a bad case. A dense DFA reads each byte at most once, however many patterns there are.
//!
//! Patterns that are tied to the beginning or the end of the text are kept apart from those that may match anywhere: their
//! automata give up within a few bytes, the latter read the whole text.
//!
//! # Bounds
//! Whoever writes a configuration must not be able to hold up the agent or the requests with it:
//! - a pattern is at most [`Pattern::MAX_BYTES`] long, a regular expression [`Pattern::MAX_REGEX_BYTES`], and those that name
//!   characters outside ASCII name few classes of them (a class like `\w` of Unicode has 700 ranges);
//! - all regular expressions of a set make NFAs of at most 1 MiB, together;
//! - one automaton costs at most a fixed number of steps to construct, and is tried at most four times in vain;
//! - [`PatternSet::SCAN`] bytes of a text are looked at.
//!
//! These are budgets, not stopwatches: a configuration is refused everywhere or nowhere.

mod automaton;
mod construction;
mod decoded;
mod index;
mod source;

use automaton::Automaton;
use construction::construct;
use decoded::Decoded;
pub use index::{Matches, PatternIndex};
pub use source::{MatchType, Pattern, PatternProblem, marks};

/// Patterns of which it is only asked whether any of them matches.
///
/// ```
/// use buckler_waf::pattern::{MatchType, Pattern, PatternSet};
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

/// Patterns that are too dear to compile, each alone or all together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("too dear to be matched in bounded memory and time: {}", .patterns.join(" "))]
pub struct TooLarge {
    /// The patterns as they were written.
    pub patterns: Vec<String>,
}

impl TooLarge {
    fn of<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Self {
        Self {
            patterns: patterns.into_iter().map(|pattern| pattern.text().to_owned()).collect(),
        }
    }
}

impl PatternSet {
    /// How much of a text is looked at, in bytes: as much as of a body. Where a text is longer, what is bound to its end is looked for
    /// at its end, and everything else at its beginning.
    pub const SCAN: usize = 64 << 10;

    /// Compiles patterns. No patterns make a set that nothing matches and that costs nothing to ask.
    ///
    /// # Errors
    /// Where they need more memory or more work than is granted: the patterns that do.
    pub fn new(patterns: &[Pattern]) -> Result<Self, TooLarge> {
        let automata = construct(patterns, &|group, direction| {
            let sources = source::joined(group.iter().map(|sized| sized.pattern));
            let sources: Vec<&str> = sources.iter().map(AsRef::as_ref).collect();
            Automaton::build(&sources, direction, construction::are_literals(group))
        })?;
        Ok(Self {
            patterns: patterns.len(),
            automata: automata.into_boxed_slice(),
        })
    }

    /// Whether any pattern matches.
    #[must_use]
    pub fn is_match(&self, haystack: &[u8]) -> bool {
        if haystack.len() > Self::SCAN {
            return self.is_match_of_long(haystack);
        }
        self.automata
            .iter()
            .any(|automaton| automaton.matches(haystack.iter().copied()))
    }

    /// Whether any pattern matches what the percent-encoded text stands for, decoded once and byte by byte on the way.
    #[must_use]
    pub fn is_match_decoded(&self, encoded: &str) -> bool {
        let bytes = encoded.as_bytes();
        if bytes.len() > Self::SCAN {
            self.is_match_of_long(bytes)
        } else if bytes.contains(&b'%') {
            self.automata
                .iter()
                .any(|automaton| automaton.matches(Decoded::new(bytes)))
        } else {
            self.is_match(bytes)
        }
    }

    /// Servers refuse paths and headers of this length: nothing but a value of a body comes here, and those are not encoded.
    #[cold]
    fn is_match_of_long(&self, haystack: &[u8]) -> bool {
        let beginning = haystack
            .split_at_checked(Self::SCAN)
            .map_or(haystack, |(beginning, _)| beginning);
        let end = haystack.split_at(haystack.len().saturating_sub(Self::SCAN)).1;
        self.automata
            .iter()
            .any(|automaton| automaton.matches_part(beginning, end))
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

#[cfg(test)]
mod tests;
