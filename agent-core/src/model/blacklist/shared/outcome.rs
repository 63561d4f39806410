//! What became of an update.

use crate::model::blacklist::Digest;

/// The most of a server's text that is repeated in an error, in characters: an IPv6 network has 43.
const EXCERPT: usize = 64;

/// What became of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// The list is at that revision already, or past it.
    Nothing,
    /// Changes were applied in place.
    Delta {
        /// Networks that were not listed before.
        added: usize,
        /// Networks that are no longer listed.
        removed: usize,
    },
    /// A page of a snapshot was put aside; the next one is to come.
    Page {
        /// This page, counted from 1.
        page: u32,
        /// Pages of the snapshot.
        pages: u32,
    },
    /// The last page came: [`SharedList::list`](super::SharedList::list) is another list now, to be published.
    Swapped {
        /// Entries of the fleet's list.
        entries: usize,
    },
    /// It does not fit. Nothing changed.
    Refused(ListProblem),
}

/// Why an update was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListProblem {
    /// It builds on a revision that is not the one held.
    #[error("the update builds on revision {from}; the list is at {}", .have.map_or_else(|| "none".to_owned(), |rev| rev.to_string()))]
    Gap {
        /// The revision held.
        have: Option<u64>,
        /// The one it builds on.
        from: u64,
    },
    /// It belongs to another history.
    #[error("the update is of the epoch {found:?}, the list of another")]
    Epoch {
        /// The update's epoch, cut to 64 characters.
        found: String,
    },
    /// The result would not be the list that the server has.
    #[error("the update leads to the digest {found}; announced is {announced:?}")]
    Digest {
        /// What the server says, cut to 64 characters.
        announced: String,
        /// What was found.
        found: Digest,
    },
    /// The result would not be as long as the server's.
    #[error("the update leads to {found} entries; announced are {announced}")]
    Count {
        /// What the server says.
        announced: u64,
        /// What was found; of an unfinished snapshot, so far.
        found: u64,
    },
    /// The server lists more than an agent will hold.
    #[error("the update announces {announced} entries; allowed are {allowed}")]
    TooMany {
        /// What the server says.
        announced: u64,
        /// The most that is held.
        allowed: u64,
    },
    /// Something in it is neither an address nor a network. Cut to 64 characters.
    #[error("{0:?} in the update is neither an address nor a network in CIDR notation")]
    BadAddress(String),
    /// A page of a snapshot came out of turn.
    #[error(
        "page {page} of {pages} came; page {expected} of the snapshot that was begun is the next, or page 1 of another"
    )]
    PageOrder {
        /// The page that came.
        page: u32,
        /// Pages that its snapshot has.
        pages: u32,
        /// The page that can be added.
        expected: u32,
    },
}

impl ListProblem {
    /// Whether only a snapshot would set it right. A page out of turn is sent again by itself, and a gap may be closed.
    pub(super) const fn wants_snapshot(&self) -> bool {
        match self {
            Self::Epoch { .. }
            | Self::Digest { .. }
            | Self::Count { .. }
            | Self::TooMany { .. }
            | Self::BadAddress(_) => true,
            Self::Gap { .. } | Self::PageOrder { .. } => false,
        }
    }

    /// Compares what was announced with what was found.
    pub(super) fn check(announced: u64, count: u64, digest: &str, found: Digest) -> Result<(), Self> {
        if announced != count {
            return Err(Self::Count {
                announced,
                found: count,
            });
        }
        if digest.parse() != Ok(found) {
            return Err(Self::Digest {
                announced: excerpt(digest),
                found,
            });
        }
        Ok(())
    }

    /// Refuses a list that is longer than an agent will hold.
    pub(super) fn check_size(announced: u64) -> Result<(), Self> {
        let allowed = super::MAX_ENTRIES;
        if announced > allowed {
            Err(Self::TooMany { announced, allowed })
        } else {
            Ok(())
        }
    }

    pub(super) fn epoch(found: &str) -> Self {
        Self::Epoch { found: excerpt(found) }
    }

    pub(super) fn bad_address(text: &str) -> Self {
        Self::BadAddress(excerpt(text))
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}
