//! What the host asks for: to ban a client, or to let one in.

use std::sync::Arc;

use actix::Handler;
use ipnet::IpNet;

use super::{BlacklistSync, Sharing};
use crate::{
    actors::{
        messages::{BanAsked, BanOrder, Offence, UnbanAsked, Unbanned},
        tell,
    },
    model::{address::to_text, blacklist::Scope, outbox::Draft},
    protocol::v2::{AddressOrigin, Event, EventKind, Evidence},
    store::Times,
};

/// The reason of a let-in, where there is no check.
const BY_HOST: &str = "host";

impl Handler<BanAsked> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, asked: BanAsked, _: &mut Self::Context) {
        let BanAsked {
            network,
            length,
            why,
            reply,
        } = asked;
        let now = self.estate.times();
        let order = BanOrder {
            network,
            length,
            clean_requests: None,
        };
        let withheld = self.withheld(&order, now.elapsed);
        if withheld.is_none() {
            // the host's word counts, whatever ban there was
            self.estate.list.borrow().list().remove(network, Scope::Local);
        }
        self.estate.shared.intake.count_of_host();
        let draft = Draft {
            why: why.into(),
            ttl_s: length.as_secs(),
            ..draft(EventKind::Ban, network, now)
        };
        let told = self.take(vec![Offence {
            draft,
            ban: Some(order),
        }]);
        self.count();
        if told {
            tell(&self.speak, self.urgency());
        }
        // the handle may have stopped waiting
        reply
            .send(withheld.map(|withheld| withheld.to_string()))
            .unwrap_or_default();
    }
}

impl Handler<UnbanAsked> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, UnbanAsked { network, reply }: UnbanAsked, _: &mut Self::Context) {
        let now = self.estate.times();
        let list = Arc::clone(self.estate.list.borrow().list());
        let mut ended = Vec::new();
        list.for_each(Scope::Local, &mut |own, _| {
            if own.contains(&network) || network.contains(&own) {
                ended.push(own);
            }
        });
        ended.iter().for_each(|own| {
            list.remove(*own, Scope::Local);
        });
        self.estate.store.forget_bans(now.unix.as_secs(), &ended);
        self.estate.shared.guard.forgive(&[network]);
        self.history_changed.set(true);
        let is_listed = list.lookup_in(Scope::Shared, network.addr(), now.elapsed).is_some();
        tracing::info!(
            network = to_text(network),
            bans = ended.len(),
            is_listed,
            "let in by the host"
        );
        let outcome = match (is_listed, ended.is_empty()) {
            (true, _) => Unbanned::ListedByFleet,
            (false, false) => Unbanned::LetIn,
            (false, true) => Unbanned::NotBanned,
        };
        ended.retain(|own| *own != network);
        ended.push(network);
        self.tell_let_in(&ended, now);
        self.count();
        reply.send(outcome).unwrap_or_default();
    }
}

impl BlacklistSync {
    /// Asks the server to let these networks in.
    fn tell_let_in(&self, networks: &[IpNet], now: Times) {
        if self.sharing == Sharing::Off {
            return;
        }
        let mut outbox = self.estate.outbox.borrow_mut();
        let mut events: Vec<Event> = Vec::new();
        for network in networks {
            self.estate.shared.intake.count_of_host();
            let pushed = outbox.push(draft(EventKind::Unban, *network, now), now.elapsed);
            events.extend(pushed.cloned());
        }
        self.estate.store.save_offences(&[], &events, outbox.own_stream());
        tell(&self.speak, self.urgency());
    }
}

fn draft(kind: EventKind, network: IpNet, now: Times) -> Draft {
    Draft {
        kind,
        address: to_text(network),
        at_ms: u64::try_from(now.unix.as_millis()).unwrap_or(u64::MAX),
        ttl_s: 0,
        why: BY_HOST.into(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: None,
    }
}
