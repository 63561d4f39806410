//! What the application answers with: data that must not leave (`dlp`), and the name it shows.
//!
//! Only text is looked at, and only its beginning. An answer is refused as a whole, or it passes as it is: nothing is cut out of it.

use std::num::NonZeroUsize;

use buckler_waf::{
    detect::{Caught, Fuel, leak::Leaks},
    places::MOST_BYTES,
};

use super::{
    Guard, Phase, Shared, Verdict,
    checks::{Case, Finding, is_ignored},
    compare::severity_of,
    foreign::starts_with,
    judge::is_whitelisted,
    outcome::Outcome,
    request::{BodyView, RequestView},
    rules::Rules,
    server_header::ServerHeader,
    snapshot::Snapshot,
};
use crate::{
    model::policy::{Check, Policy},
    protocol::v2::Evidence,
};

/// Where a leak is found.
const PLACE: &str = "response";

impl Guard {
    /// How much of an answer's body is wanted for [`check_answer`](Self::check_answer), in bytes. `None` where it is not worth reading:
    /// the configuration looks for no leaks, or this answer is no text. `content_type` and `content_encoding` are the answer's headers,
    /// empty where it has none.
    ///
    /// An answer to `HEAD`, and one with the status 101, 204 or 304, has no body, whatever its headers say.
    #[must_use]
    pub fn wants_answer(
        &self,
        request: &RequestView<'_>,
        content_type: &str,
        content_encoding: &str,
    ) -> Option<NonZeroUsize> {
        let look = || {
            let published = self.0.parts.published.load();
            let is_read = published.policy.is_on_somewhere(Check::Dlp)
                && is_textual(content_type)
                && (content_encoding.is_empty() || content_encoding.eq_ignore_ascii_case("identity"))
                && looks_for_leaks(&published.policy, request)
                && !is_ignored(&published.policy, request);
            NonZeroUsize::new(MOST_BYTES).filter(|_| is_read)
        };
        self.caught(look).flatten()
    }

    /// Judges the beginning of an answer's body, before the client sees any of it. Asked before
    /// [`check_response`](Self::check_response), which an answer that is refused here is not shown to.
    ///
    /// The view is the one that was checked, or what `check_response` would be shown of it.
    pub fn check_answer(&self, request: &RequestView<'_>, body: BodyView<'_>) -> Verdict {
        self.timed(|| self.guarded(request, Phase::AnswerBody(body), &Fuel::of_part()))
    }

    /// The `Server` header that responses are to carry, where the configuration changes it (`CHANGE_SERVER`). Off by default,
    /// unlike pyrasp's: a wrong name misleads operators more than attackers.
    #[must_use]
    pub fn server_header(&self) -> Option<ServerHeader> {
        let published = &self.0.parts.published;
        published.load().policy.server_header()?;
        Some(ServerHeader::of(published.current()))
    }
}

impl Shared {
    /// Judges what an answer holds.
    pub(super) fn judge_answer(
        &self,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        body: BodyView<'_>,
        fuel: &Fuel,
    ) -> Verdict {
        let case = self.case(snapshot, request, fuel);
        if is_whitelisted(&case) || case.is_ignored {
            return Verdict::Pass;
        }
        let Some(caught) = leak(&case, body) else {
            return Verdict::Pass;
        };
        let mut outcome = Outcome::default();
        let severity = severity_of(case.rules.level(Check::Dlp), case.policy);
        let is_worse = self.weigh(severity, Phase::AnswerBody(body), &case, snapshot, &mut outcome);
        let finding = Finding {
            place: PLACE.into(),
            excerpt: &caught.excerpt,
            value: &caught.excerpt,
            evidence: Evidence::Repeated,
            is_news: true,
            rule: Some((caught.family.name(), caught.finding.rule)),
            score: caught.finding.score,
            excess: None,
        };
        self.settle(Check::Dlp, is_worse, &finding, &case, &mut outcome);
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = !self.was_logged(&case);
        self.conclude(&outcome, &case)
    }
}

/// The first leak in an answer, where the case's policy looks for it.
pub(super) fn leak(case: &Case<'_>, body: BodyView<'_>) -> Option<Caught> {
    if !case.level(Check::Dlp).is_on() {
        return None;
    }
    let text = String::from_utf8_lossy(body.bytes);
    Leaks::new(case.policy.leaks()).ok()?.find(&text)
}

fn looks_for_leaks(policy: &Policy, request: &RequestView<'_>) -> bool {
    // whoever is outside a route's networks has been refused
    let is_on = Rules::of(policy, request, None).level(Check::Dlp).is_on();
    is_on && Leaks::new(policy.leaks()).is_ok_and(|leaks| leaks.is_any())
}

/// Whether a type is text. A stream of events is, but has no beginning that could be waited for.
fn is_textual(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let ends = |with: &str| {
        let at = kind.len().saturating_sub(with.len());
        kind.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(with))
    };
    let is = |name: &&str| kind.eq_ignore_ascii_case(name);
    let is_text = starts_with(kind, "text/") && !is(&"text/event-stream");
    is_text || TEXTUAL.iter().any(is) || ends("+json") || ends("+xml")
}

/// Types that are text by another name.
const TEXTUAL: [&str; 6] = [
    "application/json",
    "application/xml",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "application/x-www-form-urlencoded",
];
