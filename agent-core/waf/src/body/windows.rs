//! Bodies that are longer than what is looked at of their beginning: the rest in windows, as it
//! comes.

use std::borrow::Cow;

use super::codings::{Codings, is_bomb, most_unpacked};
use crate::{
    coding::Coding,
    fuel::Fuel,
    places::{Gap, Gaps, MOST_BYTES, Rest, Window},
    unpacking::{Failed, Unpacking},
};

/// Bytes after which a window is looked into: some hundred microseconds of work, and more than a
/// socket gives at once.
pub(super) const WINDOW: usize = 16 << 10;

/// The most that one window takes of what came, in bytes: as much as of the beginning of a body,
/// for that is what looking into one may cost. Applications that read a body at once, and servers
/// with large buffers, have longer pieces.
const PIECE: usize = MOST_BYTES;

/// The rest of a body whose beginning was looked at.
#[derive(Debug)]
pub struct BodyWindows {
    rest: Rest,
    /// What undoes the body's coding, where it has one.
    unpacking: Option<Box<Unpacking>>,
    /// What was looked at of the body, in bytes, without its coding.
    seen: usize,
    is_over: bool,
}

/// What is to be looked into of a rest.
#[derive(Debug, Clone, Copy)]
pub enum Following<'b> {
    /// The next window.
    Window(Window<'b>),
    /// Nothing more, for this reason.
    Ended(Gaps),
}

/// What receives windows. Whether it wants more.
type Look<'l> = dyn FnMut(Following<'_>) -> bool + 'l;

impl BodyWindows {
    /// The most of a body that is looked at, in bytes: more than any framework accepts by default
    /// of what is text. What follows is [`Gap::TooLarge`].
    pub const MOST: usize = 16 << 20;

    /// The rest of a body of this type that begins so, coded as said. `None` where nothing of such
    /// a body is read beyond its beginning, it is not clear how it is coded, or to undo it would
    /// cost more than there is fuel for.
    #[must_use]
    pub fn after(content_type: &str, codings: Option<&Codings<'_>>, beginning: &[u8], fuel: &Fuel) -> Option<Self> {
        let (unpacking, beginning) = match codings {
            None => (None, Cow::Borrowed(beginning)),
            Some(codings) => {
                let (unpacking, beginning) = unpacked(codings.only()?, beginning, fuel)?;
                (Some(Box::new(unpacking)), Cow::Owned(beginning))
            }
        };
        Some(Self {
            rest: Rest::after(content_type, &beginning)?,
            unpacking,
            seen: beginning.len(),
            is_over: false,
        })
    }

    /// Whether nothing more of the body is looked at.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Nothing more of the body is looked at, whatever follows.
    pub const fn stop(&mut self) {
        self.is_over = true;
    }

    /// Takes what follows, a piece of the body or its end, and shows what is complete of it. What
    /// came adds to the fuel of the body.
    ///
    /// Small pieces are shown together, once there are 16 KiB of them or the body ends.
    pub fn push(&mut self, piece: &[u8], is_end: bool, fuel: &Fuel, look: &mut Look<'_>) {
        let mut piece = piece;
        loop {
            let (next, later) = piece.split_at(piece.len().min(PIECE));
            fuel.renew(next.len());
            self.take(next, is_end && later.is_empty(), fuel, look);
            if self.is_over || later.is_empty() {
                return;
            }
            piece = later;
        }
    }

    fn take(&mut self, piece: &[u8], is_end: bool, fuel: &Fuel, look: &mut Look<'_>) {
        let Some(mut unpacking) = self.unpacking.take() else {
            return self.plain(piece, is_end, look);
        };
        let failed = unpacking.push(piece, fuel, &mut |so_far, plain| {
            self.plain(plain, false, look);
            if !self.is_over && so_far.unpacked > most_unpacked(so_far.taken) {
                let gap = if is_bomb(so_far.unpacked, so_far.taken) {
                    Gap::Bomb
                } else {
                    Gap::TooLarge
                };
                self.end(gap, look);
            }
            !self.is_over
        });
        let is_bomb = is_bomb(unpacking.unpacked, unpacking.taken);
        let too_much = if is_bomb { Gap::Bomb } else { Gap::TooLarge };
        self.unpacking = Some(unpacking);
        match failed {
            _ if self.is_over => {}
            Err(Failed::OutOfFuel) => self.end(too_much, look),
            Err(Failed::Bomb) => self.end(Gap::Bomb, look),
            Err(Failed::Unsound) => self.end(Gap::UnknownCoding, look),
            Ok(()) if is_end => self.plain(b"", true, look),
            Ok(()) => {}
        }
    }

    /// Nothing more of a body is looked at, for this reason.
    fn end(&mut self, gap: Gap, look: &mut Look<'_>) {
        self.is_over = true;
        let mut gaps = Gaps::default();
        gaps.add(gap, self.seen);
        look(Following::Ended(gaps));
    }

    fn plain(&mut self, piece: &[u8], is_end: bool, look: &mut Look<'_>) {
        if self.is_over {
            return;
        }
        self.seen = self.seen.saturating_add(piece.len());
        let fresh = self.rest.push(piece);
        if fresh < WINDOW && !is_end {
            return;
        }
        let goes_on = look(Following::Window(self.rest.window(is_end)));
        self.rest.advance();
        self.is_over = is_end || !goes_on;
        if !self.is_over && self.seen >= Self::MOST {
            self.end(Gap::TooLarge, look);
        }
    }
}

/// The beginning of a body without its coding, where all of it was looked at, and what undoes the
/// coding of the rest.
fn unpacked(coding: Coding, bytes: &[u8], fuel: &Fuel) -> Option<(Unpacking, Vec<u8>)> {
    if !fuel.spend(Fuel::A_DECODER) {
        return None;
    }
    let most = most_unpacked(bytes.len());
    let mut unpacking = Unpacking::new(coding, bytes)?;
    let mut beginning = Vec::new();
    let failed = unpacking.push(bytes, fuel, &mut |_, plain| {
        beginning.extend_from_slice(plain);
        beginning.len() <= most
    });
    (failed.is_ok() && beginning.len() <= most).then_some((unpacking, beginning))
}
