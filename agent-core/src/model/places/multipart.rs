//! Multipart bodies (RFC 7578): fields, names of files, and how files begin.

use std::fmt;

use super::{Field, Part, Place, Role, Visit};
use crate::model::normal::Spelling;

/// How much of a file is shown, in bytes: magic numbers stand in front, and so does code that wants to be run.
const FILE_HEAD: usize = 4096;

/// The longest boundary, in bytes (RFC 2046, section 5.1.1). A longer one is compared up to here.
const LONGEST_BOUNDARY: usize = 70;

/// The most parts of a body.
const MOST_PARTS: usize = 1024;

pub(super) fn body(content_type: &str, body: &[u8], visit: &mut Visit<'_>) {
    let Some(boundary) = boundary(content_type, body) else {
        visit(&Field::whole(Part::Body, Role::Value, body, Spelling::Literal));
        return;
    };
    for part in Parts::new(body, boundary).take(MOST_PARTS) {
        if !show(part, visit) {
            return;
        }
    }
}

/// An uploaded file.
#[derive(Clone, Copy)]
pub struct File<'b> {
    /// The field it was sent for.
    pub field: &'b str,
    /// The file's name as it came.
    pub name: &'b [u8],
    /// What is there of it.
    pub content: &'b [u8],
    /// How large it is.
    pub bytes: u64,
}

/// Its name and size: files hold what nobody wants in a log.
impl fmt::Debug for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("name", &String::from_utf8_lossy(self.name))
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Visits the files of a multipart body until `visit` has enough. `unseen` bytes follow what is there of the body: they count for the
/// file that it breaks off in. What browsers send for a field that no file was chosen for is none.
pub fn files(content_type: &str, body: &[u8], unseen: u64, visit: &mut dyn FnMut(&File<'_>) -> bool) {
    let Some(boundary) = boundary(content_type, body) else {
        return;
    };
    // the last delimiter, with its dashes and line breaks, is none of the file's
    let unseen = unseen.saturating_sub(boundary.len() as u64 + 8);
    let mut parts = Parts::new(body, boundary);
    for _ in 0..MOST_PARTS {
        let Some(part) = parts.next() else { return };
        let (disposition, content) = disposition(part);
        let name = file_name(disposition).unwrap_or_default();
        let is_cut = parts.rest.is_none() && !parts.is_closed;
        let bytes = content.len() as u64 + if is_cut { unseen } else { 0 };
        let file = File {
            field: str::from_utf8(parameter(disposition, b"name").unwrap_or_default()).unwrap_or_default(),
            name,
            content,
            bytes,
        };
        let is_file = file_name(disposition).is_some() && !(name.is_empty() && content.is_empty());
        if is_file && !visit(&file) {
            return;
        }
    }
}

/// The boundary from the header, or from the body's first line where the header names none.
fn boundary<'b>(content_type: &'b str, body: &'b [u8]) -> Option<&'b [u8]> {
    let named = parameter(content_type.as_bytes(), b"boundary").filter(|boundary| !boundary.is_empty());
    let boundary = named.or_else(|| {
        let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        line.strip_prefix(b"--").filter(|boundary| !boundary.is_empty())
    })?;
    Some(boundary.get(..LONGEST_BOUNDARY).unwrap_or(boundary))
}

/// Parts between delimiters, without the line break in front of the next delimiter.
struct Parts<'b> {
    rest: Option<&'b [u8]>,
    boundary: &'b [u8],
    /// Whether the last delimiter was seen.
    is_closed: bool,
}

impl<'b> Parts<'b> {
    fn new(body: &'b [u8], boundary: &'b [u8]) -> Self {
        let mut parts = Self {
            rest: Some(body),
            boundary,
            is_closed: false,
        };
        // what stands in front of the first delimiter is no part
        parts.next();
        parts
    }

    /// Where the next delimiter begins, and where what follows it begins.
    fn delimiter(&self, text: &[u8]) -> Option<(usize, usize)> {
        let mut from = 0;
        loop {
            let dashes = from + text.get(from..)?.windows(2).position(|bytes| bytes == b"--")?;
            let name = dashes + 2;
            if text.get(name..)?.starts_with(self.boundary) && (dashes == 0 || text.get(dashes - 1) == Some(&b'\n')) {
                return Some((dashes, name + self.boundary.len()));
            }
            from = dashes + 1;
        }
    }
}

impl<'b> Iterator for Parts<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let text = self.rest.take()?;
        let Some((end, next)) = self.delimiter(text) else {
            return Some(text).filter(|text| !text.is_empty());
        };
        let after = text.get(next..).unwrap_or_default();
        self.is_closed = after.starts_with(b"--");
        self.rest = (!self.is_closed).then_some(after);
        let part = text.get(..end)?;
        let part = part.strip_suffix(b"\n").unwrap_or(part);
        Some(part.strip_suffix(b"\r").unwrap_or(part))
    }
}

/// Visits what one part holds.
fn show(part: &[u8], visit: &mut Visit<'_>) -> bool {
    let (disposition, content) = disposition(part);
    let name = parameter(disposition, b"name").unwrap_or_default();
    let file = file_name(disposition);
    let field = |name: &'_ [u8], role, value| Owned {
        name: name.to_vec(),
        role,
        value,
    };
    let fields = match file {
        Some(file) => [
            field(name, Role::Name, name),
            field(name, Role::FileName, file),
            field(file, Role::FileHead, content.get(..FILE_HEAD).unwrap_or(content)),
        ],
        None => [
            field(name, Role::Name, name),
            field(name, Role::Value, content),
            field(name, Role::Value, &[]),
        ],
    };
    fields.iter().all(|field| {
        field.value.is_empty()
            || visit(&Field {
                place: Place {
                    part: Part::Body,
                    name: str::from_utf8(&field.name).unwrap_or_default(),
                },
                role: field.role,
                value: field.value,
                spelling: Spelling::Literal,
            })
    })
}

/// What a part says that it is, and its content.
fn disposition(part: &[u8]) -> (&[u8], &[u8]) {
    let (head, content) = split_head(part);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let disposition = lines.find(|line| starts_with_ignoring_case(line, b"content-disposition:"));
    (disposition.unwrap_or_default(), content)
}

fn file_name(disposition: &[u8]) -> Option<&[u8]> {
    parameter(disposition, b"filename").or_else(|| parameter(disposition, b"filename*"))
}

struct Owned<'p> {
    name: Vec<u8>,
    role: Role,
    value: &'p [u8],
}

/// The headers of a part and its content, with an empty line between them.
fn split_head(part: &[u8]) -> (&[u8], &[u8]) {
    let part = part.strip_prefix(b"\r").unwrap_or(part);
    let part = part.strip_prefix(b"\n").unwrap_or(part);
    let mut from = 0;
    while let Some(line) = part
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
    {
        let end = from + line + 1;
        let after = part.get(end..).unwrap_or_default();
        let blank = after.strip_prefix(b"\r").unwrap_or(after);
        if let Some(content) = blank.strip_prefix(b"\n") {
            return (part.get(..end).unwrap_or_default(), content);
        }
        from = end;
    }
    (part, &[])
}

fn starts_with_ignoring_case(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A parameter of a header value: `name="value"` or `name=value`. A quote that is not closed holds the rest.
fn parameter<'h>(header: &'h [u8], wanted: &[u8]) -> Option<&'h [u8]> {
    let mut rest = header;
    loop {
        let at = rest.iter().position(|byte| *byte == b';')?;
        rest = rest.get(at + 1..)?.trim_ascii_start();
        let equals = rest.iter().position(|byte| matches!(byte, b'=' | b';'))?;
        let (name, value) = rest.split_at(equals);
        let Some(value) = value.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else {
            continue;
        };
        let is_wanted = name.trim_ascii_end().eq_ignore_ascii_case(wanted);
        let value = match value.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|byte| *byte == b'"').unwrap_or(quoted.len());
                let (inside, after) = quoted.split_at(end);
                // the search goes on behind the closing quote: a semicolon between quotes separates nothing
                rest = after;
                inside
            }
            None => value
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default()
                .trim_ascii_end(),
        };
        if is_wanted {
            return Some(value);
        }
    }
}
