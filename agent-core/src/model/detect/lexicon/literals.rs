//! Literals without which a regular expression cannot match.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The most literals of one rule: more make the automaton large, and one of them is nearly always there.
const MOST: usize = 400;

/// The most members of a class that are taken for as many literals.
const MOST_MEMBERS: u32 = 12;

/// The least weight of literals that are worth a search.
const LEAST_WEIGHT: u32 = 2;

/// Literals, in lower case, of which each match holds at least one; nothing where there are none that tell texts apart.
pub(super) fn required(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut best = search(pattern).filter(|literals| weight(literals) >= LEAST_WEIGHT)?;
    best.sort();
    best.dedup();
    Some(best)
}

fn search(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => members(class),
        HirKind::Repetition(repetition) if repetition.min > 0 => search(&repetition.sub),
        HirKind::Repetition(_) => None,
        HirKind::Capture(capture) => search(&capture.sub),
        HirKind::Concat(parts) => best_of(parts),
        HirKind::Alternation(choices) => {
            let mut all = Vec::new();
            for choice in choices {
                all.extend(search(choice)?);
            }
            (all.len() <= MOST).then_some(all)
        }
    }
}

/// The best literals of parts that follow each other; neighbours of one byte each make one literal.
fn best_of(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut candidates: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        match single(part) {
            Some(bytes) => run.extend(bytes),
            None => {
                // the first of repeated bytes still belongs to what stands in front of it
                if let HirKind::Repetition(repetition) = part.kind()
                    && repetition.min > 0
                {
                    run.extend(single(&repetition.sub).unwrap_or_default());
                }
                candidates.extend(
                    Some(std::mem::take(&mut run))
                        .filter(|run| !run.is_empty())
                        .map(|run| vec![run]),
                );
                candidates.extend(search(part));
            }
        }
    }
    candidates.extend(Some(run).filter(|run| !run.is_empty()).map(|run| vec![run]));
    candidates
        .into_iter()
        .max_by_key(|literals| (weight(literals), usize::MAX - literals.len()))
}

/// The bytes of a part that stands for one text only, but for the case of letters.
fn single(part: &Hir) -> Option<Vec<u8>> {
    match part.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_ascii_lowercase()),
        HirKind::Class(class) => members(class)
            .filter(|members| members.len() == 1)
            .and_then(|mut one| one.pop()),
        HirKind::Capture(capture) => single(&capture.sub),
        HirKind::Empty | HirKind::Look(_) => Some(Vec::new()),
        HirKind::Repetition(_) | HirKind::Concat(_) | HirKind::Alternation(_) => None,
    }
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

/// How rare the most common of these literals is in everyday values: 0 where it is nearly everywhere.
fn weight(literals: &[Vec<u8>]) -> u32 {
    literals.iter().map(|literal| rarity(literal)).min().unwrap_or_default()
}

fn rarity(literal: &[u8]) -> u32 {
    literal
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b' ' => 2,
            b'/' | b'.' | b'-' | b'=' | b',' | b':' | b'"' => 3,
            b';' | b'(' | b')' | b'_' | b'&' | b'\'' => 4,
            _ => 6,
        })
        .sum::<u32>()
        .saturating_sub(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(pattern: &str) -> Option<Vec<String>> {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .build()
            .parse(pattern)
            .unwrap();
        required(&hir).map(|all| all.into_iter().map(|one| String::from_utf8(one).unwrap()).collect())
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
            (r"\.\.+/", Some(vec![".."])),
            ("^$", None),
        ] {
            let expected = expected.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(literals(pattern), expected, "{pattern}");
        }
    }
}
