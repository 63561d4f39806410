//! Bodies that are longer than what is looked at of their beginning: the rest is looked into in
//! windows, as the application reads it.

use std::borrow::Cow;

use buckler_waf::{
    coding::Coding,
    places::{Gap, Gaps, MOST_BYTES, Part, Rest, Window},
    unpacking::{Failed, Unpacking},
};

use super::{
    Guard, Phase, Shared, Verdict,
    decode::{CodingOf, content_type, is_bomb, most_unpacked},
    inspect::Content,
    judge::is_whitelisted,
    outcome::Outcome,
    request::{BodyView, RequestView},
    snapshot::Snapshot,
};

/// The rest of a body whose beginning passed. An adapter keeps it beside the body, and shows it to
/// [`Guard::check_body_rest`] with each piece that the application is about to read.
#[derive(Debug)]
pub struct BodyRest {
    rest: Rest,
    /// What undoes the body's coding, where it has one.
    unpacking: Option<Box<Unpacking>>,
    /// What was looked at of the body, in bytes, without its coding.
    seen: usize,
    is_over: bool,
}

impl BodyRest {
    /// The most of a body that is looked at, in bytes: more than any framework accepts by default
    /// of what is text. What follows is [`Gap::TooLarge`].
    pub const MOST: usize = 16 << 20;
}

/// Bytes after which a window is looked into: some hundred microseconds of work, and more than a
/// socket gives at once.
const WINDOW: usize = 16 << 10;

/// The most that one window takes of what came, in bytes: as much as of the beginning of a body,
/// for that is what looking into one may cost. Applications that read a body at once, and servers
/// with large buffers, have longer pieces.
const PIECE: usize = MOST_BYTES;

impl BodyRest {
    /// Whether nothing more of the body is looked at.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Guard {
    /// Judges the beginning of a request's body as [`check_body`](Self::check_body) does, for an
    /// adapter that shows the rest to [`check_body_rest`](Self::check_body_rest) too. Where there
    /// is a rest that is worth a look, it is given.
    pub fn check_body_beginning(&self, request: &RequestView<'_>, body: BodyView<'_>) -> (Verdict, Option<BodyRest>) {
        let rest = self.caught(|| self.rest_of(request, body)).flatten();
        let phase = if rest.is_some() {
            Phase::Beginning(body)
        } else {
            Phase::Body(body)
        };
        let verdict = self.timed(|| self.guarded(request, phase));
        let rest = rest.filter(|_| !verdict.is_block());
        (verdict, rest)
    }

    /// Judges what follows the beginning of a body: a piece of it, before the application sees it,
    /// or its end.
    ///
    /// Small pieces are looked into together, once there are 16 KiB of them or the body ends: an
    /// application that reads the whole body before it acts has acted on none of it.
    pub fn check_body_rest(
        &self,
        request: &RequestView<'_>,
        rest: &mut BodyRest,
        piece: &[u8],
        is_end: bool,
    ) -> Verdict {
        let mut piece = piece;
        loop {
            let (next, later) = piece.split_at(piece.len().min(PIECE));
            let verdict = self.check_piece(request, rest, next, is_end && later.is_empty());
            if rest.is_over || later.is_empty() {
                return verdict;
            }
            piece = later;
        }
    }

    fn check_piece(&self, request: &RequestView<'_>, rest: &mut BodyRest, piece: &[u8], is_end: bool) -> Verdict {
        let Some(mut unpacking) = rest.unpacking.take() else {
            return self.check_plain(request, rest, piece, is_end);
        };
        let mut verdict = Verdict::Pass;
        let failed = unpacking.push(piece, &mut |so_far, plain| {
            verdict = self.check_plain(request, rest, plain, false);
            if !rest.is_over && so_far.unpacked > most_unpacked(so_far.taken) {
                let gap = if is_bomb(so_far.unpacked, so_far.taken) {
                    Gap::Bomb
                } else {
                    Gap::TooLarge
                };
                verdict = self.check_ended(request, rest, gap);
            }
            !rest.is_over
        });
        rest.unpacking = Some(unpacking);
        match failed {
            _ if rest.is_over => verdict,
            Err(Failed::Bomb) => self.check_ended(request, rest, Gap::Bomb),
            Err(Failed::Unsound) => self.check_ended(request, rest, Gap::UnknownCoding),
            Ok(()) if is_end => self.check_plain(request, rest, b"", true),
            Ok(()) => verdict,
        }
    }

    /// Nothing more of a body is looked at, for this reason.
    fn check_ended(&self, request: &RequestView<'_>, rest: &mut BodyRest, gap: Gap) -> Verdict {
        rest.is_over = true;
        let mut gaps = Gaps::default();
        gaps.add(gap, rest.seen);
        self.guarded(request, Phase::Ended(gaps))
    }

    fn check_plain(&self, request: &RequestView<'_>, rest: &mut BodyRest, piece: &[u8], is_end: bool) -> Verdict {
        if rest.is_over {
            return Verdict::Pass;
        }
        rest.seen = rest.seen.saturating_add(piece.len());
        let fresh = rest.rest.push(piece);
        if fresh < WINDOW && !is_end {
            return Verdict::Pass;
        }
        let verdict = self.timed(|| self.guarded(request, Phase::Rest(rest.rest.window(is_end))));
        rest.rest.advance();
        rest.is_over = is_end || verdict.is_block();
        if !rest.is_over && rest.seen >= BodyRest::MOST {
            return self.check_ended(request, rest, Gap::TooLarge);
        }
        verdict
    }

    /// The rest of a body that has one coding or none, where the policy looks into bodies.
    fn rest_of(&self, request: &RequestView<'_>, body: BodyView<'_>) -> Option<BodyRest> {
        let most = self.wants_body(request)?.get();
        if body.is_whole || body.bytes.len() < most {
            return None;
        }
        let (unpacking, beginning) = match self.0.coding_of(request) {
            CodingOf::None => (None, Cow::Borrowed(body.bytes)),
            CodingOf::One(coding) => {
                let (unpacking, beginning) = unpacked(coding, body.bytes)?;
                (Some(Box::new(unpacking)), Cow::Owned(beginning))
            }
            CodingOf::Unclear => return None,
        };
        Some(BodyRest {
            rest: Rest::after(content_type(request), &beginning)?,
            unpacking,
            seen: beginning.len(),
            is_over: false,
        })
    }
}

/// The beginning of a body without its coding, where all of it was looked at, and what undoes the
/// coding of the rest.
fn unpacked(coding: Coding, bytes: &[u8]) -> Option<(Unpacking, Vec<u8>)> {
    let most = most_unpacked(bytes.len());
    let mut unpacking = Unpacking::new(coding, bytes)?;
    let mut beginning = Vec::new();
    let failed = unpacking.push(bytes, &mut |_, plain| {
        beginning.extend_from_slice(plain);
        beginning.len() <= most
    });
    (failed.is_ok() && beginning.len() <= most).then_some((unpacking, beginning))
}

impl Shared {
    /// Judges a window of a body.
    pub(super) fn judge_rest(&self, snapshot: &Snapshot, request: &RequestView<'_>, window: Window<'_>) -> Verdict {
        let case = self.case(snapshot, request);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        let phase = Phase::Rest(window);
        let gaps = self.look_into(Content::Window(window), phase, &case, snapshot, &mut outcome);
        self.judge_gaps(&gaps, Part::Body, &case, &mut outcome);
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = outcome.attacked && !self.was_logged(&case);
        self.conclude(&outcome, &case)
    }

    /// Judges a body of which more follows than is looked at.
    pub(super) fn judge_end(&self, snapshot: &Snapshot, request: &RequestView<'_>, gaps: &Gaps) -> Verdict {
        let case = self.case(snapshot, request);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        self.judge_gaps(gaps, Part::Body, &case, &mut outcome);
        self.conclude(&outcome, &case)
    }
}
