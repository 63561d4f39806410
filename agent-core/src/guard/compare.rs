//! What the policy before makes of a request, for the [trial](super::Trial) of the one in force.

use buckler_waf::{detect::Fuel, places::Gaps};

use super::{
    Phase, Shared,
    answer::leak,
    checks::{ALWAYS, CLIENT_ERROR, Case, Step, UNLESS_IGNORED, answered, is_counted_error},
    inspect::Content,
    judge::{Listing, is_error_of_client, is_whitelisted, listing},
    outcome::{Outcome, place, rule_of},
    request::RequestView,
    snapshot::{Mode, Snapshot},
};
use crate::model::policy::{Check, Level, Policy};

/// What a policy does to a request, from the mildest to the hardest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    #[default]
    Passes,
    Refuses,
    Bans,
}

/// What a finding at this level leads to.
pub(super) fn severity_of(level: Level, policy: &Policy) -> Severity {
    match level {
        Level::Ban if !policy.blacklist_override() => Severity::Bans,
        Level::Block | Level::Ban => Severity::Refuses,
        Level::Off | Level::Log => Severity::Passes,
    }
}

/// What a finding of a check at this level leads to. A flood that has only begun is throttled, whatever its level.
pub(super) fn severity_of_check(check: Check, level: Level, policy: &Policy) -> Severity {
    let severity = severity_of(level, policy);
    let is_throttled = matches!(check, Check::Flood | Check::Brute) && !policy.flood_ban_after().is_zero();
    if is_throttled {
        severity.min(Severity::Refuses)
    } else {
        severity
    }
}

impl Shared {
    /// While the policy is on trial: whether it treats a request worse than the one before would, which is then written down, once.
    pub(super) fn weigh(
        &self,
        severity: Severity,
        phase: Phase<'_>,
        case: &Case<'_>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'_>,
    ) -> bool {
        let Some(trial) = snapshot.trial.as_ref().filter(|_| severity > Severity::Passes) else {
            return false;
        };
        let is_worse = severity > self.severity(trial.previous(), snapshot, case.request, phase);
        if is_worse && !outcome.worse {
            outcome.worse = true;
            let client = case.client.map(|client| client.address);
            trial.treated_worse(client, &self.parts.recent, case.now);
        }
        is_worse
    }

    /// While the policy is on trial: counts a request that passes, and would not have by the one
    /// before.
    pub(super) fn note_milder(&self, phase: Phase<'_>, case: &Case<'_>, snapshot: &Snapshot, outcome: &Outcome<'_>) {
        let trial = snapshot.trial.as_ref().filter(|trial| trial.compares_passed());
        if let Some(trial) = trial.filter(|_| outcome.refused.is_none())
            && let Some((check, _)) = self.refused_by(trial.previous(), snapshot, case.request, phase)
        {
            trial.treated_milder(check);
        }
    }

    /// What a policy would do to a request or its answer, without counting or reporting anything.
    pub(super) fn severity(
        &self,
        policy: &Policy,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        phase: Phase<'_>,
    ) -> Severity {
        let refused = self.refused_by(policy, snapshot, request, phase);
        refused.map_or(Severity::Passes, |(_, severity)| severity)
    }

    /// The check by which a policy would refuse a request or its answer, and how.
    pub(super) fn refused_by(
        &self,
        policy: &Policy,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        phase: Phase<'_>,
    ) -> Option<(Check, Severity)> {
        // what is compared is no part of what the request may cost, and has as much
        let fuel = match phase {
            Phase::Request => Fuel::of_head(),
            Phase::Body(_) | Phase::Beginning(_) | Phase::Rest(_) => Fuel::of_body(),
            Phase::Ended(_) | Phase::Answer(_) | Phase::AnswerBody(_) => Fuel::of_part(),
        };
        let case = Case {
            mode: Mode::Enforce,
            ..self.case(snapshot, request, &fuel).under(policy)
        };
        match phase {
            _ if is_whitelisted(&case) => None,
            Phase::Request if matches!(listing(&case, snapshot), Listing::Yes(_)) => {
                Some((Check::Blacklist, Severity::Refuses))
            }
            Phase::Request => {
                let counts = !case.is_ignored;
                let unless_ignored = || counts.then(|| refusal(UNLESS_IGNORED, &case)).flatten();
                let found = refusal(ALWAYS, &case).or_else(unless_ignored).or_else(|| {
                    let (refusal, gaps) = self.refusal_by_content(Content::Head, &case);
                    refusal.or_else(|| self.refusal_by_gaps(&gaps, &case))
                });
                let error = found.filter(|(check, _)| counts && is_error_of_client(*check));
                hardest([found, error.and_then(|_| refusal(CLIENT_ERROR, &case))])
            }
            Phase::Body(body) | Phase::Beginning(body) => self.refusal_by_body(body, phase, &case),
            Phase::Rest(window) => {
                fuel.grant(window.body.bytes.len());
                let (refusal, gaps) = self.refusal_by_content(Content::Window(window), &case);
                refusal.or_else(|| self.refusal_by_gaps(&gaps, &case))
            }
            Phase::Ended(gaps) => self.refusal_by_gaps(&gaps, &case),
            Phase::AnswerBody(_) | Phase::Answer(_) if case.is_ignored => None,
            Phase::AnswerBody(body) => {
                let level = case.level(Check::Dlp);
                let leak = leak(&case, body).filter(|_| level.blocks());
                leak.map(|_| (Check::Dlp, severity_of(level, policy)))
            }
            Phase::Answer(status) => {
                let is_error = is_counted_error(status, request);
                let error = is_error.then(|| refusal(CLIENT_ERROR, &case)).flatten();
                hardest([refusal(answered(status), &case), error])
            }
        }
    }
}

impl Shared {
    /// A detector failed: if none would have by the policy before, which did not have that one asked, the one on trial is to blame.
    pub(super) fn blame_for_detectors(&self, content: Content<'_>, case: &Case<'_>, snapshot: &Snapshot) {
        let Some(trial) = &snapshot.trial else {
            return;
        };
        let policy: &Policy = trial.previous();
        let fuel = Fuel::of_body();
        fuel.grant(match content {
            Content::Head => 0,
            Content::Body(body) => body.bytes.len(),
            Content::Window(window) => window.body.bytes.len(),
        });
        let case = Case {
            fuel: &fuel,
            ..case.under(policy)
        };
        let fails = || {
            self.inspect(content, &case, self.supervision.retrace(), &mut |_| true)
                .has_failed
        };
        if !fails() {
            trial.panicked();
        }
    }

    /// The first check that would refuse the request for what it carries, and how; and why
    /// something was not inspected.
    pub(super) fn refusal_by_content(
        &self,
        content: Content<'_>,
        case: &Case<'_>,
    ) -> (Option<(Check, Severity)>, Gaps) {
        let mut refusal = None;
        let inspected = self.inspect(content, case, self.supervision.accompany(), &mut |suspicion| {
            let at = place(&suspicion.place);
            let level = case.level_of(suspicion.check, &suspicion.rule_name(), &at);
            refusal = level
                .blocks()
                .then(|| (suspicion.check, severity_of(level, case.policy)));
            refusal.is_none()
        });
        (refusal, inspected.gaps)
    }
}

/// The first check that would refuse the request, and how.
fn refusal(steps: &[Step], case: &Case<'_>) -> Option<(Check, Severity)> {
    let mut refusals = steps.iter().filter_map(|(check, detect, would_find)| {
        let is_refused = |level: Level| {
            level
                .blocks()
                .then(|| (*check, severity_of_check(*check, level, case.policy)))
        };
        let level = case.level(*check);
        if !case.rules.has_exceptions() {
            return is_refused(level).filter(|_| would_find(case));
        }
        if !level.is_on() {
            return None;
        }
        // what counts must not be counted once more: it is found in paths. Exceptions are asked for
        // what is found alone, as in force: they may ask the framework for the route
        if matches!(check, Check::Flood | Check::Brute) {
            return would_find(case)
                .then(|| case.level_of(*check, check.name(), "path"))
                .and_then(is_refused);
        }
        let finding = detect(case)?;
        is_refused(case.level_of(*check, &rule_of(*check, &finding), &place(&finding.place)))
    });
    refusals.next()
}

/// The hardest refusal; of several the first.
fn hardest(refusals: [Option<(Check, Severity)>; 2]) -> Option<(Check, Severity)> {
    let harder = |one: (Check, Severity), other: (Check, Severity)| if other.1 > one.1 { other } else { one };
    refusals.into_iter().flatten().reduce(harder)
}
