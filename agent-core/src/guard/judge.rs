//! How a request becomes a verdict.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    Shared,
    checks::{ALWAYS, CLIENT_ERROR, Case, Finding, NOT_FOUND, Step, UNLESS_IGNORED, was_logged},
    client::Client,
    request::RequestView,
    snapshot::Snapshot,
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
struct Outcome<'c> {
    attacked: bool,
    refused: Option<(Check, &'c Reaction)>,
}

impl Shared {
    /// Judges a request, in pyrasp's order: whitelist, blacklist, then the checks.
    pub(super) fn judge(&self, snapshot: &Snapshot, request: &RequestView<'_>) -> Verdict {
        let case = self.case(snapshot, request);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        if is_listed(&case, snapshot) {
            // counted, never reported: one who is shut out must not be able to fill the ring
            return self.conclude(&Outcome {
                attacked: true,
                refused: Some((Check::Blacklist, case.policy.ban_reaction())),
            });
        }
        let mut outcome = Outcome::default();
        self.run(ALWAYS, &case, &mut outcome);
        if outcome.refused.is_none() && !case.policy.ignores(request.path) {
            self.run(UNLESS_IGNORED, &case, &mut outcome);
        }
        if outcome.refused.is_some_and(|(check, _)| is_error_of_client(check)) {
            self.run(CLIENT_ERROR, &case, &mut outcome);
        }
        self.conclude(&outcome)
    }

    /// Judges an answer of the application's that says that the client erred.
    pub(super) fn judge_error(&self, snapshot: &Snapshot, request: &RequestView<'_>, status: u16) -> Verdict {
        let case = self.case(snapshot, request);
        if is_whitelisted(&case) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        if status == 404 {
            self.run(NOT_FOUND, &case, &mut outcome);
        }
        self.run(CLIENT_ERROR, &case, &mut outcome);
        outcome.attacked = outcome.attacked && !was_logged(&case);
        self.conclude(&outcome)
    }

    fn case<'c>(&'c self, snapshot: &'c Snapshot, request: &'c RequestView<'c>) -> Case<'c> {
        let client = snapshot.trusted.client(request);
        Case {
            request,
            policy: &snapshot.policy,
            windows: &self.windows,
            client,
            bannable: client.is_some_and(|client| snapshot.trusted.bannable(client.address)),
            now: self.parts.clock.elapsed(),
        }
    }

    /// Runs checks until one refuses the request. What is only logged does not keep the next check from looking.
    fn run<'c>(&self, steps: &[Step], case: &Case<'c>, outcome: &mut Outcome<'c>) {
        for (check, detect) in steps {
            let level = case.policy.level(*check);
            if level.is_on()
                && let Some(finding) = detect(case)
            {
                outcome.attacked = true;
                self.report(*check, level, finding, case);
                if level.blocks() {
                    outcome.refused = Some((*check, reaction(case.policy, level)));
                    return;
                }
            }
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
        match outcome.refused {
            Some((_, reaction)) => {
                self.parts.tally.blocked();
                Verdict::Block(reaction.clone())
            }
            None => Verdict::Pass,
        }
    }
}

fn is_whitelisted(case: &Case<'_>) -> bool {
    case.client
        .is_some_and(|client| case.policy.whitelist().contains(client.address))
}

/// Whether the source is shut out. One that may not be banned is not looked up: whatever list names the proxy in front of us, or
/// this very host, must not cut us off.
fn is_listed(case: &Case<'_>, snapshot: &Snapshot) -> bool {
    !case.policy.blacklist_override()
        && case
            .countable()
            .is_some_and(|source| snapshot.blacklist.contains(source, case.now))
}

/// Refusals that count as errors the client caused, as pyrasp counts them: it probes for hosts, paths, parameters or headers.
fn is_error_of_client(check: Check) -> bool {
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
