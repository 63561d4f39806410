//! Multipart bodies (RFC 7578): fields, names of files, and what files hold.
//!
//! Parsers differ in what they take for a delimiter, for a boundary, for a file. Where a body
//! leaves them nothing to differ in, it is read in the one way; in every other case it is read in
//! each of the ways, and counts as [`Gap::LooseGrammar`].

mod delimiter;
mod head;
mod transfer;

use std::fmt;

use self::{
    delimiter::{Segment, boundaries, segments},
    head::Head,
};
use super::{
    Body, Field, Format, Gap, Part, Place, Role, Visit,
    carry::{AS_IS, Escapes, carried},
    charset::{Charset, Foreign, Wide},
    file,
    gaps::Notes,
    read_as,
    rest::tail,
};
use crate::normal::Spelling;

/// How much of a file is shown whatever it holds, in bytes: magic numbers stand in front, and so
/// does code that wants to be run.
const FILE_HEAD: usize = 4096;

/// How deep multipart bodies are followed within parts of others. Browsers nest none, mail one or
/// two.
const MOST_NESTED: usize = 3;

/// The most parts of a body: as many as 64 KiB have room for.
const MOST_PARTS: usize = 8192;

/// The most names of one file that are looked at: parsers take the first or the last, and clients
/// send one. More is a [`Gap::LooseGrammar`].
const MOST_NAMES: usize = 4;

/// Steps of a byte that is searched for delimiters.
const A_SEARCHED: u64 = 1;

/// Steps of a part: its place in the body, its head, what it may be.
const A_PART: u64 = 250;

/// Steps of a byte of a part's head, which is read for each of what it may say.
const A_BYTE_OF_HEAD: u64 = 12;

/// Steps of a byte whose transfer coding or charset is undone.
const A_DECODED: u64 = 5;

/// Visits the fields and files of a body.
pub(super) fn body(body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    nested(body, 0, false, visit, notes);
}

/// Visits the fields and files of a part of a body. Where no delimiter stands in it, it is a part
/// of a file.
pub(super) fn window(body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    let named = boundaries(body.content_type, body.bytes).all;
    let has_delimiter = |boundary: &&[u8]| {
        if !notes.spend_on(body.bytes, A_SEARCHED) {
            return false;
        }
        let found = segments(body.bytes, boundary, true);
        found.is_closed || !found.segments.is_empty()
    };
    if named.iter().any(has_delimiter) {
        nested(body, 0, true, visit, notes);
    }
}

fn nested(body: &Body<'_>, depth: usize, is_window: bool, visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    let Body {
        content_type,
        bytes,
        is_whole,
        ..
    } = *body;
    let named = boundaries(content_type, bytes);
    let mut reader = Reader {
        charset: Charset::declared(content_type),
        is_form: starts_with(content_type.trim_ascii_start().as_bytes(), b"multipart/form-data"),
        depth,
        is_whole,
        goes_on: true,
        visit,
        notes,
    };
    if !named.is_strict && !bytes.is_empty() {
        reader.notes.add(Gap::LooseGrammar, 0);
    }
    let mut is_any = false;
    for boundary in &named.all {
        if !reader.goes_on || !reader.notes.spend_on(bytes, A_SEARCHED) {
            return false;
        }
        let found = segments(bytes, boundary, true);
        if found.segments.is_empty() && !found.is_closed {
            continue;
        }
        is_any = true;
        if let Some(at) = found.loose_at {
            reader.notes.add(Gap::LooseGrammar, at);
            if !reader.notes.spend_on(bytes, A_SEARCHED) {
                return false;
            }
            reader.parts(&segments(bytes, boundary, false).segments);
        } else if !found.is_closed && is_whole {
            reader.notes.add(Gap::CutShort, bytes.len());
        }
        reader.parts(&found.segments);
        // a window may begin within a part
        for outside in [found.before.filter(|_| !is_window), found.after].into_iter().flatten() {
            reader.notes.add(Gap::LooseGrammar, outside.at);
            reader.part(&outside);
        }
    }
    if !is_any && !bytes.is_empty() && reader.goes_on {
        // it is called multipart, and what takes it for something else does not mind
        reader.notes.add(Gap::LooseGrammar, 0);
        let mut goes_on = true;
        let visit = &mut *reader.visit;
        read_as(
            Format::unnamed(bytes),
            &Body::whole("", bytes),
            &mut |field: &Field<'_>| {
                goes_on = visit(field);
                goes_on
            },
            reader.notes,
        );
        return goes_on;
    }
    reader.goes_on
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

/// Its name and size: files hold what does not belong in a log.
impl fmt::Debug for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("name", &String::from_utf8_lossy(self.name))
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Visits the files of a multipart body until `visit` has enough. `unseen` bytes follow what is
/// there of the body: they count for the file that it breaks off in. What browsers send for a field
/// that no file was chosen for is none.
pub fn files(content_type: &str, body: &[u8], unseen: u64, visit: &mut dyn FnMut(&File<'_>) -> bool) {
    let Some(boundary) = boundaries(content_type, body).all.first().copied() else {
        return;
    };
    // the last delimiter, with its dashes and line breaks, is none of the file's
    let unseen = unseen.saturating_sub(boundary.len() as u64 + 8);
    let found = segments(body, boundary, true);
    let last = found.segments.len().saturating_sub(1);
    for (index, segment) in found.segments.iter().take(MOST_PARTS).enumerate() {
        let (head, content) = Head::split(segment.bytes);
        let Some(name) = head.file_names().next() else {
            continue;
        };
        let is_cut = index == last && !found.is_closed;
        let file = File {
            field: str::from_utf8(head.name()).unwrap_or_default(),
            name,
            content,
            bytes: content.len() as u64 + if is_cut { unseen } else { 0 },
        };
        let is_chosen = !(name.is_empty() && content.is_empty());
        if is_chosen && !visit(&file) {
            return;
        }
    }
}

/// What this part of a body leaves open: of a field its head and the last `overlap` bytes, of a
/// file or between parts as much as a delimiter may have of it.
pub(super) fn open_part(content_type: &str, bytes: &[u8], overlap: usize) -> Vec<u8> {
    let all = boundaries(content_type, bytes).all;
    let found = all.iter().find_map(|boundary| {
        let segment = segments(bytes, boundary, true).segments.pop()?;
        Some((*boundary, segment)).filter(|_| segment.is_cut)
    });
    let longest = all.iter().map(|boundary| boundary.len()).max().unwrap_or_default();
    // a line break in front of its dashes, and dashes and a line break behind it
    let delimiter = longest + 8;
    let Some((boundary, segment)) = found else {
        return tail(bytes, delimiter).to_vec();
    };
    let (head, content) = Head::split(segment.bytes);
    // the first of two dashes closes nothing yet
    let is_delimiter = segment.bytes == b"-";
    if is_delimiter || segment.bytes.len() - content.len() > MOST_OF_HEAD {
        return tail(bytes, delimiter).to_vec();
    }
    if !head.has_end {
        return [b"--", boundary, b"\r\n", segment.bytes].concat();
    }
    if head.file_names().next().is_some() {
        return tail(bytes, delimiter).to_vec();
    }
    let before = segment.bytes.get(..segment.bytes.len() - content.len());
    let end = carried(content, Escapes::None, overlap.max(delimiter), AS_IS.max(delimiter));
    [b"--", boundary, b"\r\n", before.unwrap_or_default(), &end].concat()
}

/// The longest head of a part that is shown again with what follows, in bytes: browsers' heads have
/// two hundred.
const MOST_OF_HEAD: usize = 4096;

/// Reads the parts of one body.
struct Reader<'v, 'w, 'f> {
    /// The charset that the body as a whole declares: Django decodes its fields by it.
    charset: Charset,
    is_form: bool,
    depth: usize,
    is_whole: bool,
    goes_on: bool,
    visit: &'v mut Visit<'w>,
    notes: &'v mut Notes<'f>,
}

impl Reader<'_, '_, '_> {
    fn parts(&mut self, segments: &[Segment<'_>]) {
        for (index, segment) in segments.iter().enumerate() {
            if index >= MOST_PARTS {
                self.notes.add(Gap::TooMany, segment.at);
            }
            if index >= MOST_PARTS || !self.goes_on {
                return;
            }
            self.part(segment);
        }
    }

    fn part(&mut self, segment: &Segment<'_>) {
        let (head, content) = Head::split(segment.bytes);
        let head_length = (segment.bytes.len() - content.len()) as u64;
        if !self.notes.spend(A_PART + A_BYTE_OF_HEAD * head_length) {
            self.goes_on = false;
            return;
        }
        if segment.is_cut && !head.has_end && !self.is_whole {
            // the rest of the head follows
            return;
        }
        let at = segment.at + segment.bytes.len().saturating_sub(content.len());
        let is_loose = head.is_loose(self.is_form);
        if is_loose {
            self.notes.add(Gap::LooseGrammar, segment.at);
        }
        if !head.has_end {
            // a reader that wants no head takes it for content
            self.show("", Role::Value, segment.bytes);
        }
        let name = head.name();
        self.show_named(name, Role::Name, name);
        let extended = head.extended_name();
        if let Some(extended) = &extended {
            self.show_named(extended, Role::Name, extended);
        }
        for file_name in head.file_names().take(MOST_NAMES) {
            self.file(&head, name, file_name, content, at);
        }
        if let Some(file_name) = head.extended_file_name() {
            self.file(&head, name, &file_name, content, at);
        }
        // not all parsers know the extended notation: it is a field to the others
        let is_file = head.file_names().next().is_some();
        if !is_file || is_loose {
            self.field(&head, name, content, at);
        }
    }

    /// Shows a field's value as it is, without its transfer coding, and without its charset.
    fn field(&mut self, head: &Head<'_>, name: &[u8], content: &[u8], at: usize) {
        self.show_named(name, Role::Value, content);
        let plain = self.without_coding(head, content, at);
        if let Some(plain) = &plain {
            self.show_named(name, Role::Value, plain);
        }
        let plain = plain.as_deref().unwrap_or(content);
        if !self.goes_on {
            return;
        }
        let charset = match (head.content_type.map(Charset::declared), self.charset) {
            (None | Some(Charset::Plain), whole) => whole,
            (Some(own), _) => own,
        };
        if matches!(charset, Charset::Foreign(_) | Charset::Wide(_)) {
            self.notes.add(Gap::ForeignCharset, at);
        }
        let charset = match Wide::sniffed(plain) {
            Some(wide) if charset == Charset::Plain || charset == Charset::Foreign(Foreign::Unknown) => {
                Charset::Wide(wide)
            }
            _ => charset,
        };
        if charset != Charset::Plain && !self.notes.spend_on(plain, A_DECODED) {
            self.goes_on = false;
        } else if let Some(text) = charset.decode(plain) {
            self.show_named(name, Role::Value, &text);
        }
        if let Some(content_type) = head.content_type
            && starts_with(content_type.as_bytes(), b"multipart/")
        {
            self.inner(content_type, plain, at);
        }
    }

    /// Follows a multipart body in a part.
    fn inner(&mut self, content_type: &str, bytes: &[u8], at: usize) {
        if self.depth + 1 >= MOST_NESTED {
            self.notes.add(Gap::TooDeep, at);
        } else if self.goes_on {
            let body = Body {
                content_type,
                bytes,
                is_whole: self.is_whole,
                fuel: None,
            };
            let (depth, visit) = (self.depth + 1, &mut *self.visit);
            self.goes_on = self.notes.within(at, |notes| nested(&body, depth, false, visit, notes));
        }
    }

    fn file(&mut self, head: &Head<'_>, name: &[u8], file_name: &[u8], content: &[u8], at: usize) {
        self.show_named(name, Role::FileName, file_name);
        let plain = self.without_coding(head, content, at);
        let content = plain.as_deref().unwrap_or(content);
        let shown = str::from_utf8(file_name).unwrap_or_default();
        if self.goes_on {
            let file = file::Content {
                name: shown,
                content_type: head.content_type.unwrap_or_default(),
                bytes: content,
                most_of_head: FILE_HEAD,
            };
            let visit = &mut *self.visit;
            self.goes_on = self.notes.within(at, |notes| file.look(visit, notes));
        }
        if let Some(content_type) = head.content_type
            && starts_with(content_type.as_bytes(), b"multipart/")
        {
            self.inner(content_type, content, at);
        }
    }

    /// A part's content without its `content-transfer-encoding`; nothing where it has none.
    fn without_coding(&mut self, head: &Head<'_>, content: &[u8], at: usize) -> Option<Vec<u8>> {
        let coding = head.transfer_coding?;
        if !self.goes_on || !self.notes.spend_on(content, A_DECODED) {
            self.goes_on = false;
            return None;
        }
        match transfer::decode(coding, content) {
            transfer::Decoded::AsItIs => None,
            transfer::Decoded::Unknown => {
                self.notes.add(Gap::UnknownCoding, at);
                None
            }
            transfer::Decoded::Bytes { bytes, is_strict } => {
                if !is_strict {
                    self.notes.add(Gap::LooseGrammar, at);
                }
                Some(bytes)
            }
        }
    }

    fn show_named(&mut self, name: &[u8], role: Role, value: &[u8]) {
        self.show(str::from_utf8(name).unwrap_or_default(), role, value);
    }

    fn show(&mut self, name: &str, role: Role, value: &[u8]) {
        if value.is_empty() || !self.goes_on {
            return;
        }
        self.goes_on = (self.visit)(&Field {
            place: Place { part: Part::Body, name },
            role,
            value,
            spelling: Spelling::Literal,
        });
    }
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
