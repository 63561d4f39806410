//! A journal on a disk that fails at any of its operations: what was acknowledged is there
//! afterwards, whatever became of the rest.

use std::{
    fs::File,
    io,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{BackendError, Database, StorageBackend, backends::FileBackend};

use super::{
    DiskJournal, Journal, JournalError, Position, RowChange,
    conformance::{load, record, tail},
};

/// What fails: whatever writes, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Full,
    Broken,
}

/// A file whose operations fail from one on, until it is healed.
#[derive(Debug)]
struct Failing {
    file: FileBackend,
    disk: Arc<Disk>,
}

#[derive(Debug)]
struct Disk {
    fault: Fault,
    /// Operations that still work.
    left: AtomicU64,
}

impl Disk {
    fn new(fault: Fault) -> Arc<Self> {
        let left = u64::MAX.into();
        Arc::new(Self { fault, left })
    }

    fn check(&self, writes: bool) -> io::Result<()> {
        if self.fault == Fault::Full && !writes {
            return Ok(());
        }
        let count = |left: u64| (left != u64::MAX).then(|| left.saturating_sub(1));
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) {
            Ok(0) if self.fault == Fault::Full => Err(io::ErrorKind::StorageFull.into()),
            Ok(0) => Err(io::Error::other("the disk does not answer")),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.disk.check(false)?;
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.check(false)?;
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.check(true)?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.disk.check(true)
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.check(true)?;
        self.file.write(offset, bytes)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

fn on(disk: &Arc<Disk>, path: &Path) -> Result<DiskJournal, JournalError> {
    let disk = Arc::clone(disk);
    let opener = move |file: File| {
        let file = FileBackend::new(file)?;
        let mut builder = Database::builder();
        builder.set_check_integrity_on_open(true).create_with_backend(Failing {
            file,
            disk: Arc::clone(&disk),
        })
    };
    DiskJournal::open_by(path, Arc::new(opener))
}

fn row(n: u64) -> RowChange {
    (b"row".to_vec(), Some(n.to_be_bytes().to_vec()))
}

/// Fails from the `after`th operation on while records and a checkpoint are written; whether
/// anything failed.
fn fails_after(after: u64, fault: Fault) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::new(fault);
    let mut journal = on(&disk, &directory.path().join("buckler.redb")).unwrap();
    for n in 1..=3 {
        journal.append(&record(n)).unwrap();
    }
    journal.checkpoint(2, &[row(2)]).unwrap();

    disk.left.store(after, Ordering::SeqCst);
    let kept: Vec<_> = (4..=6).map(|n| journal.append(&record(n))).collect();
    let checkpoint = journal.checkpoint(3, &[row(3)]);
    for error in kept
        .iter()
        .filter_map(|kept| kept.as_ref().err())
        .chain(checkpoint.as_ref().err())
    {
        assert!(matches!(error, JournalError::Unavailable(_)), "{error}");
    }
    let acknowledged = kept.iter().flatten().count() as u64;
    let failed = kept.iter().any(Result::is_err) || checkpoint.is_err();
    if failed {
        assert!(matches!(journal.reopen(), Err(JournalError::Unavailable(_)) | Ok(())));
    }
    disk.left.store(u64::MAX, Ordering::SeqCst);
    journal.reopen().unwrap();

    let (position, rows) = load(&journal);
    let checkpointed = if checkpoint.is_ok() { 3..=3 } else { 2..=3 };
    assert!(
        checkpointed.contains(&position),
        "the whole checkpoint or that of before"
    );
    assert_eq!(rows, [(b"row".to_vec(), position.to_be_bytes().to_vec())]);
    let records = tail(&journal, position);
    let newest = records.last().map_or(position, |(at, _)| *at);
    // one more may be there that was not acknowledged
    assert!(
        (3 + acknowledged..=4 + acknowledged).contains(&newest),
        "{newest} after {kept:?}"
    );
    let expected: Vec<Position> = (position + 1..=newest).collect();
    assert_eq!(records.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
    assert_eq!(journal.append(&record(9)), Ok(newest + 1));
    failed
}

#[test]
fn what_was_acknowledged_is_there_wherever_the_disk_failed() {
    for fault in [Fault::Full, Fault::Broken] {
        let mut after = 0;
        while fails_after(after, fault) {
            after += 1;
        }
        assert!(after > 10, "{after} operations could fail");
    }
}

#[test]
fn a_disk_that_fails_at_the_start_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buckler.redb");
    let disk = Disk::new(Fault::Broken);
    drop(on(&disk, &path).unwrap());
    let mut after = 0;
    loop {
        disk.left.store(after, Ordering::SeqCst);
        match on(&disk, &path) {
            Err(JournalError::Unavailable(_)) => after += 1,
            Err(other) => panic!("operation {after}: {other}"),
            Ok(_) => break,
        }
    }
    assert!(after > 2, "{after} operations could fail");
}
