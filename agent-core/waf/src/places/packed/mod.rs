//! Structured binary bodies: MessagePack, CBOR, Protocol Buffers, and the frames of gRPC, gRPC-Web
//! and Connect.
//!
//! Each reader takes the strings out and says whether it read to the end. None allocates by what a
//! body claims, none follows more than it was given; what no reader understands is searched for
//! runs of printable text.

mod cbor;
mod frames;
mod msgpack;
mod protobuf;
mod runs;
mod walk;

use base64::{Engine as _, alphabet, engine};

use super::{Body, Field, Gap, Part, Place, Role, Visit, gaps::Notes, starts_with};
use crate::normal::{HEAD_OF_OBJECT, Spelling, is_serialised};

/// A structured binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// MessagePack (its specification of 2021-08).
    MessagePack,
    /// CBOR (RFC 8949), or a sequence of it (RFC 8742).
    Cbor,
    /// One message of Protocol Buffers, by its wire format.
    Protobuf,
    /// Frames of gRPC, gRPC-Web or Connect: a byte of flags, a length, a message.
    Frames,
    /// Frames in Base64 (`application/grpc-web-text`).
    FramesInBase64,
}

impl Packing {
    /// The format that a content type names.
    pub(super) fn of(essence: &str) -> Option<Self> {
        if !starts_with(essence, "application/") {
            return None;
        }
        let kind = essence.get("application/".len()..)?;
        // what nearly all bodies are
        if matches!(kind, "json" | "x-www-form-urlencoded") {
            return None;
        }
        let suffix = kind.rsplit('+').next().unwrap_or_default();
        let is = |names: &[&str]| {
            let is_it = |name: &&str| kind.eq_ignore_ascii_case(name) || suffix.eq_ignore_ascii_case(name);
            names.iter().any(is_it)
        };
        if starts_with(kind, "grpc-web-text") {
            Some(Self::FramesInBase64)
        } else if starts_with(kind, "grpc") || starts_with(kind, "connect+") {
            Some(Self::Frames)
        } else if is(&["msgpack", "x-msgpack", "vnd.msgpack", "messagepack", "x-messagepack"]) {
            Some(Self::MessagePack)
        } else if is(&["cbor", "cbor-seq"]) {
            Some(Self::Cbor)
        } else if is(&[
            "proto",
            "protobuf",
            "x-protobuf",
            "x-google-protobuf",
            "vnd.google.protobuf",
        ]) {
            Some(Self::Protobuf)
        } else {
            None
        }
    }
}

/// Steps of a byte of a binary body: what it may be, is tried.
const A_BYTE: u64 = 10;

/// Visits the strings of a body that is said to be of a format.
pub(super) fn declared(packing: Packing, body: &Body<'_>, visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    // a body may be read in several ways: a visitor that has seen enough in one is shown nothing in
    // the next
    let mut goes_on = true;
    let visit: &mut Visit<'_> = &mut |field: &Field<'_>| {
        goes_on = goes_on && visit(field);
        goes_on
    };
    let bytes = body.bytes;
    if !notes.spend_on(bytes, A_BYTE) {
        return;
    }
    let is_read = match packing {
        Packing::MessagePack => msgpack::read(bytes, visit),
        Packing::Cbor => cbor::read(bytes, visit),
        Packing::Protobuf => protobuf::read(bytes, visit, notes),
        Packing::Frames => frames::read(bytes, visit, notes),
        Packing::FramesInBase64 => {
            let (is_read, inner) = notes.apart(|notes| frames::read(&from_base64(bytes), visit, notes));
            // three bytes stand in four digits
            inner.iter().for_each(|(gap, at)| notes.add(gap, at / 3 * 4));
            is_read
        }
    };
    // what is not what it is said to be is read by what it looks like, and so is plain text, which
    // some readers take for numbers
    if runs::is_printable(bytes) {
        text("", bytes, visit);
    } else if !is_read {
        undeclared(bytes, visit, notes);
        // messages of Protocol Buffers are framed in many ways
        if body.is_whole && packing != Packing::Protobuf {
            notes.add(Gap::LooseGrammar, bytes.len());
        }
    }
}

/// Visits the strings of a binary body of which nothing else is known.
pub(super) fn undeclared(bytes: &[u8], visit: &mut Visit<'_>, notes: &mut Notes<'_>) {
    // a body may be read in several ways: a visitor that has seen enough in one is shown nothing in
    // the next
    let mut goes_on = true;
    let visit: &mut Visit<'_> = &mut |field: &Field<'_>| {
        goes_on = goes_on && visit(field);
        goes_on
    };
    if !notes.spend_on(bytes, A_BYTE) {
        return;
    }
    let mut is_read = false;
    if msgpack::is_likely(bytes) {
        is_read |= msgpack::read(bytes, visit);
    }
    if cbor::is_likely(bytes) {
        is_read |= cbor::read(bytes, visit);
    }
    if frames::is_likely(bytes) {
        is_read |= frames::read(bytes, visit, notes);
    }
    if protobuf::is_message(bytes) {
        is_read |= protobuf::read(bytes, visit, notes);
    }
    // objects are told by their first bytes, and hold text as well
    if is_serialised(bytes) {
        let head = bytes.get(..HEAD_OF_OBJECT).unwrap_or(bytes);
        visit(&Field::whole(Part::Body, Role::FileHead, head, Spelling::Literal));
    }
    // what is only guessed may be a text to others
    runs::visit(bytes, visit);
    if !is_read {
        notes.add(Gap::NotText, 0);
    }
}

/// Visits what is text in a part of a binary body that does not begin with its beginning.
pub(super) fn rest(bytes: &[u8], visit: &mut Visit<'_>) {
    runs::visit(bytes, visit);
}

/// Visits a value of this name.
fn text(name: &str, value: &[u8], visit: &mut Visit<'_>) -> bool {
    value.is_empty()
        || visit(&Field {
            place: Place { part: Part::Body, name },
            role: Role::Value,
            value,
            spelling: Spelling::Literal,
        })
}

/// Visits a string of bytes: as it is where it is mostly text, or else the runs of text in it.
fn bytes(name: &str, value: &[u8], visit: &mut Visit<'_>) -> bool {
    if runs::is_mostly_printable(value) {
        text(name, value, visit)
    } else {
        runs::visit_as(name, value, visit)
    }
}

/// Decodes as much Base64 as there is; frames may be padded one by one.
fn from_base64(text: &[u8]) -> Vec<u8> {
    const LENIENT: engine::GeneralPurpose = engine::GeneralPurpose::new(
        &alphabet::STANDARD,
        engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
    );
    let mut decoded = Vec::with_capacity(text.len());
    for piece in text.split(|byte| *byte == b'=').filter(|piece| !piece.is_empty()) {
        let digits: Vec<u8> = piece
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        // a text that is cut off leaves one digit, which is no byte
        let whole = digits.len() - usize::from(digits.len() % 4 == 1);
        decoded.extend(
            LENIENT
                .decode(digits.get(..whole).unwrap_or_default())
                .unwrap_or_default(),
        );
    }
    decoded
}

#[cfg(test)]
mod tests;
