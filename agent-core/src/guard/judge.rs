//! How a request becomes a verdict.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    Phase, Shared,
    checks::{ALWAYS, CLIENT_ERROR, Case, Finding, NOT_FOUND, Step, UNLESS_IGNORED, was_logged},
    client::Client,
    compare::{Severity, severity_of},
    request::RequestView,
    snapshot::{Mode, Snapshot},
    verdict::{Detection, Reaction, Verdict},
};
use crate::{
    model::policy::{Check, Level, Policy},
    protocol::v2::AddressOrigin,
};

/// Stands for the source of a request that came without an address. Never bannable.
const NOBODY: Client = Client {
    address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    origin: AddressOrigin::Socket,
};

/// What became of a request so far.
#[derive(Default)]
pub(super) struct Outcome<'c> {
    attacked: bool,
    /// Its source is listed, and passes because the list is not in force.
    spared: bool,
    /// The policy before would have treated it better.
    pub(super) worse: bool,
    refused: Option<(Check, &'c Reaction)>,
}

/// Whether a source is shut out.
pub(super) enum Listing {
    No,
    /// It is listed, and the list is not in force.
    Spared,
    Yes,
}

impl Shared {
    /// Judges a request, in pyrasp's order: whitelist, blacklist, then the checks.
    pub(super) fn judge(&self, snapshot: &Snapshot, request: &RequestView<'_>) -> Verdict {
        let case = self.case(snapshot, request);
        if let Some(trial) = &snapshot.trial {
            trial.judging();
        }
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        match listing(&case, snapshot) {
            Listing::No => {}
            Listing::Spared => outcome.spared = true,
            Listing::Yes => {
                self.weigh(Severity::Refuses, Phase::Request, &case, snapshot, &mut outcome);
                // counted, never reported: one who is shut out must not be able to fill the ring
                outcome.attacked = true;
                outcome.refused = Some((Check::Blacklist, case.policy.ban_reaction()));
                return self.conclude(&outcome);
            }
        }
        self.run(ALWAYS, Phase::Request, &case, snapshot, &mut outcome);
        if outcome.refused.is_none() && !case.policy.ignores(request.path) {
            self.run(UNLESS_IGNORED, Phase::Request, &case, snapshot, &mut outcome);
        }
        if outcome.refused.is_some_and(|(check, _)| is_error_of_client(check)) {
            self.run(CLIENT_ERROR, Phase::Request, &case, snapshot, &mut outcome);
        }
        self.remember(&case, &outcome);
        self.conclude(&outcome)
    }

    /// Judges an answer of the application's that says that the client erred.
    pub(super) fn judge_error(&self, snapshot: &Snapshot, request: &RequestView<'_>, status: u16) -> Verdict {
        let case = self.case(snapshot, request);
        let phase = Phase::Answer(status);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        if status == 404 {
            self.run(NOT_FOUND, phase, &case, snapshot, &mut outcome);
        }
        self.run(CLIENT_ERROR, phase, &case, snapshot, &mut outcome);
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = outcome.attacked && !was_logged(&case);
        self.conclude(&outcome)
    }

    pub(super) fn case<'c>(&'c self, snapshot: &'c Snapshot, request: &'c RequestView<'c>) -> Case<'c> {
        let client = snapshot.trusted.client(request);
        Case {
            request,
            policy: &snapshot.policy,
            windows: &self.windows,
            client,
            bannable: client.is_some_and(|client| snapshot.trusted.bannable(client.address)),
            now: self.parts.clock.elapsed(),
            mode: snapshot.mode,
        }
    }

    /// Runs checks until one refuses the request. What is only logged does not keep the next check from looking.
    fn run<'c>(&self, steps: &[Step], phase: Phase, case: &Case<'c>, snapshot: &Snapshot, outcome: &mut Outcome<'c>) {
        for (check, detect, _) in steps {
            let configured = case.policy.level(*check);
            if configured.is_on()
                && let Some(finding) = detect(case)
            {
                outcome.attacked = true;
                let is_worse = self.weigh(severity_of(configured, case.policy), phase, case, snapshot, outcome);
                let level = case.level(*check);
                let level = if is_worse && level.bans() { Level::Block } else { level };
                self.report(*check, level, finding, case);
                if level.blocks() {
                    outcome.refused = Some((*check, reaction(case.policy, level)));
                    return;
                }
            }
        }
    }

    /// Writes down who is a client of the site, and who is not: one that was refused for what it did. Of one that passed although it
    /// is listed, nobody knows.
    fn remember(&self, case: &Case<'_>, outcome: &Outcome<'_>) {
        let Some(Client { address, .. }) = case.client else {
            return;
        };
        if outcome.refused.is_some() && !outcome.worse {
            self.parts.recent.forget(address);
        } else if !outcome.attacked && !outcome.spared {
            self.parts.recent.passed(address, case.now);
        }
    }

    /// Hands a finding to the actors. Only here, where there was an attack, is anything copied.
    fn report(&self, check: Check, level: Level, finding: Finding<'_>, case: &Case<'_>) {
        if !finding.is_news {
            return;
        }
        let client = case.client.unwrap_or(NOBODY);
        let excerpt = finding
            .excerpt
            .split_at(finding.excerpt.floor_char_boundary(Detection::EXCERPT))
            .0;
        self.parts.intake.push(Detection {
            check,
            level,
            source: client.address,
            origin: client.origin,
            bannable: case.bannable,
            evidence: finding.evidence,
            place: finding.place.into(),
            excerpt: excerpt.into(),
            at_ms: milliseconds(self.parts.clock.unix()),
        });
    }

    fn conclude(&self, outcome: &Outcome<'_>) -> Verdict {
        if outcome.attacked {
            self.parts.tally.attacked();
        }
        if outcome.spared {
            self.parts.tally.spared();
        }
        match outcome.refused {
            Some((_, reaction)) => {
                self.parts.tally.blocked();
                Verdict::Block(reaction.clone())
            }
            None => Verdict::Pass,
        }
    }
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
        Some((hit, source)) if case.mode == Mode::Enforce && list.enforces(&hit, source, case.now) => Listing::Yes,
        Some(_) => Listing::Spared,
    }
}

/// Refusals that count as errors the client caused, as pyrasp counts them: it probes for hosts, paths, parameters or headers.
pub(super) fn is_error_of_client(check: Check) -> bool {
    matches!(check, Check::Path | Check::Spoofing | Check::Format | Check::Headers)
}

/// How a finding at this level is answered.
fn reaction(policy: &Policy, level: Level) -> &Reaction {
    if level.bans() && !policy.blacklist_override() {
        policy.ban_reaction()
    } else {
        policy.block_reaction()
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
