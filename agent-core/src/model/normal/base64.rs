//! Base64 (RFC 4648, sections 4 and 5), where it stands for printable text.

/// The shortest value that is tried, in bytes: it stands for nine, and shorter attacks are not worth a false alarm.
pub(crate) const SHORTEST: usize = 12;

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
    if !is_text(code.get(..HEAD_DIGITS).unwrap_or(code)) {
        return None;
    }
    let mut bytes = Vec::with_capacity(code.len());
    for group in code.chunks(4) {
        bytes.extend_from_slice(decoded(group)?.bytes());
    }
    let is_more_than_a_word = bytes
        .iter()
        .any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    (is_more_than_a_word && str::from_utf8(&bytes).is_ok()).then_some(bytes)
}

/// As much of a value as tells, in digits: ids and names in the alphabet stand for no text, which shows at once, and must not cost an
/// allocation each.
const HEAD_DIGITS: usize = 64;

/// Whether the beginning of a code stands for UTF-8 without control characters. A character may be cut off at its end.
fn is_text(code: &[u8]) -> bool {
    let mut head = [0; HEAD_DIGITS];
    let mut length = 0;
    for group in code.chunks(4) {
        let Some(group) = decoded(group) else { return false };
        let Some(room) = head.get_mut(length..length + group.bytes().len()) else {
            return false;
        };
        room.copy_from_slice(group.bytes());
        length += group.bytes().len();
    }
    let head = head.get(..length).unwrap_or_default();
    str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// What four digits stand for.
struct Group {
    bytes: [u8; 3],
    length: usize,
}

impl Group {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Decodes four digits or what is left of them, where that is printable.
fn decoded(group: &[u8]) -> Option<Group> {
    let digit = |place: usize| {
        let digit = group.get(place).map_or(b'A', |digit| *digit);
        VALUES.get(usize::from(digit)).map_or(NONE, |value| u32::from(*value))
    };
    let (first, second, third, fourth) = (digit(0), digit(1), digit(2), digit(3));
    if first | second | third | fourth >= 64 {
        return None;
    }
    let [_, bytes @ ..] = (first << 18 | second << 12 | third << 6 | fourth).to_be_bytes();
    let group = Group {
        bytes,
        length: group.len() * 6 / 8,
    };
    // a NUL is dropped further on, and is strewn into words for filters that do not
    let is_printable = |byte: &u8| matches!(byte, b'\0' | b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    group.bytes().iter().all(is_printable).then_some(group)
}

/// Of what is no digit.
const NONE: u32 = 0xff;

/// The value of each digit.
static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [0xff; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the table")]
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            table[byte] = match byte as u8 {
                digit @ b'A'..=b'Z' => digit - b'A',
                digit @ b'a'..=b'z' => digit - b'a' + 26,
                digit @ b'0'..=b'9' => digit - b'0' + 52,
                // a form makes a blank of the plus sign
                b'+' | b'-' | b' ' => 62,
                b'/' | b'_' => 63,
                _ => 0xff,
            };
        }
        byte += 1;
    }
    table
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
            ("PGEgaHJlZj0+PGI PGkg", "<a href=><b><i "),
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
