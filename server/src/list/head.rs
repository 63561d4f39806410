//! Where a list is.

use std::sync::Arc;

use buckler::{model::blacklist::Digest, protocol::v2::ListCursor};

/// Where the list is: epoch, revision and the digest of its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Names this history.
    pub epoch: Arc<str>,
    /// Rises by one with every change.
    pub rev: u64,
    /// Entries.
    pub count: u64,
    /// Digest of the members.
    pub digest: Digest,
}

impl Head {
    /// As it travels.
    #[must_use]
    pub fn cursor(&self) -> ListCursor {
        ListCursor {
            epoch: self.epoch.to_string(),
            rev: self.rev,
            count: self.count,
            digest: self.digest.to_string(),
        }
    }
}
