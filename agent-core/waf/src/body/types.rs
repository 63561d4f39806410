//! The content types of one body.

use crate::places::content_types;

/// The most content types of one body that it is read by.
const MOST: usize = 4;

/// The types that a request gives its body: one, or several of which frameworks take the first or
/// the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentTypes<'h> {
    types: [&'h str; MOST],
    count: usize,
    last: &'h str,
}

impl<'h> ContentTypes<'h> {
    /// Adds what a line of the header `content-type` says.
    pub fn add(&mut self, value: &'h [u8]) {
        self.last = value.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        for content_type in content_types(value) {
            let mut known = self.types.iter().take(self.count);
            let is_new = !known.any(|known| known.eq_ignore_ascii_case(content_type));
            if let Some(place) = self.types.get_mut(self.count).filter(|_| is_new) {
                *place = content_type;
                self.count += 1;
            }
        }
    }

    /// Whether there are several that differ.
    #[must_use]
    pub const fn are_several(&self) -> bool {
        self.count > 1
    }

    /// Those that differ, in order; an empty one where there is none.
    pub fn iter(&self) -> impl Iterator<Item = &'h str> + use<'h> {
        self.types.into_iter().take(self.count.max(1))
    }

    /// The last line as it came; empty where there is none.
    #[must_use]
    pub const fn last(&self) -> &'h str {
        self.last
    }
}
