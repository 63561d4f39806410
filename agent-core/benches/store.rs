//! What keeping state costs: a list of a million saved and loaded, small changes, and events that are durable before they are
//! announced.
//!
//! `cargo bench -p buckler --bench store`. Files go to a directory below the one that `TMPDIR` names: set it to the disk that is
//! meant. Loads find the files in the system's cache, as after a restart of the process.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use buckler::{
    clock::{Clock, SystemClock},
    model::{
        address::to_text,
        blacklist::{Applied, Blacklist, Digest, SharedList},
    },
    protocol::v2::{AddressOrigin, Event, EventKind, Evidence, ListMode, ListUpdate},
    testing::StateFiles,
};
use ipnet::IpNet;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use uuid::Uuid;

/// Entries of the list.
const ENTRIES: u32 = 1_000_000;
/// How often each thing is measured.
const ROUNDS: usize = 9;

fn main() {
    for kind in [Kind::V4, Kind::V6] {
        list(kind);
    }
    events();
    for kind in [Kind::V4, Kind::V6] {
        in_redb(kind);
    }
}

/// What a list consists of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Single addresses, anywhere.
    V4,
    /// Subscribers' networks of /64, anywhere.
    V6,
}

impl Kind {
    fn entry(self, n: u32) -> IpNet {
        // odd multipliers make it one to one
        let mixed = n.wrapping_mul(0x9e37_79b1);
        let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
        match self {
            Self::V4 => IpNet::from(IpAddr::V4(Ipv4Addr::from(mixed))),
            Self::V6 => {
                let address = Ipv6Addr::from((0x2000 << 112) | (u128::from(mixed) << 64));
                IpNet::new(address.into(), 64).unwrap()
            }
        }
    }

    fn list(self, now: Duration) -> SharedList {
        let networks = (0..ENTRIES).map(|n| self.entry(n));
        let mut list = SharedList::new(Arc::new(Blacklist::new()));
        let snapshot = ListUpdate {
            complete: false,
            mode: ListMode::Snapshot,
            epoch: "b1".to_owned(),
            from: 0,
            to: 1,
            add: networks.clone().map(|network| (to_text(network), 3600)).collect(),
            remove: Vec::new(),
            page: 1,
            pages: 1,
            count: ENTRIES.into(),
            digest: Digest::of(networks).to_string(),
        };
        assert!(matches!(list.apply(&snapshot, now), Applied::Swapped { .. }));
        list
    }
}

fn list(kind: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let open = || StateFiles::open(directory.path(), Arc::clone(&clock));
    let list = kind.list(clock.elapsed());
    let files = open();
    let (mut held_up, mut written) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        assert!(files.save_list(&list));
        held_up.push(start.elapsed());
        while !files.tend() {
            std::thread::yield_now();
        }
        written.push(start.elapsed());
    }
    report(
        &format!("{kind:?}: save a list of {ENTRIES}: the agent's thread"),
        &mut held_up,
    );
    report(
        &format!("{kind:?}: save a list of {ENTRIES}: until it is on disk"),
        &mut written,
    );

    let (mut beside, mut changes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        assert!(files.save_list(&list));
        let start = Instant::now();
        files.save_events(Uuid::from_u128(1), &[event(round as u64)]);
        beside.push(start.elapsed());
        while !files.tend() {
            std::thread::yield_now();
        }
    }
    report(&format!("{kind:?}: save an event beside it"), &mut beside);
    for round in (0_u32..).take(ROUNDS) {
        let networks: Vec<IpNet> = (0..100).map(|n| kind.entry(round * 100 + n)).collect();
        let start = Instant::now();
        files.save_changes(&list, &networks);
        changes.push(start.elapsed());
    }
    report(&format!("{kind:?}: save a change of 100 entries"), &mut changes);
    drop(files);

    let mut loads = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let files = open();
        loads.push(start.elapsed());
        assert_eq!(files.list().unwrap().cursor(), list.cursor());
    }
    report(
        &format!("{kind:?}: load a list of {ENTRIES}, verified and built"),
        &mut loads,
    );
    println!("{kind:?}: {} KiB on disk", size(directory.path()) >> 10);
}

fn events() {
    let directory = tempfile::tempdir().unwrap();
    let files = StateFiles::open(directory.path(), Arc::new(SystemClock::new()));
    let stream = Uuid::from_u128(1);
    for batch in [1, 10, 256] {
        let (mut saved, mut forgotten) = (Vec::new(), Vec::new());
        for round in 0..100 {
            let events: Vec<Event> = (round * batch..(round + 1) * batch).map(event).collect();
            let start = Instant::now();
            assert!(files.save_events(stream, &events));
            saved.push(start.elapsed());
        }
        for round in 0..100 {
            let start = Instant::now();
            files.forget_events(stream, (round + 1) * batch);
            forgotten.push(start.elapsed());
        }
        report(&format!("save {batch} events, durably"), &mut saved);
        report(&format!("forget {batch} events"), &mut forgotten);
    }
}

fn event(seq: u64) -> Event {
    Event {
        seq,
        kind: EventKind::Ban,
        address: "203.0.113.9".to_owned(),
        at_ms: 1_767_225_600_000,
        ttl_s: 3600,
        why: "decoy".to_owned(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: None,
    }
}

/// The way not taken: the list in the database.
fn in_redb(kind: Kind) {
    const TABLE: TableDefinition<'_, &[u8], u64> = TableDefinition::new("list");
    let directory = tempfile::tempdir().unwrap();
    let mut keys: Vec<Vec<u8>> = (0..ENTRIES)
        .map(|n| match kind.entry(n) {
            IpNet::V4(v4) => [&[4, 32][..], &v4.addr().octets()].concat(),
            IpNet::V6(v6) => [&[6, 64][..], &v6.addr().octets()].concat(),
        })
        .collect();
    let database = Database::create(directory.path().join("list.redb")).unwrap();
    let start = Instant::now();
    keys.sort_unstable();
    let txn = database.begin_write().unwrap();
    let mut table = txn.open_table(TABLE).unwrap();
    for key in &keys {
        table.insert(key.as_slice(), 1).unwrap();
    }
    drop(table);
    txn.commit().unwrap();
    println!(
        "{kind:?}: the same in redb, for comparison: {:?} to write in one transaction",
        start.elapsed()
    );
    let start = Instant::now();
    let txn = database.begin_read().unwrap();
    let rows = txn.open_table(TABLE).unwrap().iter().unwrap().count();
    println!(
        "{kind:?}: {:?} to read {rows} rows, before they are verified and built",
        start.elapsed()
    );
    println!("{kind:?}: {} KiB on disk", size(directory.path()) >> 10);
}

fn size(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).unwrap().flatten();
    files.map(|file| file.metadata().unwrap().len()).sum()
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let (median, longest) = (times.get(times.len() / 2).unwrap(), times.last().unwrap());
    println!("{what}: median {median:?}, longest {longest:?}");
}
