//! What keeps the fleet's list from shutting out the site's customers: the breaker looks at each update before it is written, and a list
//! that the server has not confirmed for too long is only logged.

use std::{net::IpAddr, time::Duration};

use actix::{AsyncContext, Context};

use super::BlacklistSync;
use crate::{
    actors::{messages::Speak, tell},
    guard::{Recent, Snapshot},
    model::{
        blacklist::{Proposal, Scope, SharedList},
        breaker::{Breaker, Outlook, Turn},
    },
    store::Times,
};

/// How often the list's age is looked at.
const AGE_EVERY: Duration = Duration::from_secs(1);

/// Whose clients are asked about where the last minute had too few: a quiet site's of an hour.
const QUIET: Duration = Duration::from_hours(1);

impl BlacklistSync {
    /// Carries out a change of the list, and shows the breaker before what it will be. Where it trips, the list is suspended before
    /// anything is written: no request is ever judged by it.
    pub(super) fn watched<T>(&self, change: impl FnOnce(&mut SharedList, &mut dyn FnMut(&Proposal<'_>)) -> T) -> T {
        let now = self.estate.times();
        let mut turn = Turn::None;
        let mut watch = |proposal: &Proposal<'_>| {
            let lists = |source| proposal.lists(source, now.elapsed);
            turn = self.judge(&lists, proposal.breadth().is_sweeping(), proposal.rev(), now);
            if self.estate.safety.borrow().is_suspended() {
                proposal.list().suspend_shared(true);
            }
        };
        let result = change(&mut self.estate.list.borrow_mut(), &mut watch);
        self.follow(turn);
        result
    }

    /// The server has said that the list is the one that it has, or made it so.
    pub(super) fn confirmed(&self) {
        let now = self.estate.times();
        self.estate.safety.borrow_mut().confirm(now.elapsed);
        self.estate.store.save_confirmed(now.unix.as_secs());
        self.enforce();
    }

    /// A word of the server's has changed nothing; but entries have ended since the last, and the breaker may close.
    pub(super) fn reconsider(&self) {
        let now = self.estate.times();
        if self.estate.safety.borrow().breaker().is_none() {
            return;
        }
        let list = std::sync::Arc::clone(self.estate.list.borrow().list());
        let rev = self.estate.list.borrow().cursor().map(|cursor| cursor.rev);
        let lists = |source| list.lookup_in(Scope::Shared, source, now.elapsed).is_some();
        let turn = self.judge(&lists, list.breadth().is_sweeping(), rev, now);
        self.follow(turn);
    }

    /// Looks at the list's age, now and then.
    pub(super) fn grow_old(&mut self, ctx: &mut Context<Self>) {
        let now = self.estate.now();
        if self.estate.safety.borrow_mut().grow_old(now) {
            self.enforce();
            self.count();
        }
        ctx.run_later(AGE_EVERY, Self::grow_old);
    }

    fn judge(&self, lists: &dyn Fn(IpAddr) -> bool, sweeping: bool, revision: Option<u64>, now: Times) -> Turn {
        let recent = self.clients(now.elapsed);
        let outlook = Outlook {
            recent: &recent,
            lists,
            sweeping,
            revision,
            unix_s: now.unix.as_secs(),
        };
        self.estate.safety.borrow_mut().judge(&outlook, now.elapsed)
    }

    /// The site's recent clients that a list can shut out and that are not shut out for what they did here.
    fn clients(&self, now: Duration) -> Vec<IpAddr> {
        let published = self.estate.shared.published.current();
        let Snapshot {
            policy,
            blacklist,
            trusted,
            ..
        } = &*published;
        let of = |window| {
            let sources = self.estate.shared.recent.sources(now, window).into_iter();
            let addresses = sources.map(|source| source.address);
            let can_be_shut_out = |address: &IpAddr| {
                trusted.bannable(*address)
                    && !policy.whitelist().contains(*address)
                    && blacklist.lookup_in(Scope::Local, *address, now).is_none()
            };
            addresses.filter(can_be_shut_out).collect::<Vec<IpAddr>>()
        };
        let recent = of(Recent::WINDOW);
        if recent.len() < Breaker::LEAST {
            of(QUIET)
        } else {
            recent
        }
    }

    /// Does what a turn of the breaker asks for.
    fn follow(&self, turn: Turn) {
        self.enforce();
        if turn != Turn::None {
            self.estate.save_safety();
            // somebody should look at it
            tell(&self.speak, Speak::Soon);
        }
    }

    fn enforce(&self) {
        let is_suspended = self.estate.safety.borrow().is_suspended();
        self.estate.list.borrow().list().suspend_shared(is_suspended);
    }
}
