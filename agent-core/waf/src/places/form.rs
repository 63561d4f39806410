//! Names and values between separators: queries, forms, cookies; and the path.

use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode;

use super::{Field, Part, Place, Role, Visit, charset::Charset};
use crate::normal::Spelling;

/// Visits the path as a whole.
pub fn path(path: &str, visit: &mut Visit<'_>) {
    visit(&Field::whole(
        Part::Path,
        Role::Value,
        path.as_bytes(),
        Spelling::Literal,
    ));
}

/// Visits the names and values of a query without its `?`.
pub fn query(query: &str, visit: &mut Visit<'_>) {
    pairs(query.as_bytes(), b'&', Part::Query, Spelling::Form, visit);
}

/// Visits the names and values of a query in the charset that a content type declares, where that
/// is no superset of ASCII: Django decodes the query by it. Whether it is none.
pub fn foreign_query(content_type: &str, query: &str, visit: &mut Visit<'_>) -> bool {
    let charset = Charset::declared(content_type);
    if !matches!(charset, Charset::Wide(_) | Charset::Foreign(_)) {
        return false;
    }
    for text in query.split(['&', '=']) {
        let bytes: Vec<u8> = percent_decode(text.replace('+', " ").as_bytes()).collect();
        if let Some(decoded) = charset.decode(&bytes)
            && !visit(&Field::whole(Part::Query, Role::Value, &decoded, Spelling::Literal))
        {
            break;
        }
    }
    true
}

/// Visits the cookies of one `Cookie` header (RFC 6265, section 4.2). Where it holds what no cookie may hold, it is then visited as a
/// whole: a semicolon is rather an attack's than a separator.
pub fn cookies(header: &[u8], visit: &mut Visit<'_>) {
    let is_odd = |byte: &u8| matches!(byte, b'`' | b'$' | b'<' | b'(' | b'\\' | b'\'' | b'|');
    let goes_on = pairs(header, b';', Part::Cookie, Spelling::Literal, visit);
    // block by block, so that the inner loop has no early end and can be vectorised
    let has_odd = || {
        header
            .chunks(64)
            .any(|block| block.iter().fold(false, |any, byte| any | is_odd(byte)))
    };
    if goes_on && (header.first() == Some(&b';') || has_odd()) {
        visit(&Field::whole(Part::Cookie, Role::Value, header, Spelling::Literal));
    }
}

/// Visits the fields of a form.
pub(super) fn body(body: &[u8], visit: &mut Visit<'_>) {
    pairs(body, b'&', Part::Body, Spelling::Form, visit);
}

/// Returns whether more is wanted.
fn pairs(text: &[u8], separator: u8, part: Part, spelling: Spelling, visit: &mut Visit<'_>) -> bool {
    let mut start = 0;
    for end in memchr_iter(separator, text).chain([text.len()]) {
        let pair = text.get(start..end).unwrap_or_default().trim_ascii_start();
        start = end + 1;
        // a link that was escaped for HTML once too often
        let pair = pair.strip_prefix(b"amp;").unwrap_or(pair);
        if !pair.is_empty() && !show(pair, part, spelling, visit) {
            return false;
        }
    }
    !is_torn(text, separator) || visit(&Field::whole(part, Role::Value, text, spelling))
}

/// Whether a separator is rather a shell's or a script's operator, so that what stands around it belongs together.
fn is_torn(text: &[u8], separator: u8) -> bool {
    separator == b'&'
        && memchr_iter(separator, text).any(|at| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            let behind = text.get(at + 1);
            matches!(before, Some(b'+' | b' ' | b'"'))
                || matches!(behind, Some(b'&' | b'+' | b' ' | b'%' | b';' | b'|' | b'"'))
        })
}

/// Visits a name and its value; and both as one where the name cannot be one, and the `=` is rather an attack's.
fn show(pair: &[u8], part: Part, spelling: Spelling, visit: &mut Visit<'_>) -> bool {
    let at = memchr(b'=', pair).unwrap_or(pair.len());
    let (name, value) = pair.split_at(at);
    let value = value.strip_prefix(b"=").unwrap_or(value);
    if !value.is_empty()
        && (is_odd(name) || value.starts_with(b"="))
        && !visit(&Field::whole(part, Role::Value, pair, spelling))
    {
        return false;
    }
    let as_name = Field {
        place: Place {
            part,
            name: str::from_utf8(name).unwrap_or_default(),
        },
        role: Role::Name,
        value: name,
        spelling,
    };
    let as_value = Field {
        role: Role::Value,
        value,
        ..as_name
    };
    (name.is_empty() || visit(&as_name)) && (value.is_empty() || visit(&as_value))
}

/// Whether a name holds what names of parameters do not, but for brackets, as they are or percent-encoded.
fn is_odd(name: &[u8]) -> bool {
    let mut rest = name;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' if matches!(after, [b'5', b'B' | b'b' | b'D' | b'd', ..]) => {}
            b'%' | b'<' | b'>' | b'\'' | b'"' | b'(' | b')' | b'{' | b'}' | b';' | b'|' | b'`' | b'\\' | b'+'
            | b' ' | b'/' | b',' => {
                return true;
            }
            _ => {}
        }
    }
    false
}
