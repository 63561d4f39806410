//! What the server lists: updates of either version, applied to the list, kept in the store, and published.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::BlacklistSync;
use crate::{
    actors::tell,
    model::{
        address::parse_network,
        blacklist::{Applied, Carried, Scope},
    },
    protocol::{
        BlacklistUpdate, Epoch,
        v2::{ListMode, ListUpdate},
    },
    store::SavedEntry,
};

/// The server removes what has ended as well: an entry that has no longer to run than its clock may
/// be ahead of ours was not lifted.
const ENDED: Duration = Duration::from_secs(10);

impl BlacklistSync {
    /// Applies a version 2 update and keeps what came of it.
    pub(super) fn update(&self, update: &ListUpdate) {
        let now = self.estate.now();
        let removed_here = networks(&update.remove);
        let lifted = self.running(&removed_here, now);
        let applied = self.watched(|list, watch| list.apply_watched(update, now, watch));
        let speak = self.estate.list.borrow_mut().speak_after(&applied);
        match applied {
            Applied::Nothing => {
                if update.mode == ListMode::None {
                    self.confirmed();
                    self.reconsider();
                }
            }
            Applied::Delta { added, removed } => {
                self.confirmed();
                let added_here: Vec<IpNet> = update.add.iter().filter_map(|(text, _)| parse_network(text)).collect();
                self.save_changes(&added_here, &removed_here);
                self.forgive(lifted);
                tracing::info!(added, removed, rev = update.to, "blacklist updated");
            }
            Applied::Page { page, pages } => {
                tracing::debug!(page, pages, "page of the blacklist staged");
            }
            Applied::Swapped { entries } => {
                self.confirmed();
                self.save_carried();
                self.save_list();
                self.announce_list();
                tracing::info!(entries, rev = update.to, "blacklist replaced");
            }
            Applied::Refused(problem) => {
                tracing::warn!(%problem, "blacklist update refused: the list in force stays");
            }
        }
        if let Some(speak) = speak {
            tell(&self.speak, speak);
        }
    }

    /// Those of some networks whose bans have not ended.
    fn running(&self, networks: &[IpNet], now: Duration) -> Vec<IpNet> {
        let list = Arc::clone(self.estate.list.borrow().list());
        let runs_on = |network: &IpNet| {
            let ends = [Scope::Local, Scope::Shared].map(|scope| list.until(*network, scope));
            let mut ends = ends.into_iter().flatten();
            ends.any(|end| end.is_none_or(|end| end > now.saturating_add(ENDED)))
        };
        networks.iter().filter(|network| runs_on(network)).copied().collect()
    }

    /// Forgets what spoke against the clients that the server let in, as of those that the host lets
    /// in: it would ban them again with their next refused request.
    fn forgive(&self, mut lifted: Vec<IpNet>) {
        let list = Arc::clone(self.estate.list.borrow().list());
        let is_listed = |network, scope| list.until(network, scope).is_some();
        lifted.retain(|network| !is_listed(*network, Scope::Local) && !is_listed(*network, Scope::Shared));
        if !lifted.is_empty() {
            self.estate.shared.guard.forgive(&lifted);
            self.history_changed.set(true);
        }
    }

    /// Keeps what these networks have come to in the list.
    fn save_changes(&self, added: &[IpNet], removed: &[IpNet]) {
        let now = self.estate.times();
        let list = self.estate.list.borrow();
        let changed = added.iter().chain(removed).copied();
        self.estate.store.save_changes(&list, changed.clone(), now);
        let let_in: Vec<IpNet> = changed
            .filter(|network| list.list().until(*network, Scope::Local).is_none())
            .collect();
        self.estate.store.forget_bans(now.unix.as_secs(), &let_in);
    }

    /// Keeps what a snapshot made of the agent's own entries: before the list is saved, which has
    /// them no more.
    fn save_carried(&self) {
        let now = self.estate.times();
        let Carried { kept, released } = self.estate.list.borrow_mut().take_carried();
        if !kept.is_empty() {
            let bans: Vec<SavedEntry> = kept
                .into_iter()
                .map(|(network, until)| (network, now.write_end(until)))
                .collect();
            let stream = self.estate.outbox.borrow().own_stream();
            self.estate.store.save_offences(&bans, &[], stream);
            tracing::info!(bans = bans.len(), "bans of the history before are kept until they end");
        }
        if !released.is_empty() {
            self.estate.store.forget_bans(now.unix.as_secs(), &released);
        }
    }

    fn save_list(&self) {
        self.estate
            .store
            .save_list(&self.estate.list.borrow(), self.estate.times());
    }

    /// Version 1's whole list: each entry has been banned at an epoch, and lasts for our `BLACKLIST_DELAY` from then.
    pub(super) fn replace(&self, listed: BTreeMap<String, Epoch>) {
        let now = self.estate.times();
        let remaining = |Epoch(at): Epoch| {
            let age = now.unix.saturating_sub(Duration::from_secs(at));
            self.ban_for.checked_sub(age).filter(|left| !left.is_zero())
        };
        let entries = listed
            .into_iter()
            .filter_map(|(text, at)| Some((network(&text)?, remaining(at)?)));
        self.watched(|list, watch| list.replace_v1(entries, now.elapsed, watch));
        self.confirmed();
        self.save_list();
        self.announce_list();
    }

    /// Version 1's changes.
    pub(super) fn change(&self, update: &BlacklistUpdate) {
        let now = self.estate.times();
        let new = networks(&update.new);
        let remove = networks(&update.remove);
        self.confirmed();
        if new.is_empty() && remove.is_empty() {
            return self.reconsider();
        }
        self.watched(|list, watch| list.update_v1(&new, &remove, self.ban_for, now.elapsed, watch));
        self.save_changes(&new, &remove);
    }
}

/// Reads a server's addresses.
fn networks(texts: &[String]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| network(text)).collect()
}

/// Reads a server's address. One that is none is named and passed over: the rest of the list is still good.
fn network(text: &str) -> Option<IpNet> {
    let network = parse_network(text);
    if network.is_none() {
        tracing::warn!(address = %text.escape_debug().take(60).collect::<String>(), "the server listed what is no address: passed over");
    }
    network
}
