//! The guard as adapters use it: requests in, verdicts, detections and counts out.

mod bans;
mod budget;
mod compressed;
mod detectors;
mod dry_run;
mod exceptions;
mod explain;
mod failure;
mod fuel;
mod hostile;
mod inspect;
mod leaks;
mod mode;
mod order;
mod response;
mod rest;
mod routes;
mod secrets;
mod trial;
mod uninspected;
mod unknown;
mod uploads;
mod windows;
mod ztaa;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use buckler_waf::{detect::Detectors, places::MOST_BYTES};
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Clock,
    model::{
        blacklist::{Blacklist, Scope},
        policy::{Layer, Level, Policy},
    },
    protocol::ConfigMap,
};

const ATTACKER: &str = "203.0.113.9";
const PROXY: &str = "10.0.0.1";

/// Time in seconds, as the test sets it.
#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.elapsed()
    }
}

/// A guard and all that surrounds it.
struct Stage {
    guard: Guard,
    published: Arc<Published>,
    intake: Arc<Intake>,
    tally: Arc<Tally>,
    recent: Arc<Recent>,
    clock: Arc<TestClock>,
    blacklist: Arc<Blacklist>,
}

/// A request that a test describes.
struct Request {
    peer: Option<IpAddr>,
    path: String,
    host: Option<&'static str>,
    route: RouteMatch,
    headers: Vec<(&'static str, &'static [u8])>,
    method: &'static str,
    query: String,
}

/// A policy with all checks off, but for what the test says.
fn policy(keys: Value) -> Policy {
    let off: ConfigMap = Check::ALL
        .iter()
        .map(|check| (check.name().to_owned(), json!(0)))
        .collect();
    let layer = |origin: &str, keys: Value| Layer {
        origin: origin.to_owned(),
        keys: serde_json::from_value(keys).unwrap(),
    };
    let reactions = json!({
        "BLACKLIST_STATUS_CODE": 418, "BLACKLIST_ACTION_CONTENT": "banned",
        "BLOCK_STATUS_CODE": 403, "BLOCK_ACTION_CONTENT": "blocked",
        "DECOY_ROUTES": [["/.git/", "starts"], ["/login", "ends"], ["/.env", "starts"]],
        // one finding bans, as under pyrasp, so that a test sees what a check makes of it; `bans` has the defaults
        "BAN_EVIDENCE": 1, "BAN_SHARE": 0, "BAN_GROWTH": false,
    });
    let off: ConfigMap = off.into_iter().filter(|(name, _)| name != "blacklist").collect();
    let layers = [
        layer("base", json!({ "SECURITY_CHECKS": off })),
        layer("base", reactions),
        layer("test", keys),
    ];
    Policy::compile("default", &layers).unwrap()
}

fn stage(keys: Value) -> Stage {
    stage_with(keys, OnFailure::Open)
}

fn stage_with(keys: Value, on_failure: OnFailure) -> Stage {
    stage_of(keys, on_failure, Detectors::standard().unwrap())
}

fn stage_of(keys: Value, on_failure: OnFailure, detectors: Detectors) -> Stage {
    stage_at(keys, on_failure, detectors, Arc::default())
}

fn stage_at(keys: Value, on_failure: OnFailure, detectors: Detectors, clock: Arc<TestClock>) -> Stage {
    stage_made(keys, on_failure, CompressedBodies::default(), detectors, clock)
}

fn stage_made(
    keys: Value,
    on_failure: OnFailure,
    compressed_bodies: CompressedBodies,
    detectors: Detectors,
    clock: Arc<TestClock>,
) -> Stage {
    let bodies = (compressed_bodies, Uninspected::default());
    stage_for(keys, on_failure, bodies, detectors, clock)
}

fn stage_for(
    keys: Value,
    on_failure: OnFailure,
    (compressed_bodies, uninspected): (CompressedBodies, Uninspected),
    detectors: Detectors,
    clock: Arc<TestClock>,
) -> Stage {
    let blacklist = Arc::new(Blacklist::new());
    let published = Arc::new(Published::new(Arc::new(Snapshot {
        policy: Arc::new(policy(keys)),
        blacklist: Arc::clone(&blacklist),
        trusted: Arc::new(Trusted::new(["10.0.0.0/8".parse().unwrap()], [])),
        mode: Mode::default(),
        trial: None,
        version: 1,
    })));
    let (intake, tally, recent) = (Arc::default(), Arc::default(), Arc::default());
    let guard = Guard::new(GuardParts {
        published: Arc::clone(&published),
        intake: Arc::clone(&intake),
        tally: Arc::clone(&tally),
        recent: Arc::clone(&recent),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        on_failure,
        compressed_bodies,
        uninspected,
        detectors: Arc::new(detectors),
    });
    Stage {
        guard,
        published,
        intake,
        tally,
        recent,
        clock,
        blacklist,
    }
}

/// A form, by its header.
const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");

/// A request that posts something with these headers.
fn posting<'r>(headers: &'r &'r [(&'r str, &'r [u8])]) -> RequestView<'r> {
    RequestView {
        peer: Some(ATTACKER.parse().unwrap()),
        method: "POST",
        path: "/orders",
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers,
    }
}

impl Stage {
    /// Judges what is shown of a body by an adapter that shows no more.
    fn check_posted(&self, headers: &[(&str, &[u8])], bytes: &[u8], is_whole: bool) -> Verdict {
        let bytes = bytes.get(..MOST_BYTES).unwrap_or(bytes);
        self.guard.check_body(&posting(&headers), BodyView { bytes, is_whole })
    }

    /// Whether a body is refused by an adapter that shows all of it, in pieces of this length.
    fn refuses_in_pieces(&self, headers: &[(&str, &[u8])], body: &[u8], piece: usize) -> bool {
        let view = posting(&headers);
        let (bytes, following) = body.split_at(MOST_BYTES.min(body.len()));
        let is_whole = following.is_empty();
        let (verdict, rest) = self.guard.check_body_beginning(&view, BodyView { bytes, is_whole });
        let Some(mut rest) = rest.filter(|_| !verdict.is_block()) else {
            return verdict.is_block();
        };
        let mut pieces = following.chunks(piece).peekable();
        while let Some(piece) = pieces.next() {
            let is_end = pieces.peek().is_none();
            if self.guard.check_body_rest(&view, &mut rest, piece, is_end).is_block() {
                return true;
            }
        }
        assert!(rest.is_over());
        false
    }

    fn check(&self, request: &Request) -> Verdict {
        self.guard.check(&request.view())
    }

    fn answer(&self, request: &Request, status: u16) -> Verdict {
        self.guard.check_response(&request.view(), status)
    }

    /// Whether a request is refused, first or last.
    fn refuses(&self, request: &Request, status: u16) -> bool {
        self.check(request).is_block() || self.answer(request, status).is_block()
    }

    fn list(&self, network: &str) {
        self.blacklist.insert(
            crate::model::address::parse_network(network).unwrap(),
            None,
            Scope::Shared,
        );
    }

    fn pass_time(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// What was reported since the last look.
    fn reported(&self) -> Vec<(Check, Level)> {
        self.detections()
            .into_iter()
            .map(|detection| (detection.check, detection.level))
            .collect()
    }

    fn detections(&self) -> Vec<Detection> {
        std::iter::from_fn(|| self.intake.pop()).collect()
    }

    /// Requests that passed with a gap, by reason.
    fn counted(&self) -> Vec<(Gap, u64)> {
        self.tally.totals().uninspected_by_reason().collect()
    }

    /// Success, errors, attacks, blocked.
    fn counts(&self) -> [u64; 4] {
        let counts = self.tally.totals();
        [counts.success, counts.errors, counts.attacks, counts.blocked]
    }
}

fn get(path: impl Into<String>) -> Request {
    Request {
        peer: Some(ATTACKER.parse().unwrap()),
        path: path.into(),
        host: Some("shop.example.com"),
        route: RouteMatch::Matched,
        headers: vec![("accept", b"*/*")],
        method: "GET",
        query: String::new(),
    }
}

impl Request {
    fn from(self, peer: &str) -> Self {
        Self {
            peer: Some(peer.parse().unwrap()),
            ..self
        }
    }

    fn unrouted(self, route: RouteMatch) -> Self {
        Self { route, ..self }
    }

    fn to(self, host: Option<&'static str>) -> Self {
        Self { host, ..self }
    }

    fn asking(self, query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            ..self
        }
    }

    /// With this header, in the place of the one that every request has where it is `accept`.
    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.retain(|header| name != "accept" || header.0 != name);
        self.headers.push((name, value.as_bytes()));
        self
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            peer: self.peer,
            method: self.method,
            path: &self.path,
            query: &self.query,
            host: self.host,
            route: self.route,
            headers: self,
        }
    }
}

impl Headers for Request {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let named = self.headers.iter().filter(|(own, _)| *own == name);
        named.for_each(|(_, value)| visit(value));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.headers.iter().for_each(|(name, value)| visit(name, value));
    }
}

/// The status that a request is answered with; 0 where it passes.
fn status(verdict: &Verdict) -> u16 {
    match verdict {
        Verdict::Block(refusal) => match refusal.reaction {
            Reaction::Respond { status, .. } | Reaction::Redirect { status, .. } => status,
        },
        Verdict::Pass => 0,
    }
}

fn content(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Block(refusal) => match refusal.answer() {
            Reaction::Respond { content, .. } => content.to_string(),
            Reaction::Redirect { location, .. } => location.to_string(),
        },
        Verdict::Pass => String::new(),
    }
}
