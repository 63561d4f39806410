//! The cost of [`Guard::check`], by what it finds, how long the blacklist is, how many workers ask, and whether the list is written
//! meanwhile.
//!
//! `cargo bench -p buckler --bench guard -- "clean GET"` runs a part of it. The time is that of one check on each thread: where two
//! threads ask, twice as many requests are judged in it. The list is written as fast as one thread can, which no server sends; on
//! two cores, two workers and the writer share them, and so the time of the last column is also that of waiting for a core.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up is to stop")]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use buckler::{
    clock::{Clock, SystemClock},
    guard::{
        CompressedBodies, Guard, GuardParts, Intake, Mode, OnFailure, Published, Recent, RequestView, RouteMatch,
        Snapshot, Trusted, Uninspected,
    },
    model::{
        blacklist::{Blacklist, Scope},
        policy::{Layer, Policy},
    },
};
use buckler_waf::detect::Detectors;
use criterion::Criterion;
use ipnet::IpNet;

/// What a browser sends.
const BROWSER: [(&str, &[u8]); 12] = [
    ("host", b"shop.example.com"),
    (
        "user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "accept",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", b"en-US,en;q=0.5"),
    ("accept-encoding", b"gzip, deflate, br, zstd"),
    ("referer", b"https://shop.example.com/"),
    ("cookie", b"session=6b1f0c9a2e4d; theme=dark"),
    ("upgrade-insecure-requests", b"1"),
    ("sec-fetch-dest", b"document"),
    ("sec-fetch-mode", b"navigate"),
    ("sec-fetch-site", b"same-origin"),
    ("priority", b"u=0, i"),
];

/// Different clients that ask in turn: enough that neither the list nor the windows stay in a core's own cache.
const CLIENTS: usize = 1 << 16;

/// Entries that the writer adds before it removes them again.
const WRITTEN: u32 = 10_000;

/// A kind of request.
struct Kind {
    name: &'static str,
    path: &'static str,
    route: RouteMatch,
    clients: Vec<IpAddr>,
}

/// A guard with a list of so many entries.
struct Stage {
    guard: Guard,
    intake: Arc<Intake>,
    blacklist: Arc<Blacklist>,
    entries: u32,
}

impl Stage {
    fn new(entries: u32) -> Self {
        let blacklist = Arc::new(Blacklist::new());
        addresses(0).take(entries as usize).for_each(|address| {
            blacklist.insert(IpNet::from(address), None, Scope::Shared);
        });
        let snapshot = Snapshot {
            policy: Arc::new(policy()),
            blacklist: Arc::clone(&blacklist),
            trusted: Arc::new(Trusted::new(["10.0.0.0/8".parse().unwrap()], [])),
            mode: Mode::default(),
            trial: None,
            version: 1,
        };
        let intake = Arc::new(Intake::default());
        let guard = Guard::new(GuardParts {
            published: Arc::new(Published::new(Arc::new(snapshot))),
            intake: Arc::clone(&intake),
            tally: Arc::default(),
            recent: Arc::default(),
            clock: Arc::new(SystemClock::new()),
            on_failure: OnFailure::Open,
            compressed_bodies: CompressedBodies::default(),
            uninspected: Uninspected::default(),
            detectors: Arc::new(Detectors::standard().unwrap()),
        });
        Self {
            guard,
            intake,
            blacklist,
            entries,
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        let strangers: Vec<IpAddr> = addresses(1 << 30).take(CLIENTS).collect();
        let listed: Vec<IpAddr> = addresses(0).take(CLIENTS.min(self.entries as usize)).collect();
        let mut kinds = vec![
            Kind {
                name: "clean GET",
                path: "/items/17/reviews",
                route: RouteMatch::Matched,
                clients: strangers.clone(),
            },
            Kind {
                name: "decoy",
                path: "/.git/config",
                route: RouteMatch::Missing,
                clients: strangers,
            },
        ];
        if !listed.is_empty() {
            kinds.push(Kind {
                name: "listed",
                path: "/",
                route: RouteMatch::Matched,
                clients: listed,
            });
        }
        kinds
    }

    /// The time that `count` checks take on each of the threads.
    fn time(&self, kind: &Kind, threads: usize, is_written: bool, count: u64) -> Duration {
        let (start, is_over) = (Barrier::new(threads), AtomicBool::new(false));
        let worker = |first: usize| {
            start.wait();
            let clock = SystemClock::new();
            for client in kind
                .clients
                .iter()
                .cycle()
                .skip(first)
                .take(usize::try_from(count).unwrap())
            {
                black_box(self.ask(kind, *client));
            }
            clock.elapsed()
        };
        thread::scope(|scope| {
            if is_written {
                scope.spawn(|| self.write(&is_over));
            }
            let workers: Vec<_> = (0..threads)
                .map(|n| scope.spawn(move || worker(n * CLIENTS / 2)))
                .collect();
            let times = workers.into_iter().map(|worker| worker.join().unwrap());
            let longest = times.max().unwrap_or_default();
            is_over.store(true, Ordering::Relaxed);
            longest
        })
    }

    fn ask(&self, kind: &Kind, client: IpAddr) -> bool {
        let request = RequestView {
            peer: Some(client),
            method: "GET",
            path: kind.path,
            query: "page=2",
            host: Some("shop.example.com"),
            route: kind.route,
            headers: &BROWSER,
        };
        let is_refused = self.guard.check(black_box(&request)).is_block();
        // the actors' part: without it the ring is full, and a detection costs less than it does
        drop(self.intake.pop());
        is_refused
    }

    fn write(&self, is_over: &AtomicBool) {
        let written: Vec<IpNet> = addresses(1 << 29).take(WRITTEN as usize).map(IpNet::from).collect();
        while !is_over.load(Ordering::Relaxed) {
            for network in &written {
                self.blacklist.insert(*network, None, Scope::Shared);
            }
            for network in &written {
                self.blacklist.remove(*network, Scope::Shared);
            }
        }
    }
}

/// All checks that need no body, at the level that bans; nobody asks a million times a minute.
fn policy() -> Policy {
    let keys = serde_json::json!({
        "hosts": ["shop.example.com", "www.example.com"],
        "whitelist": ["192.0.2.0/24", "2001:db8::/32"],
        "forbidden_headers": ["x-scanner"],
        "flood_ratio": 1_000_000,
        "security_checks": { "path": 2, "flood": 2, "spoofing": 2, "decoy": 2, "headers": 2, "brute": 2 },
    });
    let layer = Layer {
        origin: "bench".to_owned(),
        keys: serde_json::from_value(keys).unwrap(),
    };
    Policy::compile("default", &[layer]).unwrap()
}

/// Addresses in no order, all different: a multiplication by an odd number is a permutation.
fn addresses(first: u32) -> impl Iterator<Item = IpAddr> {
    let proxies = Trusted::default();
    (first..)
        .map(|n| IpAddr::V4(Ipv4Addr::from(n.wrapping_mul(0x9E37_79B1))))
        .filter(move |address| proxies.bannable(*address))
}

/// What it costs to write down who passed: with clients that all have a slot, and with more than there is room for.
fn remember(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recent clients");
    for clients in [1000, CLIENTS] {
        let (recent, clock) = (Recent::new(), SystemClock::new());
        let mut sources = addresses(0).take(clients).collect::<Vec<_>>().into_iter().cycle();
        let now = clock.elapsed();
        group.bench_function(format!("{clients} clients"), |bencher| {
            bencher.iter(|| recent.passed(black_box(sources.next().unwrap()), now));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for entries in [0, 100_000, 1_000_000] {
        let stage = Stage::new(entries);
        for kind in stage.kinds() {
            let mut group = criterion.benchmark_group(format!("{}, {entries} entries", kind.name));
            for (threads, is_written) in [(1, false), (2, false), (1, true), (2, true)] {
                let alone = if is_written { "written meanwhile" } else { "alone" };
                group.bench_function(format!("{threads} threads, {alone}"), |bencher| {
                    bencher.iter_custom(|count| stage.time(&kind, threads, is_written, count));
                });
            }
            group.finish();
        }
    }
    remember(&mut criterion);
    criterion.final_summary();
}
