//! What becomes of a request whose body was not inspected, or not to its end.
//!
//! Where there is one way to read a body and it was read to its end, nothing. In every other case
//! there are reasons ([`Gap`]): each is counted, and the host decides for each whether such a
//! request passes, passes and is reported, or is refused.

use buckler_waf::places::{Gap, Gaps, Part};

use super::{
    Shared,
    checks::{Case, Finding},
    compare::Severity,
    outcome::Outcome,
};
use crate::{
    model::policy::{Check, Level},
    protocol::v2::Evidence,
};

/// What happens to a request with a gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UninspectedAction {
    /// It passes (`pass`).
    #[default]
    Pass,
    /// It passes and is reported (`log`).
    Log,
    /// It is refused and reported (`refuse`), as one whose format is wrong: no client is banned for
    /// it.
    Refuse,
}

/// What happens for each reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uninspected([UninspectedAction; Gap::ALL.len()]);

/// Refused is what no honest client sends; what honest ones do passes: large uploads, pictures, a
/// connection that breaks off.
impl Default for Uninspected {
    fn default() -> Self {
        let mut all = Self([UninspectedAction::Refuse; Gap::ALL.len()]);
        for gap in [Gap::TooLarge, Gap::CutShort, Gap::NotText] {
            all.set(gap, UninspectedAction::Pass);
        }
        all
    }
}

impl Uninspected {
    /// What happens for one reason.
    #[must_use]
    pub fn action(&self, gap: Gap) -> UninspectedAction {
        self.0.get(gap as usize).copied().unwrap_or_default()
    }

    /// Sets what happens for one reason.
    pub fn set(&mut self, gap: Gap, action: UninspectedAction) {
        if let Some(own) = self.0.get_mut(gap as usize) {
            *own = action;
        }
    }
}

/// The family of rules that refusals for a gap are reported under.
const FAMILY: &str = "uninspected";

impl Shared {
    /// Refuses or reports a request for the gaps of its body, or of its query, and counts those of
    /// one that passes.
    pub(super) fn judge_gaps<'c>(&self, gaps: &Gaps, part: Part, case: &Case<'c>, outcome: &mut Outcome<'c>) {
        if outcome.refused.is_some() || gaps.is_empty() {
            return;
        }
        if case.rules.level(Check::Format).is_on() {
            let with = |action| {
                let treated = gaps
                    .iter()
                    .filter(move |(gap, _)| self.parts.uninspected.action(*gap) == action);
                treated.map(|(gap, at)| (gap, at, level_of(gap, part, case)))
            };
            for (gap, at, level) in with(UninspectedAction::Refuse).filter(|(.., level)| level.is_on()) {
                outcome.note(level, &name(gap), part.name());
                if outcome.refused.is_none() {
                    outcome.tell_by(status(gap), case.policy);
                    self.report_gap(level, gap, (part, at), case, outcome);
                }
            }
            for (gap, at, _) in with(UninspectedAction::Log).filter(|(.., level)| level.is_on()) {
                // what is only reported is no attack
                self.report_gap(Level::Log, gap, (part, at), case, &mut Outcome::default());
            }
        }
        if outcome.refused.is_none() {
            self.parts.tally.uninspected(gaps, part);
        }
    }

    /// The check that would refuse a request for the gaps of its body, and how.
    pub(super) fn refusal_by_gaps(&self, gaps: &Gaps, case: &Case<'_>) -> Option<(Check, Severity)> {
        let refuses = |(gap, _)| {
            self.parts.uninspected.action(gap) == UninspectedAction::Refuse && level_of(gap, Part::Body, case).blocks()
        };
        let is_refused = case.rules.level(Check::Format).is_on() && gaps.iter().any(refuses);
        is_refused.then_some((Check::Format, Severity::Refuses))
    }

    fn report_gap<'c>(
        &self,
        level: Level,
        gap: Gap,
        (part, at): (Part, usize),
        case: &Case<'c>,
        outcome: &mut Outcome<'c>,
    ) {
        let finding = Finding {
            place: format!("{}@{at}", part.name()).into(),
            excerpt: "",
            value: "",
            evidence: Evidence::Repeated,
            is_news: true,
            rule: Some((FAMILY, gap.name())),
            score: 100,
            excess: None,
        };
        self.settle_at(level, Check::Format, &finding, case, outcome);
    }
}

/// How a gap that is to be refused is treated: by the level of the check `format` or by what an
/// exception says of it, but never with a ban.
fn level_of(gap: Gap, part: Part, case: &Case<'_>) -> Level {
    match case.level_of(Check::Format, &name(gap), part.name()) {
        Level::Ban => Level::Block,
        level @ (Level::Off | Level::Log | Level::Block) => level,
    }
}

/// What a gap is called in reports and exceptions.
fn name(gap: Gap) -> String {
    format!("{FAMILY}/{}", gap.name())
}

/// The status that says what is wrong with a body (RFC 9110, section 15.5).
pub(super) const fn status(gap: Gap) -> u16 {
    match gap {
        Gap::TooLarge | Gap::TooMany | Gap::TooDeep | Gap::Bomb => 413,
        Gap::UnknownCoding | Gap::ForeignCharset | Gap::NotText => 415,
        Gap::TwoTypes | Gap::LooseGrammar | Gap::ControlBytes | Gap::CutShort => 400,
    }
}
