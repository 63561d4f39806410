//! What a long value carries over from one window to the next: its end, without what only stretches
//! it.
//!
//! Blanks and comments mean nothing to what runs an attack, and a client may send thousands of them
//! between two of its words. They are shortened here as far as they may be without changing what
//! the rest says, so that its words meet in the next window.

use super::rest::from_word;

/// How a value's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As they are.
    None,
    /// In percent codes, a blank also as a plus sign.
    Percent,
    /// With the backslashes of JSON.
    Json,
}

/// The end that is as it is where nothing else is asked for, in bytes: a line break and what may
/// follow it mean something to headers.
pub(super) const AS_IS: usize = 64;

/// The most blanks of a run, or equal bytes, that are kept: more than any rule counts.
const MOST_OF_RUN: usize = 32;

/// How much of each end of a comment is kept, in bytes: what MySQL runs of one stands in front.
const END_OF_COMMENT: usize = 64;

/// Bytes between two places at which the value may be cut.
const GRAIN: usize = 32;

/// The end of a value that goes on, of about `most` bytes, the last `as_is` of them as they are. Of
/// a comment that is open, what stands in front of it too.
pub(super) fn carried(open: &[u8], escapes: Escapes, most: usize, as_is: usize) -> Vec<u8> {
    let mut shortened = Shortened::default();
    let mut rest = open;
    while let Some((meaning, length)) = first(rest, escapes) {
        let (raw, after) = rest.split_at(length.min(rest.len()));
        shortened.push(meaning, raw, rest.len() <= as_is);
        rest = after;
    }
    let text = &*shortened.text;
    match shortened.comment {
        Some(begin) if text.len() - begin > most => {
            let before = shortened.end_of(0, begin, most);
            [before, shortened.end_of(begin, text.len(), most)].concat()
        }
        _ => shortened.end_of(0, text.len(), most).to_vec(),
    }
}

/// The first character that bytes are written for, and how many: `?` for what is no single byte.
fn first(text: &[u8], escapes: Escapes) -> Option<(u8, usize)> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |high: u8, low: u8| Some(digit(high)? << 4 | digit(low)?);
    Some(match (escapes, text) {
        (_, []) => return None,
        (Escapes::Percent, [b'+', ..]) => (b' ', 1),
        (Escapes::Percent, [b'%', high, low, ..]) => pair(*high, *low).map_or((b'%', 1), |byte| (byte, 3)),
        (Escapes::Json, [b'\\', b'u', b'0', b'0', high, low, ..]) => {
            pair(*high, *low).map_or((b'?', 2), |byte| (byte, 6))
        }
        (Escapes::Json, [b'\\', b'u', ..]) => (b'?', 6),
        (Escapes::Json, [b'\\', letter, ..]) => {
            let meaning = match letter {
                b'n' | b'r' | b't' | b'f' => b' ',
                other => *other,
            };
            (meaning, 2)
        }
        (_, [byte, ..]) => (*byte, 1),
    })
}

/// A value, shortened.
#[derive(Default)]
struct Shortened {
    text: Vec<u8>,
    /// Where it may be cut: nowhere within an escape.
    cuts: Vec<usize>,
    last: u8,
    /// How often the last one came in a row.
    run: usize,
    /// Where the content of a comment begins that is open.
    comment: Option<usize>,
}

impl Shortened {
    fn push(&mut self, meaning: u8, raw: &[u8], is_kept: bool) {
        let is_same = meaning == self.last || (is_blank(meaning) && is_blank(self.last));
        self.run = if is_same { self.run + 1 } else { 1 };
        // an odd number of quotes or backslashes is not an even one
        let counts = matches!(meaning, b'\'' | b'"' | b'`' | b'\\');
        if self.run > MOST_OF_RUN && !counts && !is_kept {
            return;
        }
        self.text.extend_from_slice(raw);
        match (self.comment, self.last, meaning) {
            (None, b'/', b'*') => self.comment = Some(self.text.len()),
            (Some(begin), b'*', b'/') if self.text.len() > begin + raw.len() => {
                self.shorten(begin);
                self.comment = None;
            }
            _ => {}
        }
        self.last = meaning;
        if self.text.len() >= self.cuts.last().map_or(0, |cut| cut + GRAIN) {
            self.cuts.push(self.text.len());
        }
    }

    /// Takes out the middle of a comment, from where the value may be cut to where it may.
    fn shorten(&mut self, begin: usize) {
        let from = self.cut_from(begin + END_OF_COMMENT);
        let to = self.cut_from(self.text.len().saturating_sub(END_OF_COMMENT));
        if from < to {
            self.text.drain(from..to);
            self.cuts.retain(|cut| *cut <= from);
        }
    }

    /// The first place behind this one at which the value may be cut.
    fn cut_from(&self, at: usize) -> usize {
        let index = self.cuts.partition_point(|cut| *cut < at);
        self.cuts.get(index).copied().unwrap_or(self.text.len())
    }

    /// The end of a part of it.
    fn end_of(&self, begin: usize, end: usize, most: usize) -> &[u8] {
        let whole = self.text.get(begin..end).unwrap_or_default();
        if whole.len() <= most {
            return whole;
        }
        let from = self.cut_from(end - most).min(end);
        from_word(self.text.get(from..end).unwrap_or_default())
    }
}

/// Whether a byte is what languages take for a blank, or leave out.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0 | 0xa0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 1024;

    fn end(text: &str, escapes: Escapes) -> String {
        String::from_utf8(carried(text.as_bytes(), escapes, MOST, AS_IS)).unwrap()
    }

    #[test]
    fn what_stretches_an_attack_is_shortened() {
        let prose = "all work and no play ".repeat(100);
        for (escapes, filling) in [
            (Escapes::None, " ".repeat(5000)),
            (Escapes::None, "\n\t".repeat(5000)),
            (Escapes::None, format!("/*{}*/", "x".repeat(5000))),
            (Escapes::None, format!("/*{prose}*/")),
            (Escapes::None, format!("/*{prose}")),
            (Escapes::None, "/**/".repeat(5) + &"-".repeat(3000)),
            (Escapes::Percent, "+".repeat(5000)),
            (Escapes::Percent, "%20%0A+".repeat(5000)),
            (Escapes::Percent, format!("%2f%2A{}*%2F", prose.replace(' ', "+"))),
            (Escapes::Json, "\\n\\t\\u0020 ".repeat(5000)),
            (Escapes::Json, format!("\\/*{prose}*\\/")),
        ] {
            let kept = end(&format!("{prose}' union{filling}"), escapes);
            assert!(kept.contains("' union"), "{escapes:?} {filling:.40}: {kept:.80}");
            assert!(kept.len() <= 2 * MOST + GRAIN, "{}", kept.len());
        }
    }

    #[test]
    fn what_says_something_is_kept() {
        assert_eq!(end("short", Escapes::None), "short");
        assert_eq!(end("a\r\nSet-Cookie: b", Escapes::None), "a\r\nSet-Cookie: b");
        let breaks = format!("{}\r\n", " ".repeat(5000));
        assert!(end(&breaks, Escapes::None).ends_with(" \r\n"));
        let quotes = "'".repeat(601);
        assert_eq!(end(&quotes, Escapes::None), quotes);
        let comment = format!("/*!50000 union {} select*/", "x ".repeat(900));
        let kept = end(&comment, Escapes::None);
        assert!(
            kept.starts_with("/*!50000 union") && kept.ends_with("select*/"),
            "{kept}"
        );
    }

    proptest! {
        #[test]
        fn no_escape_is_cut(text in r#"(\\\\|\\"|\\u0022|\\n|a| |/\*|\*/){0,900}"#) {
            let kept = end(&text, Escapes::Json);
            let json = format!("\"{kept}\"");
            prop_assert!(serde_json::from_str::<String>(&json).is_ok(), "{}", json);
        }
    }
}
