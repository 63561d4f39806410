//! "Did you mean": the known name nearest to a mistyped one.

/// The most edits at which two names still resemble each other: a slip or two, not another word.
const NEAR: usize = 2;

/// Letters of a name for each edit, where it is a long one: `trusted_proxy` for `trusted_proxies`.
const LETTERS_AN_EDIT: usize = 5;

/// The shortest word that stands for the longer one which it begins: `dir` for `directory`.
const SHORTEST_BEGINNING: usize = 3;

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
    let mut in_part = None;
    let edits = known.into_iter().map(|candidate| {
        let known = self::plain(candidate);
        if in_part.is_none() && are_words_of(&plain, &known) {
            in_part = Some(candidate);
        }
        (distance(&plain, &known), candidate)
    });
    let (edits, candidate) = edits.min()?;
    let most = NEAR.max(candidate.len() / LETTERS_AN_EDIT);
    (edits <= most && edits < candidate.len())
        .then_some(candidate)
        .or(in_part)
}

/// Returns whether two names of several words are the same but for one word that only one of them
/// has, in order: `client_header` for `client_ip_header`, `log_directory` for `log_dir`.
fn are_words_of(a: &str, b: &str) -> bool {
    let count = |name: &str| name.split('_').count();
    let (short, long) = if count(a) <= count(b) { (a, b) } else { (b, a) };
    let is_alike = |a: &str, b: &str| {
        let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        short == long || (short.len() >= SHORTEST_BEGINNING && long.starts_with(short))
    };
    let mut rest = long.split('_');
    let has_all = short.split('_').all(|word| rest.any(|other| is_alike(word, other)));
    count(short) > 1 && count(long) - count(short) <= 1 && has_all
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
        for (meant, name) in [
            ("trusted_proxies", "trusted_proxy"),
            ("client_ip_header", "client_header"),
            ("on_detector_failure", "detector_failure"),
            ("log_dir", "log_directory"),
        ] {
            assert_eq!(nearest(name, [meant, "other_words"]), Some(meant), "{name}");
        }
        assert_eq!(
            nearest("log", ["log_dir"]),
            None,
            "one word of many is said of many things"
        );
        assert_eq!(nearest("web_hook_url", ["cloud_url", "log_level"]), None);
        assert_eq!(unknown("key", "x", &[]), "an unknown key");
        assert_eq!(
            unknown("key", "ab", &["b", "xyz"]),
            "an unknown key",
            "nothing of a short name is left"
        );
    }
}
