//! Which rules a text is worth: for each rule the literals without which it cannot match, all of
//! them in one automaton.
//!
//! The literals are read off the regular expressions, so that none can be forgotten. A text is
//! searched once for all of them (Aho and Corasick, 1975); a rule that finds nothing without one of
//! some literals, and one of some others, is asked only of texts that have both. Everyday values
//! have few, and so cost what a search costs. Literals of one sign are not searched for: which
//! classes of bytes a text has is known before.

mod literals;
mod needs;
mod table;

use std::ops::Range;

use regex_syntax::hir::Hir;

use self::{literals::MOST_CONDITIONS, needs::Needs, table::Table};
use super::Marks;

/// The most rules that are told apart; further ones are always asked. Four words of bits.
const MOST_RULES: usize = 256;

/// The most states at which literals end that are told apart while a text is searched; what ends at
/// others is looked up each time.
const MOST_ENDS: usize = 2048;

/// Conditions of a rule that the classes of a text's bytes meet: the two rarest of those that are
/// of signs alone spare nearly all that all of them spare.
const CONDITIONS_OF_CLASSES: usize = 2;

/// All conditions of a rule: the literals' first, then the classes'.
const CONDITIONS: usize = MOST_CONDITIONS + CONDITIONS_OF_CLASSES;

/// Words of bits that a set of rules takes.
const WORDS: usize = MOST_RULES / 64;

/// The rules of which each condition is met: the words of one condition after those of another.
type Met = [u64; CONDITIONS * WORDS];

/// Rules that a text may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits([u64; WORDS]);

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

    /// The rule's number: those of a family follow each other.
    pub(super) const fn number(self) -> usize {
        self.number
    }
}

/// Literals of rules, while they are collected.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// Each with the condition of a rule that it meets.
    literals: Vec<(Vec<u8>, usize, RuleId)>,
    /// The rules that do without each of the conditions.
    always: Met,
    /// What each class of bytes meets which is of neither letters nor digits: the conditions of the
    /// classes, and those of the literals as far as a single sign is one.
    of_classes: Vec<Met>,
    needs: Vec<Needs>,
}

/// The automaton of a lexicon.
#[derive(Debug)]
pub(super) struct Words {
    table: Option<Table>,
    /// For each state at which literals end where the conditions stand that they meet.
    met: Vec<Range<usize>>,
    /// Conditions: a word of [`Met`], and bits of rules in it.
    conditions: Vec<(usize, u64)>,
    /// The rules that do without each of the conditions.
    always: Met,
    /// What each class of bytes meets which is of neither letters nor digits.
    of_classes: Vec<Met>,
    /// For each rule the classes of bytes that a text must have.
    needs: Vec<Needs>,
}

impl Default for Hits {
    /// No rule.
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl Hits {
    /// Every rule: what is said of a text that was not searched.
    pub(super) const ALL: Self = Self([u64::MAX; WORDS]);

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

    /// As [`has`](Self::has), by the rule's number.
    pub(super) fn has_number(&self, number: usize) -> bool {
        self.0
            .get(number / 64)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn set(&mut self, id: RuleId) {
        if let Some(word) = self.0.get_mut(id.number / 64) {
            *word |= 1 << (id.number % 64);
        }
    }

    /// The rules that are in one or the other.
    fn or(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    /// Adds those of another set.
    pub(super) fn add(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(&other.0) {
            *own |= others;
        }
    }

    /// The rules that are in both.
    fn and(&self, other: &Self) -> Self {
        let mut both = *self;
        for (own, others) in both.0.iter_mut().zip(other.0) {
            *own &= others;
        }
        both
    }

    /// These rules but for some.
    pub(super) fn without(mut self, others: &Self) -> Self {
        for (own, others) in self.0.iter_mut().zip(others.0) {
            *own &= !others;
        }
        self
    }

    /// Which rules from a number on are worth asking, in order, counted from there.
    pub(super) fn within(&self, first: usize) -> Within {
        let place = first / 64;
        let word = self.0.get(place).copied().unwrap_or_default();
        Within {
            hits: *self,
            first,
            place,
            left: word & (u64::MAX << (first % 64)),
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

/// Numbers of rules, one after the other.
pub(super) struct Within {
    hits: Hits,
    first: usize,
    place: usize,
    /// The bits of this word that were not shown yet.
    left: u64,
}

impl Iterator for Within {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.place += 1;
            self.left = *self.hits.0.get(self.place)?;
        }
        let bit = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.place * 64 + bit - self.first)
    }
}

impl Default for Lexicon {
    /// Of no rule.
    fn default() -> Self {
        Self {
            literals: Vec::new(),
            always: NONE_MET,
            of_classes: Vec::new(),
            needs: Vec::new(),
        }
    }
}

impl Lexicon {
    /// Takes a rule in.
    pub(super) fn add(&mut self, pattern: &Hir) -> RuleId {
        let mut conditions = literals::conditions(pattern);
        let id = RuleId {
            number: self.needs.len(),
            has_literal: !conditions.is_empty(),
        };
        // what the classes of bytes say is said by them
        let is_sign = |literal: &Vec<u8>| matches!(**literal, [byte] if Marks::of_byte(byte).has_no_words());
        conditions.retain(|literals| !literals.iter().all(is_sign));
        conditions.truncate(MOST_CONDITIONS);
        let needs = Needs::of(pattern);
        self.of_classes.resize(Marks::OF_NO_WORDS, NONE_MET);
        for condition in conditions.len()..MOST_CONDITIONS {
            self.set_always(condition, id);
        }
        for (condition, literals) in conditions.into_iter().enumerate() {
            for literal in literals {
                match *literal {
                    [byte] if Marks::of_byte(byte).has_no_words() => {
                        self.is_met_by(condition, Marks::of_byte(byte), id);
                    }
                    _ => self.literals.push((literal, condition, id)),
                }
            }
        }
        let of_signs = needs.all().filter(|classes| classes.has_no_words());
        let mut of_signs = of_signs.collect::<Vec<_>>().into_iter();
        for condition in MOST_CONDITIONS..CONDITIONS {
            match of_signs.next() {
                Some(classes) => self.is_met_by(condition, classes, id),
                None => self.set_always(condition, id),
            }
        }
        self.needs.push(needs);
        id
    }

    /// Takes note that a rule does without a condition.
    fn set_always(&mut self, condition: usize, id: RuleId) {
        set(&mut self.always, condition, id);
    }

    /// Takes note that any of some classes of bytes meets a condition.
    fn is_met_by(&mut self, condition: usize, classes: Marks, id: RuleId) {
        for class in classes.of_no_words() {
            if let Some(met) = self.of_classes.get_mut(class) {
                set(met, condition, id);
            }
        }
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
        let mut of_patterns: Vec<[Hits; MOST_CONDITIONS]> = Vec::new();
        for (literal, condition, id) in self.literals {
            if patterns.last() != Some(&literal) {
                patterns.push(literal);
                of_patterns.push(Default::default());
            }
            if let Some(hits) = of_patterns.last_mut().and_then(|all| all.get_mut(condition)) {
                hits.set(id);
            }
        }
        let table = Table::of(&patterns);
        let (mut met, mut conditions) = (Vec::new(), Vec::new());
        for literals in table.iter().flat_map(Table::ends) {
            let begin = conditions.len();
            for condition in 0..MOST_CONDITIONS {
                let of_each = literals
                    .iter()
                    .filter_map(|literal| of_patterns.get(*literal)?.get(condition));
                let all = of_each.fold(Hits::default(), |all, hits| all.or(hits));
                let words = all.0.into_iter().enumerate().filter(|(_, word)| *word != 0);
                conditions.extend(words.map(|(place, word)| (condition * WORDS + place, word)));
            }
            met.push(begin..conditions.len());
        }
        // without an automaton every rule is asked: slower, and not wrong
        let always = if table.is_some() { self.always } else { ALL_MET };
        Words {
            table,
            met,
            conditions,
            always,
            of_classes: self.of_classes,
            needs: self.needs,
        }
    }
}

impl Words {
    /// Searches nothing, and takes every rule for worth asking.
    #[cfg(test)]
    pub(super) const fn blind() -> Self {
        Self {
            table: None,
            met: Vec::new(),
            conditions: Vec::new(),
            always: ALL_MET,
            of_classes: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// Whether texts are searched at all.
    #[cfg(test)]
    pub(super) const fn is_searched(&self) -> bool {
        self.table.is_some()
    }

    /// Those of some rules that a text with these classes of bytes may match, and how often
    /// literals end in it, which is what a search costs besides the bytes.
    pub(super) fn search(&self, text: &str, marks: Marks, asked: &Hits) -> (Hits, u64) {
        let mut met = self.always;
        for class in marks.of_no_words() {
            if let Some(of_class) = self.of_classes.get(class) {
                met.iter_mut().zip(of_class).for_each(|(own, others)| *own |= others);
            }
        }
        let of_classes = MOST_CONDITIONS..CONDITIONS;
        let mut hits = of_classes.fold(*asked, |hits, number| hits.and(&condition(&met, number)));
        let ends = match &self.table {
            Some(table) if text.len() < SHORT => self.all_ends(table, text, &mut met),
            Some(table) => self.ends(table, text, &mut met),
            None => 0,
        };
        hits = (0..MOST_CONDITIONS).fold(hits, |hits, number| hits.and(&condition(&met, number)));
        hits.retain(|rule| self.needs.get(rule).is_none_or(|needs| needs.are_met_by(marks)));
        (hits, ends)
    }

    /// Notes what the literals of a short text meet. How many end in it.
    fn all_ends(&self, table: &Table, text: &str, met: &mut Met) -> u64 {
        let mut ends = 0;
        table.search(text.as_bytes(), &mut |end| {
            ends += 1;
            self.meets(end, met);
        });
        ends
    }

    /// The same of a text in which they may end again and again.
    fn ends(&self, table: &Table, text: &str, met: &mut Met) -> u64 {
        let mut ends = 0;
        // what ends once more meets nothing more, and everyday words come again and again
        let mut seen = [0_u64; MOST_ENDS / 64];
        table.search(text.as_bytes(), &mut |end| {
            ends += 1;
            let bit = 1 << (end % 64);
            match seen.get_mut(end / 64) {
                Some(word) if *word & bit != 0 => return,
                Some(word) => *word |= bit,
                None => {}
            }
            self.meets(end, met);
        });
        ends
    }

    /// Notes what a literal meets.
    fn meets(&self, literal: usize, met: &mut Met) {
        let found = self
            .met
            .get(literal)
            .and_then(|range| self.conditions.get(range.clone()));
        for (place, rules) in found.unwrap_or_default() {
            if let Some(word) = met.get_mut(*place) {
                *word |= rules;
            }
        }
    }
}

/// The length of a text, in bytes, up to which nothing is kept of what has ended in it.
const SHORT: usize = 128;

/// No condition of any rule.
const NONE_MET: Met = [0; CONDITIONS * WORDS];

/// Every condition of every rule.
const ALL_MET: Met = [u64::MAX; CONDITIONS * WORDS];

/// Takes note that a condition of a rule is met.
fn set(met: &mut Met, condition: usize, id: RuleId) {
    if id.number < MOST_RULES
        && let Some(word) = met.get_mut(condition * WORDS + id.number / 64)
    {
        *word |= 1 << (id.number % 64);
    }
}

/// The rules of which this condition is met.
fn condition(met: &Met, number: usize) -> Hits {
    let (conditions, _) = met.as_chunks::<WORDS>();
    conditions.get(number).copied().map(Hits).unwrap_or_default()
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
                .map(|id| words.search(text, Marks::of(text.as_bytes()), &Hits::ALL).0.has(*id))
                .collect::<Vec<_>>()
        };
        assert_eq!(hits("abc 1"), [false, false, true, false]);
        assert_eq!(hits("abc"), [false; 4], "no digit");
        assert_eq!(hits("a UNION b select 2"), [true, false, true, true]);
        assert_eq!(hits("please SELECT"), [false; 4]);
        assert_eq!(hits("<ScRiPt>"), [false, true, false, false]);
    }

    #[test]
    fn signs_are_told_by_their_classes() {
        let (words, ids) = words(&["[<>]", "union.*;", r"'\s*(?:or|--)", "=|like"]);
        let hits = |text: &str, spared: &Hits| {
            let asked = Hits::ALL.without(spared);
            let (hits, ends) = words.search(text, Marks::of(text.as_bytes()), &asked);
            (ids.iter().map(|id| hits.has(*id)).collect::<Vec<_>>(), ends)
        };
        assert_eq!(hits("a;b=<c", &Hits::default()), (vec![true, false, false, true], 0));
        assert_eq!(hits("union ;'--", &Hits::default()).0, [false, true, true, false]);
        let spared = Hits::of([Some(ids[0])].into_iter()).unwrap();
        assert_eq!(hits("a <= like", &spared).0, [false, false, false, true]);
    }

    #[test]
    fn further_rules_are_always_asked() {
        let patterns: Vec<String> = (0..MOST_RULES + 2).map(|number| format!("literal{number}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let (words, ids) = words(&patterns);
        let (hits, _) = words.search("nothing", Marks::of(b"nothing"), &Hits::ALL);
        assert!(!hits.has(ids[MOST_RULES - 1]) && hits.has(ids[MOST_RULES]));
    }
}
