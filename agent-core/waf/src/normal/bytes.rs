//! Codes that stand for bytes: percent codes, and escapes of JavaScript and C.

use memchr::memchr;

/// A copy with a blank for every plus sign, where there is one.
pub(super) fn blanks(bytes: &[u8]) -> Option<Vec<u8>> {
    bytes.contains(&b'+').then(|| {
        bytes
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect()
    })
}

/// A copy with percent codes resolved once, where there are any. A `%` that begins no code stands
/// for itself.
pub(super) fn percent(bytes: &[u8]) -> Option<Vec<u8>> {
    rewrite(bytes, b'%', |after| match after {
        [b'u' | b'U', a, b, c, d, ..] => Some((4, code_point(&[*a, *b, *c, *d])?)).map(|(used, char)| (used + 1, char)),
        [high, low, ..] => Some((2, Piece::Byte(hex(*high)? << 4 | hex(*low)?))),
        _ => None,
    })
}

/// A copy with `\u0041`, `\u{41}`, `\x41` and `\101` resolved once, where there are any.
pub(super) fn escapes(bytes: &[u8]) -> Option<Vec<u8>> {
    rewrite(bytes, b'\\', |after| match after {
        [b'u', b'{', rest @ ..] => {
            // six digits reach the last code point
            let digits = rest.iter().take(7).position(|byte| *byte == b'}')?;
            Some((digits + 3, code_point(rest.get(..digits)?)?))
        }
        [b'u', a, b, c, d, ..] => Some((5, code_point(&[*a, *b, *c, *d])?)),
        [b'x', high, low, ..] => Some((3, code_point(&[*high, *low])?)),
        [b'0'..=b'7', ..] => octal(after),
        _ => None,
    })
}

/// What a code stands for.
pub(super) enum Piece {
    Byte(u8),
    Char(char),
}

/// Copies bytes and puts in what stands for each code. `decode` sees what follows the lead byte,
/// and says how much of it belongs to the code.
pub(super) fn rewrite(bytes: &[u8], lead: u8, decode: impl Fn(&[u8]) -> Option<(usize, Piece)>) -> Option<Vec<u8>> {
    let mut written: Option<Vec<u8>> = None;
    let mut rest = bytes;
    let mut done = 0;
    while let Some(at) = memchr(lead, rest) {
        let (before, from_lead) = rest.split_at(at);
        let after = from_lead.get(1..).unwrap_or_default();
        let decoded = decode(after);
        let used = 1 + decoded.as_ref().map_or(0, |(used, _)| *used);
        if written.is_none() && decoded.is_some() {
            let mut start = Vec::with_capacity(bytes.len());
            start.extend_from_slice(bytes.get(..done).unwrap_or_default());
            written = Some(start);
        }
        if let Some(written) = &mut written {
            written.extend_from_slice(before);
            match decoded {
                Some((_, Piece::Byte(byte))) => written.push(byte),
                Some((_, Piece::Char(char))) => written.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
                None => written.push(lead),
            }
        }
        done += at + used;
        rest = bytes.get(done..).unwrap_or_default();
    }
    if let Some(written) = &mut written {
        written.extend_from_slice(rest);
    }
    written
}

/// Two or three octal digits of a printable character.
fn octal(digits: &[u8]) -> Option<(usize, Piece)> {
    let length = digits
        .iter()
        .take(3)
        .take_while(|digit| matches!(digit, b'0'..=b'7'))
        .count();
    // `\\127.0.0.1\share` is an address behind a backslash
    if matches!(digits.get(length..), Some([b'.', b'0'..=b'9', ..])) {
        return None;
    }
    let number = digits
        .get(..length)?
        .iter()
        .fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
    let byte = u8::try_from(number).ok().filter(|byte| matches!(byte, b' '..=b'~'))?;
    Some((length, Piece::Byte(byte)))
}

/// The character of these hexadecimal digits.
fn code_point(digits: &[u8]) -> Option<Piece> {
    if digits.is_empty() {
        return None;
    }
    let number = digits
        .iter()
        .try_fold(0_u32, |sum, digit| Some((sum << 4) | u32::from(hex(*digit)?)))?;
    char::from_u32(number).map(Piece::Char)
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(result: Option<Vec<u8>>) -> Option<String> {
        result.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn percent_codes_are_resolved_once() {
        for (coded, plain) in [
            ("%41", Some("A")),
            ("a%2fb%2Fc", Some("a/b/c")),
            ("%2541", Some("%41")),
            ("%u0041%U0042", Some("AB")),
            ("100%", None),
            ("100% of %zz", None),
            ("%4", None),
            ("%%41", Some("%A")),
            ("%u004", None),
            ("%ud800", None),
            ("", None),
        ] {
            assert_eq!(shown(percent(coded.as_bytes())).as_deref(), plain, "{coded}");
        }
    }

    #[test]
    fn escapes_are_resolved_once() {
        for (coded, plain) in [
            (r"\u0041\x42", Some("AB")),
            (r"\u{1F600}", Some("\u{1f600}")),
            (r"\141\74", Some("a<")),
            (r"\0\9", None),
            (r"http:\\127.0.0.1\x", None),
            (r"\u{}", None),
            (r"\u{12345678}", None),
            (r"C:\users\name", None),
            (r"a\nb", None),
            (r"\", None),
        ] {
            assert_eq!(shown(escapes(coded.as_bytes())).as_deref(), plain, "{coded}");
        }
    }

    #[test]
    fn a_plus_is_a_blank() {
        assert_eq!(shown(blanks(b"a+b")).as_deref(), Some("a b"));
        assert_eq!(blanks(b"ab"), None);
    }
}
