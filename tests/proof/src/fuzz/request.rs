//! Requests, as a client may send them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, LazyLock},
};

use buckler::{
    guard::{
        CompressedBodies, Detection, Guard, GuardParts, Intake, Mode, OnFailure, Published, RequestView, RouteMatch,
        Snapshot, Tally, Trusted, Uninspected,
    },
    model::{address::canonical, blacklist::Blacklist, policy::Policy},
    testing::ManualClock,
};
use buckler_waf::detect::Detectors;

use super::bytes::Bytes;

/// Shows the guard a request, and the application's answer to it.
///
/// # Panics
/// Where the guard fails inside, or finds what is not canonical or not bounded.
pub fn request(input: &[u8]) {
    static DEFAULT: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::compile("default", &[]).unwrap()));
    let stage = Stage::new(Arc::clone(&DEFAULT));
    let mut bytes = Bytes::new(input);
    let (peer, route, status) = (peer(&mut bytes), route(&mut bytes), 400 + u16::from(bytes.byte() % 100));
    let text = String::from_utf8_lossy(bytes.rest());
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query, host) = (line(), line(), line(), line());
    let headers: Vec<(String, &[u8])> = lines
        .map(|line| line.split_once(':').unwrap_or((line, "")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes()))
        .collect();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    stage.judge(
        &RequestView {
            peer,
            method,
            path,
            query,
            host: Some(host).filter(|host| !host.is_empty()),
            route,
            headers: &headers.as_slice(),
        },
        status,
    );
}

/// Judges a few requests by this policy.
pub(super) fn judged_by(policy: Policy) {
    let stage = Stage::new(Arc::new(policy));
    for path in ["/", "/.git/config", "/a%2e%2e//b;c=d", "/é\u{202e}", ""] {
        let headers: [(&str, &[u8]); 2] = [("user-agent", b"\xff"), ("x-forwarded-for", b"203.0.113.9, 10.0.0.2")];
        let view = RequestView {
            peer: Some(Ipv4Addr::new(10, 0, 0, 1).into()),
            method: "GET",
            path,
            query: "a=1&&=",
            host: Some("shop.example.com:80"),
            route: RouteMatch::Unsure,
            headers: &headers,
        };
        stage.judge(&view, 404);
    }
}

/// A guard and all that surrounds it.
struct Stage {
    guard: Guard,
    intake: Arc<Intake>,
    tally: Arc<Tally>,
}

impl Stage {
    fn new(policy: Arc<Policy>) -> Self {
        let own = [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1))];
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let published = Arc::new(Published::new(Arc::new(Snapshot {
            policy,
            blacklist: Arc::new(Blacklist::new()),
            trusted: Arc::new(Trusted::new(proxies, own)),
            mode: Mode::Enforce,
            trial: None,
            version: 1,
        })));
        let (intake, tally) = (Arc::<Intake>::default(), Arc::<Tally>::default());
        let guard = Guard::new(GuardParts {
            published,
            intake: Arc::clone(&intake),
            tally: Arc::clone(&tally),
            recent: Arc::default(),
            clock: ManualClock::new(),
            on_failure: OnFailure::Open,
            compressed_bodies: CompressedBodies::default(),
            uninspected: Uninspected::default(),
            detectors: Arc::new(Detectors::standard().unwrap()),
        });
        Self { guard, intake, tally }
    }

    fn judge(&self, view: &RequestView<'_>, status: u16) {
        if let Some(client) = self.guard.client(view) {
            assert_eq!(canonical(client.address), client.address, "the client of {view:?}");
        }
        if !self.guard.check(view).is_block() {
            let _answered = self.guard.check_response(view, status);
        }
        let _decoy = self.guard.is_decoy(view.path);
        let counts = self.tally.totals();
        assert_eq!(counts.guard_failures, 0, "the guard failed at {view:?}");
        assert!(
            counts.success + counts.errors + counts.blocked >= 1,
            "{view:?} was not counted"
        );
        while let Some(found) = self.intake.pop() {
            let Detection { source, excerpt, .. } = &found;
            assert_eq!(canonical(*source), *source, "{found:?}");
            assert!(excerpt.len() <= Detection::EXCERPT, "{found:?}");
        }
    }
}

fn peer(bytes: &mut Bytes<'_>) -> Option<IpAddr> {
    let number = bytes.number();
    match number % 4 {
        0 => None,
        1 => Some(Ipv4Addr::new(10, 0, 0, 1).into()),
        2 => Some(Ipv4Addr::from(number).into()),
        _ => Some(Ipv6Addr::from((u128::from(number) << 96) | u128::from(bytes.number())).into()),
    }
}

fn route(bytes: &mut Bytes<'_>) -> RouteMatch {
    match bytes.below(3) {
        0 => RouteMatch::Unsure,
        1 => RouteMatch::Missing,
        _ => RouteMatch::Matched,
    }
}
