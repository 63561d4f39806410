//! JSON: every key and every string, with the names on the way to it.
//!
//! A scanner, not a parser: it follows brackets and strings and takes whatever else it meets for a number or a word. Documents that
//! are cut off or hold comments yield what they hold.

use memchr::{memchr, memchr2};

use super::{
    Body, Field, Gap, MOST_DEPTH, Part, Place, Role, Visit,
    carry::{AS_IS, Escapes, carried},
    gaps::Notes,
    graphql,
};
use crate::normal::Spelling;

/// The longest name of a place, in bytes: what is reported, not what is compared.
const LONGEST_NAME: usize = 256;

/// The path to what all objects share (CWE-1321), shown as one name.
const SHARED: &str = "constructor.prototype";

/// What was read of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    /// Whether more is wanted.
    pub(super) goes_on: bool,
    /// Whether something stands between its strings that is no JSON.
    pub(super) is_odd: bool,
}

/// Visits the keys and strings of a document.
pub(super) fn body(body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> Scanned {
    let mut scanner = Scanner {
        rest: body.bytes,
        name: String::new(),
        levels: Vec::new(),
        is_cut: false,
        is_odd: false,
        visit,
    };
    let goes_on = scanner.scan();
    let Scanner { is_cut, is_odd, .. } = scanner;
    if is_cut && body.is_whole {
        notes.add(Gap::CutShort, body.bytes.len());
    }
    Scanned { goes_on, is_odd }
}

/// Whether the text begins and ends as a JSON document does.
pub(super) fn is_whole(body: &[u8]) -> bool {
    matches!(
        (body.trim_ascii_start().first(), body.trim_ascii_end().last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    )
}

struct Scanner<'b, 'v, 'w> {
    rest: &'b [u8],
    /// The names on the way to where the scanner is, with dots between them.
    name: String,
    /// For each open bracket how long the name was, and whether members follow.
    levels: Vec<Level>,
    /// Whether a string is not closed.
    is_cut: bool,
    /// Whether something stands between the strings that is no JSON.
    is_odd: bool,
    visit: &'v mut Visit<'w>,
}

struct Level {
    name: usize,
    is_object: bool,
}

impl Scanner<'_, '_, '_> {
    /// Whether more is wanted.
    fn scan(&mut self) -> bool {
        let length = self.rest.len();
        while let Some((byte, after)) = self.rest.split_first() {
            let from = self.rest;
            // a window may begin within a word
            let is_first = from.len() == length;
            self.rest = after;
            let goes_on = match byte {
                b'{' | b'[' => self.open(*byte == b'{'),
                b'}' | b']' => self.close(),
                b',' => self.back(),
                b'"' => self.string(),
                b'a'..=b'z' | b'A'..=b'Z' | b'$' | b'\'' => self.word(from, is_first),
                b'0'..=b'9' | b'+' | b'-' | b'.' | b':' | b' ' | b'\t' | b'\r' | b'\n' => true,
                _ => {
                    self.is_odd = true;
                    true
                }
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn open(&mut self, is_object: bool) -> bool {
        if self.levels.len() < MOST_DEPTH {
            self.levels.push(Level {
                name: self.name.len(),
                is_object,
            });
        }
        true
    }

    fn close(&mut self) -> bool {
        self.levels.pop();
        self.back()
    }

    /// The name of a member ends with it.
    fn back(&mut self) -> bool {
        let length = self.levels.last().map_or(0, |level| level.name);
        self.name.truncate(length);
        true
    }

    fn string(&mut self) -> bool {
        let (raw, is_escaped, after) = split_string(self.rest);
        self.is_cut = raw.len() == self.rest.len();
        let is_key =
            after.trim_ascii_start().first() == Some(&b':') && self.levels.last().is_none_or(|level| level.is_object);
        self.rest = after;
        if !is_escaped {
            return if is_key { self.key(raw) } else { self.value(raw) };
        }
        let text = unescaped(raw);
        if is_key { self.key(&text) } else { self.value(&text) }
    }

    /// What stands there without quotes: `true`, a number, or what lenient parsers take for a string.
    fn word(&mut self, from: &[u8], is_first: bool) -> bool {
        let length = self
            .rest
            .iter()
            .position(|byte| matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"' | b'\n'))
            .unwrap_or(self.rest.len());
        let after = self.rest.get(length..).unwrap_or_default();
        self.rest = after;
        let text = from.get(..=length).unwrap_or(from).trim_ascii();
        if matches!(text, b"true" | b"false" | b"null") {
            return true;
        }
        // the exponent of a number is a word here
        let is_number = matches!(text, [b'e' | b'E', rest @ ..] if rest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-')));
        self.is_odd |= !is_first && !is_number && !matches!(text, b"NaN" | b"Infinity");
        if after.first() == Some(&b':') && self.levels.last().is_some_and(|level| level.is_object) {
            self.key(text)
        } else {
            self.value(text)
        }
    }

    fn key(&mut self, key: &[u8]) -> bool {
        self.back();
        let length = self.name.len();
        if length < LONGEST_NAME
            && let Ok(key) = str::from_utf8(key)
        {
            if length > 0 {
                self.name.push('.');
            }
            let cut = key.floor_char_boundary(LONGEST_NAME);
            self.name.push_str(key.get(..cut).unwrap_or_default());
        }
        let place = Place {
            part: Part::Body,
            name: &self.name,
        };
        // two steps lead to what all objects of JavaScript share, each of them a plain word
        let is_shared = key == b"prototype" && self.name.ends_with(SHARED);
        (self.visit)(&Field {
            place,
            role: Role::Name,
            value: if is_shared { SHARED.as_bytes() } else { key },
            spelling: Spelling::Literal,
        })
    }

    fn value(&mut self, value: &[u8]) -> bool {
        if value.is_empty() {
            return true;
        }
        let place = Place {
            part: Part::Body,
            name: &self.name,
        };
        if self.name == "query" && graphql::is_document(value) {
            return graphql::document(place, value, self.visit);
        }
        (self.visit)(&Field {
            place,
            role: Role::Value,
            value,
            spelling: Spelling::Literal,
        })
    }
}

/// What a document in this part of it leaves open: the string that is not closed, with its quote;
/// of one that is longer than `longest` its end, of about `overlap` bytes.
pub(super) fn open_string(bytes: &[u8], longest: usize, overlap: usize) -> Vec<u8> {
    let mut rest = bytes;
    loop {
        let Some(at) = rest.iter().position(|byte| *byte == b'"') else {
            return Vec::new();
        };
        let open = rest.get(at..).unwrap_or_default();
        let inside = open.get(1..).unwrap_or_default();
        let (raw, _, after) = split_string(inside);
        let is_closed = raw.len() < inside.len();
        if is_closed {
            rest = after;
            continue;
        }
        if open.len() <= longest {
            return open.to_vec();
        }
        return [b"\"", &*carried(inside, Escapes::Json, overlap, AS_IS)].concat();
    }
}

/// A string up to its closing quote, whether it holds a backslash, and what follows. One that is cut off ends with the text.
fn split_string(text: &[u8]) -> (&[u8], bool, &[u8]) {
    let mut at = 0;
    let mut is_escaped = false;
    loop {
        match text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            Some(next) if text.get(at + next) == Some(&b'"') => {
                let (string, rest) = text.split_at(at + next);
                return (string, is_escaped, rest.get(1..).unwrap_or_default());
            }
            Some(next) => {
                is_escaped = true;
                at += next + 2;
            }
            None => return (text, is_escaped, &[]),
        }
    }
}

/// The text of a string (RFC 8259, section 7). A backslash that begins no escape stands for itself.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        let (before, from) = rest.split_at(at);
        text.extend_from_slice(before);
        let after = from.get(1..).unwrap_or_default();
        let (plain, used) = match after {
            [escape @ (b'"' | b'\\' | b'/'), ..] => (Some(char::from(*escape)), 1),
            [b'n', ..] => (Some('\n'), 1),
            [b'r', ..] => (Some('\r'), 1),
            [b't', ..] => (Some('\t'), 1),
            [b'b', ..] => (Some('\u{8}'), 1),
            [b'f', ..] => (Some('\u{c}'), 1),
            [b'u', digits @ ..] => unicode(digits).map_or((None, 0), |(char, used)| (Some(char), used + 1)),
            _ => (None, 0),
        };
        match plain {
            Some(char) => text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            None => text.push(b'\\'),
        }
        rest = after.get(used..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text
}

/// A character in UTF-16, of one unit or two, and how many bytes its digits take.
fn unicode(digits: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = str::from_utf8(digits.get(at..at + 4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let second = (digits.get(4..6) == Some(br"\u")).then(|| unit(6)).flatten();
    let mut chars = char::decode_utf16([first].into_iter().chain(second));
    match chars.next()? {
        Ok(char) => Some((char, if char.len_utf16() == 2 { 10 } else { 4 })),
        Err(_) => Some((char::REPLACEMENT_CHARACTER, 4)),
    }
}
