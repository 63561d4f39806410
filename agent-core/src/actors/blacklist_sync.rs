//! BlacklistSync: the shared list and its cursor, own bans, and the outbox. It applies deltas and snapshots, bans whom
//! RequestGuard caught, and holds every event until the server has it.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use ipnet::IpNet;

use super::{
    Addresses, DeathNotice,
    estate::Estate,
    messages::{
        BatchTaken, Close, EventsAcknowledged, ListChanged, ListPart, ListReceived, Offence, OffendersCaught, Part,
        PartReported, PolicyChanged, ReportPart, Speak,
    },
    tell,
};
use crate::{
    model::{
        address::parse_network,
        blacklist::{Applied, Scope},
        outbox::Draft,
    },
    protocol::{
        BlacklistUpdate, Epoch,
        v2::{EventKind, ListUpdate},
    },
    status::ListInForce,
    store::SavedEntry,
};

/// How often own bans that ended are freed. Look-ups judge ends themselves: this only returns memory.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Entries looked at in one sweep: about a millisecond.
const SWEEP_BUDGET: usize = 20_000;

/// The actor.
pub(super) struct BlacklistSync {
    estate: Rc<Estate>,
    list_changed: Recipient<ListChanged>,
    batch_taken: Recipient<BatchTaken>,
    part_reported: Recipient<PartReported>,
    speak: Recipient<Speak>,
    close_next: Recipient<Close>,
    /// Whether events are for the server: there is one, and `BLACKLIST_SHARE` is on.
    shares: bool,
    /// `BLACKLIST_DELAY`: how long a version 1 server's entries last.
    ban_for: Duration,
    /// When the server last confirmed the list.
    confirmed: Option<Duration>,
    _notice: DeathNotice,
}

impl Actor for BlacklistSync {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.announce_list();
        self.count();
        ctx.run_later(SWEEP_EVERY, Self::sweep);
    }
}

impl BlacklistSync {
    pub(super) fn new(estate: &Rc<Estate>, to: &Addresses, notice: DeathNotice) -> Self {
        let policy = Arc::clone(&estate.configuration.borrow().policy);
        Self {
            estate: Rc::clone(estate),
            list_changed: to.request_guard.clone().recipient(),
            batch_taken: to.request_guard.clone().recipient(),
            part_reported: to.cloud_link.clone().recipient(),
            speak: to.cloud_link.clone().recipient(),
            close_next: to.cloud_link.clone().recipient(),
            shares: estate.identity.cloud.is_some() && policy.shares(),
            ban_for: policy.ban_for(),
            confirmed: None,
            _notice: notice,
        }
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        let now = self.estate.times();
        let freed = self.estate.list.borrow().list().sweep(now.elapsed, SWEEP_BUDGET);
        if freed > 0 {
            self.estate.store.forget_bans(now.unix.as_secs(), &[]);
            self.count();
        }
        ctx.run_later(SWEEP_EVERY, Self::sweep);
    }

    /// Has the table that is current published.
    fn announce_list(&self) {
        let list = Arc::clone(self.estate.list.borrow().list());
        tell(&self.list_changed, ListChanged(list));
    }

    /// Bans and numbers a batch of offences; a batch that was taken already changes nothing.
    fn take(&self, offences: Vec<Offence>) -> bool {
        let now = self.estate.times();
        let list = Arc::clone(self.estate.list.borrow().list());
        let mut outbox = self.estate.outbox.borrow_mut();
        let (mut bans, mut events) = (Vec::new(), Vec::new());
        for Offence { draft, ban } in offences {
            let mut kind = EventKind::Attack;
            if let Some((network, ban_for)) = ban {
                let until = Some(now.elapsed + ban_for);
                if list.ban(network, until, now.elapsed) {
                    tracing::info!(address = %draft.address, why = draft.why, seconds = ban_for.as_secs(), "banned");
                    bans.push((network, now.write_end(until)));
                    kind = EventKind::Ban;
                }
            }
            if !self.shares {
                self.estate
                    .shared
                    .board
                    .outbox
                    .settled_here
                    .fetch_add(1, Ordering::Relaxed);
            } else if let Some(event) = outbox.push(Draft { kind, ..draft }) {
                events.push(event.clone());
            }
        }
        if !(bans.is_empty() && events.is_empty()) {
            self.estate
                .store
                .save_offences(&bans, &events, outbox.stream(), outbox.next_seq());
        }
        !events.is_empty()
    }

    /// Applies a version 2 update and keeps what came of it.
    fn update(&mut self, update: &ListUpdate) {
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
    fn replace(&mut self, listed: std::collections::BTreeMap<String, Epoch>) {
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
    fn change(&mut self, update: &BlacklistUpdate) {
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

    fn part(&self) -> ListPart {
        let (list, outbox) = (self.estate.list.borrow(), self.estate.outbox.borrow());
        let now = self.estate.times();
        ListPart {
            have: list.cursor(),
            staging: list.staging(),
            list_age: self.confirmed.map(|at| now.elapsed.saturating_sub(at)),
            stream: outbox.stream(),
            first: outbox.first(),
            events: outbox.batch(u64::try_from(now.unix.as_millis()).unwrap_or(u64::MAX)),
            pending: outbox.len(),
        }
    }

    /// Writes this actor's lines on the board.
    fn count(&self) {
        let (list, ledger) = (self.estate.list.borrow(), self.estate.outbox.borrow().ledger());
        let board = &self.estate.shared.board;
        board.outbox.acknowledged.store(ledger.acknowledged, Ordering::Relaxed);
        board.outbox.pending.store(ledger.pending, Ordering::Relaxed);
        board.outbox.full.store(ledger.outbox_full, Ordering::Relaxed);
        board.list.store(Arc::new(ListInForce {
            shared: list.list().len(Scope::Shared),
            local: list.list().len(Scope::Local),
            cursor: list.cursor().map(|cursor| (cursor.epoch, cursor.rev)),
            confirmed: self.confirmed,
            memory_bytes: list.list().memory_bytes(),
        }));
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

impl Handler<OffendersCaught> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, OffendersCaught { batch, offences }: OffendersCaught, _: &mut Self::Context) {
        if batch > self.estate.taken.get() {
            let told = self.take(offences);
            self.estate.taken.set(batch);
            self.count();
            if told {
                tell(&self.speak, Speak::Soon);
            }
        }
        tell(&self.batch_taken, BatchTaken(batch));
    }
}

impl Handler<ListReceived> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, received: ListReceived, _: &mut Self::Context) {
        match received {
            ListReceived::Update(update) => self.update(&update),
            ListReceived::Whole(listed) => self.replace(listed),
            ListReceived::Change(update) => self.change(&update),
        }
        self.count();
    }
}

impl Handler<EventsAcknowledged> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, EventsAcknowledged { up_to, nack }: EventsAcknowledged, _: &mut Self::Context) {
        for refused in nack {
            let outbox = self.estate.outbox.borrow();
            let address = outbox
                .get(refused.seq)
                .map(|event| event.address.as_str())
                .unwrap_or_default();
            tracing::warn!(seq = refused.seq, address, code = %refused.code, "the server refused to share an event");
        }
        if self.estate.outbox.borrow_mut().acknowledge(up_to) > 0 {
            self.estate.store.forget_events(up_to);
        }
        self.count();
    }
}

impl Handler<ReportPart> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, ReportPart { exchange }: ReportPart, _: &mut Self::Context) {
        tell(
            &self.part_reported,
            PartReported {
                exchange,
                part: Part::List(self.part()),
            },
        );
    }
}

impl Handler<PolicyChanged> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, PolicyChanged(policy): PolicyChanged, _: &mut Self::Context) {
        self.shares = self.estate.identity.cloud.is_some() && policy.shares();
        self.ban_for = policy.ban_for();
    }
}

impl Handler<Close> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, close: Close, _: &mut Self::Context) {
        tell(&self.close_next, close);
    }
}

super::crashable!(BlacklistSync);
