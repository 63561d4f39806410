//! A guard, or an agent, with one configuration, and requests for it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use buckler::{
    Agent, Settings,
    clock::Clock,
    guard::{
        BodyView, CompressedBodies, Detection, Guard, GuardParts, Intake, Mode, OnFailure, Published, RequestView,
        RouteMatch, Snapshot, Trusted, Uninspected, Verdict,
    },
    model::{
        blacklist::{Blacklist, Scope},
        policy::{Check, Layer, Policy, Reaction},
    },
    settings::SettingsBuilder,
    testing::ManualClock,
};
use buckler_waf::detect::Detectors;
use serde_json::{Map, Value, json};

/// A source that nobody protects.
pub(crate) const CLIENT: &str = "203.0.113.9";

/// How long anything may take that happens on another thread.
const PATIENCE: Duration = Duration::from_secs(20);

/// A guard that judges by one policy.
pub(crate) struct Stage {
    pub(crate) guard: Guard,
    pub(crate) clock: Arc<ManualClock>,
    blacklist: Arc<Blacklist>,
    intake: Arc<Intake>,
}

/// A request that a test describes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) peer: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) host: &'static str,
    pub(crate) route: RouteMatch,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
}

pub(crate) fn compile(template: &str, keys: &Value) -> Result<Policy, String> {
    let layer = Layer::new("test", keys.as_object().cloned().unwrap_or_default());
    Policy::compile(template, &[layer]).map_err(|error| error.to_string())
}

/// A guard with all checks off but those that the keys name, and which one finding of level 2 is enough for, where they do not say.
pub(crate) fn stage(keys: Value) -> Stage {
    let mut off: Map<String, Value> = Check::ALL
        .iter()
        .filter(|check| **check != Check::Blacklist)
        .map(|check| (check.name().to_owned(), json!(0)))
        .collect();
    let mut keys = keys;
    if let Some(own) = keys["SECURITY_CHECKS"].as_object() {
        off.extend(own.clone());
    }
    keys["SECURITY_CHECKS"] = Value::Object(off);
    if keys["BAN_EVIDENCE"].is_null() {
        keys["BAN_EVIDENCE"] = json!(1);
    }
    stage_of(compile("default", &keys).unwrap())
}

pub(crate) fn stage_of(policy: Policy) -> Stage {
    let (blacklist, intake, clock) = (
        Arc::new(Blacklist::new()),
        Arc::new(Intake::default()),
        ManualClock::new(),
    );
    let snapshot = Snapshot {
        policy: Arc::new(policy),
        blacklist: Arc::clone(&blacklist),
        trusted: Arc::new(Trusted::new([], [])),
        mode: Mode::default(),
        trial: None,
        version: 1,
    };
    let guard = Guard::new(GuardParts {
        published: Arc::new(Published::new(Arc::new(snapshot))),
        intake: Arc::clone(&intake),
        tally: Arc::default(),
        recent: Arc::default(),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        on_failure: OnFailure::Open,
        compressed_bodies: CompressedBodies::default(),
        uninspected: Uninspected::default(),
        detectors: Arc::new(Detectors::standard().unwrap()),
    });
    Stage {
        guard,
        clock,
        blacklist,
        intake,
    }
}

impl Stage {
    pub(crate) fn check(&self, request: &Request) -> Verdict {
        request.show(|view| self.guard.check(view))
    }

    pub(crate) fn refuses(&self, request: &Request) -> bool {
        self.check(request).is_block()
    }

    pub(crate) fn answer(&self, request: &Request, status: u16) -> Verdict {
        request.show(|view| self.guard.check_response(view, status))
    }

    pub(crate) fn refuses_body(&self, request: &Request, bytes: &[u8]) -> bool {
        let body = BodyView { bytes, is_whole: true };
        request.show(|view| self.guard.check(view).is_block() || self.guard.check_body(view, body).is_block())
    }

    /// Whether an answer of plain text is refused for what it says.
    pub(crate) fn refuses_answer(&self, request: &Request, text: &str) -> bool {
        let body = BodyView {
            bytes: text.as_bytes(),
            is_whole: true,
        };
        request.show(|view| {
            let is_wanted = self.guard.wants_answer(view, "text/plain", "").is_some();
            is_wanted && self.guard.check_answer(view, body).is_block()
        })
    }

    pub(crate) fn list(&self, network: &str) {
        self.blacklist.insert(network.parse().unwrap(), None, Scope::Shared);
    }

    /// What was found since the last look.
    pub(crate) fn found(&self) -> Vec<Detection> {
        std::iter::from_fn(|| self.intake.pop()).collect()
    }

    pub(crate) fn checks(&self) -> Vec<&'static str> {
        self.found().iter().map(|detection| detection.check.name()).collect()
    }
}

pub(crate) fn get(path: impl Into<String>) -> Request {
    Request {
        peer: CLIENT,
        method: "GET",
        path: path.into(),
        query: String::new(),
        host: "shop.example.com",
        route: RouteMatch::Matched,
        headers: vec![("accept", b"*/*".to_vec())],
    }
}

impl Request {
    pub(crate) fn from(self, peer: &'static str) -> Self {
        Self { peer, ..self }
    }

    pub(crate) fn asking(self, query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            ..self
        }
    }

    pub(crate) fn unrouted(self) -> Self {
        Self {
            route: RouteMatch::Unsure,
            ..self
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn show<T>(&self, judge: impl FnOnce(&RequestView<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (*name, &**value)).collect();
        judge(&RequestView {
            peer: Some(self.peer.parse().unwrap()),
            method: self.method,
            path: &self.path,
            query: &self.query,
            host: Some(self.host),
            route: self.route,
            headers: &&*headers,
        })
    }
}

/// Status and content of a refusal, or status and place of a redirect.
pub(crate) fn answered(verdict: Verdict) -> (u16, String) {
    match verdict {
        Verdict::Pass => panic!("it passed"),
        Verdict::Block(refusal) => match refusal.answer() {
            Reaction::Respond { status, content } => (status, content.to_string()),
            Reaction::Redirect { status, location } => (status, location.to_string()),
        },
    }
}

/// Settings with these keys.
pub(crate) fn settings(keys: &Value) -> SettingsBuilder {
    let mut settings = Settings::builder();
    for (key, value) in keys.as_object().into_iter().flatten() {
        settings = settings.security(key, value.clone());
    }
    settings
}

/// An agent that guards by local settings alone, on a clock that stands still.
pub(crate) fn agent(settings: SettingsBuilder) -> (Agent, Arc<ManualClock>) {
    let clock = ManualClock::new();
    let settings = settings.build().unwrap();
    (Agent::builder(settings).clock(Arc::clone(&clock) as _).start(), clock)
}

/// A request for a decoy, which is refused and reported.
pub(crate) fn attack(agent: &Agent, path: &str) {
    assert!(get(path).unrouted().show(|view| agent.guard().check(view)).is_block());
}

/// Waits for a condition; fails with what the agent says of itself.
#[track_caller]
pub(crate) fn wait_until(agent: &Agent, what: &str, mut condition: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
    let end = Instant::now() + PATIENCE;
    while !condition() {
        #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
        let now = Instant::now();
        assert!(now < end, "not within {PATIENCE:?}: {what}; {:#?}", agent.status());
        std::thread::yield_now();
    }
}
