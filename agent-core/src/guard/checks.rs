//! The checks that need no body, one function each, and the order they come in.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use super::{
    client::Client,
    flood::Flood,
    path::any_form,
    request::{RequestView, RouteMatch},
    rules::{Counting, Rules},
    snapshot::Mode,
};
use crate::{
    clock::Clock,
    model::{
        policy::{Check, Level, Policy},
        ztaa::TokenProblem,
    },
    protocol::v2::Evidence,
};

/// Checks of every request that is not whitelisted, and whose source is not listed.
pub(super) const ALWAYS: &[Step] = &[
    (Check::Ztaa, unproven, |case| unproven(case).is_some()),
    (Check::Spoofing, spoofed, |case| spoofed(case).is_some()),
    (Check::Decoy, decoyed, |case| decoyed(case).is_some()),
    (Check::Path, unrouted, |case| unrouted(case).is_some()),
];

/// Checks that `IGNORE_PATHS` spares.
pub(super) const UNLESS_IGNORED: &[Step] = &[
    (Check::Flood, flooding, has_flooded),
    (Check::Headers, forbidden_header, |case| {
        forbidden_header(case).is_some()
    }),
];

/// Checks of an answer with this status.
pub(super) const fn answered(status: u16) -> &'static [Step] {
    match status {
        404 => NOT_FOUND,
        405 => METHOD_NOT_ALLOWED,
        _ => &[],
    }
}

const NOT_FOUND: &[Step] = &[(Check::Path, unrouted_after_all, |case| {
    unrouted_after_all(case).is_some()
})];

const METHOD_NOT_ALLOWED: &[Step] = &[(Check::Method, unknown_method, |case| unknown_method(case).is_some())];

/// Counts an error of the client's, and judges their number.
pub(super) const CLIENT_ERROR: &[Step] = &[(Check::Brute, erring, has_erred)];

/// A check, how it finds what it looks for, and whether it would find it, without counting anything.
pub(super) type Step = (
    Check,
    for<'c> fn(&Case<'c>) -> Option<Finding<'c>>,
    for<'c> fn(&Case<'c>) -> bool,
);

/// A request with all that is needed to judge it.
#[derive(Clone, Copy)]
pub(super) struct Case<'c> {
    pub(super) request: &'c RequestView<'c>,
    pub(super) policy: &'c Policy,
    /// What the policy says about this request.
    pub(super) rules: Rules<'c>,
    /// What the policy in force counts this request under, whichever policy judges it.
    pub(super) counted: Counted,
    pub(super) windows: &'c Windows,
    pub(super) client: Option<Client>,
    /// Whether the client may be banned. Requests of one that may not are not counted either: it may be a proxy that the settings
    /// do not name, and then all its clients would be shut out for the haste of one.
    pub(super) bannable: bool,
    pub(super) now: Duration,
    /// For the few checks that ask for the date.
    pub(super) clock: &'c dyn Clock,
    /// Whether anything is refused at all.
    pub(super) mode: Mode,
}

/// Requests, and errors answered, per source. pyrasp counts both in one window; here a page with many pictures brings nobody
/// closer to the limit of errors.
#[derive(Debug, Default)]
pub(super) struct Windows {
    requests: Flood,
    errors: Flood,
}

/// The numbers that a request and its error are counted under.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    request: u64,
    error: u64,
}

impl Counted {
    pub(super) fn by(rules: &Rules<'_>) -> Self {
        Self {
            request: rules.flood().id,
            error: rules.error_flood().id,
        }
    }
}

/// What a check found.
pub(super) struct Finding<'c> {
    pub(super) place: Cow<'c, str>,
    pub(super) excerpt: &'c str,
    pub(super) evidence: Evidence,
    /// Whether it is to be reported, and not one of many alike.
    pub(super) is_news: bool,
    /// The family and the rule that found it, where there are several.
    pub(super) rule: Option<(&'static str, &'static str)>,
    /// How sure the rule is, in hundredths.
    pub(super) score: u8,
}

/// Whether one of these checks only logs, and would find something. What the view of the response no longer shows is not found again.
pub(super) fn would_log(steps: &[Step], case: &Case<'_>) -> bool {
    steps.iter().any(|(check, _, would_find)| {
        let is_of_head = matches!(check, Check::Spoofing | Check::Ztaa);
        let is_shown = !is_of_head || case.request.host.is_some();
        case.level(*check) == Level::Log && is_shown && would_find(case)
    })
}

impl<'c> Case<'c> {
    /// The same request, to be judged by another policy.
    pub(super) fn under(&self, policy: &'c Policy) -> Self {
        Case {
            policy,
            rules: Rules::of(policy, self.request, self.client),
            ..*self
        }
    }

    /// The client's address, where its requests may be counted.
    pub(super) fn countable(&self) -> Option<IpAddr> {
        self.client.filter(|_| self.bannable).map(|client| client.address)
    }

    /// What is done about a finding of this check: what the configuration says, unless nothing is refused at all.
    pub(super) fn level(&self, check: Check) -> Level {
        match (self.mode, self.rules.level(check)) {
            (Mode::LogOnly, Level::Block | Level::Ban) => Level::Log,
            (_, level) => level,
        }
    }
}

/// The request names a host that is not in `HOSTS`, in its target or in its header: applications act on either. Naming none is no
/// way around it.
fn spoofed<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let is_foreign = |host: &&str| !case.policy.hosts_allow(host);
    let mut foreign = Some(case.request.host.unwrap_or_default()).filter(is_foreign);
    case.request.headers.for_each_value("host", &mut |host| {
        let host = str::from_utf8(host).unwrap_or(NO_TEXT);
        foreign = foreign.or_else(|| Some(host).filter(is_foreign));
    });
    foreign.map(|host| Finding::proof("host", host))
}

/// Stands for a host that is no text: no list of hosts can hold it.
const NO_TEXT: &str = "\u{fffd}";

/// The path is one that only attackers ask for. Never where the application has a route for it: the decoys that pyrasp sets up by
/// itself end in `/login` and `/admin`, and would ban the customers of whoever has a page there.
fn decoyed<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let is_real = case.request.route == RouteMatch::Matched;
    (!is_real && is_decoy(case.policy, case.request.path)).then(|| Finding::proof("path", case.request.path))
}

/// Whether a path, in whichever form it is written, is one of the decoys.
pub(super) fn is_decoy(policy: &Policy, path: &str) -> bool {
    any_form(path, |form| policy.decoy(form))
}

/// The application has no route for it, or none for this source: to whom a route is closed, it does not exist.
fn unrouted<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    if case.rules.is_outside() {
        return Some(Finding::proof("network", case.request.path));
    }
    (case.request.route == RouteMatch::Missing).then(|| Finding::proof("path", case.request.path))
}

/// The application had a fallback for what it has no route for, and that had nothing either.
fn unrouted_after_all<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    (case.request.route == RouteMatch::Unsure).then(|| Finding::proof("path", case.request.path))
}

/// The route does not know the method. Browsers, caches and monitors ask with `HEAD` and `OPTIONS` on their own account: an application
/// that has no answer for them has no attackers for it.
fn unknown_method<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let method = case.request.method;
    (!matches!(method, "HEAD" | "OPTIONS")).then(|| Finding::proof("method", method))
}

/// The request brought no token that proves that its client may come.
fn unproven<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    if is_preflight(case.request) {
        return None;
    }
    let trust = case.policy.zero_trust();
    let mut judged = None;
    case.request.headers.for_each_value(&trust.header, &mut |token| {
        // the first one counts: another beside it cannot make up for it
        judged.get_or_insert_with(|| trust.judge(token, case.clock.unix()));
    });
    let problem = judged.unwrap_or(Err(TokenProblem::Missing)).err()?;
    Some(Finding {
        place: format!("header:{}", trust.header).into(),
        ..Finding::proof("", problem.name())
    })
}

/// Whether a browser asks whether a page may send another request (a CORS preflight): no page can add a token to that one, and
/// servers answer it without acting.
fn is_preflight(request: &RequestView<'_>) -> bool {
    request.method == "OPTIONS"
        && request.headers.contains("origin")
        && request.headers.contains("access-control-request-method")
}

/// More requests for the paths that count than one source may send.
fn flooding<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let source = case.countable().filter(|_| counts_for_flood(case))?;
    let Counting { window, .. } = case.rules.flood();
    let count = case
        .windows
        .requests
        .hit_apart(case.counted.request, source, window.period, case.now);
    Finding::excess(case.request.path, count, window.limit)
}

/// Whether the request was one too many, without counting it again.
fn has_flooded(case: &Case<'_>) -> bool {
    let Counting { window, .. } = case.rules.flood();
    let windows = &case.windows.requests;
    let count = |source| windows.count_apart(case.counted.request, source, window.period, case.now);
    counts_for_flood(case)
        && case
            .countable()
            .is_some_and(|source| count(source) > most_of(window.limit))
}

fn counts_for_flood(case: &Case<'_>) -> bool {
    case.rules.flood().id != 0 || any_form(case.request.path, |path| case.policy.counts_for_flood(path))
}

/// More errors, whatever the path, than one source may cause.
fn erring<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let source = case.countable()?;
    let Counting { window, .. } = case.rules.error_flood();
    let count = case
        .windows
        .errors
        .hit_apart(case.counted.error, source, window.period, case.now);
    Finding::excess(case.request.path, count, window.limit)
}

/// Whether the client has caused more errors than it may, without counting one.
fn has_erred(case: &Case<'_>) -> bool {
    let Counting { window, .. } = case.rules.error_flood();
    let windows = &case.windows.errors;
    let count = |source| windows.count_apart(case.counted.error, source, window.period, case.now);
    case.countable()
        .is_some_and(|source| count(source) > most_of(window.limit))
}

/// A header that must not be there.
fn forbidden_header<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let mut forbidden = case.policy.forbidden_headers().iter();
    let name = forbidden.find(|name| case.request.headers.contains(name))?;
    Some(Finding {
        place: format!("header:{name}").into(),
        ..Finding::proof("", name)
    })
}

impl<'c> Finding<'c> {
    /// One request was proof.
    const fn proof(place: &'c str, excerpt: &'c str) -> Self {
        Self {
            place: Cow::Borrowed(place),
            excerpt,
            evidence: Evidence::Confirmed,
            is_news: true,
            rule: None,
            score: 100,
        }
    }

    /// A count above its limit. It is news when it is exceeded first, and then whenever the excess has doubled: thousands of
    /// reports of one flood would fill the ring and say no more.
    fn excess(path: &'c str, count: u32, limit: u32) -> Option<Self> {
        let excess = count.saturating_sub(most_of(limit));
        (excess > 0).then(|| Self {
            evidence: Evidence::Threshold,
            is_news: excess.is_power_of_two(),
            ..Self::proof("path", path)
        })
    }
}

/// A limit that a window's count can exceed.
const fn most_of(limit: u32) -> u32 {
    if limit < Flood::MOST { limit } else { Flood::MOST - 1 }
}
