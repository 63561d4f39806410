//! MessagePack, token by token.

use super::{super::Visit, walk::Walk};

/// Whether a body begins as a document in MessagePack does: with a map or a list.
pub(super) const fn is_likely(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0x9f | 0xdc..=0xdf, ..])
}

/// Visits the strings. Whether it is MessagePack to its end.
pub(super) fn read(bytes: &[u8], visit: &mut Visit<'_>) -> bool {
    let mut walk = Walk::new(visit);
    let mut rest = bytes;
    while walk.goes_on && !rest.is_empty() {
        let Some(after) = token(rest, &mut walk) else {
            return false;
        };
        rest = after;
    }
    walk.is_closed()
}

/// Reads one token, and gives what follows it.
fn token<'b>(bytes: &'b [u8], walk: &mut Walk<'_, '_>) -> Option<&'b [u8]> {
    let (first, rest) = bytes.split_first()?;
    let low = |mask: u8| u64::from(first & mask);
    Some(match first {
        0x80..=0x8f => opened(true, low(0x0f), rest, walk),
        0x90..=0x9f => opened(false, low(0x0f), rest, walk),
        0xa0..=0xbf => string(low(0x1f), rest, true, walk)?,
        0xc4..=0xc6 => {
            let (length, rest) = number(1 << (first - 0xc4), rest)?;
            string(length, rest, false, walk)?
        }
        0xd9..=0xdb => {
            let (length, rest) = number(1 << (first - 0xd9), rest)?;
            string(length, rest, true, walk)?
        }
        0xc7..=0xc9 => {
            let (length, rest) = number(1 << (first - 0xc7), rest)?;
            string(length, rest.get(1..)?, false, walk)?
        }
        0xdc | 0xdd => {
            let (count, rest) = number(2 << (first - 0xdc), rest)?;
            opened(false, count, rest, walk)
        }
        0xde | 0xdf => {
            let (count, rest) = number(2 << (first - 0xde), rest)?;
            opened(true, count, rest, walk)
        }
        0xc1 => return None,
        other => {
            walk.scalar();
            rest.get(width(*other)..)?
        }
    })
}

fn opened<'b>(is_map: bool, count: u64, rest: &'b [u8], walk: &mut Walk<'_, '_>) -> &'b [u8] {
    walk.open(is_map, Some(count));
    rest
}

fn string<'b>(length: u64, rest: &'b [u8], is_text: bool, walk: &mut Walk<'_, '_>) -> Option<&'b [u8]> {
    let length = usize::try_from(length).ok()?;
    let is_cut = rest.len() < length;
    let (value, after) = rest.split_at(length.min(rest.len()));
    if is_text {
        walk.text(value);
    } else {
        walk.bytes(value);
    }
    (!is_cut).then_some(after)
}

/// How many bytes follow the first one of a number or another token without text.
const fn width(first: u8) -> usize {
    match first {
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 | 0xd4 => 2,
        0xca | 0xce | 0xd2 => 4,
        0xd5 => 3,
        0xd6 => 5,
        0xcb | 0xcf | 0xd3 => 8,
        0xd7 => 9,
        0xd8 => 17,
        _ => 0,
    }
}

/// A number of so many bytes, the highest first.
fn number(width: usize, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(width)?;
    Some((number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), rest))
}
