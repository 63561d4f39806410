//! A request taken apart into values, each with the place it stood in: `path`, `query:q`, `cookie:sid`, `header:referer`,
//! `body:user.name`.
//!
//! Nothing here judges. The parsers accept more than applications do: what is cut off, unbalanced or of another type than it claims
//! still yields values, as an attack need not be well-formed to work. They visit instead of collecting, so that a value which needs
//! no decoding is never copied; they look at [`MOST_BYTES`] of a body, go [`MOST_DEPTH`] deep, and take linear time.
//!
//! A body counts as inspected where there is exactly one way to read it, and it was read to its
//! end. Every [`Gap`] says why something was not: it is counted, and the host's settings decide
//! whether such a body passes.

mod carry;
mod charset;
mod document;
mod file;
mod form;
mod gaps;
mod graphql;
mod header;
mod hints;
mod json;
mod multipart;
mod packed;
mod parameter;
mod place;
mod rest;
mod secret;
mod xml;

use percent_encoding::percent_decode;

use self::charset::{Charset, Foreign, Wide};
use self::gaps::Notes;
pub(crate) use self::secret::{MASK, STANDARD as STANDARD_NAMES};
pub use self::{
    document::Document,
    form::{cookies, foreign_query, path, query},
    gaps::{Gap, Gaps},
    header::{HeaderKind, content_types, header},
    hints::NameHints,
    multipart::{File, files},
    packed::Packing,
    place::{Field, Part, Place, Role},
    rest::{Rest, Window, window},
    secret::SecretNames,
};
use super::{fuel::Fuel, normal::Spelling};

/// The most of a body that is looked at, in bytes: what the adapters peek at by default.
pub const MOST_BYTES: usize = 64 << 10;

/// How deep structures are followed. Deeper values are visited under the name of their ancestor at this depth.
pub const MOST_DEPTH: usize = 32;

/// How often each byte of a body may be visited, with one more for each value: as a document, as a
/// value in it, decoded, and once more where parsers differ.
const MOST_VISITS: usize = 6;

/// The most bytes that are visited beside those, in the smallest of bodies: what its files and
/// frames unpack to.
const UNPACKED: usize = 128 << 10;

/// The most that is visited of a body of this length: bytes, and one more for each value. What
/// follows is a [`Gap::TooMany`].
#[must_use]
pub const fn most_visited(bytes: usize) -> usize {
    bytes.saturating_mul(MOST_VISITS).saturating_add(UNPACKED)
}

/// What receives the values. Returns whether it wants more.
pub type Visit<'v> = dyn FnMut(&Field<'_>) -> bool + 'v;

/// A body as it came.
#[derive(Clone, Copy)]
pub struct Body<'b> {
    /// The header `content-type`; empty where there is none.
    pub content_type: &'b str,
    /// What is there of it, without its content coding.
    pub bytes: &'b [u8],
    /// Whether this is all of it.
    pub is_whole: bool,
    /// What taking it apart may cost; `None` where it is not counted.
    pub fuel: Option<&'b Fuel>,
}

impl<'b> Body<'b> {
    /// A body of which all is there.
    #[must_use]
    pub const fn whole(content_type: &'b str, bytes: &'b [u8]) -> Self {
        Self {
            content_type,
            bytes,
            is_whole: true,
            fuel: None,
        }
    }
}

/// Its type and size only: bodies hold what does not belong in a log.
impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes.len())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

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
    /// A structured binary format.
    Packed(Packing),
    /// Pictures, archives, films: by how they begin.
    Media,
    /// Bytes of which nothing is known.
    Binary,
}

/// Visits the values of a body, of which the first `most` bytes are looked at, and says what was
/// not inspected, or could be read in another way. Each reading that a body may have is visited.
pub fn body(most: usize, body: &Body<'_>, visit: &mut Visit<'_>) -> Gaps {
    let shown = Body {
        bytes: body.bytes.get(..most).unwrap_or(body.bytes),
        is_whole: body.is_whole && body.bytes.len() <= most,
        ..*body
    };
    let mut gaps = budgeted(&shown, visit, |visit, notes| readings(&shown, visit, notes));
    if shown.bytes.len() < body.bytes.len() {
        gaps.add(Gap::TooLarge, most);
    }
    gaps
}

/// Steps of a byte that is read for where values begin and end, in whatever format.
const A_BYTE: u64 = 1;

/// Steps of a byte that is decoded from its charset, in each way in which it may be read.
const A_DECODED: u64 = 12;

/// Has the values of a body visited, as far as [`most_visited`] and its fuel allow.
fn budgeted(body: &Body<'_>, visit: &mut Visit<'_>, read: impl FnOnce(&mut Visit<'_>, &mut Notes<'_>)) -> Gaps {
    let bytes = body.bytes;
    let mut notes = Notes::new(body.fuel);
    if !notes.spend_on(bytes, A_BYTE) {
        return notes.gaps;
    }
    let mut room = most_visited(bytes.len());
    let mut is_over = None;
    let mut visit = |field: &Field<'_>| {
        room = room.saturating_sub(field.value.len() + 1);
        if room == 0 {
            is_over.get_or_insert_with(|| offset(bytes, field.value));
            return false;
        }
        visit(field)
    };
    read(&mut visit, &mut notes);
    if let Some(at) = is_over {
        notes.add(Gap::TooMany, at);
    }
    notes.gaps
}

/// Where a value stands in a body; its end, where it was decoded.
fn offset(body: &[u8], value: &[u8]) -> usize {
    let at = value.as_ptr().addr().wrapping_sub(body.as_ptr().addr());
    at.min(body.len())
}

/// Visits the values of a body in each charset that it may be in.
fn readings(body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    if body.bytes.is_empty() {
        return;
    }
    let declared = Charset::declared(body.content_type);
    let format = Format::of(body.content_type, body.bytes);
    if matches!(format, Format::Multipart | Format::Packed(_) | Format::Media) {
        // these have charsets in their parts, if at all
        if matches!(declared, Charset::Foreign(_) | Charset::Wide(_)) {
            notes.add(Gap::ForeignCharset, 0);
        }
        read_as(format, body, visit, notes);
        return;
    }
    let sniffed = Wide::sniffed(body.bytes);
    let is_form = is(body.content_type, "application/x-www-form-urlencoded");
    let is_foreign = match declared {
        Charset::Plain | Charset::DoubleByte(_) => sniffed.is_some() && is_form,
        // documents may be written so, where they are
        Charset::Wide(_) => sniffed.is_none() || is_form,
        Charset::Foreign(_) => true,
    };
    if is_foreign {
        notes.add(Gap::ForeignCharset, 0);
    }
    let is_decoded = !matches!(declared, Charset::Plain) || sniffed.is_some();
    if is_decoded && !notes.spend_on(body.bytes, A_DECODED) {
        return;
    }
    let mut goes_on = true;
    let mut visit = |field: &Field<'_>| {
        goes_on = goes_on && visit(field);
        goes_on
    };
    let mut text = |text: &[u8], visit: &mut Visit<'_>| {
        let body = Body { bytes: text, ..*body };
        read_as(Format::of(body.content_type, text), &body, visit, notes);
    };
    let declared = match (declared, sniffed) {
        (Charset::Plain | Charset::Wide(_) | Charset::Foreign(Foreign::Unknown), Some(wide)) => Charset::Wide(wide),
        (Charset::Plain, None) if is_ebcdic(body.bytes) => Charset::Foreign(Foreign::Ebcdic),
        (declared, _) => declared,
    };
    if sniffed.is_none() {
        text(body.bytes, &mut visit);
    }
    if let Some(decoded) = declared.decode(body.bytes) {
        text(&decoded, &mut visit);
    }
    // parsers of JSON go by the bytes, whatever is declared
    if let Some(wide) = sniffed
        && !matches!(declared, Charset::Wide(_))
    {
        text(&wide.decode(body.bytes), &mut visit);
    }
    if let Charset::Foreign(_) = declared
        && is_form
    {
        // percent codes of bytes in that charset
        let bytes: Vec<u8> = percent_decode(body.bytes).collect();
        if let Some(decoded) = declared.decode(&bytes) {
            visit(&Field::whole(Part::Body, Role::Value, &decoded, Spelling::Literal));
        }
    }
}

/// Whether a document begins with `<?xm` in EBCDIC (XML 1.0, appendix F).
fn is_ebcdic(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x4c\x6f\xa7\x94")
}

/// Visits the values of a body in this format.
fn read_as(format: Format, body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    let bytes = body.bytes;
    if matches!(format, Format::Text | Format::Binary)
        && starts_with(body.content_type, "text/")
        && begins_with_control(bytes)
    {
        notes.add(Gap::ControlBytes, 0);
    }
    match format {
        Format::Form => form::body(bytes, visit),
        Format::Json => {
            let scanned = json::body(body, visit, notes);
            if scanned.goes_on && scanned.is_odd {
                otherwise(body, visit);
            }
        }
        Format::Multipart => multipart::body(body, visit, notes),
        Format::Xml => xml::body(Role::Document, bytes, visit),
        Format::Markup => xml::body(Role::Value, bytes, visit),
        Format::GraphQl => graphql::body(bytes, visit),
        Format::Text => {
            visit(&Field::whole(Part::Body, Role::Value, bytes, Spelling::Literal));
        }
        Format::Packed(packing) => packed::declared(packing, body, visit, notes),
        Format::Media => {
            notes.add(Gap::NotText, 0);
            let content = file::Content {
                name: "",
                content_type: body.content_type,
                bytes,
                most_of_head: MEDIA_HEAD,
            };
            content.look(visit, notes);
        }
        Format::Binary => packed::undeclared(bytes, visit, notes),
    }
}

/// Visits what looks like JSON, is not said to be, and is none: as the form that it is said to be,
/// or as a text.
fn otherwise(body: &Body<'_>, visit: &mut Visit<'_>) {
    if is(body.content_type, "application/x-www-form-urlencoded") {
        form::body(body.bytes, visit);
    } else if !is_json(essence(body.content_type)) {
        visit(&Field::whole(Part::Body, Role::Value, body.bytes, Spelling::Literal));
    }
}

/// How much of a body that is a picture or an archive is shown, in bytes: code that is hidden in
/// one stands in front.
const MEDIA_HEAD: usize = 4096;

impl Format {
    /// How a body of this type is read. What it holds decides where the type does not say, or cannot be true: frameworks parse what
    /// they expect, whatever a client calls it.
    #[must_use]
    pub fn of(content_type: &str, body: &[u8]) -> Self {
        let essence = essence(content_type);
        let looks = Self::sniffed(body);
        if starts_with(essence, "multipart/") {
            Self::Multipart
        } else if let Some(packing) = Packing::of(essence) {
            looks
                .filter(|looks| *looks == Self::Json && json::is_whole(body))
                .unwrap_or(Self::Packed(packing))
        } else if essence.eq_ignore_ascii_case("application/graphql") {
            Self::GraphQl
        } else if is_json(essence) {
            looks.filter(|looks| *looks == Self::Xml).unwrap_or(Self::Json)
        } else if ends_with(essence, "xml") {
            looks.filter(|looks| *looks == Self::Json).unwrap_or(Self::Xml)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            looks
                .filter(|looks| *looks == Self::Json && json::is_whole(body))
                .unwrap_or(Self::Form)
        } else if starts_with(essence, "text/") && looks.is_none() && is_text(body) {
            Self::Text
        } else {
            Self::unnamed(body)
        }
    }

    /// How a body is read of which only its bytes are known.
    fn unnamed(body: &[u8]) -> Self {
        match Self::sniffed(body) {
            Some(Self::Xml) => Self::Markup,
            Some(looks) => looks,
            None if file::is_media(body) => Self::Media,
            None if is_form(body) => Self::Form,
            None if is_text(body) => Self::Text,
            None => Self::Binary,
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

fn essence(content_type: &str) -> &str {
    // these are short, and asked for several times a body: a search that is set up takes longer
    let end = content_type.bytes().position(|byte| byte == b';');
    let essence = end.and_then(|end| content_type.get(..end)).unwrap_or(content_type);
    let is_trim = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_trim(essence.as_bytes().first()) && is_trim(essence.as_bytes().last()) {
        essence
    } else {
        essence.trim()
    }
}

fn is_json(essence: &str) -> bool {
    ends_with(essence, "json") || ends_with(essence, "javascript")
}

fn ends_with(text: &str, suffix: &str) -> bool {
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

fn is(content_type: &str, name: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(name)
}

/// Whether a text begins so, in either case of letters.
pub(crate) fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a byte is one that texts do not hold. Separators of records are held by the texts that
/// some libraries send.
const fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x1e)
}

/// Whether a text begins with what no text begins with.
fn begins_with_control(body: &[u8]) -> bool {
    // what would hide the rest from a look at how it begins
    const FIRST: usize = 16;
    body.iter().take(FIRST).copied().any(is_control)
}

/// Whether the beginning is text. A few bytes that texts do not hold make none of it a binary
/// format: those have more.
fn is_text(body: &[u8]) -> bool {
    // as much as tells: magic numbers and headers of binary formats come first
    const HEAD: usize = 512;
    let head = body.get(..HEAD).unwrap_or(body);
    let odd = head.iter().filter(|byte| is_control(**byte)).count();
    odd == 0 || (odd <= 2 && odd * 16 <= head.len())
}

/// Whether a body looks like a form: a name, an equals sign, and no blank or line break, as a form
/// in its coding has none.
fn is_form(body: &[u8]) -> bool {
    let name = body.iter().position(|byte| *byte == b'=');
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%');
    let name = name.and_then(|at| body.get(..at)).unwrap_or_default();
    !name.is_empty() && name.iter().all(is_name) && !body.iter().any(|byte| *byte <= b' ')
}

#[cfg(test)]
mod tests;
