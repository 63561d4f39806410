//! What the blacklist costs: look-ups by size and kind, alone and while another thread changes the list; changes; memory.
//!
//! `cargo bench -p buckler --bench blacklist`. Sources are drawn from a million at random, so that the figures include the
//! cache misses that real traffic has.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

mod reports;

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use buckler::{
    model::{
        address::to_text,
        blacklist::{Applied, Blacklist, Digest, Scope, SharedList},
    },
    protocol::v2::{ListMode, ListUpdate},
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use ipnet::IpNet;

const NOW: Duration = Duration::from_secs(1000);
const UNTIL: Option<Duration> = Some(Duration::from_secs(4600));

/// Entries of the lists that are compared.
const SIZES: [u32; 3] = [0, 100_000, 1_000_000];

/// Entries of the largest list, of single IPv4 addresses alone: more than the internet has attackers in a day.
const LARGEST: u32 = 10_000_000;

/// Sources that are looked up in turn: too many for the caches.
const SOURCES: u32 = 1 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for kind in [Kind::V4, Kind::V6, Kind::Networks] {
        look_up(&mut criterion, kind);
    }
    look_up_beside_a_writer(&mut criterion);
    change(&mut criterion);
    apply_a_snapshot(&mut criterion);
    reports::expiry();
    reports::delays();
    reports::building();
    criterion.final_summary();
}

/// What the lists consist of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Single addresses, anywhere.
    V4,
    /// Subscribers' networks of /64, anywhere.
    V6,
    /// IPv4 networks from /22 to /30, anywhere: nine tables to ask.
    Networks,
}

impl Kind {
    fn sizes(self) -> impl Iterator<Item = u32> {
        let largest = matches!(self, Self::V4).then_some(LARGEST);
        SIZES.into_iter().chain(largest)
    }

    fn entry(self, n: u32) -> IpNet {
        let address = self.source(n);
        let prefix = match self {
            Self::V4 => 32,
            Self::V6 => 64,
            Self::Networks => 22 + u8::try_from(n % 9).unwrap(),
        };
        IpNet::new(address, prefix).unwrap().trunc()
    }

    /// The address `n` is derived from: another for each `n`, spread over the whole family.
    fn source(self, n: u32) -> IpAddr {
        // odd multipliers make it one to one; the golden ratio's spread it evenly
        let mixed = (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b1);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
        match self {
            Self::V4 | Self::Networks => IpAddr::V4(Ipv4Addr::from(mixed)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from((0x2000 << 112) | (u128::from(mixed) << 64) | 7)),
        }
    }

    fn list(self, entries: u32) -> Blacklist {
        let list = Blacklist::new();
        for n in 0..entries {
            list.insert(self.entry(n), UNTIL, Scope::Shared);
        }
        list
    }

    /// Sources that are listed among the first `entries`, in random order.
    fn listed(self, entries: u32) -> Vec<IpAddr> {
        let pick = |n: u32| n.wrapping_mul(0x9e37_79b1) % entries;
        (0..SOURCES).map(|n| self.entry(pick(n)).addr()).collect()
    }

    /// Sources that are not.
    fn strangers(self, list: &Blacklist) -> Vec<IpAddr> {
        let all = (0..u32::MAX).rev().map(|n| self.source(n));
        all.filter(|source| !list.contains(*source, NOW))
            .take(SOURCES as usize)
            .collect()
    }
}

fn look_up(criterion: &mut Criterion, kind: Kind) {
    let mut group = criterion.benchmark_group(format!("look-up/{kind:?}"));
    for size in kind.sizes() {
        let list = kind.list(size);
        let mut sources = kind.strangers(&list).into_iter().cycle();
        group.bench_function(BenchmarkId::new("miss", size), |bench| {
            bench.iter(|| list.lookup(black_box(sources.next().unwrap()), NOW));
        });
        if size > 0 {
            let mut sources = kind.listed(size).into_iter().cycle();
            group.bench_function(BenchmarkId::new("hit", size), |bench| {
                bench.iter(|| list.lookup(black_box(sources.next().unwrap()), NOW).unwrap());
            });
        }
    }
    group.finish();
}

/// A million addresses stay; as many more come and go meanwhile.
fn look_up_beside_a_writer(criterion: &mut Criterion) {
    let kind = Kind::V4;
    let (list, done) = (kind.list(1_000_000), AtomicBool::new(false));
    let mut group = criterion.benchmark_group("look-up beside a writer");
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let churn = 1_000_000..2_000_000;
            while !done.load(Ordering::Relaxed) {
                for n in churn.clone().take_while(|_| !done.load(Ordering::Relaxed)) {
                    list.insert(kind.entry(n), UNTIL, Scope::Local);
                }
                for n in churn.clone().take_while(|_| !done.load(Ordering::Relaxed)) {
                    list.remove(kind.entry(n), Scope::Local);
                }
            }
        });
        let mut strangers = (0..u32::MAX)
            .rev()
            .map(|n| kind.source(n))
            .take(SOURCES as usize)
            .collect::<Vec<_>>()
            .into_iter()
            .cycle();
        group.bench_function("miss", |bench| {
            bench.iter(|| list.lookup(black_box(strangers.next().unwrap()), NOW))
        });
        let mut listed = kind.listed(1_000_000).into_iter().cycle();
        group.bench_function("hit", |bench| {
            bench.iter(|| list.lookup(black_box(listed.next().unwrap()), NOW).unwrap())
        });
        done.store(true, Ordering::Relaxed);
    });
    group.finish();
}

fn change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("change");
    for kind in [Kind::V4, Kind::V6, Kind::Networks] {
        let list = kind.list(1_000_000);
        // the same ones again and again, as a fleet's attackers come and go: new ones each time would have the table built anew
        let mut fresh = (1_000_000..1_100_000).cycle().map(|n| kind.entry(n));
        group.bench_function(format!("insert and remove one of 1000000 {kind:?}"), |bench| {
            bench.iter(|| {
                let entry = fresh.next().unwrap();
                list.insert(entry, UNTIL, Scope::Local);
                list.remove(entry, Scope::Local)
            });
        });
        group.sample_size(10);
        group.bench_function(format!("build a list of 100000 {kind:?}"), |bench| {
            bench.iter_batched(|| (), |()| kind.list(100_000), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// A snapshot of the fleet's list in one page: read, hashed, checked and put in the place of the old one.
fn apply_a_snapshot(criterion: &mut Criterion) {
    const ENTRIES: u32 = 100_000;
    let mut group = criterion.benchmark_group("snapshot");
    for kind in [Kind::V4, Kind::V6] {
        let snapshot = snapshot(kind, ENTRIES);
        group.throughput(Throughput::Elements(ENTRIES.into())).sample_size(10);
        group.bench_function(format!("apply one of {ENTRIES} {kind:?}"), |bench| {
            bench.iter_batched(
                || SharedList::new(Arc::new(Blacklist::new())),
                |mut shared| {
                    assert!(matches!(shared.apply(&snapshot, NOW), Applied::Swapped { .. }));
                    shared
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn snapshot(kind: Kind, entries: u32) -> ListUpdate {
    let networks = (0..entries).map(|n| kind.entry(n));
    ListUpdate {
        complete: false,
        mode: ListMode::Snapshot,
        epoch: "b1".to_owned(),
        from: 0,
        to: 1,
        add: networks.clone().map(|network| (to_text(network), 3600)).collect(),
        remove: Vec::new(),
        page: 1,
        pages: 1,
        count: entries.into(),
        digest: Digest::of(networks).to_string(),
    }
}
