//! What follows from what was found: a report, an answer, and what is remembered of the client.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    OnFailure, Shared,
    block_id::BlockId,
    checks::{Case, Finding},
    client::Client,
    snapshot::Mode,
    verdict::{Detection, Reaction, Refusal, Verdict},
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
    pub(super) attacked: bool,
    /// What was found already: once is enough to know.
    pub(super) reported: Checks,
    /// Its source is listed, and passes because the list is not in force.
    pub(super) spared: bool,
    /// The policy before would have treated it better.
    pub(super) worse: bool,
    /// A detector failed, so that there may be more than was found.
    pub(super) is_incomplete: bool,
    pub(super) refused: Option<(Check, &'c Reaction, BlockId)>,
}

/// A set of checks.
#[derive(Default)]
pub(super) struct Checks(u32);

impl Checks {
    const fn add(&mut self, check: Check) {
        self.0 |= 1 << check as u32;
    }

    pub(super) const fn contains(&self, check: Check) -> bool {
        self.0 & (1 << check as u32) != 0
    }
}

impl Shared {
    /// Reports a finding, and refuses the request for it where its level does. Whether to look further.
    pub(super) fn settle<'c>(
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
    pub(super) fn remember(&self, case: &Case<'_>, outcome: &Outcome<'_>) {
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

    pub(super) fn conclude(&self, outcome: &Outcome<'_>, case: &Case<'_>) -> Verdict {
        if outcome.is_incomplete {
            self.parts.tally.failed();
        }
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
            None if outcome.is_incomplete => self.unjudged(case.policy, case.mode),
            None => Verdict::Pass,
        }
    }

    /// What becomes of a request that could not be judged, or not by all that should have looked at it.
    pub(super) fn unjudged(&self, policy: &Policy, mode: Mode) -> Verdict {
        match (self.parts.on_failure, mode) {
            (OnFailure::Closed, Mode::Enforce) => {
                self.parts.tally.blocked();
                Verdict::Block(Refusal::new(self.ids.next(), policy.block_reaction()))
            }
            (OnFailure::Open, _) | (OnFailure::Closed, Mode::LogOnly) => Verdict::Pass,
        }
    }
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
