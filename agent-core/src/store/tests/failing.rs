//! Disks that fail: full, read-only, broken, for a moment or for good.

use super::*;

/// What a run was told is on disk, and how far it came.
#[derive(Debug, Default)]
struct Told {
    durable: Vec<u64>,
    forgotten: u64,
}

const STREAM: Uuid = Uuid::from_u128(7);

/// Starts, and does something of everything.
fn run(site: &Site) -> (Store, Told, SharedList) {
    let (store, saved) = site.open();
    let times = site.times();
    let list = saved.list.and_then(|list| list.restore(times).ok());
    let list = list.unwrap_or_else(|| list_at(5, 0..20, times));
    let mut told = Told::default();
    let mut offend = |seq: u64| {
        if store.save_offences(&[(net(&format!("203.0.113.{seq}")), None)], &[event(seq)], STREAM) {
            told.durable.push(seq);
        }
    };
    store.save_agent_id(Uuid::from_u128(1));
    offend(1);
    store.save_list(&list, times);
    offend(2);
    store.forget_events(STREAM, 1);
    store.save_confirmed(times.unix.as_secs());
    offend(3);
    store.save_changes(&list, [net("10.0.0.1")].into_iter(), times);
    offend(4);
    told.forgotten = 1;
    (store, told, list)
}

fn everything(seqs: &[u64]) -> Everything {
    Everything {
        credential: Credential::default(),
        agent_id: Uuid::from_u128(1),
        config: None,
        believed: None,
        banned: vec![(net("203.0.113.1"), None)],
        left: vec![left(STREAM, seqs)],
    }
}

/// What is there after the disk works again is all that was said to be there.
#[track_caller]
fn verify(site: &Site, told: &Told, what: &str) {
    site.faults.heal();
    let (store, saved) = site.open();
    assert!(store.is_on_disk(), "{what}: {:?}", site.state());
    let found: Vec<u64> = saved
        .left
        .iter()
        .flat_map(|left| &left.events)
        .map(|event| event.seq)
        .collect();
    for seq in told.durable.iter().filter(|seq| **seq > told.forgotten) {
        assert!(
            found.contains(seq),
            "{what}: {seq} is missing of {told:?}, found {found:?}"
        );
        let ban = net(&format!("203.0.113.{seq}"));
        assert!(saved.banned.iter().any(|(network, _)| *network == ban), "{what}: {ban}");
    }
    if let Some(list) = saved.list {
        let list = list
            .restore(site.times())
            .unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(list.cursor().unwrap().rev, 5, "{what}");
    }
    assert_eq!(site.state().damaged, 0, "{what}: a disk that fails damages nothing");
}

#[test]
fn whichever_operation_fails_what_was_announced_is_there_afterwards() {
    let site = Site::new();
    drop(run(&site));
    let operations = site.faults.operations();
    assert!(operations > 50, "{operations}");
    for fault in [DiskFault::Full, DiskFault::ReadOnly, DiskFault::Broken] {
        for once in [true, false] {
            for at in (0..operations).step_by(if cfg!(debug_assertions) { 3 } else { 1 }) {
                let site = Site::new();
                site.faults.fail(at, if once { 1 } else { u64::MAX }, fault);
                let (store, told, _) = run(&site);
                drop(store);
                verify(&site, &told, &format!("{fault:?} at {at}, once {once}"));
            }
        }
    }
}

#[test]
fn a_disk_that_works_again_gets_all_that_is_in_memory() {
    for fault in [DiskFault::Full, DiskFault::ReadOnly, DiskFault::Broken] {
        let site = Site::new();
        let (store, _, list) = run(&site);
        site.faults.fail_now(fault);
        assert!(!store.save_offences(&[], &[event(5)], STREAM), "{fault:?}");
        let state = site.state();
        assert_eq!((state.mode, state.path), (StoreMode::Memory, None), "{fault:?}");
        assert!(state.problem.is_some());
        assert!(!store.save_offences(&[], &[event(6)], STREAM));

        assert_eq!(store.tend(), None, "a disk that failed is left alone for a while");
        site.clock.advance(RETRY);
        assert_eq!(store.tend(), Some(Need::Everything));
        assert!(!store.reopen(&everything(&[3, 4, 5, 6])), "it does not work yet");
        assert_eq!(store.tend(), None);
        site.faults.heal();
        site.clock.advance(RETRY);
        assert_eq!(store.tend(), Some(Need::Everything));
        assert!(store.reopen(&everything(&[3, 4, 5, 6])));
        store.rewrite_list(&list, site.times());
        assert_eq!(site.state().mode, StoreMode::Disk);
        assert!(store.save_offences(&[], &[event(7)], STREAM));
        drop(store);

        let saved = site.open().1;
        assert_eq!(
            saved.left,
            [left(STREAM, &[3, 4, 5, 6, 7])],
            "{fault:?}: neither less nor what was forgotten"
        );
        assert_eq!(saved.banned, [(net("203.0.113.1"), None)]);
        assert_eq!(
            saved.list.unwrap().restore(site.times()).unwrap().cursor(),
            list.cursor()
        );
    }
}

#[test]
fn a_disk_that_did_not_work_at_the_start_keeps_what_it_had() {
    let site = Site::new();
    drop(run(&site));
    site.faults.fail_now(DiskFault::Broken);
    let (store, saved) = site.open();
    assert!(saved.left.is_empty() && !store.is_on_disk());
    site.faults.heal();
    site.clock.advance(RETRY);
    assert_eq!(store.tend(), Some(Need::Everything));
    let own = Uuid::from_u128(9);
    assert!(store.reopen(&Everything {
        agent_id: Uuid::from_u128(2),
        left: vec![left(own, &[1])],
        ..everything(&[])
    }));
    drop(store);
    let saved = site.open().1;
    assert_eq!(
        saved.agent_id,
        Some(Uuid::from_u128(1)),
        "the server knows the installation by it"
    );
    assert_eq!(saved.left, [left(STREAM, &[2, 3, 4]), left(own, &[1])]);
    assert!(saved.list.is_some());
}

#[test]
fn a_directory_that_cannot_be_made_means_memory() {
    let site = Site::new();
    let file = site.path().join("a-file");
    fs::write(&file, "").unwrap();
    let (store, _) = Store::open(Home {
        directory: file.join("state"),
        clock: Arc::clone(&site.clock) as _,
        line: Arc::clone(&site.line),
        faults: Faults::default(),
        seal: Seal::by(None),
    });
    assert_eq!(site.state().mode, StoreMode::Memory);
    store.save_agent_id(Uuid::nil());
    assert!(!store.save_offences(&[], &[event(1)], STREAM));
}
