//! What is measured once and printed: expiry, the delay of single look-ups, building and memory.

use std::{
    hint::black_box,
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use buckler::model::blacklist::{Blacklist, Scope};

use super::{Kind, NOW, SOURCES, UNTIL};

/// What it costs to sweep out entries whose time is over.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(super) fn expiry() {
    /// Entries that are looked at in one go.
    const SWEPT: usize = 1 << 16;
    for size in [100_000, 1_000_000] {
        let list = Blacklist::new();
        for n in 0..size {
            list.insert(Kind::V4.entry(n), UNTIL, Scope::Local);
        }
        let start = Instant::now();
        while list.len(Scope::Local) > 0 {
            list.sweep(NOW + Duration::from_secs(10_000), SWEPT);
        }
        println!("expiry of {size} entries: {:?}", start.elapsed());
    }
}

/// How long single look-ups take, alone and while another thread inserts and removes without pause. Where both threads share a core
/// with others, the longest is that of waiting for it, and the same in both.
pub(super) fn delays() {
    let kind = Kind::V4;
    let (list, done) = (kind.list(1_000_000), AtomicBool::new(false));
    let sources: Vec<IpAddr> = (0..u32::MAX)
        .rev()
        .map(|n| kind.source(n))
        .take(SOURCES as usize)
        .collect();
    delay("alone", &list, &sources);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for n in 1_000_000..1_010_000 {
                    list.insert(kind.entry(n), UNTIL, Scope::Local);
                }
                for n in 1_000_000..1_010_000 {
                    list.remove(kind.entry(n), Scope::Local);
                }
            }
        });
        delay("beside a writer", &list, &sources);
        done.store(true, Ordering::Relaxed);
    });
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn delay(name: &str, list: &Blacklist, sources: &[IpAddr]) {
    let mut times: Vec<Duration> = sources
        .iter()
        .map(|source| {
            let start = Instant::now();
            black_box(list.lookup(*source, NOW));
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 10_000).copied().unwrap_or_default();
    println!(
        "single look-ups {name}: median {:?}, p99.9 {:?}, p99.99 {:?}, longest {:?}",
        at(5_000),
        at(9_990),
        at(9_999),
        times.last().copied().unwrap_or_default()
    );
}

/// Memory, and the longest that one change takes: that which builds a larger table.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(super) fn building() {
    for kind in [Kind::V4, Kind::V6, Kind::Networks] {
        for size in kind.sizes() {
            let (list, mut longest) = (Blacklist::new(), Duration::ZERO);
            let start = Instant::now();
            for n in 0..size {
                let before = Instant::now();
                list.insert(kind.entry(n), UNTIL, Scope::Shared);
                longest = longest.max(before.elapsed());
            }
            let (mib, entries) = (list.memory_bytes() >> 10, list.len(Scope::Shared));
            println!(
                "{kind:?}, {entries} entries: {mib} KiB, built in {:?}, longest insertion {longest:?}",
                start.elapsed()
            );
        }
    }
}
