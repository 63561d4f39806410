//! Compressed bodies: decoded within bounds to be looked into. What the application reads stays as it came.
//!
//! Decoding ends where the look into bodies ends, whatever the body claims to hold, and draws on the same fuel: a bomb costs what any
//! other large body costs.

use buckler_waf::{
    body::{Codings, ContentTypes, Reading, Unpacked},
    places::{Gap, Gaps, Part},
};

use super::{
    Phase, Shared,
    checks::{Case, Finding},
    compare::Severity,
    inspect::Content,
    outcome::Outcome,
    request::{BodyView, RequestView},
    snapshot::{Mode, Snapshot},
    uninspected::status,
};
use crate::{
    model::policy::{Check, Level},
    protocol::v2::Evidence,
};

/// What becomes of a request whose body is compressed (`content-encoding`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CompressedBodies {
    /// It is decoded to be looked into (`inspect`): `gzip`, `deflate`, `br`, `zstd`, `snappy`. One
    /// that cannot be decoded is uninspected as `unknown_coding`, and what becomes of it is said
    /// there.
    #[default]
    Inspect,
    /// It is not decoded, and passes (`pass`); it is counted as uninspected.
    Pass,
    /// It is refused (`refuse`), and reported as a request whose format is wrong.
    Refuse,
}

impl Shared {
    /// Looks into a body, and into what it holds where it is compressed.
    pub(super) fn look_into_body<'c>(
        &self,
        body: BodyView<'_>,
        phase: Phase<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) {
        let mut gaps = unread(body, phase, case);
        case.fuel.grant(body.bytes.len().min(case.rules.body_bytes()));
        let look = |body: BodyView<'_>, gaps: &mut Gaps, outcome: &mut Outcome<'c>| {
            if outcome.refused.is_none() {
                let found = self.look_into(Content::Body(body), Phase::Body(body), case, snapshot, outcome);
                gaps.merge(&found);
            }
        };
        let Some(codings) = codings(case.request) else {
            look(body, &mut gaps, outcome);
            return self.judge_gaps(&gaps, Part::Body, case, outcome);
        };
        match self.parts.compressed_bodies {
            CompressedBodies::Inspect => {
                let readings = codings.undone(body, case.rules.body_bytes(), case.fuel);
                // why that ended is among the gaps
                outcome.is_out_of_fuel |= case.fuel.is_out_for_the_first_time();
                for reading in &readings.decoded {
                    parts(reading, case, &mut |part| {
                        if outcome.refused.is_none() {
                            let phase = part.phase();
                            gaps.merge(&self.look_into(part, phase, case, snapshot, outcome));
                        }
                        outcome.refused.is_none()
                    });
                }
                if readings.as_it_came {
                    // its own gaps say no more than that it is not what it is said to be
                    look(body, &mut Gaps::default(), outcome);
                }
                gaps.merge(&readings.gaps);
                self.judge_gaps(&gaps, Part::Body, case, outcome);
            }
            CompressedBodies::Pass => {
                look(body, &mut Gaps::default(), outcome);
                if outcome.refused.is_none() {
                    gaps.add(Gap::UnknownCoding, 0);
                    self.parts.tally.uninspected(&gaps, Part::Body);
                }
            }
            CompressedBodies::Refuse => self.refuse(&codings, case, outcome),
        }
    }

    /// The first check that would refuse the request for its body, in whichever way that is read, and how.
    pub(super) fn refusal_by_body(
        &self,
        body: BodyView<'_>,
        phase: Phase<'_>,
        case: &Case<'_>,
    ) -> Option<(Check, Severity)> {
        let mut gaps = unread(body, phase, case);
        case.fuel.grant(body.bytes.len().min(case.rules.body_bytes()));
        let judge = |body: BodyView<'_>, gaps: &mut Gaps| {
            let (refusal, found) = self.refusal_by_content(Content::Body(body), case);
            gaps.merge(&found);
            refusal
        };
        let Some(codings) = codings(case.request) else {
            return judge(body, &mut gaps).or_else(|| self.refusal_by_gaps(&gaps, case));
        };
        match self.parts.compressed_bodies {
            CompressedBodies::Inspect => {
                let readings = codings.undone(body, case.rules.body_bytes(), case.fuel);
                let mut decoded = readings.decoded.iter();
                let by_decoded = decoded.find_map(|reading| {
                    let mut refusal = None;
                    parts(reading, case, &mut |part| {
                        let (found, more) = self.refusal_by_content(part, case);
                        gaps.merge(&more);
                        refusal = found;
                        refusal.is_none()
                    });
                    refusal
                });
                gaps.merge(&readings.gaps);
                by_decoded
                    .or_else(|| judge(body, &mut Gaps::default()).filter(|_| readings.as_it_came))
                    .or_else(|| self.refusal_by_gaps(&gaps, case))
            }
            CompressedBodies::Pass => judge(body, &mut Gaps::default()),
            CompressedBodies::Refuse => Some((Check::Format, Severity::Refuses)),
        }
    }

    /// The host wants no compressed bodies: refused, but no client is banned for it.
    fn refuse<'c>(&self, codings: &Codings<'_>, case: &Case<'c>, outcome: &mut Outcome<'c>) {
        let level = match case.mode {
            Mode::Enforce => Level::Block,
            Mode::LogOnly => Level::Log,
        };
        let finding = Finding {
            place: "header:content-encoding".into(),
            excerpt: str::from_utf8(codings.header()).unwrap_or_default(),
            value: "",
            evidence: Evidence::Repeated,
            is_news: true,
            rule: None,
            score: 100,
            excess: None,
        };
        outcome.tell_by(status(Gap::UnknownCoding), case.policy);
        self.settle_at(level, Check::Format, &finding, case, outcome);
    }
}

/// Whether not all of a body is shown: more of it follows, or it broke off.
fn unread(body: BodyView<'_>, phase: Phase<'_>, case: &Case<'_>) -> Gaps {
    let mut gaps = Gaps::default();
    let length = body.bytes.len();
    if !body.is_whole && !matches!(phase, Phase::Beginning(_)) {
        let is_long = length >= case.rules.body_bytes();
        gaps.add(if is_long { Gap::TooLarge } else { Gap::CutShort }, length);
    }
    gaps
}

/// What a request says of its body's coding; `None` where it has none.
pub(super) fn codings<'r>(request: &RequestView<'r>) -> Option<Codings<'r>> {
    Codings::of(|visit| request.headers.for_each_value("content-encoding", visit))
}

/// Shows an unpacked body part by part, until `look` has enough.
fn parts(reading: &Reading, case: &Case<'_>, look: &mut dyn FnMut(Content<'_>) -> bool) {
    let most = case.rules.body_bytes();
    reading.parts(content_type(case.request), most, &mut |part| {
        look(match part {
            Unpacked::Beginning(body) => Content::Body(body),
            Unpacked::Window(window) => Content::Window(window),
        })
    });
}

/// The content types of a request's body.
pub(super) fn content_types<'r>(request: &RequestView<'r>) -> ContentTypes<'r> {
    let mut types = ContentTypes::default();
    let headers = request.headers;
    headers.for_each_value("content-type", &mut |value| types.add(value));
    types
}

/// The last content type of a request, as of several lines or of one that a proxy has joined.
pub(super) fn content_type<'r>(request: &RequestView<'r>) -> &'r str {
    content_types(request).last()
}
