//! Which rules a text is worth: for each rule the literals without which it cannot match, all of them in one automaton.
//!
//! The literals are read off the regular expressions, so that none can be forgotten. A text is searched once for all of them (Aho and
//! Corasick, 1975); rules without a literal in the text are not asked. Everyday values have few, and so cost what a search costs.

mod literals;
mod needs;

use aho_corasick::{Anchored, MatchKind, automaton::Automaton as _, dfa::DFA};
use regex_syntax::hir::Hir;

use self::needs::Needs;
use super::Marks;

/// The most rules that are told apart; further ones are always asked. Four words of bits.
const MOST_RULES: usize = 256;

/// Rules that a text may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits([u64; MOST_RULES / 64]);

/// A rule's number in a lexicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleId {
    number: usize,
    has_literal: bool,
}

impl RuleId {
    /// Whether the rule is asked of texts only that hold one of its literals.
    pub(super) const fn has_literal(self) -> bool {
        self.has_literal
    }
}

/// Literals of rules, while they are collected.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    literals: Vec<(Vec<u8>, RuleId)>,
    always: Hits,
    needs: Vec<Needs>,
}

/// The automaton of a lexicon.
#[derive(Debug)]
pub(super) struct Words {
    automaton: Option<DFA>,
    /// For each pattern the rules it stands for.
    rules: Vec<Hits>,
    /// Rules without a literal.
    always: Hits,
    /// For each rule the classes of bytes that a text must have.
    needs: Vec<Needs>,
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

    /// These rules, where all have a place here.
    pub(super) fn of(rules: impl Iterator<Item = Option<RuleId>>) -> Option<Self> {
        let mut all = Self::default();
        for rule in rules {
            all.set(rule.filter(|rule| rule.number < MOST_RULES)?);
        }
        Some(all)
    }

    /// Whether a rule is worth asking.
    pub(super) fn has(&self, id: RuleId) -> bool {
        self.0
            .get(id.number / 64)
            .is_none_or(|word| word >> (id.number % 64) & 1 == 1)
    }

    fn set(&mut self, id: RuleId) {
        if let Some(word) = self.0.get_mut(id.number / 64) {
            *word |= 1 << (id.number % 64);
        }
    }

    fn add(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(other.0) {
            *own |= others;
        }
    }

    /// Whether one of these rules is worth asking.
    pub(super) fn has_any(&self, rules: &Self) -> bool {
        self.0.iter().zip(rules.0).any(|(own, others)| own & others != 0)
    }

    /// Keeps the rules that pass a test.
    fn retain(&mut self, test: impl Fn(usize) -> bool) {
        for (place, word) in self.0.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                if !test(place * 64 + bit.trailing_zeros() as usize) {
                    *word ^= bit;
                }
            }
        }
    }
}

impl Lexicon {
    /// Takes a rule in.
    pub(super) fn add(&mut self, pattern: &Hir) -> RuleId {
        let literals = literals::required(pattern);
        let id = RuleId {
            number: self.needs.len(),
            has_literal: literals.is_some(),
        };
        self.needs.push(Needs::of(pattern));
        match literals {
            Some(found) => self.literals.extend(found.into_iter().map(|literal| (literal, id))),
            None => self.always.set(id),
        }
        id
    }

    /// How many rules were taken in.
    pub(super) const fn len(&self) -> usize {
        self.needs.len()
    }

    /// The rules that were taken in since there were so many.
    pub(super) fn since(&self, before: usize) -> Option<Hits> {
        let rules = (before..self.len()).map(|number| {
            Some(RuleId {
                number,
                has_literal: true,
            })
        });
        Hits::of(rules)
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
        let automaton = DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&patterns)
            .ok();
        // without an automaton every rule is asked: slower, and not wrong
        let always = if automaton.is_some() { self.always } else { Hits::ALL };
        Words {
            automaton,
            rules,
            always,
            needs: self.needs,
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
            needs: Vec::new(),
        }
    }

    /// The rules that a text with these classes of bytes may match.
    pub(super) fn search(&self, text: &str, marks: Marks) -> Hits {
        let mut hits = self.always;
        if let Some(automaton) = &self.automaton {
            self.run(automaton, text, &mut hits);
        }
        hits.retain(|rule| self.needs.get(rule).is_none_or(|needs| needs.are_met_by(marks)));
        hits
    }

    /// Takes the automaton through a text, step by step: a search that stops at each literal and is begun again would cost more, as
    /// literals of one or two signs are frequent.
    fn run(&self, automaton: &DFA, text: &str, hits: &mut Hits) {
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            *hits = Hits::ALL;
            return;
        };
        for byte in text.bytes() {
            state = automaton.next_state(Anchored::No, state, byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                for found in 0..automaton.match_len(state) {
                    if let Some(rules) = self.rules.get(automaton.match_pattern(state, found).as_usize()) {
                        hits.add(rules);
                    }
                }
            }
        }
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
        let hits = |text: &str| {
            ids.iter()
                .map(|id| words.search(text, Marks::of(text.as_bytes())).has(*id))
                .collect::<Vec<_>>()
        };
        assert_eq!(hits("abc 1"), [false, false, true, false]);
        assert_eq!(hits("abc"), [false; 4], "no digit");
        assert_eq!(hits("a UNION b select 2"), [true, false, true, true]);
        assert_eq!(hits("please SELECT"), [false; 4]);
        assert_eq!(hits("<ScRiPt>"), [false, true, false, false]);
    }

    #[test]
    fn further_rules_are_always_asked() {
        let patterns: Vec<String> = (0..MOST_RULES + 2).map(|number| format!("literal{number}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let (words, ids) = words(&patterns);
        let hits = words.search("nothing", Marks::of(b"nothing"));
        assert!(!hits.has(ids[MOST_RULES - 1]) && hits.has(ids[MOST_RULES]));
    }
}
