//! The cost of the whole guard by what a request carries, with the checks that look into values beside without them.
//!
//! `cargo bench -p buckler --bench inspection`. The guard is asked as the actix-web adapter asks it (decoy, head, body), on the
//! `default` template and an empty list. No two requests are the same: ids, sessions, pages and search words differ, and clients have
//! one of eight browsers. Both guards take turns within each round, so that the ratio holds on a machine that is busy with other
//! things; times are those of quiet rounds.
//!
//! `… --bench inspection -- --kinds` prints the kinds, `-- --count KIND` asks some requests of one
//! within one function, and prints how many and their bytes: for `.ci/instructions`, which counts
//! what the function takes.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::indexing_slicing, reason = "so is one that is wrong about its own tables")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up is to stop")]

mod requests;

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use buckler::{
    clock::{Clock, SystemClock},
    guard::{
        BodyView, CompressedBodies, Guard, GuardParts, Intake, Mode, OnFailure, Published, RequestView, RouteMatch,
        Snapshot, Trusted, Uninspected,
    },
    model::{
        blacklist::Blacklist,
        policy::{Layer, Policy},
    },
};
use buckler_waf::detect::Detectors;

use self::requests::{BULK, Draw, KINDS, Kind, Request};

/// Requests of a kind, asked in turn.
const REQUESTS: u32 = 512;

/// Rounds of each kind.
const ROUNDS: usize = 40;

/// The share of rounds that are faster than the one that is told. What else runs on a machine only ever adds to a time.
const QUIET: f64 = 0.1;

/// About as long as each guard's half of a round takes, in nanoseconds.
const TURN: f64 = 4e6;

/// The checks that look into values.
const OFF: &str = r#"{ "sqli": 0, "xss": 0, "command": 0, "hpp": 0, "upload": 0, "prompt": 0, "decoy": 0 }"#;

/// A guard by the default template, of which these keys are changed.
fn guard(checks: &str, intake: &Arc<Intake>, clock: Arc<dyn Clock>) -> Guard {
    let keys = serde_json::json!({
        "flood_ratio": 1_000_000,
        "routes": [{"path": BULK, "body_bytes": 128 << 10}],
        "security_checks": serde_json::from_str::<serde_json::Value>(checks).unwrap(),
    });
    let layer = Layer {
        origin: "bench".to_owned(),
        keys: serde_json::from_value(keys).unwrap(),
    };
    let snapshot = Snapshot {
        policy: Arc::new(Policy::compile("default", &[layer]).unwrap()),
        blacklist: Arc::new(Blacklist::new()),
        trusted: Arc::new(Trusted::default()),
        mode: Mode::default(),
        trial: None,
        version: 1,
    };
    Guard::new(GuardParts {
        published: Arc::new(Published::new(Arc::new(snapshot))),
        intake: Arc::clone(intake),
        tally: Arc::default(),
        recent: Arc::default(),
        clock,
        on_failure: OnFailure::Open,
        compressed_bodies: CompressedBodies::default(),
        uninspected: Uninspected::default(),
        detectors: Arc::new(Detectors::standard().unwrap()),
    })
}

/// Asks the guard as an adapter does. Whether it refused.
fn ask(guard: &Guard, request: &Request, client: u32) -> bool {
    let headers: Vec<(&str, &[u8])> = request
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_slice()))
        .collect();
    let headers = headers.as_slice();
    let view = RequestView {
        peer: Some(IpAddr::V4(Ipv4Addr::from(0x5000_0000 + client * 7))),
        method: request.method,
        path: &request.path,
        query: &request.query,
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &headers,
    };
    black_box(guard.is_decoy(view.path));
    if guard.check(black_box(&view)).is_block() {
        return true;
    }
    let body = BodyView {
        bytes: &request.body,
        is_whole: true,
    };
    !request.body.is_empty() && guard.wants_body(&view).is_some() && guard.check_body(&view, body).is_block()
}

/// What a kind of request costs, in nanoseconds.
struct Cost {
    without: f64,
    with: f64,
    /// The dearest of a hundred.
    p99: f64,
}

struct Stage {
    intake: Arc<Intake>,
    without: Guard,
    with: Guard,
    clock: SystemClock,
}

impl Stage {
    fn cost(&self, kind: &Kind) -> Cost {
        let mut draw = Draw::default();
        let requests: Vec<Request> = (0..REQUESTS).map(|_| (kind.make)(&mut draw)).collect();
        for guard in [&self.without, &self.with] {
            let refused = (0..)
                .zip(&requests)
                .any(|(client, request)| ask(guard, request, client));
            assert!(!refused, "{}: {:?}", kind.name, self.intake.pop());
        }
        let one = self.turn(&self.with, &requests, 20);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 20 and 100,000"
        )]
        let count = (TURN / one).clamp(20.0, 100_000.0) as usize;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(self.turn(&self.without, &requests, count));
            with.push(self.turn(&self.with, &requests, count));
        }
        let each = (0..ROUNDS * count.min(500))
            .map(|turn| self.one(&requests, turn))
            .collect();
        Cost {
            without: quantile(without, QUIET),
            with: quantile(with, QUIET),
            p99: quantile(each, 0.99),
        }
    }

    /// Nanoseconds a request, of so many in a row.
    fn turn(&self, guard: &Guard, requests: &[Request], count: usize) -> f64 {
        let start = self.clock.elapsed();
        for (client, request) in (0..).zip(requests.iter().cycle().take(count)) {
            black_box(ask(guard, request, client));
        }
        let taken = self.clock.elapsed().saturating_sub(start);
        taken.as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap())
    }

    fn one(&self, requests: &[Request], turn: usize) -> f64 {
        let request = &requests[turn % requests.len()];
        let start = self.clock.elapsed();
        black_box(ask(&self.with, request, u32::try_from(turn).unwrap()));
        self.clock.elapsed().saturating_sub(start).as_secs_f64() * 1e9
    }
}

fn quantile(mut times: Vec<f64>, share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times[at]
}

/// A clock that stands still: what is counted does not depend on the time, and valgrind knows no
/// clocks of threads.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(3600)
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(1_800_000_000)
    }
}

/// Asks some requests of a kind, each once, after others that fill caches.
fn count(kind: &Kind) {
    let guard = guard("{}", &Arc::default(), Arc::new(Still));
    // large bodies need few
    let (before, counted) = if kind.name.contains("60 KiB") || kind.name.contains("128 KiB") {
        (4, 8)
    } else {
        (30, 50)
    };
    let mut draw = Draw::default();
    let mut make = |count: usize| -> Vec<Request> { (0..count).map(|_| (kind.make)(&mut draw)).collect() };
    ask_all(&guard, &make(before), kind);
    let requests = make(counted);
    ask_counted(&guard, &requests, kind);
    let bytes: usize = requests.iter().map(Request::bytes).sum();
    println!("{counted}\t{bytes}");
}

fn ask_all(guard: &Guard, requests: &[Request], kind: &Kind) {
    for (client, request) in (0..).zip(requests) {
        assert!(!ask(guard, request, client), "{}", kind.name);
    }
}

/// What is counted: its name is known to `.ci/instructions`.
#[inline(never)]
fn ask_counted(guard: &Guard, requests: &[Request], kind: &Kind) {
    ask_all(guard, requests, kind);
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--kinds"] => KINDS.iter().for_each(|kind| println!("{}", kind.name)),
        ["--count", name] => count(KINDS.iter().find(|kind| kind.name == *name).unwrap()),
        wanted => compare(wanted.first().copied().unwrap_or_default()),
    }
}

/// Prints what requests cost with the checks that look into values, and without.
fn compare(wanted: &str) {
    let intake = Arc::<Intake>::default();
    let stage = Stage {
        without: guard(OFF, &intake, Arc::new(SystemClock::new())),
        with: guard("{}", &intake, Arc::new(SystemClock::new())),
        intake,
        clock: SystemClock::new(),
    };
    println!(
        "{:<30} {:>11} {:>11} {:>11} {:>8} {:>11}",
        "µs a request", "without", "with", "added", "ratio", "p99"
    );
    for kind in KINDS.iter().filter(|kind| kind.name.contains(wanted)) {
        let Cost { without, with, p99 } = stage.cost(kind);
        println!(
            "{:<30} {:>11.2} {:>11.2} {:>11.2} {:>8.2} {:>11.2}",
            kind.name,
            without / 1e3,
            with / 1e3,
            (with - without) / 1e3,
            with / without,
            p99 / 1e3
        );
    }
}
