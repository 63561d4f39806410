//! From bytes to characters: UTF-8 as careless decoders read it, Unicode's compatibility forms, and
//! nothing invisible.

use std::borrow::Cow;

use unicode_normalization::char::decompose_compatible;

use super::Disguise;

/// How much longer than the bytes the text may become, in bytes: single characters stand for up to
/// eighteen.
const ROOM: usize = 1024;

/// The text that bytes stand for. Borrowed where nothing is changed.
pub(super) fn text<'b>(bytes: &'b [u8], disguise: &mut Disguise) -> Cow<'b, str> {
    match str::from_utf8(bytes) {
        Ok(text) if is_plain_ascii(bytes) || !text.chars().any(is_special) => Cow::Borrowed(text),
        Ok(text) => Cow::Owned(rewritten([text].into_iter(), bytes.len(), disguise)),
        Err(_) => Cow::Owned(repaired(bytes, disguise)),
    }
}

/// Whether bytes are ASCII that shows, blanks and line breaks. Told block by block, so that the
/// inner loop has no early end.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t'..=b'\r');
    bytes
        .chunks(64)
        .all(|block| block.iter().fold(true, |all, byte| all & is_plain(*byte)))
}

/// What the beginning of a binary file says: its ASCII, and a sign for each other byte. Nothing in
/// it is decoded, as nothing that runs files does so; of its control characters only those are kept
/// that text has.
pub(super) fn of_binary(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        match byte {
            b' '..=b'~' | b'\t'..=b'\r' => text.push(char::from(*byte)),
            0x80.. => text.push('\u{fffd}'),
            _ => {}
        }
    }
    text
}

/// Reads what is no UTF-8 as well as it can be read.
fn repaired(bytes: &[u8], disguise: &mut Disguise) -> String {
    let mut fixed = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        fixed.extend_from_slice(chunk.valid().as_bytes());
        fixed.extend_from_slice(chunk.invalid());
    }
    let plain = without_overlong(&fixed, disguise);
    let chunks: Vec<&str> = plain
        .utf8_chunks()
        .flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }])
        .collect();
    rewritten(chunks.into_iter(), bytes.len(), disguise)
}

/// Resolves sequences that are longer than they need to be, and two-byte sequences whose second
/// byte was left bare.
fn without_overlong(bytes: &[u8], disguise: &mut Disguise) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let (used, byte) = match rest {
            [0xf8, 0x80, 0x80, 0x80, low @ 0x80..=0xbf, ..] => (5, Some(low & 0x3f)),
            [0xfc, 0x80, 0x80, 0x80, 0x80, low @ 0x80..=0xbf, ..] => (6, Some(low & 0x3f)),
            [0xf0, 0x80, 0x80, low @ 0x80..=0xbf, ..] => (4, Some(low & 0x3f)),
            [0xe0, high @ 0x80..=0x81, low @ 0x80..=0xbf, ..] => (3, Some(((high & 1) << 6) | (low & 0x3f))),
            [lead @ 0xc0..=0xc1, low @ 0x80..=0xbf, ..] => (2, Some(((lead & 1) << 6) | (low & 0x3f))),
            // decoders that do not check the second byte take its six low bits, or the byte as it
            // is
            [0xc0..=0xc1, b'.' | b'/' | b'\\', ..] => (1, None),
            [0xc1, 0x1c, ..] => (2, Some(b'\\')),
            _ => (0, None),
        };
        if used == 0 {
            plain.push(*first);
            rest = after;
        } else {
            disguise.overlong = true;
            plain.extend(byte);
            rest = rest.get(used..).unwrap_or_default();
        }
    }
    plain
}

fn rewritten<'t>(chunks: impl Iterator<Item = &'t str>, length: usize, disguise: &mut Disguise) -> String {
    let mut text = String::with_capacity(length);
    for char in chunks.flat_map(str::chars) {
        if char == '\0' {
            disguise.nul = true;
        }
        if !is_special(char) {
            text.push(char);
        } else if !is_invisible(char) && text.len() < length + ROOM {
            decompose_compatible(char, |part| text.push(best_fit(part)));
        }
    }
    text
}

/// The ASCII character that single-byte code pages make of one that looks like it (Windows'
/// best-fit tables; CWE-176), and IIS of two of its own.
const fn best_fit(char: char) -> char {
    match char {
        '\u{2044}' | '\u{2215}' | '\u{f025}' => '/',
        '\u{2216}' | '\u{efc8}' => '\\',
        '\u{2032}' | '\u{2b9}' | '\u{2bc}' | '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{2039}' | '\u{2329}' => '<',
        '\u{203a}' | '\u{232a}' => '>',
        other => other,
    }
}

/// Whether a character is dropped or may have another form.
const fn is_special(char: char) -> bool {
    if (char as u32) < 0xa0 {
        return is_invisible(char);
    }
    is_invisible(char)
        || matches!(
            char,
            '\u{a0}'..='\u{be}'                 // blanks, superscripts, fractions
            | '\u{2b0}'..='\u{2e4}'             // modifier letters
            | '\u{1d2c}'..='\u{1d6a}'
            | '\u{2000}'..='\u{209c}'           // blanks, dots, superscripts, subscripts
            | '\u{2329}' | '\u{232a}'           // angle brackets
            | '\u{efc8}' | '\u{f025}'
            | '\u{2100}'..='\u{2189}'           // letterlike signs, fractions
            | '\u{2215}' | '\u{2216}'           // division and set minus, which best-fit tables make slashes
            | '\u{2460}'..='\u{24ea}'           // letters and digits in circles
            | '\u{3000}'                        // the wide blank
            | '\u{fb00}'..='\u{fb06}'           // ligatures
            | '\u{fe10}'..='\u{fe6b}'           // small and vertical forms
            | '\u{ff01}'..='\u{ff5e}'           // wide ASCII
            | '\u{1d400}'..='\u{1d7ff}'         // mathematical letters
            | '\u{1f100}'..='\u{1f190}'         // letters in squares
        )
}

/// Whether a character shows nothing: what may be strewn into a word without changing what some
/// decoders make of it.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\0'..='\u{8}'
        | '\u{e}'..='\u{1f}'
        | '\u{7f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> (String, Disguise) {
        let mut disguise = Disguise::default();
        let text = text(bytes, &mut disguise).into_owned();
        (text, disguise)
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "abc", "Grüße", "日本語", "\u{2500}", "😀", "a\tb\r\nc"] {
            assert_eq!(plain(text.as_bytes()), (text.to_owned(), Disguise::default()));
            assert!(
                matches!(super::text(text.as_bytes(), &mut Disguise::default()), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn forms_are_made_one() {
        for (written, read) in [
            ("＜ｓｃｒｉｐｔ＞", "<script>"),
            ("﹤b﹥", "<b>"),
            ("𝒜lert", "Alert"),
            ("ﬁle", "file"),
            ("sc\u{200b}ript", "script"),
            ("a\u{3000}b\u{a0}c", "a b c"),
            ("un\u{ad}ion", "union"),
            ("‥/", "../"),
            ("..∕..∖", "../..\\"),
        ] {
            assert_eq!(plain(written.as_bytes()).0, read);
        }
        assert_eq!(plain("ﷺ".as_bytes()).0, "ﷺ", "no form of ASCII");
    }

    #[test]
    fn overlong_sequences_are_read() {
        for (bytes, read) in [
            (&b"\xc0\xae\xc0\xae\xc0\xaf"[..], "../"),
            (b"\xe0\x80\xaf", "/"),
            (b"\xf0\x80\x80\xaf", "/"),
            (b"\xc1\x9c", "\\"),
            (b"\xc0./", "./"),
            (b"\xf8\x80\x80\x80\xaf", "/"),
        ] {
            let (text, disguise) = plain(bytes);
            assert_eq!((text.as_str(), disguise.overlong), (read, true), "{bytes:x?}");
        }
        let (latin, disguise) = plain(b"caf\xe9 ol\xe9");
        assert_eq!(
            (latin.as_str(), disguise),
            ("caf\u{fffd} ol\u{fffd}", Disguise::default())
        );
    }

    #[test]
    fn a_nul_is_dropped_and_told() {
        let (text, disguise) = plain(b"a\0b");
        assert_eq!((text.as_str(), disguise.nul), ("ab", true));
    }
}
