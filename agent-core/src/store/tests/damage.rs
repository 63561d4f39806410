//! Files that make no sense: they are set aside and counted, and an older generation or nothing takes their place.

use super::*;

/// A directory with something of everything in it, the generation before included.
fn furnished() -> (Site, SharedList) {
    let site = Site::new();
    let (store, _) = site.open();
    let times = site.times();
    let list = list_at(5, 0..300, times);
    store.save_agent_id(Uuid::from_u128(1));
    assert!(store.save_offences(&[(net("203.0.113.9"), None)], &[event(1), event(2)], Uuid::from_u128(7)));
    store.save_list(&list, times);
    await_list(&store);
    drop(store);
    let (store, _) = site.open();
    assert!(store.save_offences(&[], &[event(1)], Uuid::from_u128(8)));
    drop(store);
    (site, list)
}

/// Opens what is there, and holds what was read against what was written.
fn open_and_compare(site: &Site, list: &SharedList, what: &str) -> Saved {
    let (store, mut saved) = site.open();
    assert!(store.is_on_disk(), "{what}: {:?}", site.state());
    assert!(saved.agent_id.is_none_or(|id| id == Uuid::from_u128(1)), "{what}");
    for Left { stream, events } in &saved.left {
        let most = if *stream == Uuid::from_u128(7) { 2 } else { 1 };
        assert!(
            events.len() <= most && events.iter().all(|read| *read == event(read.seq)),
            "{what}"
        );
    }
    if let Some(read) = saved.list.take() {
        match read.restore(site.times()) {
            Ok(read) => assert_eq!(
                (read.cursor(), members(&read)),
                (list.cursor(), members(list)),
                "{what}"
            ),
            Err(problem) => store.list_is_damaged(&problem),
        }
    }
    assert!(
        store.save_offences(&[], &[event(9)], Uuid::from_u128(9)),
        "{what}: it goes on"
    );
    saved
}

#[test]
fn what_is_no_database_is_set_aside_and_counted() {
    for damage in [&b"this was a database"[..], &[0; 8192]] {
        let site = Site::new();
        let path = site.path().join("agent.redb");
        fs::write(&path, damage).unwrap();
        let (store, saved) = site.open();
        assert!(saved.agent_id.is_none());
        assert_eq!(fs::read(site.path().join("agent.redb.damaged")).unwrap(), damage);
        assert_eq!(site.state().damaged, 1);
        store.save_agent_id(Uuid::nil());
        drop(store);
        assert_eq!(site.open().1.agent_id, Some(Uuid::nil()));
    }
}

#[test]
fn a_newer_schema_and_rows_that_make_no_sense_are_set_aside() {
    let newer = |txn: &WriteTransaction| put(txn, tables::SCHEMA_KEY, &(SCHEMA + 1).to_le_bytes());
    let nonsense = |txn: &WriteTransaction| put(txn, SAFETY, b"not JSON");
    let changes: [&dyn Fn(&WriteTransaction) -> Result<(), Trouble>; 2] = [&newer, &nonsense];
    for change in changes {
        let site = Site::new();
        let (store, _) = site.open();
        assert!(store.write(Durability::Immediate, change));
        drop(store);
        fs::remove_file(site.path().join("agent.redb.previous")).unwrap();
        let (store, saved) = site.open();
        assert!(saved.config.is_none() && store.is_on_disk());
        assert!(site.path().join("agent.redb.damaged").exists());
    }
}

#[test]
fn the_generation_before_takes_the_place_of_a_damaged_one() {
    for damage in [&b"this was a database"[..], b""] {
        let (site, list) = furnished();
        fs::write(site.path().join("agent.redb"), damage).unwrap();
        let saved = open_and_compare(&site, &list, "replaced");
        assert_eq!(
            saved.left,
            [left(Uuid::from_u128(7), &[1, 2])],
            "as it was a run before"
        );
        assert_eq!(site.state().damaged, u64::from(!damage.is_empty()));
    }
    let (site, list) = furnished();
    fs::write(site.path().join("agent.redb"), "this was a database").unwrap();
    fs::write(site.path().join("agent.redb.previous"), "so was this").unwrap();
    let saved = open_and_compare(&site, &list, "both");
    assert!(saved.left.is_empty() && saved.agent_id.is_none());
    assert_eq!(site.state().damaged, 2);
}

#[test]
fn a_damaged_list_costs_the_list_alone() {
    let (site, _) = furnished();
    let path = site.path().join("agent.list-1");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (store, saved) = site.open();
    assert!(saved.list.is_none());
    assert_eq!((saved.left.len(), site.state().damaged), (2, 1));
    let list = list_at(9, 0..10, site.times());
    store.save_list(&list, site.times());
    await_list(&store);
    drop(store);
    assert_eq!(
        site.open().1.list.unwrap().restore(site.times()).unwrap().cursor(),
        list.cursor()
    );
}

#[test]
fn whatever_byte_is_changed_or_missing_it_opens_with_the_truth_or_with_less() {
    let (site, list) = furnished();
    let copies: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(site.path())
        .unwrap()
        .flatten()
        .map(|file| (file.path(), fs::read(file.path()).unwrap()))
        .collect();
    let database = site.path().join("agent.redb");
    let whole = fs::read(&database).unwrap();
    // every byte of the head, then a prime's stride: no page and no place in a page is spared over the whole file
    let stride = if cfg!(debug_assertions) { 1009 } else { 101 };
    let places = (0..320).step_by(7).chain((320..whole.len()).step_by(stride));
    let mut damaged = 0;
    for at in places {
        for cut in [false, true] {
            for (path, bytes) in &copies {
                fs::write(path, bytes).unwrap();
            }
            let mut bytes = whole.clone();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 0x55;
            }
            fs::write(&database, bytes).unwrap();
            let before = site.state().damaged;
            open_and_compare(&site, &list, &format!("byte {at}, cut {cut}"));
            damaged += site.state().damaged - before;
        }
    }
    assert!(damaged > 10, "hardly any of it was noticed: {damaged}");
}
