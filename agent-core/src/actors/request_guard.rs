//! RequestGuard: what the guard sees. It drains the intake, decides who is banned, and publishes the snapshot that the guard
//! judges by. (The actor of this name; [`Guard`](crate::guard::Guard) is its handle in the workers.)

use std::{
    pin::Pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Recipient, StreamHandler};
use futures_core::Stream;

use super::{
    DeathNotice, Tree,
    estate::{Custody, Estate},
    messages::{BatchTaken, Close, ListChanged, Offence, OffendersCaught, PolicyChanged},
    tell,
};
use crate::{
    guard::{Detection, Snapshot},
    model::{
        address::{ban_scope, to_text},
        outbox::Draft,
        policy::{Level, Policy},
    },
    protocol::v2::EventKind,
    status::ConfigInForce,
};

/// Detections that are judged between two turns of the thread: enough to keep up, few enough to let the others speak.
const TURN: usize = 256;
/// Judged batches that may wait for BlacklistSync; beyond it detections wait in the ring, which counts what it drops.
const BATCHES: usize = 64;
/// How often batches that were not taken are sent again.
const RESEND: Duration = Duration::from_secs(1);
/// Lines a second that detections may write to the log; an attack must not become an attack on the log.
const LOG_LINES: u32 = 20;

/// The actor.
pub(super) struct RequestGuard {
    estate: Rc<Estate>,
    blacklist_sync: Recipient<OffendersCaught>,
    close_next: Recipient<Close>,
    log: LogBudget,
    _notice: DeathNotice,
}

impl Actor for RequestGuard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.drop_poison();
        self.resend(ctx);
        ctx.add_stream(Arrivals(Rc::clone(&self.estate)));
    }
}

impl RequestGuard {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, notice: DeathNotice) -> Self {
        Self {
            estate: Rc::clone(estate),
            blacklist_sync: to.blacklist_sync.clone().recipient(),
            close_next: to.blacklist_sync.clone().recipient(),
            log: LogBudget::default(),
            _notice: notice,
        }
    }

    /// A detection whose judgement killed the last generation must not kill this one.
    fn drop_poison(&self) {
        let mut custody = self.estate.custody.borrow_mut();
        if std::mem::take(&mut custody.judging) && custody.raw.pop_front().is_some() {
            self.estate.shared.board.poisoned.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a detection could not be processed and is dropped");
        }
    }

    /// Sends what was not taken, now and as long as anything waits.
    fn resend(&mut self, ctx: &mut Context<Self>) {
        for (batch, offences) in &self.estate.custody.borrow().batches {
            self.send(*batch, offences.clone());
        }
        ctx.run_later(RESEND, Self::resend);
    }

    fn send(&self, batch: u64, offences: Vec<Offence>) {
        tell(&self.blacklist_sync, OffendersCaught { batch, offences });
    }

    /// Takes detections from the ring, judges them, and passes them on.
    fn drain(&mut self) {
        let estate = Rc::clone(&self.estate);
        let mut custody = estate.custody.borrow_mut();
        if custody.batches.len() >= BATCHES {
            return;
        }
        while custody.raw.len() < TURN
            && let Some(detection) = estate.shared.intake.pop()
        {
            custody.raw.push_back(detection);
        }
        let policy = Arc::clone(&estate.shared.published.load().policy);
        let offences = self.judge(&mut custody, &policy);
        if !offences.is_empty() {
            custody.last_batch += 1;
            let batch = custody.last_batch;
            self.send(batch, offences.clone());
            custody.batches.push_back((batch, offences));
        }
        self.count(&custody);
    }

    fn judge(&mut self, custody: &mut Custody, policy: &Policy) -> Vec<Offence> {
        let mut offences = Vec::with_capacity(custody.raw.len());
        while let Some(detection) = custody.raw.front() {
            custody.judging = true;
            self.log.detection(detection, self.estate.now());
            offences.push(offence(detection, policy));
            custody.judging = false;
            custody.raw.pop_front();
        }
        offences
    }

    fn count(&self, custody: &Custody) {
        let held = custody.raw.len()
            + custody
                .batches
                .iter()
                .map(|(_, offences)| offences.len())
                .sum::<usize>();
        self.estate.shared.board.custody.store(held as u64, Ordering::Relaxed);
    }

    /// Puts a snapshot in force that differs from the one before by `change`.
    fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let published = &self.estate.shared.published;
        let mut snapshot = Snapshot::clone(&published.load());
        change(&mut snapshot);
        snapshot.version += 1;
        published.publish(Arc::new(snapshot));
    }
}

/// What a detection comes to: a ban where the check says so and the source may be banned, else a report.
fn offence(detection: &Detection, policy: &Policy) -> Offence {
    let bans = detection.level == Level::Ban && detection.bannable && !policy.blacklist_override();
    let network = ban_scope(detection.source);
    Offence {
        draft: Draft {
            kind: if bans { EventKind::Ban } else { EventKind::Attack },
            address: to_text(network),
            at_ms: detection.at_ms,
            ttl_s: if bans { policy.ban_for().as_secs() } else { 0 },
            why: detection.check.name(),
            evidence: detection.evidence,
            peer: detection.origin,
        },
        ban: bans.then(|| (network, policy.ban_for())),
    }
}

impl StreamHandler<()> for RequestGuard {
    fn handle(&mut self, (): (), _: &mut Self::Context) {
        self.drain();
    }
}

impl Handler<BatchTaken> for RequestGuard {
    type Result = ();

    fn handle(&mut self, BatchTaken(batch): BatchTaken, _: &mut Self::Context) {
        let mut custody = self.estate.custody.borrow_mut();
        custody.batches.retain(|(number, _)| *number != batch);
        self.count(&custody);
        // the context polls its streams after every message: `Arrivals` sees the room that this made
    }
}

impl Handler<PolicyChanged> for RequestGuard {
    type Result = ();

    fn handle(&mut self, PolicyChanged(policy): PolicyChanged, _: &mut Self::Context) {
        self.publish(|snapshot| snapshot.policy = policy);
        // only now, so that the status never runs ahead of what requests are judged by
        let line = ConfigInForce::from(&*self.estate.configuration.borrow());
        self.estate.shared.board.config.store(Arc::new(line));
    }
}

impl Handler<ListChanged> for RequestGuard {
    type Result = ();

    fn handle(&mut self, ListChanged(list): ListChanged, _: &mut Self::Context) {
        self.publish(|snapshot| snapshot.blacklist = list);
    }
}

impl Handler<Close> for RequestGuard {
    type Result = ();

    fn handle(&mut self, close: Close, _: &mut Self::Context) {
        while !self.estate.shared.intake.is_empty() && self.estate.custody.borrow().batches.len() < BATCHES {
            self.drain();
        }
        tell(&self.close_next, close);
    }
}

super::crashable!(RequestGuard);

/// Yields whenever the ring holds something and there is room for it.
struct Arrivals(Rc<Estate>);

impl Stream for Arrivals {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<()>> {
        let Estate { shared, custody, .. } = &*self.0;
        shared.intake.register(cx.waker());
        let room = custody.borrow().batches.len() < BATCHES;
        if room && !shared.intake.is_empty() {
            Poll::Ready(Some(()))
        } else {
            Poll::Pending
        }
    }
}

/// Lets detections write a bounded number of lines a second, and says how many it held back.
#[derive(Default)]
pub(super) struct LogBudget {
    second: u64,
    written: u32,
    held_back: u64,
}

impl LogBudget {
    fn detection(&mut self, detection: &Detection, now: Duration) {
        if now.as_secs() != self.second {
            if self.held_back > 0 {
                tracing::warn!(target: "buckler::guard", detections = self.held_back, "further detections, not logged one by one");
            }
            *self = Self {
                second: now.as_secs(),
                ..Self::default()
            };
        }
        if self.written == LOG_LINES {
            self.held_back += 1;
            return;
        }
        self.written += 1;
        let Detection {
            check,
            level,
            source,
            place,
            excerpt,
            bannable,
            ..
        } = detection;
        tracing::warn!(target: "buckler::guard", %source, ?level, bannable, "{}: {place} -> {excerpt:?}", check.title());
    }
}
