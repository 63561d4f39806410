//! Compressed bodies: decoded within bounds to be looked into. What the application reads stays as it came.
//!
//! Decoding ends where the look into bodies ends (64 KiB, or what the route's rule says), whatever the body claims to hold, and an
//! adapter shows no more of it than that either: a bomb costs what any other large body costs.
//!
//! Frameworks disagree on what a body is. Some decode it, most hand it on as it came; an unknown coding is refused by few, a second one
//! hidden behind the first is seen by few. So a body counts as decoded only where there is one way to read it. In every other case it
//! is looked into as it came as well, and has a gap.

use buckler_waf::{
    coding::{Coding, Decoded},
    places::{Gap, Gaps, Part, Rest},
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

/// How much of an unpacked body is looked into as a window.
const WINDOW: usize = 16 << 10;

/// What `content-encoding` says of a body.
struct Codings<'h> {
    /// The first line.
    header: &'h [u8],
    /// The codings in the order in which they were applied, as far as they are counted.
    names: [&'h [u8]; MOST_CODINGS],
    count: usize,
    /// Whether there is one coding, and nothing else is said.
    is_only: bool,
}

/// The ways in which a coded body may be read.
#[derive(Default)]
struct Readings {
    decoded: Vec<Reading>,
    /// Whether it may be read as it came too.
    as_it_came: bool,
    gaps: Gaps,
}

struct Reading {
    bytes: Vec<u8>,
    is_whole: bool,
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
        let look = |body: BodyView<'_>, gaps: &mut Gaps, outcome: &mut Outcome<'c>| {
            if outcome.refused.is_none() {
                let found = self.look_into(Content::Body(body), Phase::Body(body), case, snapshot, outcome);
                gaps.merge(&found);
            }
        };
        let Some(codings) = Codings::of(case.request) else {
            look(body, &mut gaps, outcome);
            return self.judge_gaps(&gaps, Part::Body, case, outcome);
        };
        match self.parts.compressed_bodies {
            CompressedBodies::Inspect => {
                let readings = codings.undone(body, case.rules.body_bytes());
                for reading in &readings.decoded {
                    reading.parts(case, &mut |part| {
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
        let judge = |body: BodyView<'_>, gaps: &mut Gaps| {
            let (refusal, found) = self.refusal_by_content(Content::Body(body), case);
            gaps.merge(&found);
            refusal
        };
        let Some(codings) = Codings::of(case.request) else {
            return judge(body, &mut gaps).or_else(|| self.refusal_by_gaps(&gaps, case));
        };
        match self.parts.compressed_bodies {
            CompressedBodies::Inspect => {
                let readings = codings.undone(body, case.rules.body_bytes());
                let mut decoded = readings.decoded.iter();
                let by_decoded = decoded.find_map(|reading| {
                    let mut refusal = None;
                    reading.parts(case, &mut |part| {
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
            excerpt: str::from_utf8(codings.header).unwrap_or_default(),
            value: "",
            evidence: Evidence::Repeated,
            is_news: true,
            rule: None,
            score: 100,
            excess: None,
        };
        outcome.status = Some(status(Gap::UnknownCoding));
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

/// How a body is coded, by what its request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodingOf {
    /// Not at all; `identity` is no coding.
    None,
    /// In a way that is known, and in no other.
    One(Coding),
    /// In several, or in one that is not known or not undone.
    Unclear,
}

impl Shared {
    /// How a request's body is coded.
    pub(super) fn coding_of(&self, request: &RequestView<'_>) -> CodingOf {
        let Some(codings) = Codings::of(request) else {
            return CodingOf::None;
        };
        let is_undone = codings.is_only && self.parts.compressed_bodies == CompressedBodies::Inspect;
        let only = codings.names.first().filter(|_| is_undone);
        only.and_then(|name| Coding::named(name))
            .map_or(CodingOf::Unclear, CodingOf::One)
    }
}

impl<'r> Codings<'r> {
    /// What a request says of its body's coding; `None` where it has none.
    fn of(request: &RequestView<'r>) -> Option<Self> {
        let mut lines = 0;
        let mut all = Self {
            header: b"",
            names: [b""; MOST_CODINGS],
            count: 0,
            is_only: false,
        };
        let mut is_alone = true;
        request.headers.for_each_value("content-encoding", &mut |value| {
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

    /// The body in the ways in which it may be read.
    fn undone(&self, body: BodyView<'_>, most: usize) -> Readings {
        let mut readings = Readings::default();
        // hosts undo all codings, or the one that is named first or last
        let names = self.names.get(..self.count.min(MOST_CODINGS)).unwrap_or_default();
        let first = names.first().copied().into_iter();
        let is_read = readings.add(body, names.iter().rev().copied(), most);
        if self.count > 1 {
            readings.add(body, first, most);
        }
        if !(is_read && self.is_only) {
            readings.as_it_came = true;
            readings.gaps.add(Gap::UnknownCoding, 0);
        }
        readings
    }
}

impl Readings {
    /// Undoes codings one after the other, as far as they unpack to no more than is looked at, and
    /// keeps what each yields. Whether all could be undone.
    fn add<'n>(&mut self, body: BodyView<'_>, names: impl Iterator<Item = &'n [u8]>, most: usize) -> bool {
        let first = self.decoded.len();
        for name in names {
            let before = self.decoded.get(first..).and_then(<[Reading]>::last);
            let coded = before.map_or(body, |before| BodyView {
                bytes: &before.bytes,
                is_whole: before.is_whole,
            });
            let honest = coded.bytes.len().saturating_mul(MOST_RATIO);
            let least = most.max(ALWAYS_UNPACKED.min(honest));
            let decode = |most| Coding::named(name).and_then(|coding| coding.decode(coded.bytes, most));
            let is_too_much = |decoded: &Decoded| is_bomb(decoded.bytes.len(), decoded.consumed);
            let Some(mut decoded) = decode(least) else {
                return false;
            };
            let most = most.max(most_unpacked(coded.bytes.len()));
            if decoded.is_cut && most > least && !is_too_much(&decoded) {
                let Some(longer) = decode(most) else {
                    return false;
                };
                decoded = longer;
            }
            if decoded.is_cut {
                let gap = if is_too_much(&decoded) {
                    Gap::Bomb
                } else {
                    Gap::TooLarge
                };
                self.gaps.add(gap, decoded.bytes.len());
            }
            // a body that was cut off, by the limit of what is shown or by the client, ends where
            // it ends
            let is_sound = decoded.is_sound && !(decoded.is_unfinished && coded.is_whole);
            self.decoded.push(Reading {
                is_whole: coded.is_whole && is_sound && !decoded.is_cut,
                bytes: decoded.bytes,
            });
            if !is_sound {
                return false;
            }
        }
        self.decoded.len() > first
    }
}

impl Reading {
    /// Shows the beginning as a body, and what follows as windows, until `look` has enough.
    fn parts(&self, case: &Case<'_>, look: &mut dyn FnMut(Content<'_>) -> bool) {
        let most = case.rules.body_bytes().min(self.bytes.len());
        let (bytes, following) = self.bytes.split_at(most);
        let is_whole = self.is_whole && following.is_empty();
        if !look(Content::Body(BodyView { bytes, is_whole })) || following.is_empty() {
            return;
        }
        let Some(mut rest) = Rest::after(content_type(case.request), bytes) else {
            return;
        };
        let mut pieces = following.chunks(WINDOW).peekable();
        while let Some(piece) = pieces.next() {
            rest.push(piece);
            let is_end = self.is_whole && pieces.peek().is_none();
            if !look(Content::Window(rest.window(is_end))) {
                return;
            }
            rest.advance();
        }
    }
}

/// The last content type of a request.
pub(super) fn content_type<'r>(request: &RequestView<'r>) -> &'r str {
    let mut content_type = "";
    request.headers.for_each_value("content-type", &mut |value| {
        content_type = value.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    });
    content_type
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
