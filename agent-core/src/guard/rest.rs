//! Bodies that are longer than what is looked at of their beginning: the rest is looked into in
//! windows, as the application reads it.

use buckler_waf::{
    body::{BodyWindows, Following},
    detect::{Fuel, PutBy},
    places::{Gaps, Part, Window},
};

use super::{
    Guard, Phase, Shared, Verdict,
    decode::{CompressedBodies, codings, content_type},
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
    windows: BodyWindows,
    /// What looking into it may still cost: what its beginning left, and more with each piece.
    fuel: PutBy,
}

impl BodyRest {
    /// The most of a body that is looked at, in bytes: more than any framework accepts by default
    /// of what is text. What follows is [`Gap::TooLarge`](super::Gap::TooLarge).
    pub const MOST: usize = BodyWindows::MOST;

    /// Whether nothing more of the body is looked at.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.windows.is_over()
    }
}

impl Guard {
    /// Judges the beginning of a request's body as [`check_body`](Self::check_body) does, for an
    /// adapter that shows the rest to [`check_body_rest`](Self::check_body_rest) too. Where there
    /// is a rest that is worth a look, it is given.
    pub fn check_body_beginning(&self, request: &RequestView<'_>, body: BodyView<'_>) -> (Verdict, Option<BodyRest>) {
        let fuel = Fuel::of_body();
        let windows = self.caught(|| self.rest_of(request, body, &fuel)).flatten();
        let phase = if windows.is_some() {
            Phase::Beginning(body)
        } else {
            Phase::Body(body)
        };
        let verdict = self.timed(|| self.guarded(request, phase, &fuel));
        let windows = windows.filter(|_| !verdict.is_block());
        let fuel = fuel.put_by();
        (verdict, windows.map(|windows| BodyRest { windows, fuel }))
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
        let mut verdict = Verdict::Pass;
        let fuel = &Fuel::from(rest.fuel);
        let pushed = self.caught(|| {
            rest.windows.push(piece, is_end, fuel, &mut |following| {
                verdict = match following {
                    Following::Window(window) => self.timed(|| self.guarded(request, Phase::Rest(window), fuel)),
                    Following::Ended(gaps) => self.guarded(request, Phase::Ended(gaps), fuel),
                };
                !verdict.is_block()
            });
        });
        rest.fuel = fuel.put_by();
        if pushed.is_none() {
            // what took the body apart is not to be used again
            rest.windows.stop();
            let snapshot = self.0.parts.published.load();
            return self.addressed(self.0.unjudged(&snapshot.policy, snapshot.mode, None), request);
        }
        verdict
    }

    /// The rest of a body that has one coding or none, where the policy looks into bodies.
    fn rest_of(&self, request: &RequestView<'_>, body: BodyView<'_>, fuel: &Fuel) -> Option<BodyWindows> {
        let most = self.wants_body(request)?.get();
        if body.is_whole || body.bytes.len() < most {
            return None;
        }
        let codings = codings(request);
        if codings.is_some() && self.0.parts.compressed_bodies != CompressedBodies::Inspect {
            return None;
        }
        if codings.is_some() {
            fuel.grant(body.bytes.len());
        }
        BodyWindows::after(content_type(request), codings.as_ref(), body.bytes, fuel)
    }
}

impl Shared {
    /// Judges a window of a body.
    pub(super) fn judge_rest(
        &self,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        window: Window<'_>,
        fuel: &Fuel,
    ) -> Verdict {
        let case = self.case(snapshot, request, fuel);
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

    /// Judges a body of which more follows than is looked at, or than there is fuel for.
    pub(super) fn judge_end(
        &self,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        gaps: &Gaps,
        fuel: &Fuel,
    ) -> Verdict {
        let case = self.case(snapshot, request, fuel);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        self.judge_gaps(gaps, Part::Body, &case, &mut outcome);
        outcome.is_out_of_fuel = fuel.is_out_for_the_first_time();
        self.conclude(&outcome, &case)
    }
}
