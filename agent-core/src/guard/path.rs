//! A path in the forms that name the same thing: `/.git/config`, `/%2egit/config`, `//.git/./config`.
//!
//! Servers, proxies and frameworks decode and tidy paths before they look for what they name, so an attacker writes them in
//! whichever form the guard might not know. A path is therefore judged as it came, percent-decoded, and tidied. A path without a
//! trace of such writing, as nearly all are, is judged once.

/// Paths up to this many bytes are rewritten on the stack; longer ones, which no browser sends, may allocate.
const ON_STACK: usize = 1024;

/// Whether any form of the path passes the test: as it came, percent-decoded, without empty and dot segments.
pub(super) fn any_form(path: &str, test: impl Fn(&str) -> bool) -> bool {
    test(path) || (is_disguised(path) && in_scratch(path.len(), |scratch| any_plain_form(path, scratch, &test)))
}

/// Whether decoding or tidying could change the path. Takes some paths for disguised that are not (`/.well-known/`), and none the
/// other way.
fn is_disguised(path: &str) -> bool {
    let bytes = path.as_bytes();
    let behind = bytes.get(1..).unwrap_or_default();
    // without an early end, so that several bytes are compared at a time
    let is_odd = |last: u8, byte: u8| (byte == b'%') | ((last == b'/') & ((byte == b'/') | (byte == b'.')));
    let odd = bytes
        .iter()
        .zip(behind)
        .fold(false, |odd, (last, byte)| odd | is_odd(*last, *byte));
    odd || bytes.first() == Some(&b'%')
}

/// Runs `work` with room for two paths of this length.
fn in_scratch(length: usize, work: impl FnOnce([&mut [u8]; 2]) -> bool) -> bool {
    if length <= ON_STACK {
        // a byte more, for the slash that a tidied path begins with
        work([&mut [0; ON_STACK + 1], &mut [0; ON_STACK + 1]])
    } else {
        work([&mut vec![0; length + 1], &mut vec![0; length + 1]])
    }
}

fn any_plain_form(path: &str, [decoded, tidied]: [&mut [u8]; 2], test: impl Fn(&str) -> bool) -> bool {
    let decoded = decode(path, decoded);
    let tidied = tidy(decoded, tidied);
    (decoded != path && test(decoded)) || (tidied != decoded && test(tidied))
}

/// Percent-decodes once. Where that is no UTF-8, only what stands for ASCII is decoded: a stray `%ff` must not spare a path its
/// decoding.
fn decode<'b>(path: &str, buffer: &'b mut [u8]) -> &'b str {
    let mut length = fill(buffer, decoded(path, |_| true));
    if buffer.get(..length).is_none_or(|bytes| str::from_utf8(bytes).is_err()) {
        length = fill(buffer, decoded(path, |byte| byte.is_ascii()));
    }
    written(buffer, length)
}

/// The path's bytes, with those escapes replaced whose byte is wanted.
fn decoded(path: &str, wanted: impl Fn(u8) -> bool) -> impl Iterator<Item = u8> {
    let mut rest = path.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, after @ ..] = rest
            && let Some(byte) = hex(*high, *low).filter(|byte| wanted(*byte))
        {
            rest = after;
            return Some(byte);
        }
        let (byte, after) = rest.split_first()?;
        rest = after;
        Some(*byte)
    })
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn fill(buffer: &mut [u8], bytes: impl Iterator<Item = u8>) -> usize {
    buffer.iter_mut().zip(bytes).map(|(place, byte)| *place = byte).count()
}

/// Leaves out empty segments and `.`, and lets `..` take back the segment before it (RFC 3986, section 5.2.4). The result begins
/// with a slash, and ends with one where the path named a directory.
fn tidy<'b>(path: &str, buffer: &'b mut [u8]) -> &'b str {
    let mut length = 0;
    let mut is_directory = false;
    for segment in path.split('/') {
        is_directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => length = written(buffer, length).rfind('/').unwrap_or(0),
            name => length = append(append(length, "/", buffer), name, buffer),
        }
    }
    if is_directory {
        length = append(length, "/", buffer);
    }
    written(buffer, length)
}

/// Writes a text behind the first `length` bytes, and returns the new length.
fn append(length: usize, text: &str, buffer: &mut [u8]) -> usize {
    let end = length + text.len();
    match buffer.get_mut(length..end) {
        Some(place) => {
            place.copy_from_slice(text.as_bytes());
            end
        }
        None => length,
    }
}

fn written(buffer: &[u8], length: usize) -> &str {
    buffer
        .get(..length)
        .and_then(|bytes| str::from_utf8(bytes).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    fn forms(path: &str) -> Vec<String> {
        let seen = RefCell::new(Vec::new());
        assert!(!any_form(path, |form| {
            seen.borrow_mut().push(form.to_owned());
            false
        }));
        seen.into_inner()
    }

    #[test]
    fn a_plain_path_is_judged_once() {
        for path in [
            "/",
            "",
            "/index.html",
            "/a/b.c/d..e",
            "/.env",
            "/.well-known/acme",
            "/a/..b",
            "*",
        ] {
            assert_eq!(forms(path), [path], "{path}");
        }
    }

    #[test]
    fn disguises_are_taken_off() {
        for (path, plain) in [
            ("/%2egit/config", "/.git/config"),
            ("/%2Egit%2Fconfig", "/.git/config"),
            ("//.git/config", "/.git/config"),
            ("/./.git/config", "/.git/config"),
            ("/.git//config/", "/.git/config/"),
            ("/a/../.git/config", "/.git/config"),
            ("/%2e%2f%2egit/config", "/.git/config"),
            ("/a/%2e%2e/.git/config", "/.git/config"),
            ("/../../.env", "/.env"),
            ("/admin/.", "/admin/"),
            ("/x/..", "/"),
            ("/%2egit/%ff", "/.git/%ff"),
            ("/%c3%a9t%c3%a9", "/été"),
            ("/%", "/%"),
            ("/%2", "/%2"),
            ("/%zz%41", "/%zzA"),
            ("%2egit", "/.git"),
        ] {
            assert_eq!(forms(path).last().map(String::as_str), Some(plain), "{path}");
        }
    }

    #[test]
    fn every_step_is_judged() {
        assert_eq!(forms("/a/%2e%2e/b"), ["/a/%2e%2e/b", "/a/../b", "/b"]);
        assert_eq!(forms("/%252e/"), ["/%252e/", "/%2e/"], "decoded once, as servers do");
    }

    #[test]
    fn a_long_path_is_no_hiding_place() {
        for length in [ON_STACK - 4, ON_STACK - 3, ON_STACK, ON_STACK + 1, 100_000] {
            let path = format!("{}/%2egit", "/x".repeat(length / 2));
            assert!(any_form(&path, |form| form.ends_with("/.git")), "{length}");
        }
    }

    proptest! {
        #[test]
        fn forms_are_tidy_whatever_comes(path in "[/.%2eEfF\u{e9}a]{0,24}") {
            let all = forms(&path);
            prop_assert!(all.len() <= 3);
            let last = all.last().unwrap();
            let is_plain = all.len() == 1 || !last.split('/').any(|segment| matches!(segment, "." | ".."));
            prop_assert!(is_plain, "{all:?}");
        }
    }
}
