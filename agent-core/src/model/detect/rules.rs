//! Scored rules: regular expressions of one family, compiled into one automaton.
//!
//! The automaton is lazy and its memory bounded; without lookaround and backreferences, which the engine does not have, a match
//! takes time linear in the text whatever the text is.

use regex_automata::{Input, PatternSet, meta::Regex, util::syntax};

use super::{CERTAIN, Detector, Family, Finding, Marks, Value};
use crate::model::places::Role;

/// The most memory of an automaton's cache, in bytes: states of everyday traffic take a tenth of it.
const CACHE: usize = 1 << 20;

/// What a rule that is meant for short values counts in a document, in hundredths: three such are needed to refuse.
const IN_DOCUMENT: u8 = 40;

/// A rule of a family.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in events.
    pub name: &'static str,
    /// What it counts, in hundredths.
    pub points: u8,
    /// Where it counts that much.
    pub scope: Scope,
    /// What it matches: bytes, without regard to case; a dot matches line breaks.
    pub pattern: &'static str,
}

/// Where a rule counts in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Any,
    /// In what somebody enters in a line. In documents, where people write about commands and code, it counts for less.
    Short,
}

/// A rule that refuses by itself, wherever it matches.
pub(super) const fn always(name: &'static str, pattern: &'static str) -> Rule {
    Rule {
        name,
        points: CERTAIN,
        scope: Scope::Any,
        pattern,
    }
}

/// A rule that refuses by itself in short values.
pub(super) const fn short(name: &'static str, pattern: &'static str) -> Rule {
    Rule {
        scope: Scope::Short,
        ..always(name, pattern)
    }
}

/// A rule that counts together with others.
pub(super) const fn hint(name: &'static str, points: u8, pattern: &'static str) -> Rule {
    Rule {
        points,
        ..always(name, pattern)
    }
}

/// Rules that cannot be compiled.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a rule of a detector cannot be compiled: {0}")]
pub struct BuildError(String);

/// The rules of one family.
#[derive(Debug)]
pub struct RuleSet {
    regex: Regex,
    rules: &'static [Rule],
}

impl RuleSet {
    /// Compiles rules.
    ///
    /// # Errors
    /// Where a pattern is no regular expression, or too large.
    pub fn new(rules: &'static [Rule]) -> Result<Self, BuildError> {
        let patterns: Vec<&str> = rules.iter().map(|rule| rule.pattern).collect();
        let regex = Regex::builder()
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE)
                    .nfa_size_limit(Some(CACHE * 8)),
            )
            .syntax(
                syntax::Config::new()
                    .unicode(false)
                    .utf8(false)
                    .case_insensitive(true)
                    .dot_matches_new_line(true),
            )
            .build_many(&patterns)
            .map_err(|error| BuildError(error.to_string()))?;
        Ok(Self { regex, rules })
    }

    /// What the rules find in a value, all together.
    #[must_use]
    pub fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        self.judge_with(value, |_, points| points)
    }

    /// As [`judge`](Self::judge), where `weigh` has the last word on what a rule counts.
    pub(super) fn judge_with(&self, value: &Value<'_>, weigh: impl Fn(&Rule, u8) -> u8) -> Option<Finding> {
        let input = Input::new(value.text);
        if !self.regex.is_match(input.clone()) {
            return None;
        }
        let mut matched = PatternSet::new(self.rules.len());
        self.regex.which_overlapping_matches(&input, &mut matched);
        let mut score = 0_u8;
        let mut best: Option<(&Rule, u8)> = None;
        for rule in matched.iter().filter_map(|pattern| self.rules.get(pattern.as_usize())) {
            let points = match rule.scope {
                Scope::Short if value.is_document => rule.points.min(IN_DOCUMENT),
                Scope::Short | Scope::Any => rule.points,
            };
            let points = weigh(rule, points);
            score = score.saturating_add(points).min(100);
            if points > 0 && best.is_none_or(|(_, most)| points > most) {
                best = Some((rule, points));
            }
        }
        let (rule, _) = best?;
        let at = self
            .regex
            .find(input)
            .map_or(0..value.text.len(), |found| found.range());
        Some(Finding::new(rule.name, score, at))
    }
}

/// A detector that is its rules and nothing else.
pub(super) struct Simple {
    family: Family,
    marks: Marks,
    roles: &'static [Role],
    rules: RuleSet,
}

/// What somebody entered.
pub(super) const ENTERED: &[Role] = &[Role::Value, Role::Name, Role::FileName];

impl Simple {
    pub(super) fn new(
        family: Family,
        marks: Marks,
        roles: &'static [Role],
        rules: &'static [Rule],
    ) -> Result<Self, BuildError> {
        Ok(Self {
            family,
            marks,
            roles,
            rules: RuleSet::new(rules)?,
        })
    }
}

impl Detector for Simple {
    fn family(&self) -> Family {
        self.family
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(self.marks)
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if self.roles.contains(&value.role) {
            self.rules.judge(value)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        normal::{Disguise, Spelling},
        places::{Field, Part, Role},
    };

    const RULES: &[Rule] = &[always("a", "aa+"), short("b", r"b\s*=\s*b"), hint("c", 50, "C")];

    fn judge(text: &str) -> Option<(&'static str, u8)> {
        let field = Field::whole(Part::Query, Role::Value, text.as_bytes(), Spelling::Form);
        let value = Value::new(&field, text, Disguise::default());
        let finding = RuleSet::new(RULES).unwrap().judge(&value)?;
        Some((finding.rule, finding.score))
    }

    #[test]
    fn rules_add_up() {
        assert_eq!(judge("xyz"), None);
        assert_eq!(judge("c"), Some(("c", 50)));
        assert_eq!(judge("AA"), Some(("a", 90)));
        assert_eq!(judge("b = b"), Some(("b", 90)));
        assert_eq!(judge("aa, c"), Some(("a", 100)));
    }

    #[test]
    fn short_rules_count_less_in_documents() {
        assert_eq!(judge("b=b\nx\ny"), Some(("b", 40)));
        assert_eq!(judge(&format!("b=b{}", " ".repeat(400))), Some(("b", 40)));
        assert_eq!(judge("aa\nx\ny"), Some(("a", 90)));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        const WRONG: &[Rule] = &[always("wrong", "(")];
        assert!(RuleSet::new(WRONG).is_err());
    }
}
