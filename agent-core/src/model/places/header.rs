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
