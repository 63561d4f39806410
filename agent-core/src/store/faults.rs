//! Every touch of the disk passes here, so that a test can have any of them fail.

use std::{io, ops::Bound};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// What is done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    Read,
    Write,
    Sync,
}

/// The faults that a test asks for; outside of tests there are none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    #[cfg(feature = "testing")]
    plan: Option<std::sync::Arc<DiskFaults>>,
}

impl Faults {
    /// Fails where a test wants this touch to fail.
    #[cfg(feature = "testing")]
    pub(super) fn check(&self, touch: Touch) -> io::Result<()> {
        self.plan.as_ref().map_or(Ok(()), |plan| plan.check(touch))
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test's build fails here")]
    pub(super) const fn check(&self, _: Touch) -> io::Result<()> {
        Ok(())
    }

    /// Has what was written reach the disk.
    pub(super) fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.check(Touch::Sync)?;
        if self.skips_syncs() { Ok(()) } else { sync() }
    }

    #[cfg(feature = "testing")]
    fn skips_syncs(&self) -> bool {
        self.plan.is_some()
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "a test's build decides here")]
    const fn skips_syncs(&self) -> bool {
        false
    }
}

/// A database's file, every touch of which passes the faults.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) file: FileBackend,
    pub(super) faults: Faults,
}

impl StorageBackend for Checked {
    fn len(&self) -> io::Result<u64> {
        self.faults.check(Touch::Read)?;
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.faults.check(Touch::Read)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check(Touch::Write)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.sync(|| self.file.sync_data())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.faults.check(Touch::Write)?;
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

#[cfg(feature = "testing")]
pub use planned::{DiskFault, DiskFaults};

#[cfg(feature = "testing")]
mod planned {
    //! Faults of the disk as a test plans them.

    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    use arc_swap::ArcSwapOption;

    use super::{Faults, Touch};

    /// What a disk does that does not do what it should.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DiskFault {
        /// There is no room: whatever writes fails.
        Full,
        /// It may not be written to.
        ReadOnly,
        /// Nothing works.
        Broken,
    }

    /// A disk that fails when a test says so. What is written to it is not synchronised, which makes it fast: for tests that end
    /// processes, not for tests that cut the power.
    #[derive(Debug, Default)]
    pub struct DiskFaults {
        done: AtomicU64,
        plan: ArcSwapOption<(u64, u64, DiskFault)>,
    }

    impl DiskFaults {
        /// A disk that works.
        #[must_use]
        pub fn none() -> Arc<Self> {
            Arc::default()
        }

        /// Has `operations` operations fail, from the one on with the number `from`, counted from the beginning.
        pub fn fail(&self, from: u64, operations: u64, fault: DiskFault) {
            let until = from.saturating_add(operations);
            self.plan.store(Some(Arc::new((from, until, fault))));
        }

        /// Has every operation fail from now on.
        pub fn fail_now(&self, fault: DiskFault) {
            self.fail(0, u64::MAX, fault);
        }

        /// Has everything work again.
        pub fn heal(&self) {
            self.plan.store(None);
        }

        /// Operations so far.
        #[must_use]
        pub fn operations(&self) -> u64 {
            self.done.load(Ordering::SeqCst)
        }

        pub(super) fn check(&self, touch: Touch) -> io::Result<()> {
            let number = self.done.fetch_add(1, Ordering::SeqCst);
            let plan = self.plan.load();
            let Some((from, until, fault)) = plan.as_deref().copied() else {
                return Ok(());
            };
            let hit = (from..until).contains(&number);
            match fault {
                DiskFault::Full if hit && touch != Touch::Read => Err(io::ErrorKind::StorageFull.into()),
                DiskFault::ReadOnly if hit && touch != Touch::Read => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
                DiskFault::Broken if hit => Err(io::Error::other("the disk does not answer")),
                DiskFault::Full | DiskFault::ReadOnly | DiskFault::Broken => Ok(()),
            }
        }
    }

    impl From<Arc<DiskFaults>> for Faults {
        fn from(plan: Arc<DiskFaults>) -> Self {
            Self { plan: Some(plan) }
        }
    }
}
