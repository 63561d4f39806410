//! BlacklistSync: the shared list and its cursor, own bans, and the outbox. It applies deltas and snapshots, bans whom
//! RequestGuard caught, and holds every event until the server has it.

mod by_host;
mod safety;
mod taking;
mod updates;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use uuid::Uuid;

use super::{
    DeathNotice, Tree,
    configuration::LOCAL,
    estate::Estate,
    log_budget::LineBudget,
    messages::{
        BatchTaken, Errand, EventsAcknowledged, ListChanged, ListPart, ListReceived, OffendersCaught, Part,
        PartReported, PolicyChanged, ReportPart, Speak,
    },
    tell,
};
use crate::{
    model::{blacklist::Scope, policy::Policy, signing::Mode},
    protocol::v2::{ListUpdate, Nack},
    status::ListInForce,
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
    next: Recipient<Errand>,
    sharing: Sharing,
    /// `BLACKLIST_DELAY`: how long a version 1 server's entries last.
    ban_for: Duration,
    /// Whether a client was banned since the history of bans was saved.
    history_changed: Cell<bool>,
    /// How many bans may be written to the log.
    ban_lines: RefCell<LineBudget>,
    /// And what the server refused to share.
    refused_lines: RefCell<LineBudget>,
    /// Whether it was said that the server is not believed to list all there is.
    has_doubted: Cell<bool>,
    _notice: DeathNotice,
}

/// Whether what is caught here is for the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// `BLACKLIST_SHARE` is on.
    On,
    /// The local settings do not say so, but the server has the last word and has not spoken: events wait for it.
    Undecided,
    /// There is no server, or `BLACKLIST_SHARE` is off.
    Off,
}

impl Sharing {
    fn by(estate: &Estate, policy: &Policy) -> Self {
        match (estate.identity.contact.borrow().cloud.is_some(), policy.shares()) {
            (false, _) => Self::Off,
            (true, true) => Self::On,
            (true, false) if estate.configuration.borrow().source == LOCAL => Self::Undecided,
            (true, false) => Self::Off,
        }
    }
}

impl Actor for BlacklistSync {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.announce_list();
        self.count();
        ctx.run_later(SWEEP_EVERY, Self::sweep);
        self.tend_store(ctx);
        self.grow_old(ctx);
    }
}

impl BlacklistSync {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, notice: DeathNotice) -> Self {
        let policy = Arc::clone(&estate.configuration.borrow().policy);
        Self {
            estate: Rc::clone(estate),
            list_changed: to.request_guard.clone().recipient(),
            batch_taken: to.request_guard.clone().recipient(),
            part_reported: to.cloud_link.clone().recipient(),
            speak: to.cloud_link.clone().recipient(),
            next: to.cloud_link.clone().recipient(),
            sharing: Sharing::by(estate, &policy),
            ban_for: policy.ban_for(),
            history_changed: Cell::new(false),
            ban_lines: RefCell::default(),
            refused_lines: RefCell::default(),
            has_doubted: Cell::new(false),
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
        self.save_history();
        ctx.run_later(SWEEP_EVERY, Self::sweep);
    }

    /// Keeps how often clients were banned, where that has changed: not with every ban, for it is one value of some hundred kB.
    fn save_history(&self) {
        if self.history_changed.take() {
            self.estate.save_safety();
        }
    }

    /// Has the table that is current published.
    fn announce_list(&self) {
        let list = Arc::clone(self.estate.list.borrow().list());
        tell(&self.list_changed, ListChanged(list));
    }

    /// How urgently a ban is to be told. On demand nobody knows whether there is another occasion in a second.
    fn urgency(&self) -> Speak {
        if self.estate.identity.on_demand {
            Speak::Now
        } else {
            Speak::Soon
        }
    }

    /// That a list is all there is ends what was kept of the one before. A list is not signed, so
    /// that a host that believes signatures alone believes no server in this.
    fn doubt(&self, update: &mut ListUpdate) {
        let believes = self.estate.configuration.borrow().trust.mode == Mode::Off;
        if update.complete && !believes {
            update.complete = false;
            if !self.has_doubted.replace(true) {
                tracing::warn!(
                    "the server says that its list is complete: it is not believed where `agent.signing` names keys, and what was known stays until it ends"
                );
            }
        }
    }

    /// Says what the server refused to share, a line for each message.
    fn say_refused(&self, stream: Uuid, nack: &[Nack], now: Duration) {
        let Some(first) = nack.first() else { return };
        let outbox = self.estate.outbox.borrow();
        let event = outbox.get(stream, first.seq);
        let address = event.map(|event| event.address.as_str()).unwrap_or_default();
        let again = nack.iter().filter(|refused| refused.code == Nack::QUOTA).count();
        self.refused_lines
            .borrow_mut()
            .refused(nack.len(), again, (address, &first.code), now);
    }

    fn part(&self) -> ListPart {
        self.offer_again();
        let confirmed = self.estate.safety.borrow().confirmed();
        ListPart::gather(
            &mut self.estate.list.borrow_mut(),
            &self.estate.outbox.borrow(),
            self.sharing == Sharing::On,
            confirmed,
            self.estate.now(),
        )
    }

    /// Writes this actor's lines on the board.
    fn count(&self) {
        let (list, ledger) = (self.estate.list.borrow(), self.estate.outbox.borrow().ledger());
        let safety = self.estate.safety.borrow();
        let board = &self.estate.shared.board;
        board.outbox.acknowledged.store(ledger.acknowledged, Ordering::Relaxed);
        board.outbox.pending.store(ledger.pending, Ordering::Relaxed);
        self.count_kept();
        board.outbox.full.store(ledger.outbox_full, Ordering::Relaxed);
        board.outbox.restored.store(ledger.restored, Ordering::Relaxed);
        board.list.store(Arc::new(ListInForce {
            shared: list.list().len(Scope::Shared),
            local: list.list().len(Scope::Local),
            cursor: list.cursor().map(|cursor| (cursor.epoch, cursor.rev)),
            lag: list.lag(),
            confirmed: safety.confirmed(),
            shared_in_force: !safety.is_suspended(),
            breaker: safety.breaker(),
            stale: safety.stale(),
            memory_bytes: list.list().memory_bytes(),
        }));
    }
}

impl Handler<OffendersCaught> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, OffendersCaught { batch, offences }: OffendersCaught, _: &mut Self::Context) {
        if batch > self.estate.taken.get() {
            let told = self.take(offences);
            self.estate.taken.set(batch);
            self.count();
            if told {
                tell(&self.speak, self.urgency());
            }
        }
        tell(&self.batch_taken, BatchTaken(batch));
    }
}

impl Handler<ListReceived> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, received: ListReceived, _: &mut Self::Context) {
        match received {
            ListReceived::Update(mut update) => {
                self.doubt(&mut update);
                self.update(&update);
            }
            ListReceived::Whole(listed) => self.replace(listed),
            ListReceived::Change(update) => self.change(&update),
        }
        self.count();
    }
}

impl Handler<EventsAcknowledged> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, acknowledged: EventsAcknowledged, _: &mut Self::Context) {
        let EventsAcknowledged { stream, up_to, nack } = acknowledged;
        let now = self.estate.now();
        self.say_refused(stream, &nack, now);
        let known = self.estate.outbox.borrow_mut().acknowledge(stream, up_to, &nack, now);
        if known > 0 {
            self.estate.store.forget_events(stream, up_to);
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
        self.ban_for = policy.ban_for();
        let before = std::mem::replace(&mut self.sharing, Sharing::by(&self.estate, &policy));
        match (before, self.sharing) {
            (_, Sharing::Off) => self.settle_here(),
            // what was caught before the server's first word is for it, it turns out
            (Sharing::Undecided, Sharing::On) if !self.estate.outbox.borrow().is_empty() => {
                tell(&self.speak, self.urgency());
            }
            (_, Sharing::On | Sharing::Undecided) => {}
        }
    }
}

impl Handler<Errand> for BlacklistSync {
    type Result = ();

    fn handle(&mut self, errand: Errand, _: &mut Self::Context) {
        if matches!(errand, Errand::Close) {
            self.save_history();
        }
        tell(&self.next, errand);
    }
}

crate::actors::crashable!(BlacklistSync);
