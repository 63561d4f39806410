//! A request taken apart into values, each with the place it stood in: `path`, `query:q`, `cookie:sid`, `header:referer`,
//! `body:user.name`.
//!
//! Nothing here judges. The parsers accept more than applications do: what is cut off, unbalanced or of another type than it claims
//! still yields values, as an attack need not be well-formed to work. They visit instead of collecting, so that a value which needs
//! no decoding is never copied; they look at [`MOST_BYTES`] of a body, go [`MOST_DEPTH`] deep, and take linear time.

mod form;
mod graphql;
mod header;
mod hints;
mod json;
mod multipart;
mod place;
mod secret;
mod xml;

pub(crate) use self::secret::STANDARD as STANDARD_NAMES;
pub use self::{
    form::{cookies, path, query},
    header::{HeaderKind, header},
    hints::NameHints,
    multipart::{File, files},
    place::{Field, Part, Place, Role},
    secret::SecretNames,
};
use super::normal::Spelling;

/// The most of a body that is looked at, in bytes: what the adapters peek at by default.
pub const MOST_BYTES: usize = 64 << 10;

/// How deep structures are followed. Deeper values are visited under the name of their ancestor at this depth.
pub const MOST_DEPTH: usize = 32;

/// The most values that are visited in one body: a form of a hundred thousand empty fields is no form, and each costs.
pub const MOST_FIELDS: usize = 4096;

/// What receives the values. Returns whether it wants more.
pub type Visit<'v> = dyn FnMut(&Field<'_>) -> bool + 'v;

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// JSON, by type or by suffix.
    Json,
    /// `multipart/…`.
    Multipart,
    /// XML, by type or by suffix.
    Xml,
    /// What looks like XML, and is not said to be: the application may as well show it as it came.
    Markup,
    /// A GraphQL document.
    GraphQl,
    /// Any other text.
    Text,
    /// Nothing that has values: pictures, archives, streams of bytes.
    Binary,
}

/// Visits the values of a body, of which the first `most` bytes are looked at. `content_type` is the header as it came.
pub fn body(most: usize, content_type: &str, body: &[u8], visit: &mut Visit<'_>) {
    let body = body.get(..most).unwrap_or(body);
    let format = Format::of(content_type, body);
    let mut left = MOST_FIELDS;
    let mut visit = |field: &Field<'_>| {
        left = left.saturating_sub(1);
        left > 0 && visit(field)
    };
    match format {
        Format::Form => form::body(body, &mut visit),
        Format::Json => json::body(body, &mut visit),
        Format::Multipart => multipart::body(content_type, body, &mut visit),
        Format::Xml => xml::body(Role::Document, body, &mut visit),
        Format::Markup => xml::body(Role::Value, body, &mut visit),
        Format::GraphQl => graphql::body(body, &mut visit),
        Format::Text => {
            visit(&Field::whole(Part::Body, Role::Value, body, Spelling::Literal));
        }
        Format::Binary => {}
    }
}

impl Format {
    /// How a body of this type is read. What it holds decides where the type does not say, or cannot be true: frameworks parse what
    /// they expect, whatever a client calls it.
    #[must_use]
    pub fn of(content_type: &str, body: &[u8]) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let ends = |suffix: &str| {
            essence
                .len()
                .checked_sub(suffix.len())
                .and_then(|at| essence.get(at..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        let looks = Self::sniffed(body);
        if starts_with(essence, "multipart/") {
            Self::Multipart
        } else if is("application/graphql") {
            Self::GraphQl
        } else if ends("json") || ends("javascript") {
            looks.filter(|looks| *looks == Self::Xml).unwrap_or(Self::Json)
        } else if ends("xml") {
            looks.filter(|looks| *looks == Self::Json).unwrap_or(Self::Xml)
        } else if is("application/x-www-form-urlencoded") {
            looks
                .filter(|looks| *looks == Self::Json && json::is_whole(body))
                .unwrap_or(Self::Form)
        } else if starts_with(essence, "image/")
            || starts_with(essence, "video/")
            || starts_with(essence, "audio/")
            || starts_with(essence, "font/")
        {
            Self::Binary
        } else {
            match looks {
                Some(Self::Xml) => Self::Markup,
                Some(looks) => looks,
                None if is_text(body) => Self::Text,
                None => Self::Binary,
            }
        }
    }

    /// What a body looks like.
    fn sniffed(body: &[u8]) -> Option<Self> {
        match body.trim_ascii_start() {
            [b'{' | b'[', ..] => Some(Self::Json),
            [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Self::Xml),
            _ => None,
        }
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether the beginning holds no bytes that texts do not hold.
fn is_text(body: &[u8]) -> bool {
    // as much as tells: magic numbers and headers of binary formats come first
    const HEAD: usize = 512;
    let head = body.get(..HEAD).unwrap_or(body);
    !head
        .iter()
        .any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

#[cfg(test)]
mod tests;
