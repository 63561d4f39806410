//! Scored rules: regular expressions, each an automaton of its own.
//!
//! The memory of the automata is bounded; without lookaround and backreferences, which the engine
//! does not have, a match takes time linear in the text whatever the text is. One automaton for a
//! whole family would save passes over the text, and grow too many states; as nearly all rules are
//! spared by the [lexicon](super::lexicon), few passes are left to save.

use regex_automata::util::syntax;
use regex_syntax::hir::Hir;

use super::{
    CERTAIN, Detector, Family, Finding, Hits, Marks, Value,
    automaton::Automaton,
    lexicon::{Lexicon, RuleId},
};
use crate::places::Role;

/// A rule of a family.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in events.
    pub name: &'static str,
    /// What it counts, in hundredths.
    pub points: u8,
    /// Where it counts.
    pub scope: Scope,
    /// What it matches: bytes, without regard to case; a dot matches line breaks.
    pub pattern: &'static str,
}

impl Rule {
    /// Its pattern, read.
    pub(super) fn parsed(&self) -> Result<Hir, Box<regex_syntax::Error>> {
        let syntax = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .dot_matches_new_line(true);
        syntax::parse_with(self.pattern, &syntax).map_err(Box::new)
    }
}

/// Where a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Any,
    /// In what somebody enters in a line. In documents, where people write about commands and code,
    /// it counts for less.
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
    rules: Vec<Compiled>,
    /// All of them, where the lexicon says for each whether it is worth asking.
    all: Option<Hits>,
    /// The number of the first of them there, where the others follow it.
    first: Option<usize>,
}

#[derive(Debug)]
struct Compiled {
    rule: &'static Rule,
    automaton: Automaton,
    /// Its number in the lexicon that says where it is worth asking; without one it always is.
    id: Option<RuleId>,
}

impl RuleSet {
    /// Compiles rules that are asked of every value.
    ///
    /// # Errors
    /// Where a pattern is no regular expression, or too large.
    pub fn new(rules: &'static [Rule]) -> Result<Self, BuildError> {
        Self::compiled(rules.iter().map(|rule| Compiled::new(rule, None)))
    }

    /// Compiles rules that are asked where the lexicon found one of their literals.
    pub(super) fn with(rules: &'static [Rule], lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Self::compiled(rules.iter().map(|rule| Compiled::new(rule, Some(&mut *lexicon))))
    }

    fn compiled(rules: impl Iterator<Item = Result<Compiled, BuildError>>) -> Result<Self, BuildError> {
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let all = Hits::of(rules.iter().map(|rule| rule.id));
        let first = rules.first().filter(|_| all.is_some()).and_then(|compiled| compiled.id);
        let first = first.map(RuleId::number);
        Ok(Self { rules, all, first })
    }

    /// The rules with these names, where the lexicon says for them whether they are worth asking.
    pub(super) fn named(&self, names: &[&str]) -> Hits {
        let named = self.rules.iter().filter(|compiled| names.contains(&compiled.rule.name));
        Hits::of(named.map(|compiled| compiled.id)).unwrap_or_default()
    }

    /// What the rules find in a value, all together.
    #[must_use]
    pub fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        self.judge_by(value, |_| true)
    }

    /// As if it had only some of its rules. `counts` sees each rule that matches.
    pub(super) fn judge_by(&self, value: &Value<'_>, counts: impl Fn(&Rule) -> bool) -> Option<Finding> {
        if self.all.as_ref().is_some_and(|all| !value.hits.has_any(all)) {
            return None;
        }
        let mut score = 0_u8;
        let mut best: Option<&Compiled> = None;
        let mut hits = value.hits.within(self.first.unwrap_or_default());
        for index in 0..self.rules.len() {
            // most rules are not worth asking
            let index = if self.first.is_some() { hits.next() } else { Some(index) };
            let Some(compiled) = index.and_then(|index| self.rules.get(index)) else {
                break;
            };
            // asked last: what a rule's exceptions look at costs more than most rules, and few
            // rules match
            if !compiled.matches(value) {
                continue;
            }
            // what was found counts whatever is left: it may be the last of the request
            value.spend(A_MATCH + value.text.len() as u64);
            if !counts(compiled.rule) {
                continue;
            }
            score = score.saturating_add(compiled.rule.points).min(100);
            if best.is_none_or(|best| compiled.rule.points > best.rule.points) {
                best = Some(compiled);
            }
            if score >= CERTAIN {
                break;
            }
        }
        let best = best?;
        let at = best.automaton.find(value.text).unwrap_or(0..value.text.len());
        Some(Finding::new(best.rule.name, score, at))
    }
}

impl RuleSet {
    /// What the first rule finds that matches a text of no request: an answer's.
    pub(super) fn find(&self, text: &str) -> Option<Finding> {
        self.rules.iter().find_map(|compiled| {
            let found = compiled.automaton.find(text)?;
            Some(Finding::new(compiled.rule.name, compiled.rule.points, found))
        })
    }
}

/// Steps that a search takes besides the bytes it walks: some 250 instructions, of which a step is
/// six, and the bytes by which nearly all texts are told that would match at their beginning alone.
const A_SEARCH: u64 = 40;

/// Steps of a rule that matches, besides the bytes that are read once more: what is known of the
/// value is held against it.
const A_MATCH: u64 = 150;

impl Compiled {
    fn new(rule: &'static Rule, lexicon: Option<&mut Lexicon>) -> Result<Self, BuildError> {
        let fail = |error: &dyn std::error::Error| BuildError(format!("{}: {error}", rule.name));
        let hir = rule.parsed().map_err(|error| fail(&error))?;
        let id = lexicon.map(|lexicon| lexicon.add(&hir));
        let is_frequent = id.is_some_and(|id| !id.has_literal());
        let automaton = Automaton::new(&hir, is_frequent).map_err(|error| fail(&error))?;
        Ok(Self { rule, automaton, id })
    }

    fn matches(&self, value: &Value<'_>) -> bool {
        self.is_worth(value)
            && value.spend(A_SEARCH)
            && self.automaton.is_match(value.text, &|steps| value.spend(steps))
    }

    fn is_worth(&self, value: &Value<'_>) -> bool {
        let is_in_scope = self.rule.scope == Scope::Any || !value.is_document;
        is_in_scope && self.id.is_none_or(|id| value.hits.has(id))
    }
}

/// A detector that is its rules and nothing else.
pub(super) struct Simple {
    family: Family,
    marks: Marks,
    roles: &'static [Role],
    rules: RuleSet,
    /// Whether a rule that matches says nothing, by what is known of the value.
    is_excused: fn(&Rule, &Value<'_>) -> bool,
}

/// What somebody entered.
pub(super) const ENTERED: &[Role] = &[Role::Value, Role::Name, Role::FileName];

impl Simple {
    pub(super) fn new(
        family: Family,
        marks: Marks,
        roles: &'static [Role],
        rules: &'static [Rule],
        lexicon: &mut Lexicon,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            family,
            marks,
            roles,
            rules: RuleSet::with(rules, lexicon)?,
            is_excused: |_, _| false,
        })
    }

    /// The same, but for rules that say nothing in some values.
    pub(super) fn unless(self, is_excused: fn(&Rule, &Value<'_>) -> bool) -> Self {
        Self { is_excused, ..self }
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
            self.rules.judge_by(value, |rule| !(self.is_excused)(rule, value))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        normal::{Disguise, Spelling},
        places::{Field, Part, Role},
    };

    const RULES: &[Rule] = &[always("a", "aa+"), short("b", r"b\s*=\s*b"), hint("c", 50, "C")];

    fn judge(text: &str) -> Option<(&'static str, u8)> {
        judge_in(Part::Body, text)
    }

    fn judge_in(part: Part, text: &str) -> Option<(&'static str, u8)> {
        let field = Field::whole(part, Role::Value, text.as_bytes(), Spelling::Form);
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
        assert_eq!(judge("aa, c"), Some(("a", 90)), "certain is enough");
    }

    #[test]
    fn short_rules_do_not_count_in_documents() {
        assert_eq!(judge("b=b\nx"), Some(("b", 90)));
        assert_eq!(judge("b=b\nx\ny"), None);
        assert_eq!(judge(&format!("b=b {}", "word ".repeat(60))), None);
        assert_eq!(judge(&format!("b=b {}", "x".repeat(4000))), Some(("b", 90)));
        assert_eq!(judge("aa\nx\ny"), Some(("a", 90)));
    }

    #[test]
    fn padding_makes_no_document() {
        let (blanks, letters, words) = (
            "b=b   ".to_owned() + &" ".repeat(60),
            "x ".repeat(60),
            "word ".repeat(60),
        );
        for text in [
            blanks,
            format!("b=b {letters}"),
            "b=b\n\n\n\n".to_owned(),
            "b=b\r\n \r\n\t\r\n".to_owned(),
        ] {
            assert_eq!(judge(&text), Some(("b", 90)), "{text:?}");
        }
        let long = format!("b=b {words}");
        for part in [Part::Path, Part::Header, Part::Cookie, Part::Query] {
            assert_eq!(judge_in(part, &long), Some(("b", 90)), "{part:?}");
        }
        assert_eq!(judge(&long), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        const WRONG: &[Rule] = &[always("wrong", "(")];
        assert!(RuleSet::new(WRONG).is_err());
    }
}
