//! What keeps the fleet's list from shutting out the site's customers: the breaker looks at each update before it is written, and a list
//! that the server has not confirmed for too long is only logged.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix::{AsyncContext, Context};
use ipnet::IpNet;

use super::BlacklistSync;
use crate::{
    actors::{
        messages::{BanOrder, Speak},
        tell,
    },
    guard::{Recent, Snapshot},
    model::{
        address::to_text,
        blacklist::{Proposal, Scope, SharedList},
        breaker::{Breaker, Impact, Outlook, Turn, Withheld},
    },
    notice,
    status::WithheldBan,
    store::Times,
};

/// How often the list's age is looked at.
const AGE_EVERY: Duration = Duration::from_secs(1);

/// How often the log says that a ban was not made: an attacker who hides so must not fill it.
const WITHHELD_EVERY: Duration = Duration::from_mins(1);

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
        let list = Arc::clone(self.estate.list.borrow().list());
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
            // clients that are refused themselves are not the site's customers
            let addresses = sources
                .filter(|source| !source.is_offender)
                .map(|source| source.address);
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

    /// Why a ban is not to be made, if it would block too much of the site.
    pub(super) fn withheld(&self, order: &BanOrder, now: Duration) -> Option<Withheld> {
        let mut impact = Impact::default();
        let senders = self.estate.shared.recent.senders(now).into_iter();
        for source in senders.filter(|source| !source.is_offender) {
            if !order.network.contains(&IpNet::from(source.address)) {
                impact.all_clients += 1;
                impact.all_requests += source.requests;
            } else if order.clean_requests.is_none() {
                impact.clients += 1;
                impact.requests += source.requests;
            }
        }
        if let Some(requests) = order.clean_requests.filter(|requests| *requests > 0) {
            // as it was when it was caught: what it sends meanwhile neither spares nor condemns it
            (impact.clients, impact.requests) = (1, requests);
        }
        impact.all_clients += impact.clients;
        impact.all_requests += impact.requests;
        self.estate.safety.borrow().allows(&impact).err()
    }

    /// Says that a ban is not made: in the log once a minute, and in the status.
    pub(super) fn withhold(&self, network: IpNet, why: &str, withheld: Withheld, now: Duration) {
        let line = &self.estate.shared.board.withheld;
        let before = line.load();
        let since_last = before.as_ref().map(|before| now.saturating_sub(before.at));
        if since_last.is_none_or(|since| since >= WITHHELD_EVERY) {
            notice::error(&format!(
                "{} not banned for {why}: {withheld}. If these are the clients of a proxy, name it in `agent.trusted_proxies`; if it is an \
                 attacker after all, raise `agent.breaker_share`",
                to_text(network)
            ));
        }
        line.store(Some(Arc::new(WithheldBan {
            network: to_text(network),
            at: now,
            bans: before.as_ref().map_or(0, |before| before.bans) + 1,
            reason: withheld.to_string(),
        })));
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
