//! Bodies as texts and as bytes, for handlers that read them whole: in the charset that is
//! declared, as actix-web decodes it, or in UTF-8, as axum does.

use encoding_rs::{Encoding, UTF_8};
use proptest::prelude::*;

use crate::seen::Seen;

const TYPES: [&str; 8] = [
    "text/plain",
    "",
    "text/html",
    "text/csv",
    "application/octet-stream",
    "image/png",
    "application/x-unknown",
    "multipart/form-data; boundary=b",
];

/// The labels of all charsets that browsers know (WHATWG, Encoding, section 4.2), of each the usual
/// one, and some of others.
const LABELS: [&str; 30] = [
    "utf-8",
    "ibm866",
    "iso-8859-2",
    "iso-8859-8-i",
    "koi8-r",
    "macintosh",
    "windows-874",
    "windows-1252",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift_jis",
    "euc-kr",
    "utf-16be",
    "utf-16le",
    "utf-16",
    "x-user-defined",
    "replacement",
    "iso-2022-kr",
    "hz-gb-2312",
    "utf-7",
    "cp037",
    "us-ascii",
    "latin1",
    "utf8",
    "unicode",
    "csunicode",
    "x-sjis",
];

/// Texts that may begin as something else does.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<script>", "<b>", "' or 1=1", "a", " ", "\n", "{", "}", "[", "]", "<", "\"", "\\", "\\\"", "&", "=", "%41",
        "+", "é", "\u{7f}", ",", ":", "--b\r\n", "PK", "%PDF", "\u{1b}(B", "query {", "1",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// What attacks are made of, without what separates values: the engine shows it with the values or
/// with none. Of other scripts it need not know the letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let separates = |char: char| "\n\r\"\\=&{}[],:+-".contains(char) || !char.is_ascii();
    let has_letters = |word: &&str| word.contains(|char: char| char.is_ascii_alphabetic());
    text.split(separates).filter(has_letters)
}

proptest! {
    #![proptest_config(crate::bounded())]

    #[test]
    fn every_word_was_seen(body in text(), content_type in prop::sample::select(&TYPES[..])) {
        prop_assert_eq!(Seen::body(content_type, body.as_bytes()).misses(words(&body)), None);
    }

    #[test]
    fn every_charset_was_decoded(
        body in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(&b"<script>' or=\x1b(B$J~{}+-"[..]),
            1 => any::<u8>(),
        ], 0..40),
        label in prop::sample::select(&LABELS[..]),
    ) {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8);
        let content_type = format!("text/plain; charset={label}");
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(&body) {
            prop_assert_eq!(Seen::body(&content_type, &body).misses(words(&text)), None);
        }
    }
}
