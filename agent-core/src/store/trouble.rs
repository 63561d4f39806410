//! What can be wrong with a file: its contents, or the disk it is on.

use std::{fmt, io};

/// Why a file could not be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is in it makes no sense: another file may do.
    Damage(String),
    /// A newer release wrote it.
    Newer(u32),
    /// The disk does not do what it should: another file will fare no better.
    Disk(String),
}

impl Trouble {
    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
        // a position or a length that no disk takes was read from the file
        if matches!(error.kind(), InvalidData | InvalidInput | NotFound | UnexpectedEof) {
            Self::Damage(error.to_string())
        } else {
            Self::Disk(error.to_string())
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(problem) | Self::Disk(problem) => f.write_str(problem),
            Self::Newer(schema) => write!(
                f,
                "a newer release wrote it: schema {schema}, known are those up to {}",
                super::SCHEMA
            ),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::of_io(&error)
    }
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Self {
        if let redb::Error::Io(error) = &error {
            Self::of_io(error)
        } else if matches!(error, redb::Error::PreviousIo | redb::Error::DatabaseAlreadyOpen) {
            Self::Disk(error.to_string())
        } else {
            Self::Damage(error.to_string())
        }
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Damage(error.to_string())
    }
}

impl From<uuid::Error> for Trouble {
    fn from(error: uuid::Error) -> Self {
        Self::Damage(error.to_string())
    }
}

/// Errors of redb's that its one error covers.
macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Trouble {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}
from_redb!(
    CommitError,
    DatabaseError,
    SetDurabilityError,
    StorageError,
    TableError,
    TransactionError
);
