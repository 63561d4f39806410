//! What follows from what was found: a report, an answer, and what is remembered of the client.

use std::{
    borrow::Cow,
    cell::Cell,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use buckler_waf::{
    detect::{excerpt, excerpt_at},
    places::{Part, Place, Role},
};

use super::{
    OnFailure, Shared,
    block_id::BlockId,
    checks::{Case, Finding},
    client::Client,
    explain::{Explanation, ListEntry},
    snapshot::Mode,
    standing::Standing,
    verdict::{Detection, Reaction, Refusal, Verdict, status_of},
    whereabouts::{RequestInfo, narrowed},
};
use crate::{
    model::{
        address::canonical,
        blacklist::Hit,
        policy::{Check, Level, NarrowException, Policy},
    },
    protocol::v2::AddressOrigin,
};

/// Who is named as the source of a request: its client; where that is unknown, what passed it on; where there is no address at all,
/// the unspecified one. The last two are never bannable.
fn source_of(case: &Case<'_>) -> Client {
    case.client.unwrap_or_else(|| Client {
        address: case.request.peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), canonical),
        origin: AddressOrigin::Socket,
    })
}

/// The check of a request that could not be judged, by the setting that had it refused.
const UNJUDGED: &str = "on_detector_failure";

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
    /// To look into all of it would have cost more than one request may.
    pub(super) is_out_of_fuel: bool,
    /// An exception lets it pass nevertheless.
    pub(super) is_excepted: bool,
    pub(super) refused: Option<(Check, &'c Reaction, BlockId)>,
    /// It is refused only because its source has to wait so long.
    pub(super) wait: Option<Duration>,
    /// The status that a refusal bears in the place of the usual one, where it says better what is
    /// wrong and nobody has chosen another.
    status: Option<u16>,
    /// What refused the request, or would have.
    narrow: NarrowException,
    /// What refused it, until all is known that is told of it; with whether it is news.
    pending: Cell<Option<Box<(Detection, bool)>>>,
}

impl Outcome<'_> {
    /// Notes what would have refused the request at this level. Whether there is room for more.
    pub(super) fn note(&mut self, level: Level, rule: &str, place: &str) -> bool {
        !level.blocks() || self.narrow.add(rule, place)
    }

    /// Answers a refusal with a status that says what is wrong, unless the configuration says with
    /// which one.
    pub(super) const fn tell_by(&mut self, status: u16, policy: &Policy) {
        if !policy.says_block_status() {
            self.status = Some(status);
        }
    }
}

/// A set of checks.
#[derive(Default)]
pub(super) struct Checks(u32);

impl Checks {
    pub(super) const fn add(&mut self, check: Check) {
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
        finding: &Finding<'_>,
        case: &Case<'c>,
        outcome: &mut Outcome<'c>,
    ) -> bool {
        let (rule, at) = (rule_of(check, finding), place(&finding.place));
        let level = case.level_of(check, &rule, &at);
        if !level.is_on() {
            return true;
        }
        outcome.note(level, &rule, &at);
        let is_throttled = finding.excess.is_some_and(|excess| !excess.goes_on);
        let is_mild = is_worse || is_throttled;
        let level = if is_mild && level.bans() { Level::Block } else { level };
        self.settle_at(level, check, finding, case, outcome)
    }

    /// As [`settle`](Self::settle), at a level that is not the check's own.
    pub(super) fn settle_at<'c>(
        &self,
        level: Level,
        check: Check,
        finding: &Finding<'_>,
        case: &Case<'c>,
        outcome: &mut Outcome<'c>,
    ) -> bool {
        outcome.attacked = true;
        outcome.reported.add(check);
        let id = level.blocks().then(|| self.ids.next());
        let standing = self.standing(level, check, finding, case);
        self.report(check, (level, id), finding, &standing, case, outcome);
        if let Some(id) = id {
            let throttled = finding.excess.filter(|_| standing.ban_for.is_none());
            outcome.wait = throttled.map(|excess| excess.wait);
            outcome.refused = Some((check, reaction(case.policy, &standing, finding), id));
        }
        id.is_none()
    }

    /// Writes down who is a client of the site, and who is not: one that was refused for what it
    /// did, not one that has to wait. One that passed although it is listed is neither.
    pub(super) fn remember(&self, case: &Case<'_>, outcome: &Outcome<'_>) {
        let Some(Client { address, .. }) = case.client else {
            return;
        };
        if outcome.wait.is_some() {
            return;
        }
        if outcome.refused.is_some() && !outcome.worse {
            self.parts.recent.forget(address, case.now);
        } else if !outcome.attacked && !outcome.spared {
            self.parts.recent.passed(address, case.now);
        }
    }

    /// Hands a finding to the actors, and keeps it for whoever asks why. Only here, where there was an attack, is anything copied.
    pub(super) fn report(
        &self,
        check: Check,
        (level, id): (Level, Option<BlockId>),
        finding: &Finding<'_>,
        standing: &Standing,
        case: &Case<'_>,
        outcome: &Outcome<'_>,
    ) {
        let is_news = finding.is_news || standing.is_news;
        if id.is_none() && !is_news {
            return;
        }
        let client = source_of(case);
        let mut detection = Detection {
            check,
            level,
            source: client.address,
            origin: client.origin,
            bannable: case.bannable,
            evidence: finding.evidence,
            count: standing.count,
            ban_for: standing.ban_for,
            clean_requests: match standing.ban_for {
                Some(_) => self.parts.recent.clean_requests(client.address, case.now),
                None => 0,
            },
            rule: rule_of(check, finding),
            score: finding.score,
            id,
            place: place(&finding.place),
            excerpt: shown(finding, case.policy),
            at_ms: milliseconds(self.parts.clock.unix()),
            config_version: case.policy.version(),
            request: RequestInfo::of(
                case,
                id.map(|_| status_of(reaction(case.policy, standing, finding), outcome.status)),
            ),
            path: case.shown_path(),
            span: tracing::Span::current(),
            exception: None,
        };
        if id.is_none() {
            // what only logs is told one by one, so that each has its own
            let mut own = NarrowException::default();
            own.add(&detection.rule, &detection.place);
            detection.exception = narrowed(&own, &detection.request, case).map(Box::new);
            self.parts.intake.push(detection);
        } else if let Some(earlier) = outcome.pending.replace(Some(Box::new((detection, is_news)))) {
            self.hand_over(*earlier, outcome, case);
        }
    }

    /// Hands over what refused a request, now that all of it was looked at.
    fn hand_over(&self, (mut detection, is_news): (Detection, bool), outcome: &Outcome<'_>, case: &Case<'_>) {
        detection.exception = narrowed(&outcome.narrow, &detection.request, case).map(Box::new);
        if let Some(id) = detection.id {
            self.explanations.keep(explained(id, &detection, case), case.now);
        }
        if is_news {
            self.parts.intake.push(detection);
        }
    }

    /// Names the refusal of a listed source, and keeps why, once.
    pub(super) fn explain_listed(&self, hit: &Hit, case: &Case<'_>) -> BlockId {
        let source = source_of(case).address;
        let Hit { network, until, scope } = *hit;
        self.explanations.listed(hit, case.now, |id| {
            let unix = self.parts.clock.unix();
            Explanation {
                entry: Some(ListEntry { network, scope }),
                until_ms: until.map(|until| milliseconds(unix + until.saturating_sub(case.now))),
                source: Some(source),
                ..self.plain(id, Check::Blacklist.name(), case.policy)
            }
        })
    }

    /// A refusal for which nothing was found in the request.
    fn plain(&self, id: BlockId, check: &'static str, policy: &Policy) -> Explanation {
        Explanation {
            id,
            check,
            rule: Cow::Borrowed(check),
            score: 100,
            level: Level::Block,
            place: Box::default(),
            excerpt: Box::default(),
            source: None,
            at_ms: milliseconds(self.parts.clock.unix()),
            config_version: policy.version(),
            until_ms: None,
            entry: None,
            request: RequestInfo::default(),
            exception: None,
            evidence: None,
        }
    }

    pub(super) fn conclude(&self, outcome: &Outcome<'_>, case: &Case<'_>) -> Verdict {
        if let Some(pending) = outcome.pending.take() {
            self.hand_over(*pending, outcome, case);
        }
        if outcome.is_incomplete {
            self.parts.tally.failed();
        }
        if outcome.is_out_of_fuel {
            self.parts.tally.unjudged();
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
                Verdict::Block(
                    Refusal::new(id, reaction)
                        .after(outcome.wait)
                        .with_status(outcome.status),
                )
            }
            None if outcome.is_incomplete || (outcome.is_out_of_fuel && !outcome.is_excepted) => {
                self.unjudged(case.policy, case.mode, case.client.map(|client| client.address))
            }
            None => Verdict::Pass,
        }
    }

    /// What becomes of a request that could not be judged, or not by all that should have looked at it.
    pub(super) fn unjudged(&self, policy: &Policy, mode: Mode, source: Option<IpAddr>) -> Verdict {
        match (self.parts.on_failure, mode) {
            (OnFailure::Closed, Mode::Enforce) => {
                self.parts.tally.blocked();
                let id = self.ids.next();
                let explanation = Explanation {
                    source,
                    ..self.plain(id, UNJUDGED, policy)
                };
                self.explanations.keep(explanation, self.parts.clock.elapsed());
                Verdict::Block(Refusal::new(id, policy.block_reaction()))
            }
            (OnFailure::Open, _) | (OnFailure::Closed, Mode::LogOnly) => Verdict::Pass,
        }
    }
}

/// Why a request was refused that this was found in.
fn explained(id: BlockId, detection: &Detection, case: &Case<'_>) -> Explanation {
    let Detection {
        check,
        level,
        source,
        rule,
        score,
        place,
        excerpt,
        at_ms,
        config_version,
        request,
        exception,
        count,
        ban_for,
        ..
    } = detection;
    Explanation {
        id,
        check: check.name(),
        rule: rule.clone(),
        score: *score,
        level: *level,
        place: place.clone(),
        excerpt: excerpt.clone(),
        source: case.client.map(|_| *source),
        at_ms: *at_ms,
        config_version: *config_version,
        until_ms: ban_for.map(|ban_for| at_ms.saturating_add(milliseconds(ban_for))),
        entry: None,
        request: request.clone(),
        exception: exception.clone(),
        evidence: *count,
    }
}

/// The name of what found something, for reports and exceptions.
pub(super) fn rule_of(check: Check, finding: &Finding<'_>) -> Cow<'static, str> {
    match finding.rule {
        Some((family, rule)) => Cow::Owned(format!("{family}/{rule}")),
        None => Cow::Borrowed(check.name()),
    }
}

/// What was there, as it may stand in a log. What detectors find is cut by them; the other checks show what they find as it came.
fn shown(finding: &Finding<'_>, policy: &Policy) -> Box<str> {
    let is_path = finding.rule.is_none() && matches!(&*finding.place, "path" | "network");
    if is_path {
        let path = Place {
            part: Part::Path,
            name: "",
        };
        excerpt_at(policy.secret_names(), &path, Role::Value, finding.excerpt, 0..0)
    } else {
        excerpt(finding.excerpt, 0..0)
    }
}

/// A place as it may stand in a log: its name comes with the request.
pub(super) fn place(place: &str) -> Box<str> {
    let shown = place.split_at(place.floor_char_boundary(Detection::PLACE)).0;
    if shown.contains(char::is_control) {
        shown.replace(char::is_control, " ").into()
    } else {
        shown.into()
    }
}

/// How a request is answered that this was found in: a ban's way, a flood's, or as any other
/// refusal.
pub(super) const fn reaction<'p>(policy: &'p Policy, standing: &Standing, finding: &Finding<'_>) -> &'p Reaction {
    if standing.ban_for.is_some() {
        policy.ban_reaction()
    } else if finding.excess.is_some() {
        policy.throttle_reaction()
    } else {
        policy.block_reaction()
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
