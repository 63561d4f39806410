//! A list that outlives the process: what is saved of it, and how it comes back.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{ListProblem, SharedList, Version, end};
use crate::{
    model::blacklist::{Blacklist, Digest, Scope},
    protocol::v2::ListCursor,
};

impl SharedList {
    /// What was saved, after its count and digest were checked. The entries come with the time left; none is for ever.
    ///
    /// # Errors
    /// [`ListProblem::Digest`] or [`ListProblem::Count`] where the entries are not those of the cursor.
    pub fn restore(
        cursor: ListCursor,
        entries: impl IntoIterator<Item = (IpNet, Option<Duration>)>,
        now: Duration,
    ) -> Result<Self, ListProblem> {
        let (list, mut digest) = (Blacklist::new(), Digest::default());
        for (network, left) in entries {
            if list.insert(network, left.map(|left| end(left, now)), Scope::Shared) {
                digest += network;
            }
        }
        Self::resume(cursor, list, digest)
    }

    /// A list that was built elsewhere, with the digest of its entries for the fleet.
    ///
    /// # Errors
    /// [`ListProblem::Digest`] or [`ListProblem::Count`] where it is not the list of the cursor.
    pub fn resume(cursor: ListCursor, list: Blacklist, digest: Digest) -> Result<Self, ListProblem> {
        ListProblem::check(cursor.count, list.count(), &cursor.digest, digest)?;
        let version = Some(Version {
            epoch: cursor.epoch,
            rev: cursor.rev,
            digest,
        });
        Ok(Self {
            version,
            ..Self::new(Arc::new(list))
        })
    }

    /// Every entry of the fleet's list with the time left, to be saved and [restored](Self::restore); none is for ever.
    pub fn for_each(&self, now: Duration, visit: &mut dyn FnMut(IpNet, Option<Duration>)) {
        self.list.for_each(Scope::Shared, &mut |network, until| {
            visit(network, until.map(|until| until.saturating_sub(now)));
        });
    }
}
