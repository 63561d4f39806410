//! What is kept of a finding's evidence.

use std::{borrow::Cow, ops::Range};

use super::leak;
use crate::places::{MASK, Part, Place, Role, SecretNames};

/// The most bytes of an excerpt: enough to recognise an attack, too little to leak a form.
const BYTES: usize = 120;

/// How much in front of the finding is shown, in bytes.
const BEFORE: usize = 24;

/// The shortest run of letters and digits that is masked, in characters: keys and tokens are
/// longer, words are not.
const SECRET: usize = 24;

/// What is kept of a value that something was found in, at a place of a request: nothing but its
/// length where the place says that it is a secret, or where a [leak detector](leak) recognises one
/// in it; else some characters around the finding, up to the first secret that the text names.
#[must_use]
pub fn excerpt_at(names: &SecretNames, place: &Place<'_>, role: Role, text: &str, at: Range<usize>) -> Box<str> {
    if names.hides(place, role) || leak::is_near(text, at.start) {
        return hidden(text.len());
    }
    let masked = match place.part {
        Part::Path => Some(names.shown_path(text)).filter(|shown| matches!(shown, Cow::Owned(_))),
        Part::Query | Part::Cookie | Part::Header | Part::Body => {
            // what stands behind what is shown hides nothing of it
            let end = text.floor_char_boundary(at.start.saturating_add(BYTES).min(text.len()));
            names.shown_text(text.get(..end).unwrap_or(text)).map(Cow::Owned)
        }
    };
    match masked {
        Some(masked) => {
            let start = at.start.min(masked.len().saturating_sub(MASK.len()));
            excerpt(&masked, start..start)
        }
        None => excerpt(text, at),
    }
}

/// What is kept of a value that must not be shown.
#[must_use]
pub fn hidden(bytes: usize) -> Box<str> {
    format!("({bytes} bytes, not shown)").into()
}

/// Some characters around a finding, on one line, with what looks like a secret masked. What a
/// request holds is shown by [`excerpt_at`], which knows more of it.
#[must_use]
pub fn excerpt(text: &str, at: Range<usize>) -> Box<str> {
    let start = text.floor_char_boundary(at.start.saturating_sub(BEFORE).min(text.len()));
    let end = text.floor_char_boundary((start + BYTES).min(text.len()));
    let mut line = String::with_capacity(end - start);
    // a run that begins or ends outside of what is shown is judged as a whole
    let first = start_of_run(text, start);
    let mut from = first;
    for word in text.get(first..).unwrap_or_default().split_inclusive(is_joint) {
        if from >= end {
            break;
        }
        let run = word.trim_end_matches(is_joint);
        let shown = |part: Range<usize>| text.get(part.start.clamp(start, end)..part.end.clamp(start, end));
        if is_secret(run) {
            line.push_str(MASK);
        } else {
            line.push_str(shown(from..from + run.len()).unwrap_or_default());
        }
        line.push_str(shown(from + run.len()..from + word.len()).unwrap_or_default());
        from += word.len();
    }
    line.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// Where the run begins that a place in a text stands in.
fn start_of_run(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.len()
        - before
            .chars()
            .rev()
            .take_while(|char| !is_joint(*char))
            .map(char::len_utf8)
            .sum::<usize>()
}

/// Whether a character ends a run.
fn is_joint(char: char) -> bool {
    !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '+' | '='))
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

    fn of(part: Part, name: &str, text: &str) -> Box<str> {
        excerpt_at(SecretNames::standard(), &Place { part, name }, Role::Value, text, 0..1)
    }

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
    fn what_looks_like_a_secret_is_masked() {
        let text = "' or 1=1 -- abcdef0123456789abcdef0123456789 end";
        assert_eq!(&*excerpt(text, 0..4), "' or 1=1 -- *** end");
        let text = format!("{} ' or 1=1", "abcdef0123456789".repeat(4));
        assert_eq!(
            &*excerpt(&text, 65..66),
            "*** ' or 1=1",
            "one that begins outside of what is shown"
        );
        let text = format!("' or 1=1 {} {}", "- ".repeat(50), "abcdef0123456789".repeat(4));
        assert!(!excerpt(&text, 0..1).contains("abc"), "one that ends outside of it");
    }

    #[test]
    fn nothing_is_shown_of_a_secret() {
        for (part, name) in [
            (Part::Body, "user[password]"),
            (Part::Header, "authorization"),
            (Part::Cookie, "theme"),
            (Part::Query, "api_key"),
        ] {
            assert_eq!(&*of(part, name, "hunter2' or 1=1"), "(15 bytes, not shown)", "{name}");
        }
        for text in [
            "' or 1=1 4111 1111 1111 1111",
            "; cat x\n-----BEGIN PRIVATE KEY-----\nMII",
        ] {
            assert!(of(Part::Body, "note", text).ends_with("bytes, not shown)"), "{text}");
        }
        let text = format!("' or 1=1 {} 4111 1111 1111 1111", "- ".repeat(5_000));
        assert!(
            of(Part::Body, "note", &text).starts_with("' or 1=1"),
            "far from what is shown"
        );
    }

    #[test]
    fn what_follows_a_name_of_a_secret_is_not_shown() {
        let text = "https://a.example/?q=<script>&token=hunter2' or 1=1";
        assert_eq!(
            &*of(Part::Header, "referer", text),
            "https://a.example/?q=<script>&token=***"
        );
        let names = SecretNames::standard();
        let referer = Place {
            part: Part::Header,
            name: "referer",
        };
        let shown = excerpt_at(names, &referer, Role::Value, text, 44..48);
        assert!(shown.ends_with("token=***"), "{shown}");
        assert_eq!(&*of(Part::Path, "", "/reset/token/hunter2/../x"), "/reset/token/***");
    }
}
