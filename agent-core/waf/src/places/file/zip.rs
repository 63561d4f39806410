//! Archives in ZIP's format (APPNOTE 6.3): the members that are markup, as ODF, OOXML and EPUB hold
//! them, unpacked within bounds.

use flate2::{Decompress, FlushDecompress, Status};

use super::super::{Gap, Visit, charset::Wide, gaps::Notes};
use crate::fuel::Fuel;

/// The most members that are looked at.
const MOST_MEMBERS: usize = 256;

/// The most that is unpacked of one member, in bytes: a document type stands in front.
const MOST_OF_MEMBER: usize = 16 << 10;

/// The most that is unpacked of all members, in bytes: a millisecond of work.
const MOST_OF_ALL: usize = 128 << 10;

/// The fixed part of a member's head, in bytes.
const HEAD: usize = 30;

/// Steps of a member's head.
const A_MEMBER: u64 = 100;

pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Visits the members that are markup. Whether more is wanted.
pub(super) fn members(bytes: &[u8], visit: &mut Visit<'_>, notes: &mut Notes<'_>) -> bool {
    let mut rest = bytes;
    let mut left = MOST_OF_ALL;
    for _ in 0..MOST_MEMBERS {
        let Some((member, content)) = Member::split(rest) else {
            return true;
        };
        if !notes.spend(A_MEMBER) {
            return false;
        }
        let at = bytes.len() - content.len();
        let is_needed = member.is_markup() || member.length.is_none();
        let unpacked = if is_needed { member.unpack(content, left) } else { None };
        let length = member
            .length
            .or_else(|| unpacked.as_ref().and_then(|unpacked| unpacked.length));
        if let Some(Unpacked { bytes: text, .. }) = unpacked {
            left = left.saturating_sub(text.len());
            if !notes.spend(Fuel::A_DECODER) || !notes.spend_on(&text, Fuel::UNPACKED + super::A_BYTE) {
                return false;
            }
            let wide = Wide::sniffed(&text).map(|wide| wide.decode(&text));
            let text = wide.as_deref().unwrap_or(&text);
            if member.is_markup() && super::is_markup(text) && !super::documents(member.name, text, visit) {
                return false;
            }
        }
        if left == 0 {
            notes.add(Gap::TooLarge, at);
            return true;
        }
        let Some(length) = length else {
            // nor can what follows be found
            notes.add(Gap::TooLarge, at);
            return true;
        };
        let Some(next) = content.get(length..) else {
            return true;
        };
        rest = member.without_descriptor(next);
    }
    notes.add(Gap::TooLarge, bytes.len() - rest.len());
    true
}

/// A member by its head.
struct Member<'b> {
    name: &'b str,
    is_deflated: bool,
    is_stored: bool,
    /// Its length as it is packed; absent where it stands behind the data.
    length: Option<usize>,
}

struct Unpacked {
    bytes: Vec<u8>,
    /// How long it was packed, where its end was found.
    length: Option<usize>,
}

impl<'b> Member<'b> {
    fn split(bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        /// The flag of lengths that stand behind the data.
        const LATER: usize = 1 << 3;
        /// The flag of data that is encrypted.
        const ENCRYPTED: usize = 1;
        let head = bytes.get(..HEAD).filter(|head| is_archive(head))?;
        let number = |at: usize, width: usize| {
            let bytes = head.get(at..at + width).unwrap_or_default();
            bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let (flags, method) = (number(6, 2), number(8, 2));
        let (name, after) = bytes.get(HEAD..)?.split_at_checked(number(26, 2))?;
        let content = after.get(number(28, 2)..)?;
        let is_readable = flags & ENCRYPTED == 0;
        let member = Self {
            name: str::from_utf8(name).unwrap_or_default(),
            is_deflated: method == 8 && is_readable,
            is_stored: method == 0 && is_readable,
            length: (flags & LATER == 0).then(|| number(18, 4)),
        };
        Some((member, content))
    }

    fn is_markup(&self) -> bool {
        const MARKUP: [&str; 12] = [
            "xml", "rels", "svg", "gpx", "kml", "html", "xhtml", "htm", "opf", "ncx", "rdf", "vml",
        ];
        let extension = self.name.rsplit('.').next().unwrap_or_default();
        MARKUP.iter().any(|known| known.eq_ignore_ascii_case(extension))
    }

    /// The beginning of its data, unpacked.
    fn unpack(&self, content: &[u8], most: usize) -> Option<Unpacked> {
        let packed = self.length.and_then(|length| content.get(..length)).unwrap_or(content);
        let most = most.min(MOST_OF_MEMBER);
        if self.is_stored && self.length.is_some() {
            let bytes = packed.get(..most).unwrap_or(packed).to_vec();
            return Some(Unpacked { bytes, length: None });
        }
        if !self.is_deflated {
            return None;
        }
        let mut bytes = Vec::with_capacity(most);
        let mut decoder = Decompress::new(false);
        let ended = decoder.decompress_vec(packed, &mut bytes, FlushDecompress::Finish);
        let length = matches!(ended, Ok(Status::StreamEnd))
            .then(|| usize::try_from(decoder.total_in()).ok())
            .flatten();
        Some(Unpacked { bytes, length })
    }

    /// What follows the lengths that stand behind the data, where they do.
    fn without_descriptor<'n>(&self, next: &'n [u8]) -> &'n [u8] {
        if self.length.is_some() {
            return next;
        }
        // with or without a mark of its own, and with lengths of four bytes or eight
        [12, 16, 20, 24]
            .into_iter()
            .filter_map(|length| next.get(length..))
            .find(|next| is_archive(next))
            .unwrap_or_default()
    }
}
