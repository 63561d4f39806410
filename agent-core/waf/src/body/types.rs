//! The content types of one body.

use crate::places::content_types;

/// The most content types that a request is read by. It is refused for two, by default: to read it
/// by thousands would find nothing more.
const MOST: usize = 4;

/// The types that a request gives its body: one, or several of which frameworks take the first or
/// the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentTypes<'h> {
    types: [&'h str; MOST],
    count: usize,
    last: &'h str,
    /// Whether there are more than are kept.
    has_more: bool,
}

impl<'h> ContentTypes<'h> {
    /// Adds what a line of the header `content-type` says.
    pub fn add(&mut self, value: &'h [u8]) {
        for content_type in content_types(value) {
            self.last = content_type;
            let mut known = self.types.iter().take(self.count);
            let is_new = !known.any(|known| known.eq_ignore_ascii_case(content_type));
            if !is_new {
                continue;
            }
            match self.types.get_mut(self.count) {
                Some(place) => {
                    *place = content_type;
                    self.count += 1;
                }
                None => self.has_more = true,
            }
        }
    }

    /// Whether there are several that differ.
    #[must_use]
    pub const fn are_several(&self) -> bool {
        self.count > 1
    }

    /// Whether there are more than [`iter`](Self::iter) goes through.
    #[must_use]
    pub const fn are_more(&self) -> bool {
        self.has_more
    }

    /// Those that differ, in order, the first four; an empty one where there is none.
    pub fn iter(&self) -> impl Iterator<Item = &'h str> + use<'h> {
        self.types.into_iter().take(self.count.max(1))
    }

    /// The last of all; empty where there is none.
    #[must_use]
    pub const fn last(&self) -> &'h str {
        self.last
    }
}
