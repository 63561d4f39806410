//! Protocol Buffers by their wire format: without a schema, a field of bytes may be a text, a
//! message, or bytes.

use std::fmt::Write as _;

use super::super::{Gap, MOST_DEPTH, Visit, gaps::Notes, offset};
use super::{runs, text};

/// Steps of a byte of a field: it is tried as a text, and as a message.
const A_BYTE: u64 = 6;

/// What takes note of a field's bytes, and of whether they stand too deep to be followed. Whether
/// more is wanted.
type Met<'m> = dyn FnMut(&[u8], bool) -> bool + 'm;

/// Visits the strings. Whether it is a message to its end.
pub(super) fn read(bytes: &[u8], visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    let mut name = String::new();
    let mut deep = None;
    message(bytes, 0, &mut name, visit, &mut |value, is_too_deep| {
        if is_too_deep {
            deep.get_or_insert_with(|| offset(bytes, value));
        }
        notes.spend_on(value, A_BYTE)
    });
    if let Some(at) = deep {
        notes.add(Gap::TooDeep, at);
    }
    is_message(bytes)
}

/// Whether bytes are a message: fields to the end, and at least one.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((_, _, after)) = field(rest) else {
            return false;
        };
        rest = after;
    }
    !bytes.is_empty()
}

/// Visits the strings of a message up to where it is none any more. Whether more is wanted.
fn message(bytes: &[u8], depth: usize, name: &mut String, visit: &mut Visit<'_>, met: &mut Met<'_>) -> bool {
    let mut rest = bytes;
    while let Some((number, value, after)) = field(rest) {
        rest = after;
        let length = name.len();
        let dot = if length > 0 { "." } else { "" };
        let _written = write!(name, "{dot}{number}");
        let goes_on = value.is_none_or(|value| show(value, depth, name, visit, met));
        name.truncate(length);
        if !goes_on {
            return false;
        }
    }
    // the beginning of a field that is cut off
    let cut = rest.get(2..).filter(|cut| runs::is_mostly_printable(cut));
    cut.is_none_or(|cut| text(name, cut, visit))
}

fn show(value: &[u8], depth: usize, name: &mut String, visit: &mut Visit<'_>, met: &mut Met<'_>) -> bool {
    if !met(value, false) {
        return false;
    }
    let is_text = runs::is_printable(value);
    if is_text && !text(name, value, visit) {
        return false;
    }
    // the field numbers from 4 on begin as words do; the first three begin with control characters
    let begins_as_text = is_text && value.first().is_some_and(|first| *first >= b' ');
    if begins_as_text || value.is_empty() {
        return true;
    }
    if !is_message(value) {
        return is_text || super::bytes(name, value, visit);
    }
    if depth >= MOST_DEPTH {
        return met(value, true) && runs::visit_as(name, value, visit);
    }
    message(value, depth + 1, name, visit, met)
}

/// The first field's number, its bytes where it has some, and what follows it.
fn field(bytes: &[u8]) -> Option<(u64, Option<&[u8]>, &[u8])> {
    /// The highest field number (2^29 - 1).
    const HIGHEST: u64 = (1 << 29) - 1;
    let (tag, rest) = varint(bytes)?;
    let number = tag >> 3;
    if !(1..=HIGHEST).contains(&number) {
        return None;
    }
    match tag & 7 {
        0 => varint(rest).map(|(_, rest)| (number, None, rest)),
        1 => rest.get(8..).map(|rest| (number, None, rest)),
        5 => rest.get(4..).map(|rest| (number, None, rest)),
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((number, Some(value), rest))
        }
        // groups begin and end, and what stands between are fields
        3 | 4 => Some((number, None, rest)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    /// The most bytes of a number of 64 bits.
    const LONGEST: usize = 10;
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(LONGEST).enumerate() {
        let shift = u32::try_from(7 * at).ok()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}
