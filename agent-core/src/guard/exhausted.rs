//! What becomes of a request that cost more to look into than one may: `on_detector_failure`
//! decides whether it passes, and it counts as evidence against its client, since the text that
//! honest clients send costs a fraction of that. Of binary data one cannot say so.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher as _},
};

use buckler_waf::places::Format;

use super::{
    Shared,
    checks::{Case, Finding},
    decode::content_type,
    inspect::Content,
    outcome::{Outcome, reaction},
    parts::OnFailure,
    request::RequestView,
};
use crate::{
    model::policy::{Check, Level},
    protocol::v2::Evidence,
};

/// The family and the rule that such a request is reported under.
const RULE: (&str, &str) = ("budget", "exhausted");

impl Shared {
    /// Counts a request that ran out of fuel against its client and reports it; refuses it where
    /// the setting says so, or where it is the one that bans. The check `format` says whether
    /// anything is done at all.
    pub(super) fn judge_exhausted<'c>(&self, content: Content<'_>, case: &Case<'c>, outcome: &mut Outcome<'c>) {
        let check = Check::Format;
        if !case.rules.level(check).is_on() {
            return;
        }
        // a client that repeats a request gives no further evidence
        let (place, value) = match content {
            Content::Head => ("request", fingerprint_of_head(case.request)),
            // of binary data only runs of text are searched for
            Content::Body(body) if Format::of(content_type(case.request), body.bytes) != Format::Binary => {
                ("body", fingerprint(body.bytes))
            }
            // honest text is dear where much of it is unpacked
            Content::Window(window) if window.format != Format::Binary && !case.fuel.has_unpacked() => {
                ("body", fingerprint(window.body.bytes))
            }
            Content::Body(_) | Content::Window(_) => return,
        };
        let value = value.to_string();
        let finding = Finding {
            place: Cow::Borrowed(place),
            excerpt: "",
            value: &value,
            evidence: Evidence::Repeated,
            is_news: true,
            rule: Some(RULE),
            score: 100,
            excess: None,
        };
        let (family, rule) = RULE;
        let rule = format!("{family}/{rule}");
        let said = case.level_of(check, &rule, place);
        outcome.is_excepted = said != case.in_mode(case.rules.level(check)) && !said.blocks();
        let counted = if outcome.is_excepted {
            said
        } else {
            case.in_mode(Level::Ban)
        };
        if !counted.is_on() {
            return;
        }
        outcome.note(counted, &rule, place);
        let standing = self.standing(counted, check, &finding, case);
        let is_refused = standing.ban_for.is_some() || self.parts.on_failure == OnFailure::Closed;
        let level = if is_refused { counted } else { Level::Log };
        let id = level.blocks().then(|| self.ids.next());
        outcome.attacked = true;
        outcome.reported.add(check);
        self.report(check, (level, id), &finding, &standing, case, outcome);
        if let Some(id) = id {
            outcome.refused = Some((check, reaction(case.policy, &standing, &finding), id));
        }
    }
}

/// A number that other values do not have, but by chance.
fn fingerprint(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.finish()
}

/// What tells a head from others: its path, its query and the values of its headers, in order.
fn fingerprint_of_head(request: &RequestView<'_>) -> u64 {
    let mut all = fingerprint(request.path.as_bytes()).rotate_left(1) ^ fingerprint(request.query.as_bytes());
    request
        .headers
        .for_each(&mut |_, value| all = all.rotate_left(1) ^ fingerprint(value));
    all
}
