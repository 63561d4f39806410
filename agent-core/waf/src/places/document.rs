//! A request's body as a document that may name a secret in one place and hold it in another.

use std::cell::OnceCell;

use super::{Format, Place, SecretNames};

/// A body, as far as what was found in it may be shown.
pub struct Document<'b> {
    format: Format,
    bytes: &'b [u8],
    names: &'b SecretNames,
    /// Looked for with the first finding.
    is_hidden: OnceCell<bool>,
    /// Likewise: whether the name of a secret stands anywhere.
    is_named: OnceCell<bool>,
}

impl<'b> Document<'b> {
    /// Begins with nothing looked for.
    #[must_use]
    pub const fn new(format: Format, bytes: &'b [u8], names: &'b SecretNames) -> Self {
        Self {
            format,
            bytes,
            names,
            is_hidden: OnceCell::new(),
            is_named: OnceCell::new(),
        }
    }

    /// Whether nothing may be shown of what stands at a place of it, whatever the place's own name: markup names a field in one
    /// attribute and gives its value in another, lists of pairs likewise (`{"name": "password", "value": …}`), and the strings of a
    /// query language have no names at all.
    #[must_use]
    pub fn hides(&self, place: &Place<'_>) -> bool {
        let named_anywhere = || *self.is_named.get_or_init(|| self.names.named_in(self.bytes));
        let is_hidden = self.is_hidden.get_or_init(|| match self.format {
            Format::Xml | Format::Markup | Format::GraphQl => named_anywhere(),
            Format::Json => self.names.named_in_value(self.bytes),
            // fields have numbers, or no names at all
            Format::Packed(_) | Format::Media | Format::Binary => true,
            Format::Form | Format::Multipart | Format::Text => false,
        });
        let is_whole = place.name.is_empty() && matches!(self.format, Format::Form | Format::Multipart);
        let is_query = self.format == Format::Json && place.name == "query";
        *is_hidden || ((is_whole || is_query) && named_anywhere())
    }
}

/// Its format and size only: bodies hold what does not belong in a log.
impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("format", &self.format)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
