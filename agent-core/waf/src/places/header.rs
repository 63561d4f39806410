//! Headers other than `Cookie`.

use super::{Field, Part, Place, Role, Visit, cookies, starts_with};
use crate::normal::Spelling;

/// Whether a header is not worth a look: browsers and proxies fill it in by themselves, with
/// nothing but tokens, numbers and dates. One that holds anything else was filled in by hand, and
/// may be read by what logs headers.
fn is_dull(name: &str, value: &[u8]) -> bool {
    let is_token = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b':' | b';' | b'=' | b'-' | b'.' | b'/' | b'_')
    };
    let is_filled_in = matches!(
        name,
        "connection"
            | "content-length"
            | "transfer-encoding"
            | "upgrade"
            | "upgrade-insecure-requests"
            | "keep-alive"
            | "te"
            | "date"
            | "dnt"
            | "pragma"
            | "expect"
            | "sec-gpc"
    );
    is_filled_in && value.iter().all(is_token)
}

/// What a header says, as far as a detector needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderKind {
    /// Where the client comes from: the page or the application that a browser shows, whatever its scheme.
    Source,
    /// Who the client is: a password, a key, a signed token.
    Credential,
    /// Anything else.
    Other,
}

impl Place<'_> {
    /// What kind of header this is; `None` where it is none.
    #[must_use]
    pub fn header_kind(&self) -> Option<HeaderKind> {
        if self.part != Part::Header {
            return None;
        }
        Some(match self.name {
            // the latter two: htmx, and browsers' hyperlink auditing
            "origin" | "referer" | "hx-current-url" | "ping-from" => HeaderKind::Source,
            "authorization" | "proxy-authorization" => HeaderKind::Credential,
            _ => HeaderKind::Other,
        })
    }
}

/// Visits a header, whose name is in lower case.
pub fn header(name: &str, value: &[u8], visit: &mut Visit<'_>) {
    if is_dull(name, value) {
        return;
    }
    match name {
        "cookie" => cookies(value, visit),
        _ => {
            visit(&Field {
                place: Place {
                    part: Part::Header,
                    name,
                },
                role: Role::Value,
                value: token(name, value),
                spelling: Spelling::Literal,
            });
        }
    }
}

/// What an `Authorization` header says after its scheme, so that `Basic` credentials are decoded as any Base64.
fn token<'v>(name: &str, value: &'v [u8]) -> &'v [u8] {
    if name != "authorization" && name != "proxy-authorization" {
        return value;
    }
    match value {
        [
            b'B' | b'b',
            b'a' | b'A',
            b's' | b'S',
            b'i' | b'I',
            b'c' | b'C',
            b' ',
            token @ ..,
        ] => token,
        _ => value,
    }
}

/// The content types that a header holds: one, unless a proxy has put several lines together with
/// commas. What is no text is cut off.
pub fn content_types(value: &[u8]) -> impl Iterator<Item = &str> {
    let text = value.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let next = text
            .match_indices(',')
            .find(|(at, _)| text.get(at + 1..).is_some_and(begins_with_type));
        match next {
            Some((at, _)) => {
                rest = text.get(at + 1..);
                text.get(..at).map(str::trim)
            }
            None => Some(text.trim()),
        }
    })
}

/// Whether a text begins with a type of content and a slash. Nothing behind the longest of them is
/// looked at: it is asked of what follows each comma.
fn begins_with_type(text: &str) -> bool {
    const KINDS: [&str; 8] = [
        "application/",
        "text/",
        "multipart/",
        "image/",
        "audio/",
        "video/",
        "font/",
        "message/",
    ];
    let text = text.trim_start();
    KINDS.iter().any(|kind| starts_with(text, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_take_no_longer_than_other_signs() {
        // a second of work a megabyte where each comma looks at all that follows
        for header in [",", ", ", ",application", "text/a;charset=u7,"] {
            let header = header.repeat((2 << 20) / header.len());
            let count = content_types(header.as_bytes()).count();
            assert!(count <= header.len() / 10, "{count}");
        }
        let types = |value: &'static str| content_types(value.as_bytes()).collect::<Vec<_>>();
        assert_eq!(types("text/a, ,text, TEXT/b,image"), ["text/a, ,text", "TEXT/b,image"]);
    }
}
