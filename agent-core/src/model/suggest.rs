//! "Did you mean": the known name nearest to a mistyped one.

/// The most edits at which two names still resemble each other: a slip or two, not another word.
const NEAR: usize = 2;

/// What to say of an unknown name: that it is unknown, and which one was likely meant.
#[must_use]
pub fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("an unknown {what} (did you mean {candidate}?)"),
        None => format!("an unknown {what}"),
    }
}

/// The known name that a mistyped one resembles.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = plain(name);
    let (edits, candidate) = known
        .into_iter()
        .map(|candidate| (distance(&plain, &self::plain(candidate)), candidate))
        .min()?;
    (edits <= NEAR && edits < candidate.len()).then_some(candidate)
}

/// Case and the choice between `_` and `-` are no edits.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (above, y) in row.iter().skip(1).zip(b.chars()) {
            left = (diagonal + usize::from(x != y)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, edits) in [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("same", "same", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["cloud_url", "key", "http-polling"];
        assert_eq!(
            unknown("key", "cloud_ulr", &known),
            "an unknown key (did you mean cloud_url?)"
        );
        assert_eq!(
            unknown("key", "HTTP_POLLING", &known),
            "an unknown key (did you mean http-polling?)"
        );
        assert_eq!(unknown("key", "colour", &known), "an unknown key");
        assert_eq!(unknown("key", "x", &[]), "an unknown key");
        assert_eq!(
            unknown("key", "ab", &["b", "xyz"]),
            "an unknown key",
            "nothing of a short name is left"
        );
    }
}
