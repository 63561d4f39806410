//! The frames of gRPC (PROTOCOL-HTTP2), gRPC-Web and Connect: a byte of flags, four of length, a
//! message.

use super::{
    super::{Body, Field, Gap, Visit, gaps::Notes, json},
    protobuf, runs, text,
};
use crate::{coding::Coding, places::MOST_BYTES};

/// The bytes in front of a message.
const HEAD: usize = 5;

/// The flag of a message that is compressed.
const COMPRESSED: u8 = 1;

/// Steps of a byte of a message: what it is, is tried.
const A_BYTE: u64 = 6;

/// Whether a body is frames to its end.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((flags, message, after)) = frame(rest) {
        if !matches!(flags, 0..=3 | 0x80 | 0x81) || message.is_none() {
            return false;
        }
        rest = after;
    }
    rest.is_empty() && !bytes.is_empty()
}

/// Visits the strings of all messages. Whether it is frames to the end.
pub(super) fn read(bytes: &[u8], visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    let mut rest = bytes;
    let mut is_read = true;
    while let Some((flags, message, after)) = frame(rest) {
        is_read &= message.is_some();
        let message = message.unwrap_or(after);
        if !show(flags, message, bytes.len() - rest.len(), visit, notes) {
            return is_read;
        }
        rest = if is_read { after } else { &[] };
    }
    is_read && rest.is_empty()
}

/// The first frame's flags, its message where all of it is there, and what follows.
fn frame(bytes: &[u8]) -> Option<(u8, Option<&[u8]>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (flags, length) = head.split_first()?;
    let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    match rest.split_at_checked(length) {
        Some((message, after)) => Some((*flags, Some(message), after)),
        None => Some((*flags, None, rest)),
    }
}

fn show(flags: u8, frame: &[u8], at: usize, visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    if flags & COMPRESSED == 0 {
        return notes.within(at + HEAD, |notes| message(frame, visit, notes));
    }
    let coding = Coding::sniffed(frame);
    let decoded = coding.and_then(|coding| coding.decode_by(notes.fuel(), frame, MOST_BYTES));
    if notes.is_out() {
        return false;
    }
    let Some(decoded) = decoded.filter(|decoded| decoded.is_sound) else {
        notes.add(Gap::UnknownCoding, at);
        return runs::visit_as("", frame, visit);
    };
    if decoded.is_cut {
        notes.add(Gap::TooLarge, at);
    }
    // what stands further in has no place in the body as it came
    let (goes_on, inner) = notes.apart(|notes| message(&decoded.bytes, visit, notes));
    inner.iter().for_each(|(gap, _)| notes.add(gap, at));
    goes_on
}

fn message(bytes: &[u8], visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    if !notes.spend_on(bytes, A_BYTE) {
        return false;
    }
    let mut goes_on = true;
    let mut visit = |field: &Field<'_>| {
        goes_on = visit(field);
        goes_on
    };
    match bytes.first() {
        Some(b'{' | b'[') => {
            let scanned = json::body(&Body::whole("", bytes), &mut visit, notes);
            if scanned.goes_on && scanned.is_odd {
                runs::visit_as("", bytes, &mut visit);
            }
        }
        _ if protobuf::is_message(bytes) => {
            protobuf::read(bytes, &mut visit, notes);
        }
        _ if runs::is_printable(bytes) => {
            text("", bytes, &mut visit);
        }
        _ => {
            runs::visit_as("", bytes, &mut visit);
        }
    }
    goes_on
}
