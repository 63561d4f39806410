//! A candidate configuration beside the one in force (`DRY_RUN`): every request is judged by both, the candidate decides nothing, and
//! what it would have decided otherwise is counted, by route and check.
//!
//! The candidate changes nothing that the one in force counts by. Limits of its own are counted in buckets of their own, so that what
//! it would throttle is what it would throttle.
//!
//! Nothing is compared while the kill switch is on, nor where a request could not be judged. Where there is no candidate, it all costs
//! one comparison with null.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwapOption;
use serde::Serialize;

use super::{
    Phase, Shared,
    request::{RequestView, RouteMatch},
    snapshot::{Mode, Snapshot},
    verdict::Verdict,
};
use crate::model::policy::{Check, Policy};

/// What a candidate configuration would have decided otherwise, since it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// Requests that both judged.
    pub requests: u64,
    /// Judgements that the candidate failed on.
    pub failures: u64,
    /// The routes, by the beginning of their paths, where it would have.
    pub routes: Vec<DryRunRoute>,
}

/// What a candidate would have decided otherwise on one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRunRoute {
    /// The first segment of its path: `/api`; `(no route)` where the application has none, `(other)` for all that are too many.
    pub route: String,
    /// Refusals that there would have been, by check. A request counts where it is refused first, and again where its body or its
    /// answer would have been refused too.
    pub would_block: BTreeMap<&'static str, u64>,
    /// Refusals that there would not have been, by check.
    pub would_pass: BTreeMap<&'static str, u64>,
}

impl DryRun {
    /// All that it would have refused, and all that it would have let pass.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        let sum = |of: fn(&DryRunRoute) -> &BTreeMap<&'static str, u64>| {
            self.routes.iter().flat_map(|route| of(route).values()).sum()
        };
        (sum(|route| &route.would_block), sum(|route| &route.would_pass))
    }
}

/// The counts for the candidate of the moment: another candidate has others.
#[derive(Debug, Default)]
pub(super) struct Rehearsals(ArcSwapOption<Rehearsal>);

#[derive(Debug)]
struct Rehearsal {
    candidate: Arc<Policy>,
    requests: AtomicU64,
    failures: AtomicU64,
    routes: Box<[Route]>,
    others: Counts,
}

#[derive(Debug, Default)]
struct Route {
    /// Claimed by the first request that needs it.
    name: ArcSwapOption<String>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    would_block: [AtomicU64; Check::ALL.len()],
    would_pass: [AtomicU64; Check::ALL.len()],
}

/// Routes that are told apart: more than most sites have beginnings, at 300 bytes each.
const ROUTES: usize = 64;

/// The longest name of a route, in bytes: a client chooses it.
const NAME: usize = 64;

impl Shared {
    /// Counts what the candidate would have made of a judgement otherwise.
    pub(super) fn rehearse(&self, snapshot: &Snapshot, request: &RequestView<'_>, phase: Phase<'_>, verdict: &Verdict) {
        let Some(candidate) = snapshot.policy.dry_run().filter(|_| snapshot.mode == Mode::Enforce) else {
            return;
        };
        let rehearsal = self.rehearsals.of(candidate);
        if matches!(phase, Phase::Request) {
            rehearsal.requests.fetch_add(1, Relaxed);
        }
        // unwind-safe: nothing is written meanwhile. What fails here has decided nothing
        let judge = AssertUnwindSafe(|| self.refused_by(candidate, snapshot, request, phase));
        let Ok(would) = catch_unwind(judge) else {
            rehearsal.failures.fetch_add(1, Relaxed);
            return;
        };
        match (self.check_of(verdict), would) {
            (Refused::No, Some((check, _))) => count(&rehearsal.counts(request).would_block, check),
            (Refused::By(check), None) => count(&rehearsal.counts(request).would_pass, check),
            (Refused::No, None) | (Refused::By(_), Some(_)) | (Refused::Unjudged, _) => {}
        }
    }

    /// What the candidate would have decided otherwise, where there is one.
    pub(super) fn dry_run(&self, snapshot: &Snapshot) -> Option<DryRun> {
        let candidate = snapshot.policy.dry_run()?;
        Some(self.rehearsals.of(candidate).report())
    }

    /// The check that a request was refused by.
    fn check_of(&self, verdict: &Verdict) -> Refused {
        let Verdict::Block(refusal) = verdict else {
            return Refused::No;
        };
        if self.explanations.listed_as(refusal.id).is_some() {
            return Refused::By(Check::Blacklist);
        }
        // not kept, for its slot has another's: only listed sources share slots that long
        let name = self.explanations.find(refusal.id).map_or("blacklist", |why| why.check);
        let check = Check::ALL.into_iter().find(|check| check.name() == name);
        check.map_or(Refused::Unjudged, Refused::By)
    }
}

/// How the configuration in force has decided.
enum Refused {
    No,
    By(Check),
    /// It could not.
    Unjudged,
}

impl Rehearsals {
    /// The counts for a candidate: new ones where it is new.
    fn of(&self, candidate: &Arc<Policy>) -> Arc<Rehearsal> {
        let current = self.0.load_full();
        match current {
            Some(current) if Arc::ptr_eq(&current.candidate, candidate) => current,
            other => {
                let fresh = Arc::new(Rehearsal::new(candidate));
                let before = self.0.compare_and_swap(&other, Some(Arc::clone(&fresh)));
                let rival = Option::clone(&before).filter(|rival| Arc::ptr_eq(&rival.candidate, candidate));
                rival.unwrap_or(fresh)
            }
        }
    }
}

impl Rehearsal {
    fn new(candidate: &Arc<Policy>) -> Self {
        Self {
            candidate: Arc::clone(candidate),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            routes: (0..ROUTES).map(|_| Route::default()).collect(),
            others: Counts::default(),
        }
    }

    /// The counts of the request's route. Names come in the order in which they are needed, so the first empty place ends the search.
    fn counts(&self, request: &RequestView<'_>) -> &Counts {
        let name = route_of(request);
        for route in &self.routes {
            let mut known = route.name.load_full();
            if known.is_none() {
                let claimed = Some(Arc::new(name.to_owned()));
                let before = route.name.compare_and_swap(&known, claimed.clone());
                known = Option::clone(&before).or(claimed);
            }
            if known.is_some_and(|known| *known == name) {
                return &route.counts;
            }
        }
        &self.others
    }

    fn report(&self) -> DryRun {
        let named = self
            .routes
            .iter()
            .filter_map(|route| Some(route.counts.report(&route.name.load_full()?)));
        let routes = named.chain([self.others.report("(other)")]);
        DryRun {
            requests: self.requests.load(Relaxed),
            failures: self.failures.load(Relaxed),
            routes: routes.filter(DryRunRoute::is_any).collect(),
        }
    }
}

impl Counts {
    fn report(&self, route: &str) -> DryRunRoute {
        let read = |counts: &[AtomicU64]| {
            let all = Check::ALL.into_iter().zip(counts);
            all.map(|(check, count)| (check.name(), count.load(Relaxed)))
                .filter(|(_, count)| *count > 0)
                .collect()
        };
        DryRunRoute {
            route: route.to_owned(),
            would_block: read(&self.would_block),
            would_pass: read(&self.would_pass),
        }
    }
}

impl DryRunRoute {
    fn is_any(&self) -> bool {
        !(self.would_block.is_empty() && self.would_pass.is_empty())
    }
}

fn count(counts: &[AtomicU64], check: Check) {
    if let Some(count) = counts.get(check as usize) {
        count.fetch_add(1, Relaxed);
    }
}

/// The first segment of a path that the application may have a route for.
fn route_of<'r>(request: &RequestView<'r>) -> &'r str {
    if request.route == RouteMatch::Missing {
        return "(no route)";
    }
    let path = request.path;
    let after_slash = usize::from(path.starts_with('/'));
    let rest = path.get(after_slash..).unwrap_or_default();
    let end = after_slash + rest.find('/').unwrap_or(rest.len());
    path.split_at(path.floor_char_boundary(end.min(NAME))).0
}
