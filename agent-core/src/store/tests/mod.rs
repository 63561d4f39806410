//! The store on real files: what survives, and what becomes of damage and of disks that fail.
use std::{fs, path::Path};

use super::*;
use crate::{
    model::{address::parse_network, blacklist::Digest},
    protocol::AgentKey,
    protocol::v2::{AddressOrigin, EventKind, Evidence, ListMode, ListUpdate},
    testing::ManualClock,
};

mod believed;
mod damage;
mod failing;
mod sharing;

fn net(text: &str) -> IpNet {
    parse_network(text).unwrap()
}

fn event(seq: u64) -> Event {
    Event {
        seq,
        kind: EventKind::Ban,
        address: "203.0.113.9".to_owned(),
        at_ms: 1,
        ttl_s: 60,
        why: "decoy".to_owned(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: seq.is_multiple_of(2).then(Box::default),
    }
}

fn left(stream: Uuid, seqs: &[u64]) -> Left {
    Left {
        stream,
        events: seqs.iter().copied().map(event).collect(),
    }
}

/// The place of a test's state, and what fails there.
struct Site {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    faults: Arc<DiskFaults>,
    line: Arc<ArcSwap<StoreState>>,
}

impl Site {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(),
            faults: DiskFaults::none(),
            line: Arc::default(),
        }
    }

    fn open(&self) -> (Store, Saved) {
        self.open_with(Seal::by(Some(&AgentKey::new("key"))))
    }

    fn open_with(&self, seal: Seal) -> (Store, Saved) {
        Store::open(Home {
            directory: self.directory.path().to_owned(),
            clock: Arc::clone(&self.clock) as _,
            line: Arc::clone(&self.line),
            faults: Arc::clone(&self.faults).into(),
            seal,
        })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn state(&self) -> StoreState {
        StoreState::clone(&self.line.load())
    }

    fn times(&self) -> Times {
        Times::read(&*self.clock)
    }
}

/// The fleet's list at revision `rev`: the entries from `first` on.
fn snapshot(rev: u64, entries: std::ops::Range<u32>) -> ListUpdate {
    let networks: Vec<IpNet> = entries
        .map(|n| IpNet::from(std::net::IpAddr::V4((0x0a00_0000 + n).into())))
        .collect();
    ListUpdate {
        complete: false,
        mode: ListMode::Snapshot,
        epoch: "e".to_owned(),
        from: 0,
        to: rev,
        add: networks
            .iter()
            .map(|network| (network.addr().to_string(), 3600))
            .collect(),
        remove: Vec::new(),
        page: 1,
        pages: 1,
        count: networks.len() as u64,
        digest: Digest::of(networks).to_string(),
    }
}

fn list_at(rev: u64, entries: std::ops::Range<u32>, times: Times) -> SharedList {
    let mut list = SharedList::new(Arc::default());
    let _ = list.apply(&snapshot(rev, entries), times.elapsed);
    assert_eq!(list.cursor().unwrap().rev, rev);
    list
}

/// Has one network more in the list, and one less.
fn delta(list: &mut SharedList, add: &str, remove: &str, times: Times) -> [IpNet; 2] {
    let networks = [net(add), net(remove)];
    let before = list.cursor().unwrap();
    let mut digest: Digest = before.digest.parse().unwrap();
    digest += networks[0];
    digest -= networks[1];
    let _ = list.apply(
        &ListUpdate {
            complete: false,
            mode: ListMode::Delta,
            from: before.rev,
            to: before.rev + 1,
            add: vec![(add.to_owned(), 600)],
            remove: vec![remove.to_owned()],
            digest: digest.to_string(),
            count: before.count,
            ..snapshot(0, 0..0)
        },
        times.elapsed,
    );
    assert_eq!(list.cursor().unwrap().rev, before.rev + 1);
    networks
}

/// Waits until the list file that is being written has its name.
fn await_list(store: &Store) {
    #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while store.lists.borrow().is_busy() {
        store.tend();
        #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
        let now = std::time::Instant::now();
        assert!(now < end, "the list is not written");
        std::thread::yield_now();
    }
}

fn members(list: &SharedList) -> std::collections::BTreeMap<IpNet, Option<Duration>> {
    let mut members = std::collections::BTreeMap::new();
    list.list().for_each(Scope::Shared, &mut |network, until| {
        members.insert(network, until);
    });
    members
}

#[test]
fn everything_survives_a_restart() {
    let site = Site::new();
    let (store, saved) = site.open();
    assert!(saved.agent_id.is_none() && saved.left.is_empty() && saved.list.is_none());
    let (id, older, stream) = (Uuid::new_v4(), Uuid::from_u128(1), Uuid::from_u128(2));
    let config = ConfigUpdate {
        version: 7,
        hash: "h".to_owned(),
        body: [("VERBOSE".to_owned(), 10.into())].into_iter().collect(),
        signature: None,
    };
    store.save_agent_id(id);
    store.save_config(&config);
    store.save_confirmed(1000);
    store.save_confirmed(1059);
    store.save_safety(&serde_json::json!({"open": true}));
    let bans = [
        (net("203.0.113.9"), Some(50)),
        (net("203.0.113.10"), Some(500)),
        (net("2001:db8::/64"), None),
    ];
    assert!(store.save_offences(&bans, &[event(1), event(2), event(3)], stream));
    assert!(store.save_offences(&[], &[event(7)], older));
    store.forget_events(stream, 1);
    store.forget_bans(51, &[]);
    drop(store);

    let (_store, saved) = site.open();
    assert_eq!((saved.agent_id, saved.config), (Some(id), Some(config)));
    assert_eq!(
        saved.banned,
        [(net("203.0.113.10"), Some(500)), (net("2001:db8::/64"), None)]
    );
    assert_eq!(saved.left, [left(older, &[7]), left(stream, &[2, 3])]);
    assert_eq!(saved.confirmed, Some(1000), "once a minute is enough");
    assert_eq!(saved.safety, Some(serde_json::json!({"open": true})));
    let path = Some(site.path().join("agent.redb"));
    let state = site.state();
    assert_eq!(
        (state.mode, state.path, state.problem, state.damaged),
        (StoreMode::Disk, path, None, 0)
    );
}

#[test]
fn the_list_survives_with_its_cursor_whatever_changed_since_it_was_written() {
    let site = Site::new();
    let (store, _) = site.open();
    let times = site.times();
    let mut list = list_at(5, 0..5000, times);
    store.save_list(&list, times);
    // one change while the file is being written, perhaps, and one after it
    let changed = delta(&mut list, "203.0.113.9", "10.0.0.7", times);
    store.save_changes(&list, changed.into_iter(), times);
    await_list(&store);
    let changed = delta(&mut list, "2001:db8::/64", "10.0.19.0", times);
    store.save_changes(&list, changed.into_iter(), times);
    drop(store);

    site.clock.advance(Duration::from_secs(100));
    let (_store, saved) = site.open();
    let restored = saved.list.unwrap().restore(site.times()).unwrap();
    assert_eq!(restored.cursor(), list.cursor());
    assert_eq!(members(&restored), members(&list), "ends go on where they were");
}

#[test]
fn a_list_that_changes_while_it_is_written_is_whole_all_the_same() {
    let site = Site::new();
    let (store, _) = site.open();
    let times = site.times();
    let mut list = list_at(5, 0..30_000, times);
    store.save_list(&list, times);
    let mut beside = 0;
    for n in 0..150_u32 {
        beside += u32::from(store.lists.borrow().is_busy());
        let (add, remove) = (format!("203.0.{}.{}", n >> 8, n & 255), format!("10.0.{}.9", n & 127));
        let remove = if n < 100 {
            remove
        } else {
            format!("203.0.{}.{}", (n - 100) >> 8, (n - 100) & 255)
        };
        let changed = delta(&mut list, &add, &remove, times);
        store.save_changes(&list, changed.into_iter(), times);
        store.tend();
    }
    assert!(beside > 0, "no change came while the file was being written");
    drop(store);
    let restored = site.open().1.list.unwrap().restore(times).unwrap();
    assert_eq!((restored.cursor(), members(&restored)), (list.cursor(), members(&list)));
}

#[test]
fn many_changes_have_the_file_written_anew() {
    let site = Site::new();
    let (store, _) = site.open();
    let times = site.times();
    let mut list = list_at(5, 0..5000, times);
    store.save_list(&list, times);
    await_list(&store);
    let changed = |n: u32| format!("10.0.{}.{}", n >> 8, n & 255);
    for n in 0..40_u32 {
        let networks = delta(&mut list, &format!("203.0.113.{n}"), &changed(n), times);
        // what a server tells at once is a thousand times as much
        let many = networks.into_iter().chain((100..130).map(|n| net(&changed(n))));
        store.save_changes(&list, many, times);
    }
    await_list(&store);
    assert!(site.path().join("agent.list-2").exists());
    drop(store);
    let (_store, saved) = site.open();
    let restored = saved.list.unwrap().restore(times).unwrap();
    assert_eq!((restored.cursor(), members(&restored)), (list.cursor(), members(&list)));
    let files = fs::read_dir(site.path()).unwrap().flatten();
    let lists = files
        .filter(|file| file.file_name().to_string_lossy().starts_with("agent.list-"))
        .count();
    assert_eq!(lists, 1, "what nothing names any more is removed at the next start");
}

#[test]
fn until_a_new_list_is_whole_the_one_before_stays() {
    let site = Site::new();
    let (store, _) = site.open();
    let times = site.times();
    let old = list_at(5, 0..100, times);
    store.save_list(&old, times);
    await_list(&store);
    // the next file cannot be written, whatever its thread tries
    let mut new = list_at(9, 1000..1100, times);
    site.faults.fail_now(DiskFault::Full);
    store.lists.borrow_mut().part();
    let job = store.lists.borrow_mut().begin(Job {
        number: 2,
        path: site.path().join("agent.list-2"),
        list: Arc::clone(new.list()),
        times,
        faults: Arc::clone(&site.faults).into(),
    });
    job.unwrap();
    await_list(&store);
    site.faults.heal();
    let state = site.state();
    assert_eq!(state.mode, StoreMode::Disk, "events are kept all the same");
    assert!(state.problem.unwrap().contains("list"), "but it says what is wrong");
    let changed = delta(&mut new, "203.0.113.9", "10.0.3.232", times);
    store.forget_bans(0, &[]);
    assert!(store.save_offences(&[], &[event(1)], Uuid::from_u128(1)));
    site.clock.advance(RETRY);
    assert_eq!(store.tend(), Some(Need::List));
    store.rewrite_list(&new, times);
    await_list(&store);
    assert_eq!(site.state().problem, None);
    store.save_changes(&new, changed.into_iter(), times);
    drop(store);
    let restored = site.open().1.list.unwrap().restore(times).unwrap();
    assert_eq!(restored.cursor(), new.cursor());
}

#[test]
fn a_configuration_is_not_written_in_the_clear_and_another_key_reads_none() {
    let site = Site::new();
    let body = serde_json::json!({"ZTAA_KEY": "signing-secret"})
        .as_object()
        .cloned()
        .unwrap();
    let config = ConfigUpdate {
        version: 7,
        hash: "h".to_owned(),
        body,
        signature: None,
    };
    let (store, _) = site.open();
    store.save_config(&config);
    drop(store);
    for file in fs::read_dir(site.directory.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(
            !bytes.windows(14).any(|part| part == b"signing-secret"),
            "{}",
            path.display()
        );
    }
    let (store, saved) = site.open();
    assert_eq!(saved.config, Some(config));
    drop(store);
    let (_store, saved) = site.open_with(Seal::by(Some(&AgentKey::new("another"))));
    assert_eq!(saved.config, None, "it is waited for");
    assert_eq!(site.state().mode, StoreMode::Disk);
}

#[test]
fn a_configuration_of_an_earlier_release_is_read_and_sealed_when_it_is_saved() {
    let site = Site::new();
    let config = ConfigUpdate {
        version: 7,
        hash: "h".to_owned(),
        body: serde_json::Map::new(),
        signature: None,
    };
    let (store, _) = site.open();
    store.write(Durability::Immediate, |txn| {
        put(txn, CONFIG_PLAIN, &serde_json::to_vec(&config)?)
    });
    drop(store);
    let (store, saved) = site.open();
    assert_eq!(saved.config.as_ref(), Some(&config));
    store.save_config(&config);
    drop(store);
    let (store, saved) = site.open();
    assert_eq!(saved.config, Some(config));
    let database = store.database.borrow();
    let txn = redb::ReadableDatabase::begin_read(database.as_ref().unwrap()).unwrap();
    assert_eq!(tables::get(&txn, CONFIG_PLAIN).unwrap(), None);
}
