//! Shows a request to the guard, as an adapter does.

use std::{error::Error, sync::Arc};

use buckler::{
    clock::{Clock, SystemClock},
    guard::{
        BodyView, CompressedBodies, Guard, GuardParts, Headers, Intake, Mode, OnFailure, Published, RequestView,
        RouteMatch, Snapshot, Tally, Trusted, Uninspected,
    },
    model::{
        blacklist::Blacklist,
        policy::{Check, Layer, Policy},
    },
};
use buckler_waf::detect::Detectors;
use serde::Serialize;
use serde_json::json;

use crate::corpus::{Label, Row};

/// What became of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict<'r> {
    pub(crate) id: &'r str,
    pub(crate) verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<String>,
    /// Whether it cost more to look into than one may.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unjudged: bool,
    pub(crate) micros: f64,
}

/// A guard of its own, without an agent around it: what it finds bans nobody, so that no request is judged by the one before.
pub(crate) struct Judge {
    guard: Guard,
    intake: Arc<Intake>,
    tally: Arc<Tally>,
    clock: SystemClock,
    runs: usize,
}

/// What refused a request.
struct Found {
    rule: String,
    place: String,
}

impl Judge {
    /// Judges by the default template, without the checks that count requests. Each is judged so many times, for the timing.
    pub(crate) fn new(runs: usize) -> Result<Self, Box<dyn Error>> {
        let (intake, tally) = (Arc::new(Intake::default()), Arc::new(Tally::new()));
        let snapshot = Snapshot {
            policy: Arc::new(policy()?),
            blacklist: Arc::new(Blacklist::new()),
            trusted: Arc::new(Trusted::new([], [])),
            mode: Mode::Enforce,
            trial: None,
            version: 1,
        };
        let guard = Guard::new(GuardParts {
            published: Arc::new(Published::new(Arc::new(snapshot))),
            intake: Arc::clone(&intake),
            tally: Arc::clone(&tally),
            recent: Arc::default(),
            clock: Arc::new(SystemClock::new()),
            on_failure: OnFailure::Open,
            compressed_bodies: CompressedBodies::default(),
            uninspected: Uninspected::default(),
            detectors: Arc::new(Detectors::standard()?),
        });
        Ok(Self {
            guard,
            intake,
            tally,
            clock: SystemClock::new(),
            runs: runs.max(1),
        })
    }

    /// How often a request cost more to look into than one may.
    pub(crate) fn unjudged(&self) -> u64 {
        self.tally.totals().unjudged
    }

    pub(crate) fn verdict<'r>(&self, row: &'r Row) -> Verdict<'r> {
        let mut found = None;
        let mut micros = f64::INFINITY;
        let unjudged = self.unjudged();
        for _ in 0..self.runs {
            let start = self.clock.elapsed();
            let is_refused = self.is_refused(row, route_of(row));
            let taken = self.clock.elapsed().saturating_sub(start);
            micros = micros.min(taken.as_secs_f64() * 1e6);
            found = self.reported(is_refused);
        }
        if row.label == Label::Benign && found.as_ref().is_some_and(|found| found.rule == Check::Decoy.name()) {
            // a harmless request for a decoy is for a page that is there
            let is_refused = self.is_refused(row, RouteMatch::Matched);
            found = self.reported(is_refused);
        }
        let is_refused = found.is_some();
        let (rule, place) = found.map_or((None, None), |found| (Some(found.rule), Some(found.place)));
        Verdict {
            id: &row.id,
            verdict: if is_refused { "block" } else { "pass" },
            rule,
            place,
            unjudged: self.unjudged() > unjudged,
            micros,
        }
    }

    /// Asks the guard in the order of an adapter.
    fn is_refused(&self, row: &Row, route: RouteMatch) -> bool {
        let request = &row.request;
        let headers = List(&request.headers);
        let (path, query) = request.target();
        let view = RequestView {
            peer: None,
            method: &request.method,
            path,
            query,
            host: request.header("host"),
            route,
            headers: &headers,
        };
        let of_body = || {
            let most = self.guard.wants_body(&view).filter(|_| !request.body.is_empty());
            most.is_some_and(|most| {
                let body = BodyView {
                    bytes: request.body.get(..most.get()).unwrap_or(&request.body),
                    is_whole: request.body.len() <= most.get(),
                };
                self.guard.check_body(&view, body).is_block()
            })
        };
        // of other requests a corpus does not say how they were answered
        let of_answer = || is_of_nothing(row) && self.guard.check_response(&view, 404).is_block();
        self.guard.check(&view).is_block() || of_body() || of_answer()
    }

    /// What the guard reported of a request that it refused. Leaves nothing for the next one.
    fn reported(&self, is_refused: bool) -> Option<Found> {
        let reports = std::iter::from_fn(|| self.intake.pop());
        let refusing = reports.filter(|detection| detection.id.is_some()).last();
        is_refused.then(|| {
            refusing.map_or_else(
                || Found {
                    rule: "unreported".to_owned(),
                    place: String::new(),
                },
                |detection| Found {
                    rule: detection.rule.into_owned(),
                    place: detection.place.into(),
                },
            )
        })
    }
}

/// What is known of the route of a request. A corpus has no application and so no routes: as a framework with a fallback, which tells
/// by its answer, an adapter would be unsure of them. Only what a corpus says is for a catch-all has a route.
fn route_of(row: &Row) -> RouteMatch {
    if row.label == Label::Benign && row.category == "catch-all" {
        RouteMatch::Matched
    } else {
        RouteMatch::Unsure
    }
}

/// Whether a request is for what the application does not have: a decoy, or what a published
/// exploit attacks, which is another product.
fn is_of_nothing(row: &Row) -> bool {
    row.label == Label::Attack && matches!(&*row.category, "decoy" | "cve")
}

/// The default template. Floods and bans are of sources, and a corpus has none.
fn policy() -> Result<Policy, Box<dyn Error>> {
    let keys = json!({"SECURITY_CHECKS": {"flood": 0, "brute": 0}, "BLACKLIST_OVERRIDE": true});
    let layer = Layer::new("score", serde_json::from_value(keys)?);
    Ok(Policy::compile("default", &[layer])?)
}

/// Headers of a row, names in lower case.
struct List<'r>(&'r [(String, String)]);

impl Headers for List<'_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let named = self.0.iter().filter(|(own, _)| own == name);
        named.for_each(|(_, value)| visit(value.as_bytes()));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.0.iter().for_each(|(name, value)| visit(name, value.as_bytes()));
    }
}
