//! How a request becomes a verdict.

use buckler_waf::{
    detect::Fuel,
    places::{Gaps, Part},
};

use super::{
    Phase, Shared,
    checks::{
        ALWAYS, CLIENT_ERROR, Case, Finding, InForce, Step, UNLESS_IGNORED, answered, is_counted_error, is_ignored,
    },
    client::Sender,
    compare::{Severity, severity_of, severity_of_check},
    inspect::Content,
    outcome::{Outcome, place, rule_of},
    request::{BodyView, RequestView},
    rules::Rules,
    snapshot::{Mode, Snapshot},
    verdict::Verdict,
};
use crate::{
    model::{
        blacklist::Hit,
        policy::{BanTerms, Check},
    },
    protocol::v2::Evidence,
};

/// Whether a source is shut out.
pub(super) enum Listing {
    No,
    /// It is listed, and the list is not in force.
    Spared,
    Yes(Hit),
}

impl Shared {
    /// Judges a request, in pyrasp's order: whitelist, blacklist, then the checks.
    pub(super) fn judge(&self, snapshot: &Snapshot, request: &RequestView<'_>, fuel: &Fuel) -> Verdict {
        let case = self.case(snapshot, request, fuel);
        if case.client.is_none() {
            self.note_unknown(snapshot, request);
        }
        if let Some(trial) = &snapshot.trial {
            trial.judging();
        }
        if is_whitelisted(&case) {
            self.note_milder(Phase::Request, &case, snapshot, &Outcome::default());
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        match listing(&case, snapshot) {
            Listing::No => {}
            Listing::Spared => outcome.spared = true,
            Listing::Yes(hit) => {
                self.weigh(Severity::Refuses, Phase::Request, &case, snapshot, &mut outcome);
                // counted, never reported: one who is shut out must not be able to fill the ring
                outcome.attacked = true;
                let id = self.explain_listed(&hit, &case);
                outcome.refused = Some((Check::Blacklist, case.policy.ban_reaction(), id));
                return self.conclude(&outcome, &case);
            }
        }
        // what costs nothing to ask for must not make the share of attacks small
        if let Some(source) = case.countable().filter(|_| !case.is_ignored) {
            self.traffic.add(source, case.terms.window, case.now);
        }
        self.run(ALWAYS, Phase::Request, &case, snapshot, &mut outcome);
        if outcome.refused.is_none() && !case.is_ignored {
            self.run(UNLESS_IGNORED, Phase::Request, &case, snapshot, &mut outcome);
        }
        if outcome.refused.is_some() {
            self.note_others(&case, &mut outcome);
        } else {
            let gaps = self.look_into(Content::Head, Phase::Request, &case, snapshot, &mut outcome);
            self.judge_gaps(&gaps, Part::Query, &case, &mut outcome);
        }
        if !case.is_ignored && outcome.refused.is_some_and(|(check, ..)| is_error_of_client(check)) {
            self.run(CLIENT_ERROR, Phase::Request, &case, snapshot, &mut outcome);
        }
        self.note_milder(Phase::Request, &case, snapshot, &outcome);
        self.remember(&case, &outcome);
        self.conclude(&outcome, &case)
    }

    /// Judges what a request carries in its body.
    pub(super) fn judge_body(
        &self,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        (body, phase): (BodyView<'_>, Phase<'_>),
        fuel: &Fuel,
    ) -> Verdict {
        let case = self.case(snapshot, request, fuel);
        if is_whitelisted(&case) {
            self.note_milder(phase, &case, snapshot, &Outcome::default());
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        self.look_into_body(body, phase, &case, snapshot, &mut outcome);
        self.note_milder(phase, &case, snapshot, &outcome);
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = outcome.attacked && !self.was_logged(&case);
        self.conclude(&outcome, &case)
    }

    /// Judges an answer of the application's that says that the client erred.
    pub(super) fn judge_error(
        &self,
        snapshot: &Snapshot,
        request: &RequestView<'_>,
        status: u16,
        fuel: &Fuel,
    ) -> Verdict {
        let case = Case {
            answered: Some(status),
            ..self.case(snapshot, request, fuel)
        };
        let phase = Phase::Answer(status);
        if is_whitelisted(&case) || case.is_ignored {
            return Verdict::Pass;
        }
        if let Some(source) = case.countable() {
            self.parts.recent.offended(source, case.now);
        }
        let mut outcome = Outcome::default();
        self.run(answered(status), phase, &case, snapshot, &mut outcome);
        if is_counted_error(status, request) {
            self.run(CLIENT_ERROR, phase, &case, snapshot, &mut outcome);
        }
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = outcome.attacked && !self.was_logged(&case);
        self.conclude(&outcome, &case)
    }

    /// Counts a request that nobody can say the client of, once.
    fn note_unknown(&self, snapshot: &Snapshot, request: &RequestView<'_>) {
        match snapshot.trusted.sender(request) {
            Sender::Undeclared(proxy) => {
                self.undeclared.note(proxy);
                self.parts.tally.of_unknown_client();
            }
            Sender::NoAddress => self.parts.tally.without_address(),
            Sender::Known(_) => {}
        }
    }

    pub(super) fn case<'c>(&'c self, snapshot: &'c Snapshot, request: &'c RequestView<'c>, fuel: &'c Fuel) -> Case<'c> {
        let client = snapshot.trusted.client(request);
        let rules = Rules::of(&snapshot.policy, request, client);
        Case {
            request,
            policy: &snapshot.policy,
            rules,
            in_force: InForce {
                policy: &snapshot.policy,
                rules,
            },
            is_ignored: is_ignored(&snapshot.policy, request),
            windows: &self.windows,
            shared: self,
            client,
            bannable: client.is_some_and(|client| snapshot.trusted.bannable(client.address)),
            now: self.parts.clock.elapsed(),
            clock: &*self.parts.clock,
            mode: snapshot.mode,
            terms: terms(snapshot),
            answered: None,
            fuel,
        }
    }

    /// Runs checks until one refuses the request. What is only logged does not keep the next check from looking.
    fn run<'c>(
        &self,
        steps: &[Step],
        phase: Phase<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) {
        for (check, detect, _) in steps {
            let configured = case.rules.level(*check);
            if configured.is_on()
                && let Some(finding) = detect(case)
            {
                let (rule, at) = (rule_of(*check, &finding), place(&finding.place));
                let level = case.configured_level_of(*check, &rule, &at);
                let severity = severity_of_check(*check, level, case.policy);
                let is_worse = self.weigh(severity, phase, case, snapshot, outcome);
                if !self.settle(*check, is_worse, &finding, case, outcome) {
                    return;
                }
            }
        }
    }

    /// Searches what a request carries, until something in it refuses the request. What one check
    /// finds is reported once. Why something of a body was not inspected.
    pub(super) fn look_into<'c>(
        &self,
        content: Content<'_>,
        phase: Phase<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) -> Gaps {
        let attended = self.supervision.attend(&*self.parts.clock, case.now);
        let inspected = self.inspect(content, case, attended, &mut |suspicion| {
            let check = suspicion.check;
            let (rule, at) = (suspicion.rule_name(), place(&suspicion.place));
            let level = case.level_of(check, &rule, &at);
            if outcome.reported.contains(check) || !level.is_on() {
                return true;
            }
            let is_worse = self.weigh(
                severity_of(case.configured_level_of(check, &rule, &at), case.policy),
                phase,
                case,
                snapshot,
                outcome,
            );
            let finding = Finding {
                place: suspicion.place.into(),
                excerpt: &suspicion.excerpt,
                value: &suspicion.value,
                evidence: Evidence::Repeated,
                is_news: true,
                rule: Some(suspicion.rule),
                score: suspicion.score,
                excess: None,
            };
            self.settle(check, is_worse, &finding, case, outcome)
        });
        self.note_want(content, case, outcome);
        if outcome.refused.is_some() {
            self.note_rest(content, case, outcome);
        }
        if inspected.has_failed {
            outcome.is_incomplete = true;
            self.blame_for_detectors(content, case, snapshot);
        }
        inspected.gaps
    }

    /// Judges a request that is out of fuel, once.
    pub(super) fn note_want<'c>(&self, content: Content<'_>, case: &Case<'c>, outcome: &mut Outcome<'c>) {
        if outcome.refused.is_none() && case.fuel.is_out_for_the_first_time() {
            outcome.is_out_of_fuel = true;
            self.judge_exhausted(content, case, outcome);
        }
    }
}

/// What it takes to be banned: while a configuration is on trial, what the one before would have banned for as well.
fn terms(snapshot: &Snapshot) -> BanTerms {
    let terms = snapshot.policy.ban_terms();
    snapshot
        .trial
        .as_ref()
        .map_or(terms, |trial| terms.milder_of(trial.previous().ban_terms()))
}

pub(super) fn is_whitelisted(case: &Case<'_>) -> bool {
    case.client
        .is_some_and(|client| case.policy.whitelist().contains(client.address))
}

/// Whether the source is shut out. One that may not be banned is not looked up: whatever list names the proxy in front of us, or
/// this very host, must not cut us off.
pub(super) fn listing(case: &Case<'_>, snapshot: &Snapshot) -> Listing {
    if case.policy.blacklist_override() {
        return Listing::No;
    }
    let list = &snapshot.blacklist;
    let found = case
        .countable()
        .and_then(|source| Some((list.lookup(source, case.now)?, source)));
    match found {
        None => Listing::No,
        Some((hit, source)) if case.mode == Mode::Enforce && list.enforces(&hit, source, case.now) => Listing::Yes(hit),
        Some(_) => Listing::Spared,
    }
}

/// Refusals that count as errors the client caused, as pyrasp counts them: it probes for hosts, paths, parameters or headers.
pub(super) fn is_error_of_client(check: Check) -> bool {
    matches!(check, Check::Path | Check::Spoofing | Check::Format | Check::Headers)
}
