//! The names on the way to a value in nested maps and lists.

use super::super::{Field, Part, Place, Role, Visit};
use crate::normal::Spelling;

/// The longest name of a place, in bytes: what is reported, not what is compared.
const LONGEST_NAME: usize = 256;

/// How deep names are kept, in levels of 32 bytes each. Deeper values are visited under the name of
/// their ancestor.
const MOST_LEVELS: usize = 256;

/// Follows maps and lists, and visits their strings.
pub(super) struct Walk<'v, 'w> {
    name: String,
    levels: Vec<Level>,
    /// Whether the structure became too deep, so that nothing is known any more of where a value
    /// stands.
    is_lost: bool,
    pub(super) goes_on: bool,
    visit: &'v mut Visit<'w>,
}

struct Level {
    /// Items that are still to come; absent where an end mark ends it.
    left: Option<u64>,
    is_map: bool,
    /// Whether the next item is a key.
    at_key: bool,
    name: usize,
}

impl<'v, 'w> Walk<'v, 'w> {
    pub(super) fn new(visit: &'v mut Visit<'w>) -> Self {
        Self {
            name: String::new(),
            levels: Vec::new(),
            is_lost: false,
            goes_on: true,
            visit,
        }
    }

    /// Whether all that was opened is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.levels.is_empty() || self.is_lost
    }

    /// A map or a list begins, of so many items (of a map: pairs), or until it is ended.
    pub(super) fn open(&mut self, is_map: bool, count: Option<u64>) {
        if self.is_lost {
            return;
        }
        if count == Some(0) {
            self.done();
        } else if self.levels.len() < MOST_LEVELS {
            self.levels.push(Level {
                left: count.map(|count| if is_map { count.saturating_mul(2) } else { count }),
                is_map,
                at_key: is_map,
                name: self.name.len(),
            });
        } else {
            self.is_lost = true;
        }
    }

    /// An end mark. Whether there was something to end.
    pub(super) fn end(&mut self) -> bool {
        if self.is_lost {
            return true;
        }
        let is_open = self.levels.last().is_some_and(|level| level.left.is_none());
        if is_open {
            self.close();
        }
        is_open
    }

    /// An item that holds no text.
    pub(super) fn scalar(&mut self) {
        self.done();
    }

    /// A string.
    pub(super) fn text(&mut self, text: &[u8]) {
        let is_key = !self.is_lost && self.levels.last().is_some_and(|level| level.at_key);
        if is_key {
            self.key(text);
        } else {
            self.show(Role::Value, text);
        }
        self.done();
    }

    /// A string of bytes.
    pub(super) fn bytes(&mut self, value: &[u8]) {
        if self.goes_on {
            self.goes_on = super::bytes(&self.name, value, self.visit);
        }
        self.done();
    }

    fn key(&mut self, key: &[u8]) {
        if self.name.len() < LONGEST_NAME
            && let Ok(key) = str::from_utf8(key)
        {
            if !self.name.is_empty() {
                self.name.push('.');
            }
            let cut = key.floor_char_boundary(LONGEST_NAME);
            self.name.push_str(key.get(..cut).unwrap_or_default());
        }
        self.show(Role::Name, key);
    }

    fn show(&mut self, role: Role, value: &[u8]) {
        if value.is_empty() || !self.goes_on {
            return;
        }
        self.goes_on = (self.visit)(&Field {
            place: Place {
                part: Part::Body,
                name: &self.name,
            },
            role,
            value,
            spelling: Spelling::Literal,
        });
    }

    /// An item is complete, and with it perhaps what it stands in.
    fn done(&mut self) {
        if self.is_lost {
            return;
        }
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        if level.is_map {
            level.at_key = !level.at_key;
            if level.at_key {
                self.name.truncate(level.name);
            }
        }
        if let Some(left) = &mut level.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.name.truncate(level.name);
        }
        self.done();
    }
}
