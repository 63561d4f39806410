//! Which rules a text is worth: for each rule the literals without which it cannot match, all of them in one automaton.
//!
//! The literals are read off the regular expressions, so that none can be forgotten. A text is searched once for all of them (Aho and
//! Corasick, 1975); rules without a literal in the text are not asked. Everyday values have few, and so cost what a search costs.

mod literals;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_syntax::hir::Hir;

/// The most rules that are told apart; further ones are always asked. Four words of bits.
const MOST_RULES: usize = 256;

/// Rules that a text may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits([u64; MOST_RULES / 64]);

/// A rule's number in a lexicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleId(usize);

/// Literals of rules, while they are collected.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    literals: Vec<(Vec<u8>, RuleId)>,
    always: Hits,
    count: usize,
}

/// The automaton of a lexicon.
#[derive(Debug)]
pub(super) struct Words {
    automaton: Option<AhoCorasick>,
    /// For each pattern the rules it stands for.
    rules: Vec<Hits>,
    always: Hits,
}

impl Default for Hits {
    /// No rule.
    fn default() -> Self {
        Self([0; MOST_RULES / 64])
    }
}

impl Hits {
    /// Every rule: what is said of a text that was not searched.
    pub(super) const ALL: Self = Self([u64::MAX; MOST_RULES / 64]);

    /// Whether a rule is worth asking.
    pub(super) fn has(&self, id: RuleId) -> bool {
        self.0.get(id.0 / 64).is_none_or(|word| word >> (id.0 % 64) & 1 == 1)
    }

    fn set(&mut self, id: RuleId) {
        if let Some(word) = self.0.get_mut(id.0 / 64) {
            *word |= 1 << (id.0 % 64);
        }
    }

    fn add(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(other.0) {
            *own |= others;
        }
    }
}

impl Lexicon {
    /// Takes a rule in.
    pub(super) fn add(&mut self, pattern: &Hir) -> RuleId {
        let id = RuleId(self.count);
        self.count += 1;
        match literals::required(pattern) {
            Some(found) => self.literals.extend(found.into_iter().map(|literal| (literal, id))),
            None => self.always.set(id),
        }
        id
    }

    /// The automaton of all rules that were taken in.
    pub(super) fn build(mut self) -> Words {
        self.literals.sort();
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut rules: Vec<Hits> = Vec::new();
        for (literal, id) in self.literals {
            if patterns.last() != Some(&literal) {
                patterns.push(literal);
                rules.push(Hits::default());
            }
            if let Some(last) = rules.last_mut() {
                last.set(id);
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)
            .ok();
        // without an automaton every rule is asked: slower, and not wrong
        let always = if automaton.is_some() { self.always } else { Hits::ALL };
        Words {
            automaton,
            rules,
            always,
        }
    }
}

impl Words {
    /// Searches nothing, and takes every rule for worth asking.
    #[cfg(test)]
    pub(super) const fn blind() -> Self {
        Self {
            automaton: None,
            rules: Vec::new(),
            always: Hits::ALL,
        }
    }

    /// The rules that a text may match.
    pub(super) fn search(&self, text: &str) -> Hits {
        let mut hits = self.always;
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_overlapping_iter(text) {
                if let Some(rules) = self.rules.get(found.pattern().as_usize()) {
                    hits.add(rules);
                }
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(patterns: &[&str]) -> (Words, Vec<RuleId>) {
        let mut lexicon = Lexicon::default();
        let ids = patterns
            .iter()
            .map(|pattern| lexicon.add(&regex_syntax::parse(pattern).unwrap()))
            .collect();
        (lexicon.build(), ids)
    }

    #[test]
    fn rules_are_asked_where_their_literals_are() {
        let (words, ids) = words(&["union.*select", "<script", r"\d+", "(?i)sleep|union"]);
        let hits = |text: &str| ids.iter().map(|id| words.search(text).has(*id)).collect::<Vec<_>>();
        assert_eq!(hits("abc"), [false, false, true, false]);
        assert_eq!(hits("a UNION b"), [false, false, true, true]);
        assert_eq!(hits("please SELECT"), [true, false, true, false]);
        assert_eq!(hits("<ScRiPt>"), [false, true, true, false]);
    }

    #[test]
    fn further_rules_are_always_asked() {
        let patterns: Vec<String> = (0..MOST_RULES + 2).map(|number| format!("literal{number}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let (words, ids) = words(&patterns);
        let hits = words.search("nothing");
        assert!(!hits.has(ids[MOST_RULES - 1]) && hits.has(ids[MOST_RULES]));
    }
}
