//! What is kept of a finding's evidence.

use std::ops::Range;

/// The most bytes of an excerpt: enough to recognise an attack, too little to leak a form.
const BYTES: usize = 120;

/// How much in front of the finding is shown, in bytes.
const BEFORE: usize = 24;

/// The shortest run of letters and digits that is masked, in characters: keys and tokens are longer, words are not.
const SECRET: usize = 24;

/// Some characters around a finding, on one line, with what looks like a secret masked.
#[must_use]
pub fn excerpt(text: &str, at: Range<usize>) -> Box<str> {
    let start = text.floor_char_boundary(at.start.saturating_sub(BEFORE).min(text.len()));
    let end = text.floor_char_boundary((start + BYTES).min(text.len()));
    let shown = text.get(start..end).unwrap_or_default();
    let mut line = String::with_capacity(shown.len());
    let is_joint = |char: char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '+' | '='));
    for word in shown.split_inclusive(is_joint) {
        let run = word.trim_end_matches(is_joint);
        if is_secret(run) {
            line.push_str("***");
            line.push_str(word.get(run.len()..).unwrap_or_default());
        } else {
            line.push_str(word);
        }
    }
    line.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// Whether a word is long, and mixes letters and digits as keys do.
fn is_secret(word: &str) -> bool {
    word.len() >= SECRET
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_and_what_stands_around_it_is_shown() {
        let text = format!("{}<script>{}", "x ".repeat(100), "y ".repeat(100));
        let shown = excerpt(&text, 200..208);
        assert!(shown.contains("<script>") && shown.len() == BYTES, "{shown}");
        assert_eq!(&*excerpt("a\nb", 0..1), "a b");
        assert_eq!(&*excerpt("日本", 1..2), "日本");
        assert_eq!(&*excerpt("short", 99..100), "");
    }

    #[test]
    fn secrets_are_masked() {
        let text = "' or 1=1 -- token=abcdef0123456789abcdef0123456789 end";
        assert_eq!(&*excerpt(text, 0..4), "' or 1=1 -- *** end");
    }
}
