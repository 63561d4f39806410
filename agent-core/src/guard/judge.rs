//! How a request becomes a verdict.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    Phase, Shared,
    block_id::BlockId,
    checks::{ALWAYS, CLIENT_ERROR, Case, Finding, NOT_FOUND, Step, UNLESS_IGNORED},
    client::Client,
    compare::{Severity, severity_of},
    inspect::Content,
    request::{BodyView, RequestView},
    snapshot::{Mode, Snapshot},
    verdict::{Detection, Reaction, Refusal, Verdict},
};
use crate::{
    model::policy::{Check, Level, Policy},
    protocol::v2::{AddressOrigin, Evidence},
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
    /// What was found already: once is enough to know.
    reported: Checks,
    /// Its source is listed, and passes because the list is not in force.
    spared: bool,
    /// The policy before would have treated it better.
    pub(super) worse: bool,
    refused: Option<(Check, &'c Reaction, BlockId)>,
}

/// A set of checks.
#[derive(Default)]
struct Checks(u32);

impl Checks {
    const fn add(&mut self, check: Check) {
        self.0 |= 1 << check as u32;
    }

    const fn contains(&self, check: Check) -> bool {
        self.0 & (1 << check as u32) != 0
    }
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
                outcome.refused = Some((Check::Blacklist, case.policy.ban_reaction(), self.ids.next()));
                return self.conclude(&outcome);
            }
        }
        self.run(ALWAYS, Phase::Request, &case, snapshot, &mut outcome);
        if outcome.refused.is_none() && !case.policy.ignores(request.path) {
            self.run(UNLESS_IGNORED, Phase::Request, &case, snapshot, &mut outcome);
            if outcome.refused.is_none() {
                self.look_into(Content::Head, Phase::Request, &case, snapshot, &mut outcome);
            }
        }
        if outcome.refused.is_some_and(|(check, ..)| is_error_of_client(check)) {
            self.run(CLIENT_ERROR, Phase::Request, &case, snapshot, &mut outcome);
        }
        self.remember(&case, &outcome);
        self.conclude(&outcome)
    }

    /// Judges what a request carries in its body.
    pub(super) fn judge_body(&self, snapshot: &Snapshot, request: &RequestView<'_>, body: BodyView<'_>) -> Verdict {
        let case = self.case(snapshot, request);
        if is_whitelisted(&case) || case.policy.ignores(request.path) {
            return Verdict::Pass;
        }
        let mut outcome = Outcome::default();
        self.look_into(Content::Body(body), Phase::Body(body), &case, snapshot, &mut outcome);
        if outcome.refused.is_some() {
            self.remember(&case, &outcome);
        }
        outcome.attacked = outcome.attacked && !self.was_logged(&case);
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
        outcome.attacked = outcome.attacked && !self.was_logged(&case);
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
    fn run<'c>(
        &self,
        steps: &[Step],
        phase: Phase<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) {
        for (check, detect, _) in steps {
            let configured = case.policy.level(*check);
            if configured.is_on()
                && let Some(finding) = detect(case)
            {
                let is_worse = self.weigh(severity_of(configured, case.policy), phase, case, snapshot, outcome);
                if !self.settle(*check, is_worse, finding, case, outcome) {
                    return;
                }
            }
        }
    }

    /// Searches what a request carries, until something in it refuses the request. What one check finds is reported once.
    fn look_into<'c>(
        &self,
        content: Content<'_>,
        phase: Phase<'_>,
        case: &Case<'c>,
        snapshot: &Snapshot,
        outcome: &mut Outcome<'c>,
    ) {
        self.inspect(content, case, &mut |suspicion| {
            let check = suspicion.check;
            if outcome.reported.contains(check) {
                return true;
            }
            let is_worse = self.weigh(
                severity_of(case.policy.level(check), case.policy),
                phase,
                case,
                snapshot,
                outcome,
            );
            let finding = Finding {
                place: suspicion.place.into(),
                excerpt: &suspicion.caught.excerpt,
                evidence: Evidence::Confirmed,
                is_news: true,
                rule: Some((suspicion.caught.family, suspicion.caught.finding.rule)),
                score: suspicion.caught.finding.score,
            };
            self.settle(check, is_worse, finding, case, outcome)
        });
    }

    /// Reports a finding, and refuses the request for it where its level does. Whether to look further.
    fn settle<'c>(
        &self,
        check: Check,
        is_worse: bool,
        finding: Finding<'_>,
        case: &Case<'c>,
        outcome: &mut Outcome<'c>,
    ) -> bool {
        let level = case.level(check);
        let level = if is_worse && level.bans() { Level::Block } else { level };
        outcome.attacked = true;
        outcome.reported.add(check);
        let id = level.blocks().then(|| self.ids.next());
        self.report(check, level, finding, id, case);
        if let Some(id) = id {
            outcome.refused = Some((check, reaction(case.policy, level), id));
        }
        id.is_none()
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
    fn report(&self, check: Check, level: Level, finding: Finding<'_>, id: Option<BlockId>, case: &Case<'_>) {
        if !finding.is_news {
            return;
        }
        let rule = match finding.rule {
            Some((family, rule)) => Cow::Owned(format!("{family}/{rule}")),
            None => Cow::Borrowed(check.name()),
        };
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
            rule,
            score: finding.score,
            id,
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
            Some((_, reaction, id)) => {
                self.parts.tally.blocked();
                Verdict::Block(Refusal::new(id, reaction))
            }
            None => Verdict::Pass,
        }
    }

    /// A refusal without a finding.
    pub(super) fn refusal(&self, reaction: &Reaction) -> Refusal {
        Refusal::new(self.ids.next(), reaction)
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
