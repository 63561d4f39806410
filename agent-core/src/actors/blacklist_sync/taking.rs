//! What was caught here: banned, numbered, saved, and only then announced.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{AsyncContext, Context};
use uuid::Uuid;

use super::{BlacklistSync, Sharing};
use crate::{
    actors::messages::{BanOrder, Offence},
    model::{
        address::{ban_scope, parse_network},
        blacklist::Scope,
        outbox::Draft,
    },
    protocol::v2::{Event, EventKind},
};

/// How often the store is looked after.
const TEND_EVERY: Duration = Duration::from_secs(1);

impl BlacklistSync {
    /// Bans, numbers and saves a batch of offences; whether there is something to tell. The guard enforces a ban before it is
    /// saved; it is announced afterwards.
    pub(super) fn take(&self, offences: Vec<Offence>) -> bool {
        let now = self.estate.times();
        let list = Arc::clone(self.estate.list.borrow().list());
        let mut outbox = self.estate.outbox.borrow_mut();
        let (mut bans, mut banned, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for Offence { mut draft, ban } in offences {
            let mut kind = EventKind::Attack;
            if let Some(order) = ban {
                let BanOrder { network, length, .. } = order;
                if let Some(withheld) = self.withheld(&order, now.elapsed) {
                    self.withhold(network, &draft.why, withheld, now.elapsed);
                    draft.ttl_s = 0;
                    draft.detail.iter_mut().for_each(|detail| detail.withheld = true);
                } else if list.ban(network, Some(now.elapsed + length), now.elapsed) {
                    let history = self.estate.shared.guard.ban_history();
                    if ban_scope(network.addr()) == network {
                        history.note(network.addr(), now.elapsed + length, now.elapsed);
                    }
                    self.history_changed.set(true);
                    banned.push((draft.address.clone(), draft.why.clone(), length));
                    bans.push((network, now.write_end(Some(now.elapsed + length))));
                    kind = EventKind::Ban;
                }
            }
            if self.sharing == Sharing::Off {
                self.estate
                    .shared
                    .board
                    .outbox
                    .settled_here
                    .fetch_add(1, Ordering::Relaxed);
            } else if let Some(event) = outbox.push(Draft { kind, ..draft }, now.elapsed) {
                events.push(event.clone());
            }
        }
        let is_news = !(bans.is_empty() && events.is_empty());
        let kept = is_news && self.estate.store.save_offences(&bans, &events, outbox.own_stream());
        // what is said from here on is on disk, if there is one: nobody hears of a ban that a crash could undo
        for (address, why, length) in banned {
            self.ban_lines
                .borrow_mut()
                .banned(&address, &why, length, kept, now.elapsed);
        }
        !events.is_empty()
    }

    /// Bans that the server had no room for are events once more, if it is time.
    pub(super) fn offer_again(&self) {
        let (now, list) = (self.estate.now(), Arc::clone(self.estate.list.borrow().list()));
        // whom the host or the server let in meanwhile is not banned again
        let is_in_force = |event: &Event| {
            let network = parse_network(&event.address);
            network.is_some_and(|network| list.lookup_in(Scope::Local, network.addr(), now).is_some())
        };
        let mut outbox = self.estate.outbox.borrow_mut();
        let events = outbox.offer_again(now, is_in_force);
        if !events.is_empty() {
            self.estate.store.save_offences(&[], &events, outbox.own_stream());
            tracing::info!(
                bans = events.len(),
                "bans that the server had no room for are offered again"
            );
        }
    }

    /// What waited for a word of the server's is not for it.
    pub(super) fn settle_here(&self) {
        let mut outbox = self.estate.outbox.borrow_mut();
        let streams: Vec<Uuid> = outbox.streams().collect();
        let withdrawn = outbox.withdraw();
        drop(outbox);
        if withdrawn > 0 {
            self.estate
                .shared
                .board
                .outbox
                .settled_here
                .fetch_add(withdrawn, Ordering::Relaxed);
            for stream in streams {
                self.estate.store.forget_events(stream, u64::MAX);
            }
            self.count();
        }
    }

    /// Whatever waits is on disk, or nothing of it: events are saved before anything else happens.
    pub(super) fn count_kept(&self) {
        let waiting = self.estate.outbox.borrow().len() as u64;
        let kept = if self.estate.store.is_on_disk() { waiting } else { 0 };
        self.estate.shared.board.outbox.kept.store(kept, Ordering::Relaxed);
    }

    /// Has the store written what it could not write before.
    pub(super) fn tend_store(&mut self, ctx: &mut Context<Self>) {
        self.estate.tend_store();
        self.count_kept();
        ctx.run_later(TEND_EVERY, Self::tend_store);
    }
}
