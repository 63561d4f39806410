//! A snapshot: its pages are put into a list of their own that nobody reads, which takes the place of the one in force when
//! the last has come.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{Applied, ListProblem, Proposal, SharedList, Version, end_of_ttl, network};
use crate::{
    model::blacklist::{Blacklist, Digest, Scope},
    protocol::v2::{ListUpdate, Staging},
};

impl SharedList {
    pub(super) fn apply_page(
        &mut self,
        update: &ListUpdate,
        now: Duration,
        watch: &mut dyn FnMut(&Proposal<'_>),
    ) -> Result<Applied, ListProblem> {
        if self.is_at(update) {
            self.settle();
            return Ok(Applied::Nothing);
        }
        // a server that went back to an older state may name another snapshot as it named the one that is staged: the pages of
        // the two never meet, so the one that it has now is begun
        self.staged = self.staged.take().filter(|staged| !staged.is_namesake_of(update));
        Staged::check_turn(self.staged.as_ref(), update)?;
        let begun = self.staged.take().filter(|_| update.page > 1);
        let mut staged = begun.unwrap_or_else(|| Staged::begin(update));
        staged.add(update, now)?;
        if update.page < update.pages {
            self.staged = Some(staged);
            return Ok(Applied::Page {
                page: update.page,
                pages: update.pages,
            });
        }
        let (list, digest) = staged.whole()?;
        watch(&Proposal::whole(&list, Some(update.to)));
        self.carry_over(&list, update, now);
        let unbanned = self.swap(
            list,
            Version {
                epoch: update.epoch.clone(),
                rev: update.to,
                digest,
            },
            now,
        );
        self.carried.released.extend(unbanned);
        Ok(Applied::Swapped {
            entries: self.list.len(Scope::Shared),
        })
    }

    /// Puts a whole list in the place of the one in force, with the agent's own entries. Of those,
    /// the ones that the server unbanned are taken out of the old list too, so that what still
    /// holds it does not bring them back; says which.
    fn swap(&mut self, list: Blacklist, version: Version, now: Duration) -> Vec<IpNet> {
        let old = self.version.as_ref();
        let is_newer = old.is_some_and(|old| old.epoch == version.epoch && old.rev < version.rev);
        let unbanned = if is_newer {
            self.unbanned_by(&list, now)
        } else {
            Vec::new()
        };
        for network in &unbanned {
            self.list.remove(*network, Scope::Local);
        }
        list.adopt_local(&self.list, now);
        self.list = Arc::new(list);
        self.version = Some(version);
        self.settle();
        unbanned
    }

    /// A new history is no amnesty: what the one before had listed, and this one does not, stays
    /// until its own end, as an entry of the agent's own, which a removal of the server's ends as
    /// well. Unless the server says that its list is complete: then also what was kept before goes.
    fn carry_over(&mut self, list: &Blacklist, update: &ListUpdate, now: Duration) {
        let is_another = self.version.as_ref().is_some_and(|old| old.epoch != update.epoch);
        // what has ended, was let in or was banned here meanwhile is not what was kept
        let old = &self.list;
        self.kept
            .retain(|(network, end)| old.until(*network, Scope::Local) == Some(*end));
        if update.complete {
            for (network, _) in std::mem::take(&mut self.kept) {
                old.remove(network, Scope::Local);
                self.carried.released.push(network);
            }
            return;
        }
        // what the breaker does not act upon is not what this site is to go on with
        if !is_another || self.list.shared_is_suspended() {
            return;
        }
        let mut kept = Vec::new();
        self.list.for_each(Scope::Shared, &mut |network, until| {
            let is_live = |until: Option<Duration>| until.is_none_or(|until| until > now);
            let is_own = self.list.until(network, Scope::Local).is_some_and(is_live);
            if is_live(until) && !is_own && !list.is_member(network, Scope::Shared) {
                kept.push((network, until));
            }
        });
        for (network, until) in &kept {
            list.insert(*network, *until, Scope::Local);
        }
        self.carried.kept.extend_from_slice(&kept);
        self.kept.extend(kept);
    }

    /// The agent's own entries whose shared entry is still running and missing from `newer`.
    fn unbanned_by(&self, newer: &Blacklist, now: Duration) -> Vec<IpNet> {
        let mut unbanned = Vec::new();
        self.list.for_each(Scope::Local, &mut |network, _| {
            let shared = self.list.ends_of(network).get(Scope::Shared);
            if shared.is_some_and(|end| end.is_live(now.into())) && !newer.is_member(network, Scope::Shared) {
                unbanned.push(network);
            }
        });
        unbanned
    }
}

/// The pages so far.
#[derive(Debug)]
pub(super) struct Staged {
    epoch: String,
    to: u64,
    pages: u32,
    count: u64,
    /// As the server wrote it; compared when the last page has come.
    announced: String,
    /// The last page that was added.
    page: u32,
    list: Blacklist,
    digest: Digest,
}

impl Staged {
    /// Whether the page in `update` can be added to what is staged, or begins another snapshot.
    pub(super) fn check_turn(staged: Option<&Self>, update: &ListUpdate) -> Result<(), ListProblem> {
        let (page, pages) = (update.page, update.pages);
        let expected = staged.map_or(1, |staged| staged.page.saturating_add(1));
        let continues = staged.is_some_and(|staged| staged.is_of(update)) && page == expected;
        if page <= pages && (page == 1 || continues) {
            return Ok(());
        }
        Err(ListProblem::PageOrder { page, pages, expected })
    }

    /// A snapshot without pages yet.
    pub(super) fn begin(update: &ListUpdate) -> Self {
        Self {
            epoch: update.epoch.clone(),
            to: update.to,
            pages: update.pages,
            count: update.count,
            announced: update.digest.clone(),
            page: 0,
            list: Blacklist::new(),
            digest: Digest::default(),
        }
    }

    /// Adds a page. `remove` has no meaning in a snapshot and is not read.
    pub(super) fn add(&mut self, update: &ListUpdate, now: Duration) -> Result<(), ListProblem> {
        ListProblem::check_size(self.count)?;
        for (text, ttl_s) in &update.add {
            let network = network(text)?;
            if self.list.insert(network, end_of_ttl(*ttl_s, now), Scope::Shared) {
                self.digest += network;
            }
        }
        self.page = update.page;
        let found = self.list.count();
        if found > self.count {
            Err(ListProblem::Count {
                announced: self.count,
                found,
            })
        } else {
            Ok(())
        }
    }

    /// The list with its digest, if it is the one that was announced.
    pub(super) fn whole(self) -> Result<(Blacklist, Digest), ListProblem> {
        ListProblem::check(self.count, self.list.count(), &self.announced, self.digest)?;
        Ok((self.list, self.digest))
    }

    pub(super) fn name(&self) -> Staging {
        Staging {
            epoch: self.epoch.clone(),
            to: self.to,
            page: self.page,
        }
    }

    /// Whether it leads further than `version`, or into another history.
    pub(super) fn is_after(&self, version: &Version) -> bool {
        self.epoch != version.epoch || self.to > version.rev
    }

    /// Whether the page in `update` is of another snapshot with the same name.
    fn is_namesake_of(&self, update: &ListUpdate) -> bool {
        self.epoch == update.epoch && self.to == update.to && !self.is_of(update)
    }

    fn is_of(&self, update: &ListUpdate) -> bool {
        let Self {
            epoch,
            to,
            pages,
            count,
            announced,
            page: _,
            list: _,
            digest: _,
        } = self;
        (epoch, *to, *pages, *count, announced)
            == (&update.epoch, update.to, update.pages, update.count, &update.digest)
    }
}
