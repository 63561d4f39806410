//! What a file holds, whatever it is called: markup, archives of markup (ODF, OOXML, EPUB), a line
//! of text.

mod zip;

use super::{Field, Part, Place, Role, Visit, charset::Wide, gaps::Notes};
use crate::normal::Spelling;

/// The longest file that may be a field in disguise, in bytes: what people enter in one line.
const LONGEST_LINE: usize = 512;

/// Steps of a byte that is decoded, or searched for document types and entities.
const A_BYTE: u64 = 6;

/// A file, or a body that is one.
#[derive(Clone, Copy)]
pub(super) struct Content<'b> {
    /// Its name, which the place of a finding bears.
    pub(super) name: &'b str,
    /// The type that it is said to be of; empty where nothing is said.
    pub(super) content_type: &'b str,
    pub(super) bytes: &'b [u8],
    /// How much of it is shown whatever it holds, in bytes.
    pub(super) most_of_head: usize,
}

impl Content<'_> {
    /// Visits what is in it. Whether more is wanted.
    pub(super) fn look(&self, visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
        let wide = Wide::sniffed(self.bytes);
        if wide.is_some() && !notes.spend_on(self.bytes, A_BYTE) {
            return false;
        }
        let text = wide.map(|wide| wide.decode(self.bytes));
        let bytes = text.as_deref().unwrap_or(self.bytes);
        if is_markup(bytes) {
            return notes.spend_on(bytes, A_BYTE)
                && self.show(Role::FileHead, bytes, visit)
                && documents(self.name, bytes, visit);
        }
        let head = bytes.get(..self.most_of_head).unwrap_or(bytes);
        self.show(Role::FileHead, head, visit)
            && (!self.may_be_field(bytes) || self.show(Role::Value, bytes, visit))
            && (!zip::is_archive(bytes) || zip::members(bytes, visit, notes))
    }

    fn show(&self, role: Role, value: &[u8], visit: &mut Visit<'_>) -> bool {
        show(self.name, role, value, visit)
    }

    /// Whether an application that reads the field as text would get what a person could have
    /// entered: one line of text in a file that is not said to be anything else. Files of code and
    /// of data hold what looks like attacks.
    fn may_be_field(&self, bytes: &[u8]) -> bool {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        let is_plain = kind.is_empty() || kind.eq_ignore_ascii_case("text/plain");
        let has_plain_name = self
            .name
            .rsplit_once('.')
            .is_none_or(|(_, extension)| extension.eq_ignore_ascii_case("txt"));
        let is_line = || !bytes.trim_ascii().contains(&b'\n');
        let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
        is_plain && has_plain_name && bytes.len() <= LONGEST_LINE && is_line() && bytes.iter().all(is_text)
    }
}

/// Whether bytes begin as a document of XML or HTML does.
pub(super) fn is_markup(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    matches!(
        bytes.trim_ascii_start(),
        [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..]
    )
}

/// Whether bytes begin as media, archives and documents in binary do, which hold no values.
pub(super) fn is_media(bytes: &[u8]) -> bool {
    const MAGIC: &[(usize, &[u8])] = &[
        (0, b"\xff\xd8\xff"),
        (0, b"\x89PNG\r\n\x1a\n"),
        (0, b"GIF87a"),
        (0, b"GIF89a"),
        (0, b"BM"),
        (0, b"II*\0"),
        (0, b"MM\0*"),
        (0, b"\0\0\x01\0"),
        (0, b"RIFF"),
        (0, b"OggS"),
        (0, b"fLaC"),
        (0, b"ID3"),
        (0, b"\xff\xfb"),
        (0, b"\xff\xf3"),
        (0, b"\xff\xf1"),
        (4, b"ftyp"),
        (0, b"\x1a\x45\xdf\xa3"),
        (0, b"%PDF-"),
        (0, b"PK\x03\x04"),
        (0, b"PK\x05\x06"),
        (0, b"\x1f\x8b"),
        (0, b"BZh"),
        (0, b"\xfd7zXZ\0"),
        (0, b"\x28\xb5\x2f\xfd"),
        (0, b"7z\xbc\xaf\x27\x1c"),
        (0, b"Rar!\x1a\x07"),
        (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        (0, b"wOFF"),
        (0, b"wOF2"),
        (0, b"\0\x01\0\0"),
        (0, b"OTTO"),
        (0, b"\0asm"),
        (0, b"SQLite format 3\0"),
        (0, b"8BPS"),
    ];
    let begins = |(at, magic): &(usize, &[u8])| bytes.get(*at..).is_some_and(|from| from.starts_with(magic));
    // a text may begin with two or three of these letters
    MAGIC.iter().any(begins)
        && !bytes
            .iter()
            .take(HEAD)
            .all(|byte| *byte >= b' ' || byte.is_ascii_whitespace())
}

/// As much of a body as tells whether it is text, in bytes: binary formats show their headers
/// there.
const HEAD: usize = 512;

/// Visits a document of markup: its document type, where that declares more than abbreviations, and
/// what follows it.
fn documents(name: &str, text: &[u8], visit: &mut Visit<'_>) -> bool {
    let (head, rest) = split_type(text);
    (!declares_danger(head) || show(name, Role::Document, head, visit)) && show(name, Role::Document, rest, visit)
}

/// A document up to the end of its document type, and what follows.
fn split_type(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) = find(text, b"<!DOCTYPE") else {
        return (b"", text);
    };
    let inside = text.get(at..).unwrap_or_default();
    let bracket = inside.iter().position(|byte| matches!(byte, b'[' | b'>'));
    let end = match bracket.and_then(|at| Some((at, *inside.get(at)?))) {
        Some((open, b'[')) => inside.get(open..).and_then(|subset| {
            let close = subset.iter().position(|byte| *byte == b']')?;
            let end = subset.get(close..)?.iter().position(|byte| *byte == b'>')?;
            Some(open + close + end)
        }),
        Some((close, _)) => Some(close),
        None => None,
    };
    let end = end.map_or(text.len(), |end| (at + end + 1).min(text.len()));
    text.split_at(end)
}

/// Whether a document type does more than name a public one and abbreviate texts: it fetches
/// something, or entities stand in entities. (Illustrator abbreviates its namespaces so.)
fn declares_danger(text: &[u8]) -> bool {
    let mut rest = text;
    let mut declares = false;
    while let Some(at) = find(rest, b"<!ENTITY") {
        declares = true;
        rest = rest.get(at + b"<!ENTITY".len()..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len());
        let (entity, after) = rest.split_at(end);
        rest = after;
        let names_other = find(entity, b"SYSTEM").is_some() || find(entity, b"PUBLIC").is_some();
        if names_other || entity.iter().any(|byte| matches!(byte, b'%' | b'&')) {
            return true;
        }
    }
    !declares || find(text, b"SYSTEM").is_some()
}

/// Where a word stands, in any case.
fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let mut from = 0;
    let first = word.first()?;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| byte == first)?;
        let is_there = text
            .get(at..at + word.len())
            .is_some_and(|there| there.eq_ignore_ascii_case(word));
        if is_there {
            return Some(at);
        }
        from = at + 1;
    }
}

fn show(name: &str, role: Role, value: &[u8], visit: &mut Visit<'_>) -> bool {
    value.is_empty()
        || visit(&Field {
            place: Place { part: Part::Body, name },
            role,
            value,
            spelling: Spelling::Literal,
        })
}

#[cfg(test)]
mod tests;
