//! What a request is searched for: the checks that look into values, and their families of detectors.

use buckler_waf::detect::{Families, Family};

use super::{checks::Case, request::RouteMatch, rules::Rules};
use crate::model::policy::Check;

/// The checks that look into the values of a head. A probe is known by its path or by a header.
pub(super) const OF_HEADS: &[Check] = &[
    Check::Decoy,
    Check::Sqli,
    Check::Xss,
    Check::Command,
    Check::Hpp,
    Check::Upload,
    Check::Prompt,
    Check::Chars,
];

/// The checks that look into the values of a body.
pub(super) const OF_BODIES: &[Check] = OF_HEADS.split_at(1).1;

/// Whether one of these checks, or the one that knows the forms of parameters, is on.
pub(super) fn looks_into_values(rules: &Rules<'_>, checks: &[Check]) -> bool {
    let is_on = |check: &Check| rules.level(*check).is_on();
    checks.iter().any(is_on) || (rules.declares_params() && is_on(&Check::Format))
}

/// The families that are looked for in a request.
pub(super) fn wanted(case: &Case<'_>) -> Families {
    let all = families(|check| case.rules.level(check).is_on());
    let is_no_probe = case.request.route == RouteMatch::Matched || case.is_ignored;
    if is_no_probe { all.without(Family::Probe) } else { all }
}

/// The families that are looked for where these checks are on.
pub(super) fn families(is_on: impl Fn(Check) -> bool) -> Families {
    let checks = OF_HEADS.iter().filter(|check| is_on(**check));
    let all = checks.fold(Families::NONE, |all, check| all.and(check.families()));
    if all.has(Family::Command) {
        all.and(Families::only(Family::Upload)) // see `check_of`
    } else {
        all
    }
}

/// The check that a family is reported as; `None` where it is off.
///
/// A dangerous upload is a program, as an injected command is: it is looked for where either check is on, so that whoever allows
/// uploads (`upload` is off by default) does not allow web shells.
pub(super) fn check_of(rules: &Rules<'_>, family: Family) -> Option<Check> {
    let is_on = |check: &Check| rules.level(*check).is_on();
    let own = Some(Check::of(family)).filter(is_on);
    let stand_in = Some(Check::Command).filter(|check| family == Family::Upload && is_on(check));
    own.or(stand_in)
}
