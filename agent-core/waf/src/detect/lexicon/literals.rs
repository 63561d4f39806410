//! Literals without which a regular expression cannot match.

use std::cmp::Reverse;

use memchr::memmem;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The most literals of one rule: more make the automaton large, and one of them is nearly always
/// there.
const MOST: usize = 400;

/// The most members of a class that are taken for as many literals.
const MOST_MEMBERS: u32 = 12;

/// The most literals that are made of neighbours: more are no rarer, and each takes room in the
/// automaton.
const MOST_CROSSED: usize = 24;

/// The most members of a class that is crossed with its neighbours: blanks are more, and make
/// nothing rarer.
const MOST_OF_A_CLASS: usize = 4;

/// The least weight of literals that are worth a search.
const LEAST_WEIGHT: u32 = 2;

/// The most conditions of a rule: a third one spares what two did not, a fourth hardly anything.
pub(super) const MOST_CONDITIONS: usize = 3;

/// Conditions that are carried along while a rule is read: those of single signs are not among the
/// rule's own in the end.
const MOST_MEANWHILE: usize = 6;

/// The most literals of a condition but the first: they make the automaton larger.
const MOST_OF_OTHERS: usize = 24;

/// Literals, in lower case, of which a match holds at least one.
type Literals = Vec<Vec<u8>>;

/// Sets of literals, of each of which every match holds at least one, the rarest first; none where
/// there are none that tell texts apart.
pub(super) fn conditions(pattern: &Hir) -> Vec<Literals> {
    let mut all = search(pattern);
    for literals in &mut all {
        literals.sort();
        literals.dedup();
    }
    let others = all.split_off(all.len().min(1));
    all.extend(others.into_iter().filter(|literals| literals.len() <= MOST_OF_OTHERS));
    all
}

/// Conditions of a pattern, the rarest first.
fn search(pattern: &Hir) -> Vec<Literals> {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Literal(literal) => chosen(vec![vec![literal.0.to_ascii_lowercase()]]),
        HirKind::Class(class) => chosen(members(class).into_iter().collect()),
        HirKind::Repetition(repetition) if repetition.min > 0 => search(&repetition.sub),
        HirKind::Repetition(_) => Vec::new(),
        HirKind::Capture(capture) => search(&capture.sub),
        HirKind::Concat(parts) => chosen(of_parts(parts)),
        HirKind::Alternation(choices) => {
            let choices: Vec<_> = choices.iter().map(search).collect();
            let most = choices.iter().map(Vec::len).max().unwrap_or_default();
            // a choice that has fewer conditions than others meets them all by its last
            let joined = (0..most).map_while(|number| {
                let of_each = choices
                    .iter()
                    .map(|choice| choice.get(number).or_else(|| choice.last()));
                let all: Option<Vec<&Literals>> = of_each.collect();
                Some(all?.into_iter().flatten().cloned().collect())
            });
            chosen(joined.filter(|literals: &Literals| literals.len() <= MOST).collect())
        }
    }
}

/// The rarest of some conditions, and none that another one implies.
fn chosen(mut candidates: Vec<Literals>) -> Vec<Literals> {
    candidates
        .retain(|literals| weight(literals) >= LEAST_WEIGHT && literals.iter().all(|literal| !literal.is_empty()));
    candidates.sort_by_key(|literals| (Reverse(weight(literals)), literals.len()));
    let mut kept: Vec<Literals> = Vec::new();
    for literals in candidates {
        let is_implied = kept.iter().any(|narrower| {
            narrower
                .iter()
                .all(|long| literals.iter().any(|short| memmem::find(long, short).is_some()))
        });
        if !is_implied && kept.len() < MOST_MEANWHILE {
            kept.push(literals);
        }
    }
    kept
}

/// Conditions of parts that follow each other. Neighbours that stand for few texts make longer
/// literals together: `[\\/]` behind `..` makes `../` and `..\`.
fn of_parts(parts: &[Hir]) -> Vec<Literals> {
    let mut candidates: Vec<Literals> = Vec::new();
    let mut run = vec![Vec::new()];
    for part in parts {
        if let Some(texts) = exact(part) {
            match crossed(&run, &texts) {
                Some(longer) => run = longer,
                None => candidates.push(std::mem::replace(&mut run, texts)),
            }
            continue;
        }
        // the first of repeated texts still belongs to what stands in front of it, the last one to
        // what stands behind; what comes twice at least stands beside itself
        let mut repeated = None;
        if let HirKind::Repetition(repetition) = part.kind()
            && repetition.min > 0
        {
            repeated = exact(&repetition.sub);
            let twice = repeated.as_ref().filter(|_| repetition.min > 1);
            candidates.extend(twice.and_then(|texts| crossed(texts, texts)));
        }
        let before = repeated.as_ref().and_then(|texts| crossed(&run, texts)).unwrap_or(run);
        candidates.push(before);
        candidates.extend(search(part));
        run = repeated.unwrap_or_else(|| vec![Vec::new()]);
    }
    candidates.push(run);
    candidates
}

/// All texts that a part stands for, but for the case of letters, where they are few.
fn exact(part: &Hir) -> Option<Vec<Vec<u8>>> {
    match part.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => members(class).filter(|members| members.len() <= MOST_OF_A_CLASS),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (0, Some(1)) => {
            let mut texts = exact(&repetition.sub)?;
            texts.push(Vec::new());
            Some(texts)
        }
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (1, Some(2)) => {
            let once = exact(&repetition.sub)?;
            let twice = crossed(&once, &once)?;
            Some([once, twice].concat())
        }
        HirKind::Repetition(_) => None,
        HirKind::Concat(parts) => parts
            .iter()
            .try_fold(vec![Vec::new()], |before, part| crossed(&before, &exact(part)?)),
        HirKind::Alternation(choices) => {
            let mut all = Vec::new();
            for choice in choices {
                all.extend(exact(choice)?);
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST_CROSSED).then_some(all)
        }
    }
}

/// Each of some texts with each of others behind it, where that is not too many.
fn crossed(before: &[Vec<u8>], after: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let is_few = before.len() * after.len() <= MOST_CROSSED;
    is_few.then(|| {
        let pairs = before
            .iter()
            .flat_map(|one| after.iter().map(move |other| [one.as_slice(), other].concat()));
        let mut all: Vec<_> = pairs.collect();
        all.sort();
        all.dedup();
        all
    })
}

/// The members of a small class of ASCII characters, letters in lower case.
fn members(class: &Class) -> Option<Vec<Vec<u8>>> {
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
    let count: u32 = ranges.iter().map(|(start, end)| end - start + 1).sum();
    if count > MOST_MEMBERS {
        return None;
    }
    let mut members = Vec::new();
    for code in ranges.into_iter().flat_map(|(start, end)| start..=end) {
        let byte = u8::try_from(code).ok().filter(u8::is_ascii)?;
        let member = vec![byte.to_ascii_lowercase()];
        if !members.contains(&member) {
            members.push(member);
        }
    }
    Some(members)
}

/// How rare the most common of these literals is in everyday values: 0 where it is nearly
/// everywhere.
fn weight(literals: &[Vec<u8>]) -> u32 {
    literals.iter().map(|literal| rarity(literal)).min().unwrap_or_default()
}

fn rarity(literal: &[u8]) -> u32 {
    // every address of a page begins so
    if literal.windows(3).any(|part| part == b"://") && literal.starts_with(b"http") {
        return LEAST_WEIGHT;
    }
    literal
        .iter()
        .map(|byte| match byte {
            b'j' | b'k' | b'q' | b'v' | b'x' | b'z' => 3,
            b'a'..=b'z' | b'0'..=b'9' | b' ' => 2,
            b'/' | b'.' | b'-' | b',' | b':' | b'"' => 3,
            b'=' => 5,
            b';' | b'(' | b')' | b'_' | b'&' | b'\'' => 4,
            _ => 6,
        })
        .sum::<u32>()
        .saturating_sub(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    use super::*;

    fn literals(pattern: &str) -> Option<Vec<String>> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .build()
            .parse(pattern)
            .unwrap();
        let best = conditions(&hir).into_iter().next();
        best.map(|all| all.into_iter().map(|one| String::from_utf8(one).unwrap()).collect())
    }

    #[test]
    fn the_rarest_literals_are_taken() {
        for (pattern, expected) in [
            ("Union", Some(vec!["union"])),
            (r"\bunion\s+select\b", Some(vec!["select"])),
            (r"(?:or|and)\s+sleep\(", Some(vec!["sleep("])),
            ("foo|bar", Some(vec!["bar", "foo"])),
            ("(?:alert|confirm)+x?", Some(vec!["alert", "confirm"])),
            ("a|\\w", None),
            (r"\w+", None),
            ("x", None),
            ("x*", None),
            ("[<>]", Some(vec!["<", ">"])),
            ("a[<]b", Some(vec!["a<b"])),
            (r"\.\.[\\/]x?y", Some(vec!["../xy", "../y", "..\\xy", "..\\y"])),
            (r"a?<(?:b|cd)>", Some(vec!["<b>", "<cd>", "a<b>", "a<cd>"])),
            (r"[<>]+a", Some(vec!["<a", ">a"])),
            ("^$", None),
        ] {
            let expected = expected.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(literals(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn further_conditions_are_those_of_other_parts() {
        for (pattern, expected) in [
            (r"\bselect\b[^;]+\bfrom\b", 2),
            (r"select.+(?:from|into).+where", 3),
            (r"union\s+union", 1),
            (r"(?:script.*onload|iframe.*src).*;", 3),
            ("script.*onload|iframe", 2),
            ("script.*onload|[a-z]+", 0),
            (r"<\w+", 1),
        ] {
            let hir = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .build()
                .parse(pattern)
                .unwrap();
            assert_eq!(conditions(&hir).len(), expected, "{pattern}: {:?}", conditions(&hir));
        }
    }

    proptest! {
        /// What matches holds one of the literals.
        #[test]
        fn nothing_that_matches_is_without_a_literal(
            pattern in r#"(\(\?:?[a-c<;=]{1,2}|[|.]|\[[a-d<0-9]{1,3}\][+*?]?|\\[dswb]|[x;]\{0,2\}|[a-c]\?|\(\?:[a-c]{1,2}\|[;x]\)[+?]?){1,6}"#,
            text in "[a-dA-D<>;=0-9xX é\n]{0,12}",
        ) {
            let parsed = regex_syntax::ParserBuilder::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(true)
                .build()
                .parse(&pattern);
            prop_assume!(parsed.is_ok());
            let hir = parsed.unwrap();
            let regex = Regex::builder().build_from_hir(&hir).unwrap();
            for literals in conditions(&hir) {
                let lower = text.to_ascii_lowercase();
                let has_one = literals
                    .iter()
                    .any(|literal| lower.as_bytes().windows(literal.len()).any(|part| part == literal));
                prop_assert!(!regex.is_match(&text) || has_one, "{literals:?}");
            }
        }
    }
}
