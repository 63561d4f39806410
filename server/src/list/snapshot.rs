//! The whole list at one revision, in pages that are encoded once and shared by all who fetch them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use buckler::{
    model::address,
    protocol::v2::{ListMode, ListUpdate},
};
use ipnet::IpNet;
use serde_json::value::RawValue;

use super::{FleetList, Head};
use crate::moment::Tick;

/// How long one snapshot is given to everybody who needs one, in seconds: what changed meanwhile comes as a delta.
const SHARED_S: u64 = 5 * 60;

/// The most snapshots that are kept at once: with a million entries each takes 60 MB.
const MOST_KEPT: usize = 3;

/// How long a snapshot is kept for those who fetch it page by page, in seconds. At one page in 5 seconds, the fastest that
/// `next` allows, 180 pages of 10,000 entries come through.
const KEPT_S: u64 = 15 * 60;

/// How long an encoded page is handed out, in seconds. The times left in it are those at the end of this time, so that
/// no page ever prolongs an entry.
const PAGE_LIFE_S: u64 = 5;

/// A list at one revision.
#[derive(Debug)]
pub struct Snapshot {
    head: Head,
    taken: Tick,
    entries: Vec<(IpNet, Tick)>,
    /// Whether nothing is to be kept that another history had listed.
    complete: bool,
    page_entries: usize,
    pages: Vec<ArcSwapOption<Encoded>>,
}

/// A page as it travels, and when it was encoded.
#[derive(Debug)]
struct Encoded {
    at: Tick,
    json: Arc<RawValue>,
}

impl Snapshot {
    fn new(list: &FleetList, taken: Tick) -> Self {
        let entries = list.entries_after(None).map(|(network, entry)| (network, entry.end));
        let entries: Vec<(IpNet, Tick)> = entries.collect();
        let (head, page_entries) = (list.head().clone(), list.bounds().page);
        let page_entries = page_entries.max(1);
        let pages = entries.len().div_ceil(page_entries).max(1);
        Self {
            head,
            taken,
            entries,
            complete: list.is_complete(),
            page_entries,
            pages: (0..pages).map(|_| ArcSwapOption::empty()).collect(),
        }
    }

    /// Its revision, count and digest.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// How many pages it has; an empty list has one empty page.
    #[must_use]
    pub fn pages(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// Every entry and its end.
    #[must_use]
    pub fn entries(&self) -> &[(IpNet, Tick)] {
        &self.entries
    }

    /// A page, counted from 1, as the `list` of a reply; `None` beyond the last.
    ///
    /// # Errors
    /// What serde says, which for text and numbers is nothing.
    pub fn page(&self, page: u32, now: Tick) -> Result<Option<Arc<RawValue>>, serde_json::Error> {
        let Some(index) = page.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else {
            return Ok(None);
        };
        let Some(cell) = self.pages.get(index) else {
            return Ok(None);
        };
        if let Some(encoded) = &*cell.load()
            && now.since(encoded.at) < PAGE_LIFE_S
        {
            return Ok(Some(Arc::clone(&encoded.json)));
        }
        let json: Arc<RawValue> = serde_json::value::to_raw_value(&self.update(index, page, now))?.into();
        cell.store(Some(Arc::new(Encoded {
            at: now,
            json: Arc::clone(&json),
        })));
        Ok(Some(json))
    }

    fn update(&self, index: usize, page: u32, now: Tick) -> ListUpdate {
        let given_out = now.plus(PAGE_LIFE_S);
        let entries = self.entries.chunks(self.page_entries).nth(index).unwrap_or_default();
        let Head {
            epoch,
            rev,
            count,
            digest,
        } = &self.head;
        ListUpdate {
            complete: self.complete,
            mode: ListMode::Snapshot,
            epoch: epoch.to_string(),
            from: 0,
            to: *rev,
            add: entries
                .iter()
                .map(|(network, end)| (address::to_text(*network), end.left(given_out)))
                .collect(),
            remove: Vec::new(),
            page,
            pages: self.pages(),
            count: *count,
            digest: digest.to_string(),
        }
    }
}

/// The newest snapshots of a list. They are a cache of the node's own and no part of its list.
#[derive(Debug, Clone, Default)]
pub struct Snapshots(Vec<Arc<Snapshot>>);

impl Snapshots {
    /// The list as a snapshot for an agent that needs one now: the newest that is kept, if it is
    /// still the list's revision, or if it is one of several pages, young, and a delta leads on
    /// from it.
    pub fn of(&mut self, list: &FleetList, now: Tick) -> Arc<Snapshot> {
        self.0
            .retain(|kept| now.since(kept.taken) < KEPT_S && kept.head.epoch == list.head().epoch);
        if let Some(newest) = self.0.last() {
            let shared =
                newest.pages.len() > 1 && now.since(newest.taken) < SHARED_S && list.leads_on_from(newest.head.rev);
            if newest.head == *list.head() || shared {
                return Arc::clone(newest);
            }
        }
        let fresh = Arc::new(Snapshot::new(list, now));
        // a snapshot of one page is never continued, so only the newest of those is worth keeping
        self.0.retain(|kept| kept.pages.len() > 1);
        self.0.drain(..self.0.len().saturating_sub(MOST_KEPT - 1));
        self.0.push(Arc::clone(&fresh));
        fresh
    }

    /// The snapshot of this epoch and revision that an agent is fetching, if it is still kept.
    #[must_use]
    pub fn kept(&self, epoch: &str, rev: u64) -> Option<Arc<Snapshot>> {
        let is_it = |kept: &&Arc<Snapshot>| kept.head.rev == rev && *kept.head.epoch == *epoch;
        self.0.iter().find(is_it).map(Arc::clone)
    }
}
