//! Classes of bytes without which a regular expression cannot match.
//!
//! Literals are rare in what they tell apart, and must be searched for; which classes of bytes a
//! text holds is known before any search. A rule for `1=1` has no literal, and still wants a digit
//! and an equals sign: of most values it need not be asked.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::detect::Marks;

/// The most conditions of one rule: each costs, and the first few spare nearly all.
const MOST: usize = 6;

/// Conditions that are carried along while a rule is read. They multiply where it has alternatives.
const MOST_MEANWHILE: usize = 24;

/// Conditions on a text, all of which each match needs: of each at least one class must be there.
///
/// All in one place: they are asked of each value for some tens of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// Where there are fewer, the rest is met by every text that is not empty.
    conditions: [Marks; MOST],
    count: usize,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            conditions: [Marks::EVERY; MOST],
            count: 0,
        }
    }
}

impl Needs {
    /// What a pattern needs.
    pub(super) fn of(pattern: &Hir) -> Self {
        let mut conditions = search(pattern);
        conditions.retain(|condition| *condition != Marks::EVERY);
        prune(&mut conditions, MOST);
        let mut needs = Self {
            count: conditions.len(),
            ..Self::default()
        };
        let places = needs.conditions.iter_mut();
        places.zip(conditions).for_each(|(place, condition)| *place = condition);
        needs
    }

    /// The conditions, the rarest first.
    pub(super) fn all(&self) -> impl Iterator<Item = Marks> {
        self.conditions.iter().take(self.count).copied()
    }

    /// Whether a text with these classes may match.
    #[inline]
    pub(super) fn are_met_by(&self, marks: Marks) -> bool {
        // without a branch for each: nearly all are met of the rules that this is asked of
        let are_met = |all, condition: &Marks| all & marks.any(*condition);
        self.count == 0 || self.conditions.iter().fold(true, are_met)
    }
}

fn search(pattern: &Hir) -> Vec<Marks> {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Literal(literal) => joined(literal.0.iter().map(|byte| vec![Marks::of_byte(*byte)])),
        HirKind::Class(class) => vec![members(class)],
        HirKind::Repetition(repetition) if repetition.min > 0 => search(&repetition.sub),
        HirKind::Repetition(_) => Vec::new(),
        HirKind::Capture(capture) => search(&capture.sub),
        HirKind::Concat(parts) => joined(parts.iter().map(search)),
        HirKind::Alternation(choices) => choices
            .iter()
            .map(search)
            .reduce(|one, other| either(&one, &other))
            .unwrap_or_default(),
    }
}

/// What parts that follow each other need, together.
fn joined(parts: impl Iterator<Item = Vec<Marks>>) -> Vec<Marks> {
    let mut all: Vec<Marks> = parts.flatten().collect();
    prune(&mut all, MOST_MEANWHILE);
    all
}

/// What one of two choices needs, whichever it is.
fn either(one: &[Marks], other: &[Marks]) -> Vec<Marks> {
    let mut both: Vec<Marks> = one
        .iter()
        .flat_map(|first| other.iter().map(move |second| *first | *second))
        .collect();
    prune(&mut both, MOST_MEANWHILE);
    both
}

/// Keeps the narrowest conditions, and none that another one implies.
fn prune(conditions: &mut Vec<Marks>, most: usize) {
    conditions.sort_by_key(|condition| (condition.commonness(), *condition));
    let mut kept: Vec<Marks> = Vec::new();
    for condition in conditions.iter() {
        if kept.len() < most && !kept.iter().any(|narrower| narrower.is_within(*condition)) {
            kept.push(*condition);
        }
    }
    *conditions = kept;
}

fn members(class: &Class) -> Marks {
    let range = |start: u32, end: u32| {
        let ascii = (start..=end.min(0x7f)).filter_map(|code| u8::try_from(code).ok());
        let high = if end > 0x7f {
            Marks::of_byte(0x80)
        } else {
            Marks::default()
        };
        ascii.fold(high, |all, byte| all | Marks::of_byte(byte))
    };
    let ranges: Vec<(u32, u32)> = match class {
        Class::Bytes(bytes) => bytes
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Unicode(chars) => chars
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    };
    ranges
        .into_iter()
        .fold(Marks::default(), |all, (start, end)| all | range(start, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    use super::*;

    fn needs(pattern: &str) -> (Needs, Regex) {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build()
            .parse(pattern)
            .unwrap();
        (Needs::of(&hir), Regex::builder().build_from_hir(&hir).unwrap())
    }

    #[test]
    fn a_text_without_what_a_rule_needs_is_spared_it() {
        for (pattern, met, spared) in [
            (r"\d+\s*=\s*\d+", "1=1", "a=b"),
            (r"\d+\s*=\s*\d+", "1=1", "12"),
            (r"^(?:[a-z]:)?[\\/]{2,}x", "//x", "12:30 x"),
            (r"j\s*s\s*:", "JS:", "j:t"),
            ("[<>]|(?:ab)+;", "a;b", "ab"),
            (r"(?:\.|%2e){2,}[\\/]", "%2E/", "a/b"),
            ("caf\u{e9}", "café", "cafe"),
        ] {
            let needs = needs(pattern).0;
            assert!(needs.are_met_by(Marks::of(met.as_bytes())), "{pattern}: {met}");
            assert!(!needs.are_met_by(Marks::of(spared.as_bytes())), "{pattern}: {spared}");
        }
        for pattern in ["", ".", "x*", "a|", r"[\x00-\xff]+", "^$"] {
            assert_eq!(needs(pattern).0, Needs::default(), "{pattern}");
        }
    }

    proptest! {
        /// What matches has what is needed.
        #[test]
        fn nothing_that_matches_is_spared(
            pattern in r#"(\(?:?[a-c<;=]{1,2}|[|.]|\[[a-d<0-9]{1,3}\][+*?]?|\\[dswb]|[x;]\{0,2\}){1,6}"#,
            text in "[a-dA-D<>;=0-9xX é\n]{0,12}",
        ) {
            let parsed = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(true)
                .build()
                .parse(&pattern);
            prop_assume!(parsed.is_ok());
            let (needs, regex) = needs(&pattern);
            prop_assert!(!regex.is_match(&text) || needs.are_met_by(Marks::of(text.as_bytes())), "{needs:?}");
        }
    }
}
