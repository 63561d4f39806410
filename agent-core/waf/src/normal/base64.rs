//! Base64 (RFC 4648, sections 4 and 5), where it stands for printable text.

use memchr::memrchr;

/// The shortest value that is tried, in bytes: it stands for six. What is shorter is no attack.
const SHORTEST: usize = 8;

/// The longest value that is tried, in bytes: an attack is short, an attachment is not.
const LONGEST: usize = 16 << 10;

/// Below this many digits a code must stand for ASCII that shows: short words are codes of
/// something by chance.
pub(crate) const SHORT: usize = 12;

/// What the whole text, or the last segment of a path, stands for as Base64, in either alphabet and
/// with or without padding, where that is text of more than one word. Of a signed token (RFC 7519),
/// what its header says: whoever verifies it reads the header first.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let code = text.trim_ascii();
    if let Some(header) = token_header(code) {
        let groups = header.as_bytes().chunks(4).filter_map(decoded);
        let is_odd = groups.into_iter().any(|group| group.bytes().iter().any(is_no_header));
        return if is_odd { whole(header) } else { None };
    }
    if !code.starts_with('/') {
        return once_or_twice(code);
    }
    // the slash is of the alphabet too: a path's last segment comes first, then all of it
    code.rsplit('/')
        .next()
        .and_then(once_or_twice)
        .or_else(|| once_or_twice(code))
}

/// Whether a value shorter than what is normally told apart may be a code: asked of words, of which
/// most are none at their beginning.
pub(crate) fn may_be_short(value: &[u8]) -> bool {
    value.len() >= SHORTEST
        && value.len() < SHORT
        && value
            .chunks(4)
            .all(|group| decoded(group).is_some_and(|group| group.is_shown()))
}

/// The text that all of a code stands for, however long it is.
pub(crate) fn text(code: &str) -> Option<String> {
    let code = code.trim_end_matches('=').as_bytes();
    if code.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(code.len());
    for group in code.chunks(4) {
        bytes.extend_from_slice(decoded(group)?.bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The bytes that a code stands for, as far as it is one.
pub(crate) fn bytes(code: &str) -> Vec<u8> {
    let mut bytes = vec![0; code.len() / 4 * 3 + 3];
    let length = head(code.as_bytes(), &mut bytes);
    bytes.truncate(length);
    bytes
}

/// The first part of a token in the compact form of RFC 7515: a JSON object, whose code begins with
/// `eyJ`.
fn token_header(code: &str) -> Option<&str> {
    let bytes = code.as_bytes();
    let token = match memrchr(b' ', bytes) {
        Some(blank) => code.get(blank + 1..)?,
        None => code,
    };
    let (header, rest) = token.strip_prefix("eyJ").and_then(|_| token.split_once('.'))?;
    rest.contains('.').then_some(header)
}

/// Whether a byte is in no name or value that headers of tokens have: algorithms, types, names of
/// keys, URLs.
fn is_no_header(byte: &u8) -> bool {
    !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'{' | b'}' | b'[' | b']' | b'"' | b':' | b',' | b'-' | b'_' | b'/' | b'+' | b'=' | b' ')
}

/// The text of a code, or of the code in it.
fn once_or_twice(code: &str) -> Option<Vec<u8>> {
    let bytes = whole(code)?;
    let inner = str::from_utf8(&bytes).ok().map(str::trim_ascii).and_then(whole);
    inner
        .filter(|inner| is_more_than_a_word(inner))
        .or_else(|| is_more_than_a_word(&bytes).then_some(bytes))
}

fn whole(code: &str) -> Option<Vec<u8>> {
    let code = without_padding(code.as_bytes());
    if !(SHORTEST..=LONGEST).contains(&code.len()) || code.len() % 4 == 1 {
        return None;
    }
    let begins_as_text = |digits: usize| code.get(..digits).is_none_or(is_text);
    if !begins_as_text(FIRST_DIGITS)
        || !is_text(code.get(..HEAD_DIGITS).unwrap_or(code))
        || (code.len() < SHORT && !may_be_short(code))
    {
        return None;
    }
    let mut bytes = Vec::with_capacity(code.len());
    for group in code.chunks(4) {
        bytes.extend_from_slice(decoded(group)?.bytes());
    }
    str::from_utf8(&bytes).is_ok().then_some(bytes)
}

fn without_padding(mut code: &[u8]) -> &[u8] {
    while let [rest @ .., b'='] = code {
        code = rest;
    }
    code
}

fn is_more_than_a_word(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric())
}

/// As much of a value as tells, in digits: ids and names in the alphabet stand for no text, which
/// shows at once, and must not cost an allocation each.
const HEAD_DIGITS: usize = 64;

/// As many of them as tell of most ids: twelve bytes of chance are hardly ever UTF-8.
const FIRST_DIGITS: usize = 16;

/// Whether the beginning of a code stands for UTF-8 without control characters. A character may be
/// cut off at its end.
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

    /// Whether it stands for ASCII that shows, as all of a short code must.
    fn is_shown(&self) -> bool {
        self.bytes()
            .iter()
            .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
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
    // a NUL is dropped further on, and is strewn into words for filters that do not; browsers take
    // a form feed for a blank
    let is_printable = |byte: &u8| matches!(byte, b'\0' | b'\t'..=b'\r' | b' '..=b'~' | 0x80..);
    group.bytes().iter().all(is_printable).then_some(group)
}

/// Decodes the beginning of a code into a buffer, whatever it stands for, as far as it is one; how
/// many bytes there are.
pub(super) fn head(code: &[u8], buffer: &mut [u8]) -> usize {
    let digits = code
        .iter()
        .map_while(|digit| VALUES.get(usize::from(*digit)).filter(|value| **value < 64));
    let (mut bits, mut held, mut length) = (0_u32, 0, 0);
    for digit in digits {
        bits = (bits << 6 | u32::from(*digit)) & 0xffff;
        held += 6;
        if held < 8 {
            continue;
        }
        held -= 8;
        let Some(place) = buffer.get_mut(length) else { break };
        let [.., byte] = (bits >> held).to_be_bytes();
        *place = byte;
        length += 1;
    }
    length
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
            ("e3s3Kjd9fQ==", "{{7*7}}"),
            ("O2lkIDtsczs", ";id ;ls;"),
            ("PHN2Zwxvbj0x", "<svg\u{c}on=1"),
            // Base64 of Base64
            (
                "UEhOamNtbHdkRDVoYkdWeWRDZ3hLVHd2YzJOeWFYQjBQZz09",
                "<script>alert(1)</script>",
            ),
            // the header of a signed token
            (
                "Bearer eyJraWQiOiInIG9yIDE9MSJ9.eyJzdWIiOiIxIn0.c2ln",
                "{\"kid\":\"' or 1=1\"}",
            ),
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
            "username",
            "password1",
            "YWJjZGVm",
            "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImEtMSJ9.eyJzdWIiOiIxIn0.c2ln",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
