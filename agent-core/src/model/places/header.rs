//! Headers other than `Cookie`.

use super::{Field, Part, Place, Role, Visit, cookies};
use crate::model::normal::Spelling;

/// Whether a header is not worth a look: browsers and proxies fill it in by themselves, and applications do not read it, or read it as
/// a number, a date or a token that HTTP libraries have checked.
fn is_dull(name: &str) -> bool {
    matches!(
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
    )
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
    if is_dull(name) {
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
