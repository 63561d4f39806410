//! Compressed bodies: decoded within bounds to be looked into. What the application reads stays as it came.
//!
//! Decoding ends where the look into bodies ends (64 KiB, or what the route's rule says), whatever the body claims to hold, and an
//! adapter shows no more of it than that either: a bomb costs what any other large body costs.
//!
//! Frameworks disagree on what a body is. Some decode it, most hand it on as it came; an unknown coding is refused by few, a second one
//! hidden behind the first is seen by few. So a body counts as decoded only where there is one way to read it. In every other case it
//! is looked into as it came as well, and counted as uninspected.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{
    Phase, Shared,
    checks::{Case, Finding},
    compare::Severity,
    inspect::Content,
    outcome::Outcome,
    request::{BodyView, RequestView},
    snapshot::{Mode, Snapshot},
};
use crate::{
    model::policy::{Check, Level},
    protocol::v2::Evidence,
};

/// What becomes of a request whose body is compressed (`content-encoding`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CompressedBodies {
    /// It is decoded to be looked into (`inspect`). One that cannot be decoded, as `br` cannot, passes and is counted as uninspected.
    #[default]
    Inspect,
    /// It passes, and is counted as uninspected (`pass`).
    Pass,
    /// It is refused (`refuse`), and reported as a request whose format is wrong.
    Refuse,
}

/// What `content-encoding` says of a body.
struct Coding<'h> {
    header: &'h [u8],
    decode: Option<Decode>,
    /// Whether nothing else is said.
    is_only: bool,
}

/// Decodes as many bytes, and says whether there is an error at the end of what it could decode.
type Decode = fn(&[u8], usize, &mut Vec<u8>) -> Ended;

type Ended = std::io::Result<usize>;

/// A body without its coding.
struct Decoded {
    bytes: Vec<u8>,
    is_whole: bool,
    /// Whether it was what it was said to be.
    is_sound: bool,
}

impl Shared {
    /// Looks into a body, and into what it holds where it is compressed.
    pub(super) fn look_into_body<'c>(
        &self,
        body: BodyView<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) {
        let look = |body: BodyView<'_>, outcome: &mut Outcome<'c>| {
            if outcome.refused.is_none() {
                self.look_into(Content::Body(body), Phase::Body(body), case, snapshot, outcome);
            }
        };
        let Some(coding) = coding(case.request) else {
            return look(body, outcome);
        };
        let decoded = match self.parts.compressed_bodies {
            CompressedBodies::Inspect => coding.decode(body, case.rules.body_bytes()),
            CompressedBodies::Pass => None,
            CompressedBodies::Refuse => {
                self.refuse(&coding, case, outcome);
                None
            }
        };
        if let Some(Decoded { bytes, is_whole, .. }) = &decoded {
            let is_whole = *is_whole;
            look(BodyView { bytes, is_whole }, outcome);
        }
        if !decoded.is_some_and(|decoded| decoded.is_sound && coding.is_only) {
            look(body, outcome);
            if outcome.refused.is_none() {
                self.parts.tally.uninspected();
            }
        }
    }

    /// The first check that would refuse the request for its body, in whichever way that is read, and how.
    pub(super) fn refusal_by_body(&self, body: BodyView<'_>, case: &Case<'_>) -> Option<(Check, Severity)> {
        let coding = coding(case.request);
        let decoded = match (self.parts.compressed_bodies, &coding) {
            (CompressedBodies::Inspect, Some(coding)) => coding.decode(body, case.rules.body_bytes()),
            (CompressedBodies::Refuse, Some(_)) => return Some((Check::Format, Severity::Refuses)),
            (CompressedBodies::Pass, _) | (_, None) => None,
        };
        let by_decoded = decoded.and_then(|Decoded { bytes, is_whole, .. }| {
            let bytes = &bytes;
            self.refusal_by_content(Content::Body(BodyView { bytes, is_whole }), case)
        });
        by_decoded.or_else(|| self.refusal_by_content(Content::Body(body), case))
    }

    /// The host wants no compressed bodies: refused, but nobody is banned for it.
    fn refuse<'c>(&self, coding: &Coding<'_>, case: &Case<'c>, outcome: &mut Outcome<'c>) {
        let level = match case.mode {
            Mode::Enforce => Level::Block,
            Mode::LogOnly => Level::Log,
        };
        let finding = Finding {
            place: "header:content-encoding".into(),
            excerpt: str::from_utf8(coding.header).unwrap_or_default(),
            value: "",
            evidence: Evidence::Repeated,
            is_news: true,
            rule: None,
            score: 100,
            excess: None,
        };
        self.settle_at(level, Check::Format, &finding, case, outcome);
    }
}

/// What a request says of its body's coding; `None` where it has none.
fn coding<'r>(request: &RequestView<'r>) -> Option<Coding<'r>> {
    let mut header: &[u8] = b"";
    let mut lines = 0;
    request.headers.for_each_value("content-encoding", &mut |value| {
        if lines == 0 {
            header = value;
        }
        lines += 1;
    });
    let mut codings = header
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
    let Some(first) = codings.next() else {
        return (lines > 1).then_some(Coding {
            header,
            decode: None,
            is_only: false,
        });
    };
    let decode: Option<Decode> = if [&b"gzip"[..], b"x-gzip"]
        .iter()
        .any(|name| first.eq_ignore_ascii_case(name))
    {
        Some(|bytes, most, decoded| read(MultiGzDecoder::new(bytes), most, decoded))
    } else if first.eq_ignore_ascii_case(b"deflate") {
        Some(inflate)
    } else {
        None
    };
    let is_only = lines == 1 && first.len() == header.trim_ascii().len();
    Some(Coding {
        header,
        decode,
        is_only,
    })
}

impl Coding<'_> {
    fn decode(&self, body: BodyView<'_>, most: usize) -> Option<Decoded> {
        let mut bytes = Vec::new();
        let ended = (self.decode?)(body.bytes, most, &mut bytes);
        // a body that was cut off, by the limit of what is shown or by the client, ends where it ends
        let is_cut = matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof);
        let fits = bytes.len() <= most;
        bytes.truncate(most);
        Some(Decoded {
            bytes,
            is_whole: body.is_whole && fits && ended.is_ok(),
            is_sound: ended.is_ok() || (is_cut && !body.is_whole),
        })
    }
}

/// `deflate` is zlib's format (RFC 9110, section 8.4.1.2), and some clients send the bare one. The first two bytes tell: RFC 1950,
/// section 2.2.
fn inflate(bytes: &[u8], most: usize, decoded: &mut Vec<u8>) -> Ended {
    let is_zlib = matches!(bytes, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31));
    if is_zlib {
        read(ZlibDecoder::new(bytes), most, decoded)
    } else {
        read(DeflateDecoder::new(bytes), most, decoded)
    }
}

/// One byte more than is looked at tells that there is more.
fn read(decoder: impl Read, most: usize, decoded: &mut Vec<u8>) -> Ended {
    decoder.take((most as u64).saturating_add(1)).read_to_end(decoded)
}
