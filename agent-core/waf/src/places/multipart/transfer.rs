//! Transfer codings of parts (RFC 2045, section 6): no browser sends any, and some parsers undo
//! them.

/// A content without its transfer coding.
pub(super) enum Decoded {
    /// It has none.
    AsItIs,
    /// It has one that is not known.
    Unknown,
    /// It had one.
    Bytes {
        bytes: Vec<u8>,
        /// Whether it was as the coding demands, so that every decoder makes the same of it.
        is_strict: bool,
    },
}

/// Decodes a content by the name of its coding.
pub(super) fn decode(coding: &[u8], content: &[u8]) -> Decoded {
    let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
    if is(b"") || is(b"7bit") || is(b"8bit") || is(b"binary") {
        Decoded::AsItIs
    } else if is(b"base64") {
        base64(content)
    } else if is(b"quoted-printable") {
        quoted_printable(content)
    } else {
        Decoded::Unknown
    }
}

/// Skips what is no digit, as lenient decoders do, and ends at the padding.
fn base64(content: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(content.len() / 4 * 3);
    let mut is_strict = true;
    let mut bits = 0_u32;
    let mut held = 0;
    let mut is_over = false;
    for byte in content {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            b'=' => {
                is_over = true;
                continue;
            }
            _ => {
                is_strict = false;
                continue;
            }
        };
        is_strict &= !is_over;
        bits = (bits << 6 | u32::from(value)) & 0x3fff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    Decoded::Bytes { bytes, is_strict }
}

fn quoted_printable(content: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(content.len());
    let mut is_strict = true;
    let mut rest = content;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'=' {
            bytes.push(*byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match after {
            // a line that goes on
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
            [high, low, after @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                bytes.push(digit(*high).unwrap_or_default() << 4 | digit(*low).unwrap_or_default());
                rest = after;
            }
            _ => {
                is_strict = false;
                bytes.push(b'=');
            }
        }
    }
    Decoded::Bytes { bytes, is_strict }
}
