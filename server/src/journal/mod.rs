//! The port of journals: what puts records into one order and keeps them, and the checkpoint that
//! they go on from.
//!
//! A journal is used by one thread ([`crate::owner`] gives it one of its own), so it may wait: a
//! disk, an engine on the network. Whoever reads it sees the same records in the same order, none
//! twice and none missing.

#[cfg(test)]
mod conformance;
mod disk;
#[cfg(test)]
mod faulty;
mod memory;
#[cfg(feature = "nats")]
mod nats;
mod open;

#[cfg(feature = "nats")]
pub use self::nats::{NatsJournal, NatsOptions};
#[cfg(feature = "nats")]
pub(crate) use self::open::set_damaged_aside;
pub(crate) use self::open::{backup_in, file_in, make_private, restored};
pub use self::{
    disk::DiskJournal,
    memory::MemoryJournal,
    open::{Opened, open},
};

use std::{path::Path, sync::Arc};

use crate::{neighbours::Neighbours, store::Record};

/// Where a record stands: 1 is the first of a journal, and each has the number after that of the
/// one before.
pub type Position = u64;

/// A row of the checkpoint that has changed: its key, and what stands there now, if anything.
pub type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// Takes a row as it is read: its key and what stands there.
pub type EachRow<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), String>;

/// Takes a record as it is read.
pub type EachRecord<'a> = &'a mut dyn FnMut(Position, Record) -> Result<(), String>;

/// A record that came from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    /// The record.
    pub record: Record,
    /// Whether this node wrote it, without learning what became of it.
    pub is_own: bool,
    /// The digest that its writer's lists had at a position.
    pub vouched: Option<(Position, u64)>,
}

/// Takes a record that came from elsewhere.
pub type EachOther<'a> = &'a mut dyn FnMut(Position, Other) -> Result<(), String>;

/// Called when there may be something new.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Keeps records in their order, and the newest checkpoint.
///
/// Where several nodes write to one journal, each learns of what the others wrote by
/// [`others`](Self::others), and a record takes effect only after all before it did.
pub trait Journal: Send + std::fmt::Debug {
    /// What it is, for people: `memory`, `disk`, `nats`.
    fn kind(&self) -> &'static str;

    /// Keeps a record. It returns once the record cannot be lost any more.
    ///
    /// # Errors
    /// If that is not known: the record may be there all the same, and [`reopen`](Self::reopen) and
    /// [`tail`](Self::tail) say.
    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError>;

    /// Every record after a position, in order.
    ///
    /// # Errors
    /// If one cannot be read, makes no sense, or is refused by `each`.
    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError>;

    /// Every row of the checkpoint, in the order of their keys, and the position that it stands at.
    ///
    /// # Errors
    /// If one cannot be read, or is refused by `each`.
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError>;

    /// Changes rows of the checkpoint, which stands at `upto` from now on, and forgets the records
    /// up to there: all of it or nothing.
    ///
    /// # Errors
    /// If that is not known. The same rows can be given again.
    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError>;

    /// Tries again after an error.
    ///
    /// # Errors
    /// If the trouble goes on.
    fn reopen(&mut self) -> Result<(), JournalError>;

    /// The journal for a backup: what it holds now, whatever is written meanwhile. `None` where it
    /// has no copy of its own.
    ///
    /// # Errors
    /// If it cannot be read.
    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError>;

    /// Whether other nodes write to it.
    fn is_shared(&self) -> bool {
        false
    }

    /// Gives records that were not given before up to a position, in order, but those whose
    /// positions [`append`](Self::append) told. Only other nodes write such. Where much has come,
    /// it gives a part and wakes its listener for the next; up to a position that was told it gives
    /// all.
    ///
    /// # Errors
    /// If the journal does not do what it should, or a record makes no sense.
    fn others(&mut self, _upto: Position, _each: EachOther<'_>) -> Result<(), JournalError> {
        Ok(())
    }

    /// Has this called whenever [`others`](Self::others) may have something to give or to say.
    fn listen(&mut self, _wake: Wake) {}

    /// Offers a backup, with the position of its rows, to nodes that begin with nothing.
    fn share(&mut self, _backup: &Path, _position: Position) {}

    /// What the next record says of this node besides: the digest of its lists at a position.
    fn vouch(&mut self, _at: Position, _lists: u64) {}

    /// The other nodes, where there are any.
    fn neighbours(&self) -> Option<Arc<dyn Neighbours>> {
        None
    }

    /// What an operator should know of it, for people: nothing where all is as it should be.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A journal as it was at one moment.
pub trait Frozen: Send {
    /// As [`Journal::load`].
    ///
    /// # Errors
    /// As there.
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError>;

    /// As [`Journal::tail`].
    ///
    /// # Errors
    /// As there.
    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError>;
}

/// What a journal could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// What is kept makes no sense.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A newer release wrote it.
    #[error("a newer release wrote it: form {found}, this release reads those up to {known}; start that release")]
    Newer {
        /// The form that was found.
        found: u8,
        /// The newest that is known.
        known: u8,
    },
    /// A record is larger than it takes: it is not kept, and others are.
    #[error("a record is too large: {0}")]
    TooLarge(String),
    /// It does not do what it should at this moment: a disk that is full, may not be written to or
    /// does not answer.
    #[error("{0}")]
    Unavailable(String),
}
