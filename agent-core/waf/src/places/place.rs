//! A value and where it stood.

use std::fmt;

use crate::normal::Spelling;

/// A value as it came, with its place.
#[derive(Debug, Clone, Copy)]
pub struct Field<'f> {
    /// Where it stood.
    pub place: Place<'f>,
    /// What it is there.
    pub role: Role,
    /// Its bytes, decoded as far as its container's syntax goes (JSON's escapes), and no further.
    pub value: &'f [u8],
    /// Whether a plus sign in it is a blank.
    pub spelling: Spelling,
}

/// Where a value stood. Shown as `part` or `part:name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'f> {
    /// The part of the request.
    pub part: Part,
    /// Its name there: a parameter, a header in lower case, the names on the way to a member of a JSON document with dots between
    /// them. Empty for a part as a whole.
    pub name: &'f str,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The path.
    Path,
    /// The query.
    Query,
    /// Cookies.
    Cookie,
    /// Any other header.
    Header,
    /// The body.
    Body,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// What somebody entered.
    Value,
    /// The name of a parameter, a member, an element.
    Name,
    /// The name of an uploaded file.
    FileName,
    /// The beginning of an uploaded file; the place's name is the file's.
    FileHead,
    /// A document as a whole, for what only shows there: a document type, a query's shape.
    Document,
}

impl<'f> Field<'f> {
    /// A part as a whole.
    #[must_use]
    pub const fn whole(part: Part, role: Role, value: &'f [u8], spelling: Spelling) -> Self {
        Self {
            place: Place { part, name: "" },
            role,
            value,
            spelling,
        }
    }
}

impl Part {
    /// The name in places.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Cookie => "cookie",
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.name())?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, ":{}", self.name)
        }
    }
}
