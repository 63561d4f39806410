//! Character references of HTML (WHATWG HTML, section 13.5): numbers, and the names of characters
//! that attacks are made of.

use super::bytes::{Piece, hex, rewrite};

/// Names of ASCII characters and of the blank that does not break. The other two thousand stand for
/// letters and signs that no detector looks for.
const NAMES: [(&[u8], char); 34] = [
    (b"lt", '<'),
    (b"LT", '<'),
    (b"gt", '>'),
    (b"GT", '>'),
    (b"amp", '&'),
    (b"AMP", '&'),
    (b"quot", '"'),
    (b"QUOT", '"'),
    (b"apos", '\''),
    (b"nbsp", ' '),
    (b"Tab", '\t'),
    (b"NewLine", '\n'),
    (b"colon", ':'),
    (b"semi", ';'),
    (b"sol", '/'),
    (b"bsol", '\\'),
    (b"lpar", '('),
    (b"rpar", ')'),
    (b"lbrack", '['),
    (b"lsqb", '['),
    (b"rbrack", ']'),
    (b"rsqb", ']'),
    (b"lbrace", '{'),
    (b"lcub", '{'),
    (b"rbrace", '}'),
    (b"rcub", '}'),
    (b"equals", '='),
    (b"period", '.'),
    (b"comma", ','),
    (b"grave", '`'),
    (b"num", '#'),
    (b"dollar", '$'),
    (b"verbar", '|'),
    (b"percnt", '%'),
];

/// The longest name, and the most digits that are read: leading zeros are allowed without end, so
/// that there must be one.
const LONGEST: usize = 12;

/// A copy with character references resolved once, where there are any.
pub(super) fn references(bytes: &[u8]) -> Option<Vec<u8>> {
    rewrite(bytes, b'&', |after| match after {
        [b'#', b'x' | b'X', rest @ ..] => number(rest, 16).map(|(used, piece)| (used + 2, piece)),
        [b'#', rest @ ..] => number(rest, 10).map(|(used, piece)| (used + 1, piece)),
        rest => name(rest),
    })
}

/// Digits, and the semicolon that browsers do without.
fn number(bytes: &[u8], base: u32) -> Option<(usize, Piece)> {
    let mut value = 0_u32;
    let mut digits = 0;
    for byte in bytes.iter().take(LONGEST) {
        let Some(digit) = hex(*byte).map(u32::from).filter(|digit| *digit < base) else {
            break;
        };
        value = value.saturating_mul(base).saturating_add(digit);
        digits += 1;
    }
    let char = char::from_u32(value).filter(|_| digits > 0)?;
    Some((
        digits + usize::from(bytes.get(digits) == Some(&b';')),
        Piece::Char(char),
    ))
}

/// A name with its semicolon.
fn name(bytes: &[u8]) -> Option<(usize, Piece)> {
    let end = bytes.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let name = bytes.get(..end)?;
    let (_, char) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some((end + 1, Piece::Char(*char)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_once() {
        for (coded, plain) in [
            ("&lt;b&gt;", Some("<b>")),
            ("&#60;&#x3c;&#X3C;", Some("<<<")),
            ("&#0000106avascript", Some("javascript")),
            ("java&Tab;script&colon;", Some("java\tscript:")),
            ("&amp;lt;", Some("&lt;")),
            ("R&D", None),
            ("a&b;c", None),
            ("&eacute;", None),
            ("&#;", None),
            ("&#x110000;", None),
            ("&", None),
        ] {
            let shown = references(coded.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(shown.as_deref(), plain, "{coded}");
        }
    }
}
