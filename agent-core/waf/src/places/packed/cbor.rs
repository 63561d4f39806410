//! CBOR (RFC 8949), item by item.

use super::{super::Visit, walk::Walk};

/// Whether a body begins as a document in CBOR does: with a map or a list, or with the mark that
/// says so.
pub(super) const fn is_likely(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0xbf, ..] | [0xd9, 0xd9, 0xf7, ..])
}

/// Visits the strings. Whether it is CBOR to its end.
pub(super) fn read(bytes: &[u8], visit: &mut Visit<'_>) -> bool {
    let mut reader = Reader {
        walk: Walk::new(visit),
        pieces: None,
    };
    let mut rest = bytes;
    while reader.walk.goes_on && !rest.is_empty() {
        let Some(after) = reader.item(rest) else {
            return false;
        };
        rest = after;
    }
    reader.walk.is_closed() && reader.pieces.is_none()
}

struct Reader<'v, 'w> {
    walk: Walk<'v, 'w>,
    /// What came so far of a string in pieces, and whether it is text.
    pieces: Option<(bool, Vec<u8>)>,
}

impl Reader<'_, '_> {
    fn item<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (first, rest) = bytes.split_first()?;
        let (major, low) = (first >> 5, first & 0x1f);
        let (argument, rest) = argument(low, rest)?;
        match (major, argument) {
            (2 | 3, Some(length)) => return self.string(major == 3, length, rest),
            (2 | 3, None) if self.pieces.is_none() => self.pieces = Some((major == 3, Vec::new())),
            (7, None) => return self.end().then_some(rest),
            // between the pieces of a string stands nothing else
            _ if self.pieces.is_some() => return None,
            (4 | 5, count) => self.walk.open(major == 5, count),
            // a tag says something of the item that follows it
            (6, Some(_)) => {}
            (0 | 1 | 7, Some(_)) => self.walk.scalar(),
            _ => return None,
        }
        Some(rest)
    }

    fn string<'b>(&mut self, is_text: bool, length: u64, rest: &'b [u8]) -> Option<&'b [u8]> {
        let length = usize::try_from(length).ok()?;
        let is_cut = rest.len() < length;
        let (value, after) = rest.split_at(length.min(rest.len()));
        match &mut self.pieces {
            Some((_, pieces)) => pieces.extend_from_slice(value),
            None => self.show(is_text, value),
        }
        (!is_cut).then_some(after)
    }

    fn end(&mut self) -> bool {
        match self.pieces.take() {
            Some((is_text, whole)) => {
                self.show(is_text, &whole);
                true
            }
            None => self.walk.end(),
        }
    }

    fn show(&mut self, is_text: bool, value: &[u8]) {
        if is_text {
            self.walk.text(value);
        } else {
            self.walk.bytes(value);
        }
    }
}

/// The argument of an item; absent where its end is marked.
fn argument(low: u8, rest: &[u8]) -> Option<(Option<u64>, &[u8])> {
    match low {
        0..=23 => Some((Some(u64::from(low)), rest)),
        24..=27 => {
            let (number, rest) = rest.split_at_checked(1 << (low - 24))?;
            Some((
                Some(number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
                rest,
            ))
        }
        31 => Some((None, rest)),
        _ => None,
    }
}
