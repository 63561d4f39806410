//! What the server lists: updates of either version, applied to the list, kept in the store, and published.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::BlacklistSync;
use crate::{
    actors::{messages::Speak, tell},
    model::{
        address::parse_network,
        blacklist::{Applied, Scope},
    },
    protocol::{BlacklistUpdate, Epoch, v2::ListUpdate},
    store::SavedEntry,
};

impl BlacklistSync {
    /// Applies a version 2 update and keeps what came of it.
    pub(super) fn update(&mut self, update: &ListUpdate) {
        let now = self.estate.now();
        let applied = self.estate.list.borrow_mut().apply(update, now);
        match applied {
            Applied::Nothing => self.confirmed = Some(now),
            Applied::Delta { added, removed } => {
                self.confirmed = Some(now);
                self.unban(&networks(&update.remove));
                self.save_delta(update);
                tracing::info!(added, removed, rev = update.to, "blacklist updated");
            }
            Applied::Page { page, pages } => {
                tracing::debug!(page, pages, "page of the blacklist staged");
                tell(&self.speak, Speak::Now);
            }
            Applied::Swapped { entries } => {
                self.confirmed = Some(now);
                self.save_list();
                self.announce_list();
                tracing::info!(entries, rev = update.to, "blacklist replaced");
            }
            Applied::Refused(problem) => {
                tracing::warn!(%problem, "blacklist update refused: the list in force stays");
                tell(&self.speak, Speak::Soon);
            }
        }
    }

    /// An address that the server let in again is let in here too, whoever banned it.
    fn unban(&self, networks: &[IpNet]) {
        if networks.is_empty() {
            return;
        }
        let list = Arc::clone(self.estate.list.borrow().list());
        for network in networks {
            list.remove(*network, Scope::Local);
        }
        self.estate
            .store
            .forget_bans(self.estate.times().unix.as_secs(), networks);
    }

    fn save_delta(&self, update: &ListUpdate) {
        let now = self.estate.times();
        let list = self.estate.list.borrow();
        let removed = networks(&update.remove);
        let added: Vec<SavedEntry> = update
            .add
            .iter()
            .filter_map(|(text, ttl_s)| {
                let until = now.elapsed.checked_add(Duration::from_secs(*ttl_s));
                Some((parse_network(text)?, now.write_end(until)))
            })
            .collect();
        self.estate.store.save_delta(list.cursor().as_ref(), &added, &removed);
    }

    fn save_list(&self) {
        let now = self.estate.times();
        let list = self.estate.list.borrow();
        self.estate.store.save_list(list.cursor().as_ref(), |row| {
            list.list()
                .for_each(Scope::Shared, &mut |network, until| row(network, now.write_end(until)));
        });
    }

    /// Version 1's whole list: each entry has been banned at an epoch, and lasts for our `BLACKLIST_DELAY` from then.
    pub(super) fn replace(&mut self, listed: BTreeMap<String, Epoch>) {
        let now = self.estate.times();
        let remaining = |Epoch(at): Epoch| {
            let age = now.unix.saturating_sub(Duration::from_secs(at));
            self.ban_for.checked_sub(age).filter(|left| !left.is_zero())
        };
        let entries = listed
            .into_iter()
            .filter_map(|(text, at)| Some((network(&text)?, remaining(at)?)));
        self.estate.list.borrow_mut().replace_v1(entries, now.elapsed);
        self.confirmed = Some(now.elapsed);
        self.save_list();
        self.announce_list();
    }

    /// Version 1's changes.
    pub(super) fn change(&mut self, update: &BlacklistUpdate) {
        let now = self.estate.times();
        let new = networks(&update.new);
        let remove = networks(&update.remove);
        self.confirmed = Some(now.elapsed);
        if new.is_empty() && remove.is_empty() {
            return;
        }
        self.estate
            .list
            .borrow_mut()
            .update_v1(&new, &remove, self.ban_for, now.elapsed);
        let until = now.write_end(Some(now.elapsed + self.ban_for));
        let added: Vec<SavedEntry> = new.iter().map(|network| (*network, until)).collect();
        self.estate.store.save_delta(None, &added, &remove);
        self.unban(&remove);
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
