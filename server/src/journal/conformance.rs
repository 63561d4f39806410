//! What every journal promises, held by each.

use std::{path::PathBuf, sync::Arc};

use super::*;
use crate::store::Command;

pub(super) fn record(n: u64) -> Arc<Record> {
    let command = Command::Ban {
        fleet: "default".into(),
        network: format!("203.0.113.{n}/32").parse().unwrap(),
        ttl_s: Some(n),
        why: "test".to_owned(),
    };
    Arc::new(Record::new(crate::Moment::default(), vec![command]))
}

pub(super) fn tail(journal: &dyn Journal, after: Position) -> Vec<(Position, Record)> {
    let mut found = Vec::new();
    journal
        .tail(after, &mut |position, record| {
            found.push((position, record));
            Ok(())
        })
        .unwrap();
    found
}

pub(super) fn load(journal: &dyn Journal) -> (Position, Vec<(Vec<u8>, Vec<u8>)>) {
    let mut rows = Vec::new();
    let position = journal
        .load(&mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .unwrap();
    (position, rows)
}

/// Keeps a record, and takes what stands before it, as a server does.
fn keep(journal: &mut dyn Journal, n: u64) -> Result<Position, JournalError> {
    let position = journal.append(&record(n))?;
    journal.others(position, &mut |_, _| Ok(()))?;
    Ok(position)
}

fn numbered(range: std::ops::RangeInclusive<u64>) -> Vec<(Position, Record)> {
    range.map(|n| (n, Record::clone(&record(n)))).collect()
}

/// Holds a journal that is empty to all promises. `again` gives back the same journal as another
/// process would find it.
pub(super) fn conforms(mut journal: Box<dyn Journal>, again: &dyn Fn(Box<dyn Journal>) -> Box<dyn Journal>) {
    assert_eq!((load(&*journal), tail(&*journal, 0)), ((0, Vec::new()), Vec::new()));
    for n in 1..=5 {
        assert_eq!(keep(&mut *journal, n), Ok(n), "positions have no gap");
    }
    assert_eq!(tail(&*journal, 0), numbered(1..=5));
    assert_eq!(tail(&*journal, 3), numbered(4..=5));
    assert_eq!(tail(&*journal, 5), Vec::new());

    let row = |key: &str, value: Option<&str>| (key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()));
    let first = [row("b", Some("2")), row("a", Some("1")), row("c", Some("3"))];
    journal.checkpoint(3, &first).unwrap();
    let kept = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        load(&*journal),
        (3, kept(&[("a", "1"), ("b", "2"), ("c", "3")])),
        "rows by key"
    );
    assert_eq!(
        tail(&*journal, 3),
        numbered(4..=5),
        "what the checkpoint has is forgotten, the rest is not"
    );

    let mut journal = again(journal);
    assert_eq!(keep(&mut *journal, 6), Ok(6), "it goes on where it was");
    let second = [row("b", None), row("c", Some("4")), row("d", Some("5")), row("z", None)];
    journal.checkpoint(6, &second).unwrap();
    journal.checkpoint(6, &second).unwrap();
    let mut journal = again(journal);
    assert_eq!(load(&*journal), (6, kept(&[("a", "1"), ("c", "4"), ("d", "5")])));
    assert_eq!(tail(&*journal, 6), Vec::new());
    assert_eq!(keep(&mut *journal, 7), Ok(7), "with nothing left, too");
    journal.reopen().unwrap();
    assert_eq!(tail(&*journal, 6), numbered(7..=7));
    let refused = journal.tail(6, &mut |_, _| Err("no".to_owned()));
    assert_eq!(refused, Err(JournalError::Damaged("no".to_owned())));

    a_backup_sees_what_was_there(&mut *journal);
}

/// The journal has rows `a`, `c` and `d` at 6, and the record 7.
fn a_backup_sees_what_was_there(journal: &mut dyn Journal) {
    if let Some(frozen) = journal.frozen().unwrap() {
        keep(journal, 8).unwrap();
        journal.checkpoint(8, &[(b"a".to_vec(), None)]).unwrap();
        let mut seen = Vec::new();
        let position = frozen.load(&mut |key, _| {
            seen.push(key.to_vec());
            Ok(())
        });
        assert_eq!(
            (position, seen.len()),
            (Ok(6), 3),
            "a backup sees what was there when it began"
        );
        let mut records = Vec::new();
        frozen
            .tail(6, &mut |position, _| {
                records.push(position);
                Ok(())
            })
            .unwrap();
        assert_eq!(records, [7]);
    }
}

#[test]
fn the_journal_in_memory_conforms() {
    conforms(Box::new(MemoryJournal::default()), &|journal| journal);
}

#[test]
fn the_journal_on_disk_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buckler.redb");
    let open = |path: &PathBuf| Box::new(DiskJournal::open(path).unwrap());
    conforms(open(&path), &|journal| {
        drop(journal);
        open(&path)
    });
}
