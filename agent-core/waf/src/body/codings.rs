//! Content codings of a body, undone within bounds in each way in which a framework may undo them.
//!
//! Frameworks disagree on what a body is. Some decode it, most hand it on as it came; an unknown
//! coding is refused by few, a second one hidden behind the first is seen by few. So a body counts
//! as decoded only where there is one way to read it. In every other case it is read as it came as
//! well, and has a gap.

use super::windows::WINDOW;
use crate::{
    coding::{Coding, Decoded},
    fuel::Fuel,
    places::{Gap, Gaps, Rest, Window},
};

/// The most codings that are undone: no client sends two.
const MOST_CODINGS: usize = 3;

/// What is unpacked of any body, in bytes, where a policy does not want more: four times what is
/// looked at of one that is not compressed. It is looked into at once, as the application is shown
/// all of it.
const ALWAYS_UNPACKED: usize = 256 << 10;

/// How often a body is unpacked to its own size, beyond that: text has up to ten. It costs so many
/// times what a body of its length costs, no more.
const USUAL_RATIO: usize = 16;

/// How often a body may unpack to its own size, beyond what is unpacked of any. JSON of
/// measurements, which repeats its names most, reaches fifty.
const MOST_RATIO: usize = 64;

/// What `content-encoding` says of a body.
#[derive(Debug, Clone, Copy)]
pub struct Codings<'h> {
    /// The first line.
    header: &'h [u8],
    /// The codings in the order in which they were applied, as far as they are counted.
    names: [&'h [u8]; MOST_CODINGS],
    count: usize,
    /// Whether there is one coding, and nothing else is said.
    is_only: bool,
}

/// The ways in which a coded body may be read.
#[derive(Debug, Default)]
pub struct Readings {
    /// What the codings hold, where they can be undone.
    pub decoded: Vec<Reading>,
    /// Whether it may be read as it came too.
    pub as_it_came: bool,
    /// Why there may be other ways.
    pub gaps: Gaps,
}

/// A body without its coding.
pub struct Reading {
    bytes: Vec<u8>,
    is_whole: bool,
    is_bomb: bool,
}

/// Its size only: bodies hold what does not belong in a log.
impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("bytes", &self.bytes.len())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

/// A part of an unpacked body.
#[derive(Debug, Clone, Copy)]
pub enum Unpacked<'b> {
    /// Its beginning, and whether it is all of it.
    Beginning(BodyView<'b>),
    /// What follows, with what the part before left open.
    Window(Window<'b>),
}

/// The beginning of a body, as far as it is there.
#[derive(Clone, Copy)]
pub struct BodyView<'b> {
    /// The bytes, in the encoding that `content-encoding` names where it was not undone.
    pub bytes: &'b [u8],
    /// Whether this is all of it.
    pub is_whole: bool,
}

/// Its size only: bodies hold what does not belong in a log.
impl std::fmt::Debug for BodyView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyView")
            .field("bytes", &self.bytes.len())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

/// The most that is unpacked of a body of which so many coded bytes are there.
pub(super) const fn most_unpacked(coded: usize) -> usize {
    let usual = coded.saturating_mul(USUAL_RATIO);
    if usual > ALWAYS_UNPACKED {
        usual
    } else {
        ALWAYS_UNPACKED
    }
}

/// Whether bytes unpacked to more than an honest client's do.
pub(super) const fn is_bomb(unpacked: usize, coded: usize) -> bool {
    unpacked > coded.saturating_mul(MOST_RATIO)
}

impl<'h> Codings<'h> {
    /// What a request says of its body's coding; `None` where it has none. `values` shows the lines
    /// of its header `content-encoding`, in order.
    pub fn of(values: impl FnOnce(&mut dyn FnMut(&'h [u8]))) -> Option<Self> {
        let mut lines = 0;
        let mut all = Self {
            header: b"",
            names: [b""; MOST_CODINGS],
            count: 0,
            is_only: false,
        };
        let mut is_alone = true;
        values(&mut |value| {
            if lines == 0 {
                all.header = value;
            }
            lines += 1;
            for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if is_none(name) {
                    is_alone &= name.len() == value.trim_ascii().len();
                    continue;
                }
                if let Some(place) = all.names.get_mut(all.count) {
                    *place = name;
                }
                all.count += 1;
            }
        });
        all.is_only = all.count == 1 && lines == 1 && is_alone;
        (all.count > 0 || lines > 1).then_some(all)
    }

    /// The first line of the header.
    #[must_use]
    pub const fn header(&self) -> &'h [u8] {
        self.header
    }

    /// The one coding that a body has: `None` where there are several, or one that is not known.
    #[must_use]
    pub fn only(&self) -> Option<Coding> {
        let only = self.names.first().filter(|_| self.is_only);
        only.and_then(|name| Coding::named(name))
    }

    /// The body in the ways in which it may be read. Of each at least `most` bytes are unpacked, as
    /// far as there is fuel, to which what is unpacked adds.
    #[must_use]
    pub fn undone(&self, body: BodyView<'_>, most: usize, fuel: &Fuel) -> Readings {
        let mut readings = Readings::default();
        // hosts undo all codings, or the one that is named first or last
        let names = self.names.get(..self.count.min(MOST_CODINGS)).unwrap_or_default();
        let first = names.first().copied().into_iter();
        let is_read = readings.add(body, names.iter().rev().copied(), most, fuel);
        if self.count > 1 {
            readings.add(body, first, most, fuel);
        }
        if !(is_read && self.is_only || fuel.is_out()) {
            readings.as_it_came = true;
            readings.gaps.add(Gap::UnknownCoding, 0);
        }
        readings
    }
}

impl Readings {
    /// Undoes codings one after the other, as far as they unpack to no more than is looked at, and
    /// keeps what each yields. Whether all could be undone.
    fn add<'n>(&mut self, body: BodyView<'_>, names: impl Iterator<Item = &'n [u8]>, most: usize, fuel: &Fuel) -> bool {
        let first = self.decoded.len();
        for name in names {
            let before = self.decoded.get(first..).and_then(<[Reading]>::last);
            let coded = before.map_or(body, |before| BodyView {
                bytes: &before.bytes,
                is_whole: before.is_whole,
            });
            let honest = coded.bytes.len().saturating_mul(MOST_RATIO);
            let least = most.max(ALWAYS_UNPACKED.min(honest));
            let decode = |most| Coding::named(name).and_then(|coding| coding.decode_by(Some(fuel), coded.bytes, most));
            let is_too_much = |decoded: &Decoded| is_bomb(decoded.bytes.len(), decoded.consumed);
            let Some(mut decoded) = decode(least) else {
                return false;
            };
            fuel.grant_unpacked(decoded.bytes.len(), decoded.consumed);
            let most = most.max(most_unpacked(coded.bytes.len()));
            if decoded.is_cut && most > least && !is_too_much(&decoded) {
                let Some(longer) = decode(most) else {
                    return false;
                };
                let more = longer.bytes.len().saturating_sub(decoded.bytes.len());
                fuel.grant_unpacked(more, longer.consumed);
                decoded = longer;
            }
            let is_bomb = decoded.is_cut && is_too_much(&decoded);
            if decoded.is_cut {
                let gap = if is_bomb { Gap::Bomb } else { Gap::TooLarge };
                self.gaps.add(gap, decoded.bytes.len());
            }
            // a body that was cut off, by the limit of what is shown or by the client, ends where
            // it ends
            let is_sound = decoded.is_sound && !(decoded.is_unfinished && coded.is_whole);
            self.decoded.push(Reading {
                is_whole: coded.is_whole && is_sound && !decoded.is_cut,
                bytes: decoded.bytes,
                is_bomb,
            });
            if !is_sound {
                return false;
            }
        }
        self.decoded.len() > first
    }
}

impl Reading {
    /// Shows the first `most` bytes as a body of this type, and what follows as windows, until
    /// `look` has enough. Of a bomb it shows no more than those.
    pub fn parts(&self, content_type: &str, most: usize, look: &mut dyn FnMut(Unpacked<'_>) -> bool) {
        let most = most.min(self.bytes.len());
        let (bytes, following) = self.bytes.split_at(most);
        let is_whole = self.is_whole && following.is_empty();
        if !look(Unpacked::Beginning(BodyView { bytes, is_whole })) || following.is_empty() || self.is_bomb {
            return;
        }
        let Some(mut rest) = Rest::after(content_type, bytes) else {
            return;
        };
        let mut pieces = following.chunks(WINDOW).peekable();
        while let Some(piece) = pieces.next() {
            rest.push(piece);
            let is_end = self.is_whole && pieces.peek().is_none();
            if !look(Unpacked::Window(rest.window(is_end))) {
                return;
            }
            rest.advance();
        }
    }
}

/// Whether a name stands for no coding: what the standard calls so, and what clients write by
/// mistake. S3's own framing is undone by no framework.
fn is_none(name: &[u8]) -> bool {
    const NONE: [&[u8]; 10] = [
        b"",
        b"identity",
        b"none",
        b"utf-8",
        b"utf8",
        b"binary",
        b"8bit",
        b"7bit",
        b"chunked",
        b"aws-chunked",
    ];
    NONE.iter().any(|none| none.eq_ignore_ascii_case(name))
}
