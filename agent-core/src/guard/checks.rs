//! The checks that need no body, one function each, and the order they come in.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use buckler_waf::detect::{Family, Fuel, is_asked_by_software_too, is_told_by_the_answer};

use super::{
    Shared,
    bots::bot,
    client::Client,
    flood::Flood,
    path::any_form,
    request::{RequestView, RouteMatch},
    rules::{Counting, Rules},
    snapshot::Mode,
    spells::Spells,
    static_files::is_static,
};
use crate::{
    clock::Clock,
    model::{
        policy::{BanTerms, Check, Level, Policy, Window},
        ztaa::TokenProblem,
    },
    protocol::v2::Evidence,
};

/// Checks of every request that is not whitelisted, and whose source is not listed: who may come at all.
pub(super) const ALWAYS: &[Step] = &[
    (Check::Ztaa, unproven, |case| unproven(case).is_some()),
    (Check::Path, shut, |case| shut(case).is_some()),
];

/// Checks that `IGNORE_PATHS` spares.
pub(super) const UNLESS_IGNORED: &[Step] = &[
    (Check::Bots, bot, |case| bot(case).is_some()),
    (Check::Spoofing, spoofed, |case| spoofed(case).is_some()),
    (Check::Decoy, decoyed, |case| decoyed(case).is_some()),
    (Check::Path, unrouted, |case| unrouted(case).is_some()),
    (Check::Flood, flooding, has_flooded),
    (Check::Brute, still_erring, |case| still_erring(case).is_some()),
    (Check::Headers, forbidden_header, |case| {
        forbidden_header(case).is_some()
    }),
];

/// Checks of an answer with this status.
pub(super) const fn answered(status: u16) -> &'static [Step] {
    match status {
        404 | 410 => NOT_FOUND,
        405 => METHOD_NOT_ALLOWED,
        _ => &[],
    }
}

const NOT_FOUND: &[Step] = &[
    (Check::Decoy, decoyed_after_all, |case| {
        decoyed_after_all(case).is_some()
    }),
    (Check::Decoy, probed_after_all, |case| probed_after_all(case).is_some()),
    (Check::Path, unrouted_after_all, |case| {
        unrouted_after_all(case).is_some()
    }),
];

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
    /// The policy in force, by which requests are counted, whichever policy judges them.
    pub(super) in_force: InForce<'c>,
    /// Whether the policy's `IGNORE_PATHS` spares the request.
    pub(super) is_ignored: bool,
    pub(super) windows: &'c Windows,
    /// What the guard has: the routes that it knows, and its detectors.
    pub(super) shared: &'c Shared,
    pub(super) client: Option<Client>,
    /// Whether the client may be banned. Requests of one that may not are not counted either: it may be a proxy that the settings
    /// do not name, and then all its clients would be shut out for the haste of one.
    pub(super) bannable: bool,
    pub(super) now: Duration,
    /// For the few checks that ask for the date.
    pub(super) clock: &'c dyn Clock,
    /// Whether anything is refused at all.
    pub(super) mode: Mode,
    /// The application's status, where its answer is what is judged.
    pub(super) answered: Option<u16>,
    /// What it takes to be banned.
    pub(super) terms: BanTerms,
    /// What looking into it may still cost.
    pub(super) fuel: &'c Fuel,
}

/// Requests, and errors answered, per source. pyrasp counts both in one window; here a page with many pictures brings no client
/// closer to the limit of errors.
#[derive(Debug, Default)]
pub(super) struct Windows {
    requests: Limiter,
    errors: Limiter,
}

/// What each source may still send, and for how long it has been sending more.
#[derive(Debug, Default)]
struct Limiter {
    buckets: Flood,
    spells: Spells,
}

/// The policy in force, with what it says about a request.
#[derive(Clone, Copy)]
pub(super) struct InForce<'c> {
    pub(super) policy: &'c Policy,
    pub(super) rules: Rules<'c>,
}

/// Sets apart the buckets of static files, and those of a policy that is only compared with the one in force. Ids of routes are
/// hashes, so that any number does.
const OF_STATIC: u64 = 0x5354_4154;
const OF_COMPARED: u64 = 0x434f_4d50;

/// What a check found.
pub(super) struct Finding<'c> {
    pub(super) place: Cow<'c, str>,
    pub(super) excerpt: &'c str,
    /// What tells this finding from others of the same client; nothing of it is logged.
    pub(super) value: &'c str,
    pub(super) evidence: Evidence,
    /// Whether it is to be reported, and not one of many alike.
    pub(super) is_news: bool,
    /// The family and the rule that found it, where there are several.
    pub(super) rule: Option<(&'static str, &'static str)>,
    /// How sure the rule is, in hundredths.
    pub(super) score: u8,
    /// That the source sends more than it may.
    pub(super) excess: Option<Excess>,
}

/// How much more a source sends than it may.
#[derive(Clone, Copy)]
pub(super) struct Excess {
    /// The time until it may send again.
    pub(super) wait: Duration,
    /// It goes on for so long that it is an offence.
    pub(super) goes_on: bool,
}

/// Whether one of these checks only logs, and would find something. What the view of the response no longer shows is not found again.
pub(super) fn would_log(steps: &[Step], case: &Case<'_>) -> bool {
    steps.iter().any(|(check, _, would_find)| {
        let is_of_head = matches!(check, Check::Spoofing | Check::Ztaa | Check::Bots);
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
            is_ignored: is_ignored(policy, self.request),
            ..*self
        }
    }

    /// The client's address, where its requests may be counted.
    pub(super) fn countable(&self) -> Option<IpAddr> {
        self.client.filter(|_| self.bannable).map(|client| client.address)
    }

    /// What is done about a finding of this check: what the configuration says, unless nothing is refused at all.
    pub(super) fn level(&self, check: Check) -> Level {
        self.in_mode(self.rules.level(check))
    }

    /// Returns whether only the application's answer tells whether it has such a page.
    pub(super) const fn is_route_in_doubt(&self) -> bool {
        matches!(self.request.route, RouteMatch::Unsure | RouteMatch::Unknown)
    }

    /// A level, unless nothing is refused at all.
    pub(super) const fn in_mode(&self, level: Level) -> Level {
        match (self.mode, level) {
            (Mode::LogOnly, Level::Block | Level::Ban) => Level::Log,
            (_, level) => level,
        }
    }
}

/// Whether `IGNORE_PATHS` spares a request: the path in every form it may be read in, so that no path is written into the list.
pub(super) fn is_ignored(policy: &Policy, request: &RequestView<'_>) -> bool {
    policy.ignores(request.path) && !any_form(request.path, |form| !policy.ignores(form))
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
    foreign.map(|host| Finding::one("host", host))
}

/// Stands for a host that is no text: no list of hosts can hold it.
const NO_TEXT: &str = "\u{fffd}";

/// The path is one of `DECOY_ROUTES`, and the application is sure to have none such, or nobody but an attacker asks for it: the
/// detectors know it too. Where only the application's answer tells, as where a fallback serves a single-page application, the answer
/// does: see [`decoyed_after_all`].
fn decoyed<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let path = case.request.path;
    match case.request.route {
        RouteMatch::Matched => None,
        RouteMatch::Missing => decoy(case),
        RouteMatch::Unsure | RouteMatch::Unknown => decoy(case).filter(|_| {
            let probe = case.shared.probe(case.policy, path);
            probe.is_some_and(|(rule, _)| !is_told_by_the_answer(rule))
        }),
    }
}

/// The path is one of `DECOY_ROUTES`, and the application had nothing there.
fn decoyed_after_all<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    decoy(case).filter(|_| case.is_route_in_doubt())
}

/// The path is one that only attackers ask for, told by a word that pages of applications are
/// called by too, and the application had nothing there.
fn probed_after_all<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    if !case.is_route_in_doubt() {
        return None;
    }
    let path = case.request.path;
    let (rule, score) = case.shared.probe(case.policy, path)?;
    (is_told_by_the_answer(rule) && !is_asked_by_software_too(rule)).then(|| Finding {
        rule: Some((Family::Probe.name(), rule)),
        score,
        ..Finding::one("path", path)
    })
}

/// A path of `DECOY_ROUTES`, but not one that leads to pages of the application: `/admin` where there is `/admin/users`.
fn decoy<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let path = case.request.path;
    let is_found = is_decoy(case.policy, path) && !any_form(path, |form| case.shared.routes.leads_on(form));
    is_found.then(|| Finding::proof("path", path))
}

/// Whether a path, in whichever form it is written, is one of the decoys.
pub(super) fn is_decoy(policy: &Policy, path: &str) -> bool {
    any_form(path, |form| policy.decoy(form))
}

/// The application has no route for this source: to whom a route is closed, it does not exist.
fn shut<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    case.rules
        .is_outside()
        .then(|| Finding::proof("network", case.request.path))
}

/// The application has no route for it.
fn unrouted<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    (case.request.route == RouteMatch::Missing).then(|| Finding::one("path", case.request.path))
}

/// The application had a fallback for what it has no route for, and that had nothing either.
fn unrouted_after_all<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    (case.request.route == RouteMatch::Unsure).then(|| Finding::one("path", case.request.path))
}

/// The route does not know the method. Browsers, caches and monitors ask with `HEAD` and `OPTIONS` on their own account: an application
/// that has no answer for them has no attackers for it.
fn unknown_method<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let method = case.request.method;
    (!matches!(method, "HEAD" | "OPTIONS")).then(|| Finding::one("method", method))
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
        ..Finding::one("", problem.name())
    })
}

/// Whether a browser asks whether a page may send another request (a CORS preflight): no page can
/// add a token to that one, and servers answer it without acting. A browser sends neither
/// credentials nor a body with it (Fetch, "CORS-preflight fetch"), so that whatever has them is
/// another request.
fn is_preflight(request: &RequestView<'_>) -> bool {
    const OF_OTHERS: [&str; 4] = ["authorization", "cookie", "content-type", "transfer-encoding"];
    let has_body = || {
        let mut has_body = false;
        request
            .headers
            .for_each_value("content-length", &mut |length| has_body |= length != b"0");
        has_body
    };
    request.method == "OPTIONS"
        && request.headers.contains("origin")
        && request.headers.contains("access-control-request-method")
        && !OF_OTHERS.iter().any(|name| request.headers.contains(name))
        && !has_body()
}

/// More requests for the paths that count than one source may send.
fn flooding<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let source = case.countable()?;
    let counting = counting(case.policy, &case.rules, case.request)?;
    case.windows.requests.take(counting, source, case)
}

/// Whether the request was one too many. What the policy in force counts is not counted again; the limits of another policy are
/// counted in buckets of their own.
fn has_flooded(case: &Case<'_>) -> bool {
    let own = counting(case.policy, &case.rules, case.request);
    let in_force = counting(case.in_force.policy, &case.in_force.rules, case.request);
    case.windows.requests.is_exceeded(own, in_force, case)
}

/// What a policy counts a request by; `None` where it does not.
fn counting(policy: &Policy, rules: &Rules<'_>, request: &RequestView<'_>) -> Option<Counting> {
    let counting = rules.flood();
    if counting.id != 0 {
        return Some(counting);
    }
    let counts = any_form(request.path, |path| policy.counts_for_flood(path));
    if counts && !policy.counts_static() && is_static(request) {
        let window = counting.window.of_static();
        return Some(Counting { id: OF_STATIC, window });
    }
    Some(counting).filter(|_| counts)
}

/// More errors, whatever the path, than one source may cause.
fn erring<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let source = case.countable()?;
    case.windows.errors.take(case.rules.error_flood(), source, case)
}

/// Whether the client has caused more errors than it may.
fn has_erred(case: &Case<'_>) -> bool {
    let own = case.rules.error_flood();
    case.windows
        .errors
        .is_exceeded(Some(own), Some(case.in_force.rules.error_flood()), case)
}

/// The client has just caused more errors than it may: until there is room for another, the application is spared what would be
/// the next attempt. Static files are none.
fn still_erring<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let source = case.countable().filter(|_| case.level(Check::Brute).blocks())?;
    case.windows.errors.hold(case.rules.error_flood(), source, case)
}

/// Whether an answer with this status counts as an error of its client. A page asks for its pictures on its own account, also where
/// they are gone.
pub(super) fn is_counted_error(status: u16, request: &RequestView<'_>) -> bool {
    !(matches!(status, 404 | 410) && is_static(request))
}

impl Limiter {
    /// Takes a token; a finding where there is none.
    fn take<'c>(&self, Counting { id, window }: Counting, source: IpAddr, case: &Case<'c>) -> Option<Finding<'c>> {
        let wait = self.buckets.take(id, source, window, case.now).err()?;
        Some(self.throttle(id, source, window, wait, case))
    }

    /// A finding where a source has exceeded its limit and has no token yet. Takes none.
    fn hold<'c>(&self, Counting { id, window }: Counting, source: IpAddr, case: &Case<'c>) -> Option<Finding<'c>> {
        if !self.spells.is_throttled(id, source, Spells::PAUSE, case.now) || is_static(case.request) {
            return None;
        }
        let wait = self.buckets.wait(id, source, window, case.now);
        (!wait.is_zero()).then(|| self.throttle(id, source, window, wait, case))
    }

    fn throttle<'c>(&self, id: u64, source: IpAddr, window: Window, wait: Duration, case: &Case<'c>) -> Finding<'c> {
        let throttled = self.spells.note(id, source, case.now);
        let ban_after = case.policy.flood_ban_after();
        Finding {
            evidence: Evidence::Threshold,
            is_news: throttled.is_news(window, ban_after),
            excess: Some(Excess {
                wait,
                goes_on: throttled.spell.goes_on(window, ban_after),
            }),
            ..Finding::proof("path", case.request.path)
        }
    }

    /// Whether a request exceeds the limit of the case's policy. Where that is the one in force, it has been counted; another's limit
    /// is counted here.
    fn is_exceeded(&self, own: Option<Counting>, in_force: Option<Counting>, case: &Case<'_>) -> bool {
        let Some((source, own)) = case.countable().zip(own) else {
            return false;
        };
        let was_throttled = |Counting { id, window }: Counting| {
            self.spells.is_throttled(id, source, 0, case.now)
                && !self.buckets.wait(id, source, window, case.now).is_zero()
        };
        if in_force == Some(own) {
            return was_throttled(own);
        }
        let exceeds = self
            .buckets
            .take(own.id ^ OF_COMPARED, source, own.window, case.now)
            .is_err();
        let exceeds_wider = |wider: Counting| own.window.is_tighter_than(wider.window) && was_throttled(wider);
        exceeds || in_force.is_some_and(exceeds_wider)
    }
}

/// A header that must not be there.
fn forbidden_header<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let mut forbidden = case.policy.forbidden_headers().iter();
    let name = forbidden.find(|name| case.request.headers.contains(name))?;
    Some(Finding {
        place: format!("header:{name}").into(),
        ..Finding::one("", name)
    })
}

impl<'c> Finding<'c> {
    /// One request was proof.
    fn proof(place: &'c str, excerpt: &'c str) -> Self {
        Self {
            evidence: Evidence::Certain,
            ..Self::one(place, excerpt)
        }
    }

    /// One request, which is no proof alone.
    pub(super) const fn one(place: &'c str, excerpt: &'c str) -> Self {
        Self {
            place: Cow::Borrowed(place),
            excerpt,
            value: excerpt,
            evidence: Evidence::Repeated,
            is_news: true,
            rule: None,
            score: 100,
            excess: None,
        }
    }
}
