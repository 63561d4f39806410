//! Base64 (RFC 4648, sections 4 and 5), where it stands for printable text.

/// The shortest value that is tried, in bytes: it stands for nine, and shorter attacks are not worth a false alarm.
const SHORTEST: usize = 12;

/// The longest value that is tried, in bytes: an attack is short, an attachment is not.
const LONGEST: usize = 16 << 10;

/// What the whole text, or the last segment of a path, stands for as Base64, in either alphabet and with or without padding, where
/// that is printable and more than one word.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let code = text.trim_ascii();
    if !code.starts_with('/') {
        return whole(code);
    }
    // the slash is of the alphabet too: a path's last segment comes first, then all of it
    code.rsplit('/').next().and_then(whole).or_else(|| whole(code))
}

fn whole(code: &str) -> Option<Vec<u8>> {
    let code = code.trim_end_matches('=').as_bytes();
    if !(SHORTEST..=LONGEST).contains(&code.len()) || code.len() % 4 == 1 {
        return None;
    }
    // what has another character is refused before anything is allocated
    if !code.iter().all(|digit| value(*digit).is_some()) {
        return None;
    }
    let mut bytes = Vec::with_capacity(code.len());
    for group in code.chunks(4) {
        push_group(group, &mut bytes)?;
    }
    let is_more_than_a_word = bytes
        .iter()
        .any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    (is_more_than_a_word && str::from_utf8(&bytes).is_ok()).then_some(bytes)
}

/// Decodes four digits or what is left of them. Ends at the first byte that is not printable, which in what is no Base64 comes at
/// once.
fn push_group(group: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let mut word = 0_u32;
    for place in 0..4 {
        word = (word << 6) | group.get(place).map_or(Some(0), |digit| value(*digit))?;
    }
    let [_, all @ ..] = word.to_be_bytes();
    for byte in all.into_iter().take(group.len() * 6 / 8) {
        if !matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..) {
            return None;
        }
        bytes.push(byte);
    }
    Some(())
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_text_is_decoded() {
        for (code, text) in [
            ("JyBPUiAxPTEtLSA=", "' OR 1=1-- "),
            ("JyBPUiAxPTEtLSA", "' OR 1=1-- "),
            ("PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "<script>alert(1)</script>"),
            ("/PCEtLSNleGVjIGNtZD0ibHMiIC0tPg", "<!--#exec cmd=\"ls\" -->"),
            (" JyBPUiAxPTEtLSA= ", "' OR 1=1-- "),
        ] {
            assert_eq!(decode(code), Some(text.as_bytes().to_vec()), "{code}");
        }
    }

    #[test]
    fn words_and_binaries_are_none() {
        for text in [
            "",
            "short",
            "Internationalization",
            "d3b07384d113edec49eaa6238ad5ff00",
            "iVBORw0KGgoAAAANSUhEUgAA",
            "hello world, hello",
            "550e8400-e29b-41d4-a716-446655440000",
            "aGVsbG93b3JsZA==",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
