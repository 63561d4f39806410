//! The store on real files: what survives, and what becomes of damage.
use super::*;
use crate::model::address::parse_network;
use crate::protocol::v2::{AddressOrigin, EventKind, Evidence};

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
        evidence: Evidence::Confirmed,
        peer: AddressOrigin::Socket,
    }
}

fn cursor(rev: u64) -> ListCursor {
    ListCursor {
        epoch: "e".to_owned(),
        rev,
        count: 2,
        digest: "00".to_owned(),
    }
}

#[test]
fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, saved) = Store::open(dir.path());
    assert!(saved.agent_id.is_none() && saved.left.is_empty() && saved.listed.is_empty());
    let (id, older, stream) = (Uuid::new_v4(), Uuid::from_u128(1), Uuid::from_u128(2));
    let config = ConfigUpdate {
        version: 7,
        hash: "h".to_owned(),
        body: [("VERBOSE".to_owned(), 10.into())].into_iter().collect(),
    };
    store.save_agent_id(id);
    store.save_config(&config);
    store.save_list(Some(&cursor(1)), |each| {
        each(net("198.51.100.0/24"), Some(100));
        each(net("2001:db8::/64"), None);
    });
    store.save_delta(
        Some(&cursor(2)),
        &[(net("192.0.2.1"), Some(9))],
        &[net("198.51.100.0/24")],
    );
    store.save_offences(
        &[(net("203.0.113.9"), Some(50)), (net("203.0.113.10"), Some(500))],
        &[event(1), event(2), event(3)],
        stream,
    );
    store.save_offences(&[], &[event(7)], older);
    store.forget_events(stream, 1);
    store.forget_bans(51, &[]);
    drop(store);

    let (store, saved) = Store::open(dir.path());
    assert_eq!(saved.agent_id, Some(id));
    assert_eq!(saved.config, Some(config));
    assert_eq!(saved.cursor, Some(cursor(2)));
    assert_eq!(
        saved.listed,
        [(net("192.0.2.1"), Some(9)), (net("2001:db8::/64"), None)]
    );
    assert_eq!(saved.banned, [(net("203.0.113.10"), Some(500))]);
    let left = |stream, events| Left { stream, events };
    assert_eq!(
        saved.left,
        [left(older, vec![event(7)]), left(stream, vec![event(2), event(3)])]
    );
    assert_eq!(store.path(), Some(dir.path().join("agent.redb").as_path()));
}

#[test]
fn a_second_store_in_one_directory_takes_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = Store::open(dir.path());
    let (second, _) = Store::open(dir.path());
    assert_ne!(first.path(), second.path());
    assert!(second.path().is_some());
}

#[test]
fn a_damaged_file_is_set_aside_and_the_store_goes_on() {
    for damage in [&b"this was a database"[..], &[0; 8192]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.redb");
        fs::write(&path, damage).unwrap();
        let (store, saved) = Store::open(dir.path());
        assert!(saved.agent_id.is_none());
        assert_eq!(fs::read(dir.path().join("agent.redb.damaged")).unwrap(), damage);
        store.save_agent_id(Uuid::nil());
        drop(store);
        assert_eq!(Store::open(dir.path()).1.agent_id, Some(Uuid::nil()));
    }
}

#[test]
fn rows_that_make_no_sense_set_the_file_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path());
    store.write(|txn| put(txn, "config", b"not JSON"));
    drop(store);
    let (store, saved) = Store::open(dir.path());
    assert!(saved.config.is_none() && store.path().is_some());
    assert!(dir.path().join("agent.redb.damaged").exists());
}

#[test]
fn a_directory_that_cannot_be_made_means_memory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    fs::write(&file, "").unwrap();
    let (store, _) = Store::open(&file.join("state"));
    assert_eq!(store.path(), None);
    store.save_agent_id(Uuid::nil());
}
