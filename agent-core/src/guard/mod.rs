//! The guard: what runs on the host's web workers for every request. Synchronous, and without a panic that escapes.
//!
//! An adapter shows a request to [`Guard::check`], the beginning of its body to [`Guard::check_body`] and, where both passed, the
//! application's answer to [`Guard::check_answer`] and [`Guard::check_response`]; it obeys the [`Verdict`]s, and does nothing else. The guard reads the [`Snapshot`] that is in force, counts in the [`Tally`] and
//! in its windows, and drops what it finds into the [`Intake`]. What follows from a detection (a ban, a report, a line in the
//! log) is the actors' business, which publish the next snapshot. ([`Guard`] is the handle in the workers; the actor that decides
//! who is banned is `RequestGuard`.)
//!
//! # Order
//! 1. the whitelist: its members pass unjudged, and are only counted
//! 2. the blacklist, unless `BLACKLIST_OVERRIDE` is on
//! 3. `ztaa`, and the networks that a route is open to
//! 4. where `IGNORE_PATHS` does not match: `bots`, `spoofing` (the host), `decoy` and `path` where
//!    it is sure that there is no route, `flood`, `brute` while its limit is exceeded, `headers`
//! 5. what it carries: path, query, cookies and headers, then the beginning of its body ([`Guard::check_body`]), searched by the
//!    [detectors](buckler_waf::detect) whose checks are on
//! 6. for answers that are text: `dlp` ([`Guard::check_answer`]), where `IGNORE_PATHS` does not match
//! 7. for answers, where `IGNORE_PATHS` does not match: `decoy` and `path` (404, 410) and `method` (405); for errors, and for refusals
//!    by `spoofing`, `path` and `headers`: `brute`
//!
//! `flood` and `brute` throttle: the request is answered 429, and the next one that comes in time passes. Only what goes on for
//! `FLOOD_BAN_AFTER` is an offence.
//!
//! What each of them does about a request is for its route to say (`ROUTES`), or else for the configuration as a whole.
//!
//! The first check that refuses a request ends its judgement; what a check of level 3 finds is recorded, and the checks go on.
//!
//! A finding of level 2 refuses its request and is evidence against its client; what bans says `evidence.rs`.
//!
//! # What keeps it from shutting out the site's customers
//! - A configuration from the server is on [`Trial`] first, and taken back where it treats too many [`Recent`] clients worse than the
//!   one before.
//! - The fleet's list is looked at before it comes into force: [`Blacklist::suspend_shared`](crate::model::blacklist::Blacklist::suspend_shared).
//! - [`Mode::LogOnly`] is the kill switch: nothing is refused, whatever is found.
//! - A panic is caught, and the request passes (or is refused, by [`OnFailure`]). One in a detector leaves the request to the others,
//!   and one of the host's own that panics or is slow again and again rests ([`DetectorHealth`]). Buckler's own are always asked.
//! - What one request may cost is counted in steps ([`Fuel`]), and has
//!   an end: beyond it [`OnFailure`] decides about that request, and about no other.
//! - A slow judgement is counted: one in 256 is timed on each worker, which costs nothing that can be measured and finds what is slow
//!   often enough to matter.
//!
//! # What a request costs
//! One that nothing is found in: a look at the snapshot, a reading of the clock, and the look-ups; no allocation and no lock,
//! and no memory that another worker writes, except for what is kept of the request's own source.

mod answer;
mod ban_history;
mod block_id;
mod bots;
mod checks;
mod client;
mod compare;
mod declared;
mod decode;
mod dry_run;
mod evidence;
mod exhausted;
mod explain;
mod flood;
mod foreign;
mod form;
mod inspect;
mod intake;
mod judge;
mod learned_routes;
mod let_in;
mod outcome;
mod parts;
mod path;
mod recent;
mod request;
mod rest;
mod rules;
mod server_header;
mod sliding;
mod snapshot;
mod sources;
mod spells;
mod standing;
mod static_files;
mod supervision;
mod tally;
mod timing;
mod traffic;
mod trial;
mod uninspected;
mod verdict;
mod wanted;
mod whereabouts;

use std::{
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use buckler_waf::{
    detect::Fuel,
    places::{Gaps, Window},
};
use ipnet::IpNet;

pub(crate) use self::ban_history::Repetition;
pub use buckler_waf::places::Gap;

pub use self::{
    ban_history::BanHistory,
    block_id::{BlockId, NoBlockId},
    client::{Client, NamingHeader, ProxyHeader, Sender, Trusted, UndeclaredProxies, UndeclaredProxy},
    decode::CompressedBodies,
    dry_run::{DryRun, DryRunRoute},
    explain::{EvidenceCount, Explanation, ListEntry},
    flood::Flood,
    intake::Intake,
    parts::{GuardParts, OnFailure},
    recent::{Recent, Source},
    request::{BodyView, Headers, KEPT_HEADERS, Remembered, RequestView, RouteMatch},
    rest::BodyRest,
    server_header::ServerHeader,
    snapshot::{Mode, Published, Snapshot},
    supervision::DetectorHealth,
    tally::{Counts, Tally},
    trial::{Trial, TrialFailure, TrialState},
    uninspected::{Uninspected, UninspectedAction},
    verdict::{Blocked, Detection, Reaction, Refusal, Verdict},
    whereabouts::RequestInfo,
};
use self::{
    block_id::BlockIds, checks::Windows, dry_run::Rehearsals, evidence::Evidence, explain::Explanations,
    learned_routes::LearnedRoutes, let_in::LetIn, supervision::Supervision, traffic::Traffic,
};
use crate::{
    model::policy::{Check, Policy},
    protocol::Routes,
};

/// Judges requests. A clone is a handle to the same guard; every worker has one.
///
/// It goes on judging by the snapshot it has, whatever happens to the rest of the agent.
#[derive(Clone)]
pub struct Guard(Arc<Shared>);

struct Shared {
    parts: GuardParts,
    windows: Windows,
    traffic: Traffic,
    evidence: Evidence,
    history: BanHistory,
    routes: LearnedRoutes,
    ids: BlockIds,
    explanations: Explanations,
    rehearsals: Rehearsals,
    supervision: Supervision,
    undeclared: UndeclaredProxies,
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
enum Phase<'p> {
    Request,
    /// The beginning of the request's body, of which no more will be shown.
    Body(BodyView<'p>),
    /// The beginning of the request's body, the rest of which will be shown too.
    Beginning(BodyView<'p>),
    /// A part of the request's body.
    Rest(Window<'p>),
    /// The request's body goes on, and will not be shown, for these reasons.
    Ended(Gaps),
    /// The application's answer, with its status.
    Answer(u16),
    /// The beginning of the answer's body.
    AnswerBody(BodyView<'p>),
}

impl Guard {
    /// A judgement that takes longer is slow: it takes microseconds, and fifty milliseconds hold up every other request of the same
    /// worker for as long as a reader notices.
    pub const SLOW: Duration = Duration::from_millis(50);

    /// A guard with empty windows.
    #[must_use]
    pub fn new(parts: GuardParts) -> Self {
        Self(Arc::new(Shared {
            supervision: Supervision::new(&parts.detectors),
            parts,
            windows: Windows::default(),
            traffic: Traffic::default(),
            evidence: Evidence::default(),
            history: BanHistory::default(),
            routes: LearnedRoutes::default(),
            ids: BlockIds::default(),
            explanations: Explanations::default(),
            rehearsals: Rehearsals::default(),
            undeclared: UndeclaredProxies::default(),
        }))
    }

    /// Judges a request before the application sees it.
    ///
    /// A request that is refused here has been counted and reported, and is done with: its refusal is not shown to
    /// [`check_response`](Self::check_response). That is for what the application answers.
    pub fn check(&self, request: &RequestView<'_>) -> Verdict {
        self.timed(|| self.guarded(request, Phase::Request, &Fuel::of_head()))
    }

    /// How much of a request's body is wanted for [`check_body`](Self::check_body), in bytes. `None` where it is not worth reading:
    /// nothing looks into bodies, or not into this one.
    ///
    /// Asked after [`check`](Self::check) let the request pass.
    #[must_use]
    pub fn wants_body(&self, request: &RequestView<'_>) -> Option<NonZeroUsize> {
        let look = || {
            let published = self.0.parts.published.load();
            let wanted = |policy: &Policy| inspect::wanted_of_body(policy, request);
            let candidate = published.policy.dry_run().and_then(|candidate| wanted(candidate));
            wanted(&published.policy).max(candidate)
        };
        self.caught(look).flatten()
    }

    /// Judges the beginning of a request's body, before the application sees any of it.
    ///
    /// The view is the one that was checked. What an adapter cannot give (the body was cut off, or the client is too slow) it shows
    /// as far as it came.
    pub fn check_body(&self, request: &RequestView<'_>, body: BodyView<'_>) -> Verdict {
        self.timed(|| self.guarded(request, Phase::Body(body), &Fuel::of_body()))
    }

    /// Counts the application's answer and judges it: the errors of one client, the 404 that confirms that there was no route
    /// ([`RouteMatch::Unsure`]), and the 405 that says that the route does not know the method. Called once for a request that passed;
    /// where the verdict is to block, the refusal goes out in the answer's place.
    ///
    /// The view is the one that was checked. Where the application has consumed the request, peer, method, path, and who sent it
    /// ([`Headers::remembered`]) are enough.
    ///
    /// Only statuses from 400 to 499 count against the client. pyrasp counts 5xx too, and so bans whoever uses an application that
    /// is failing.
    pub fn check_response(&self, request: &RequestView<'_>, status: u16) -> Verdict {
        let verdict = match status {
            400..500 => self.guarded(request, Phase::Answer(status), &Fuel::of_part()),
            _ => Verdict::Pass,
        };
        if !verdict.is_block() {
            self.0.parts.tally.answered(status);
        }
        verdict
    }

    /// Takes note of a route of the application: the pattern that a request matched, in the framework's own notation. It keeps decoys
    /// off the way to its pages, and the server is told of it. Whether it is new; some hundreds are kept.
    ///
    /// For requests that a handler answered: a pattern says nothing where the answer is 404 or 405.
    #[expect(clippy::must_use_candidate, reason = "learning is what it is for")]
    pub fn learn_route(&self, method: &str, pattern: &str) -> bool {
        self.0.routes.learn(method, pattern)
    }

    /// The routes that are known, some hundreds of them.
    #[must_use]
    pub fn routes(&self) -> Routes {
        self.0.routes.all()
    }

    /// A number that rises with the routes that are [learned](Self::learn_route).
    #[must_use]
    pub fn routes_version(&self) -> u64 {
        self.0.routes.version()
    }

    /// Whether a path is a probe, unless the application has a route for it. An adapter for which it is costly to find the route
    /// before the application runs calls this first, and tells a route in [`RequestView::route`] only where it matters.
    #[must_use]
    pub fn is_decoy(&self, path: &str) -> bool {
        let look = || {
            let published = self.0.parts.published.load();
            let is_decoy =
                |policy: &Policy| policy.is_on_somewhere(Check::Decoy) && self.0.probe(policy, path).is_some();
            is_decoy(&published.policy) || published.policy.dry_run().is_some_and(|candidate| is_decoy(candidate))
        };
        self.caught(look).unwrap_or(false)
    }

    /// The proxies that pass requests on and are not declared, as far as they were seen since start.
    #[must_use]
    pub fn undeclared_proxies(&self) -> Vec<UndeclaredProxy> {
        self.0.undeclared.seen()
    }

    /// Who sent a request, as the guard sees it; none where that is unknown. What an adapter keeps of a request whose headers the
    /// application consumes: see [`Headers::remembered`].
    #[must_use]
    pub fn client(&self, request: &RequestView<'_>) -> Option<Client> {
        self.caught(|| self.0.parts.published.load().trusted.client(request))
            .flatten()
    }

    /// Why a request was refused, by the name of the refusal, or of the ban where its client is
    /// listed. Known are the newest refusals, some thousands, of this process; the others are in
    /// the log.
    #[must_use]
    pub fn why(&self, id: BlockId) -> Option<Explanation> {
        self.0.explanations.find(id)
    }

    /// How often clients were banned: what the agent's thread notes, and refusals tell.
    pub(crate) fn ban_history(&self) -> &BanHistory {
        &self.0.history
    }

    /// Forgets what speaks against the clients of networks, and their bans: they were let in, and
    /// begin again.
    pub(crate) fn forgive(&self, networks: &[IpNet]) {
        if networks.is_empty() {
            return;
        }
        let let_in = LetIn::new(networks);
        self.0.evidence.forget(&let_in);
        self.0.history.forget(&let_in);
    }

    /// A ban began with this refusal: its source is shown the same id from now on.
    pub(crate) fn banned(&self, network: IpNet, id: BlockId) {
        self.0.explanations.banned(network, id);
    }

    /// What a client of this network is shown that is refused for being listed.
    pub(crate) fn id_of_ban(&self, network: IpNet) -> BlockId {
        self.0.explanations.name(network)
    }

    /// Listed sources that were refused for the first time since the last look; some, where they
    /// are many.
    pub(crate) fn newly_listed(&self) -> Vec<Explanation> {
        self.0.explanations.fresh()
    }

    /// The detectors that have failed since start: those that panicked, and those that held up a request.
    #[must_use]
    pub fn failing_detectors(&self) -> Vec<DetectorHealth> {
        self.0.supervision.failing()
    }

    /// What the candidate configuration (`DRY_RUN`) would have decided otherwise; `None` where there is no candidate.
    #[must_use]
    pub fn dry_run(&self) -> Option<DryRun> {
        self.0.dry_run(&self.0.parts.published.load())
    }

    /// Judges, and counts a judgement that took too long.
    fn timed(&self, judge: impl FnOnce() -> Verdict) -> Verdict {
        let began = timing::is_timed().then(|| self.0.parts.clock.elapsed());
        let verdict = judge();
        if began.is_some_and(|began| self.0.parts.clock.elapsed().saturating_sub(began) > Self::SLOW) {
            self.0.parts.tally.slow();
        }
        verdict
    }

    /// Judges by the snapshot in force, and answers for a judgement that failed.
    fn guarded(&self, request: &RequestView<'_>, phase: Phase<'_>, fuel: &Fuel) -> Verdict {
        let Shared { parts, .. } = &*self.0;
        let judge = || {
            let snapshot = parts.published.load();
            let verdict = match phase {
                Phase::Request => self.0.judge(&snapshot, request, fuel),
                Phase::Body(body) | Phase::Beginning(body) => {
                    self.0.judge_body(&snapshot, request, (body, phase), fuel)
                }
                Phase::Rest(window) => self.0.judge_rest(&snapshot, request, window, fuel),
                Phase::Ended(gaps) => self.0.judge_end(&snapshot, request, &gaps, fuel),
                Phase::Answer(status) => self.0.judge_error(&snapshot, request, status, fuel),
                Phase::AnswerBody(body) => self.0.judge_answer(&snapshot, request, body, fuel),
            };
            self.0.rehearse(&snapshot, request, phase, &verdict);
            verdict
        };
        let verdict = self.caught(judge).unwrap_or_else(|| {
            let snapshot = parts.published.load();
            self.blame(&snapshot, request, phase);
            self.0.unjudged(&snapshot.policy, snapshot.mode, None)
        });
        self.addressed(verdict, request)
    }

    /// The verdict, its refusal written for who sent the request. How it is written never decides
    /// whether: where the adapter's view panics here, it stays as it is.
    fn addressed(&self, verdict: Verdict, request: &RequestView<'_>) -> Verdict {
        let Verdict::Block(refusal) = verdict else {
            return verdict;
        };
        let write = || {
            let published = self.0.parts.published.load();
            refusal.clone().addressed_to(request, &published.policy)
        };
        let written = catch_unwind(AssertUnwindSafe(write)).ok();
        Verdict::Block(written.unwrap_or(refusal))
    }

    /// A judgement panicked: if it would not have by the policy before, the one on trial is to blame. An adapter whose view of a
    /// request panics is no policy's fault.
    fn blame(&self, snapshot: &Snapshot, request: &RequestView<'_>, phase: Phase<'_>) {
        if let Some(trial) = &snapshot.trial {
            let by_the_previous = || self.0.severity(trial.previous(), snapshot, request, phase);
            if catch_unwind(AssertUnwindSafe(by_the_previous)).is_ok() {
                trial.panicked();
            }
        }
    }

    /// Runs what might panic, in a detector or in the adapter's view of a request: a panic in a middleware would answer the client
    /// with nothing. (Where the host is built with `panic = "abort"`, there is nothing left to catch it.)
    fn caught<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        // unwind-safe: what is written meanwhile are single atomic words and a ring that never holds half a detection
        let result = catch_unwind(AssertUnwindSafe(work));
        if result.is_err() {
            self.0.parts.tally.failed();
        }
        result.ok()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("tally", &self.0.parts.tally.totals())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
