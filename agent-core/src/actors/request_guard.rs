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
    configuration::{DISK, LOCAL},
    estate::{Custody, Estate, Shared},
    kill_switch::KillSwitch,
    log_budget::LogBudget,
    messages::{BanOrder, BatchTaken, Errand, ListChanged, Offence, OffendersCaught, PolicyChanged},
    tell,
};
use crate::{
    guard::{Detection, Mode, Snapshot},
    model::{
        address::{ban_scope, to_text},
        outbox::Draft,
        policy::Policy,
    },
    protocol::v2::{Detail, EventKind},
    status::ConfigInForce,
};

/// Detections that are judged between two turns of the thread: enough to keep up, few enough to let the others speak.
const TURN: usize = 256;
/// Judged batches that may wait for BlacklistSync; beyond it detections wait in the ring, which counts what it drops.
const BATCHES: usize = 64;
/// How often batches that were not taken are sent again.
const RESEND: Duration = Duration::from_secs(1);
/// How often the kill switch is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The actor.
pub(super) struct RequestGuard {
    estate: Rc<Estate>,
    blacklist_sync: Recipient<OffendersCaught>,
    next: Recipient<Errand>,
    log: LogBudget,
    kill_switch: KillSwitch,
    in_step: bool,
    /// The policy of which it was last said what is in force.
    told: Option<Arc<Policy>>,
    _notice: DeathNotice,
}

impl Actor for RequestGuard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.drop_poison();
        self.resend(ctx);
        self.look(ctx);
        ctx.add_stream(Arrivals(Rc::clone(&self.estate)));
    }
}

impl RequestGuard {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, notice: DeathNotice) -> Self {
        Self {
            estate: Rc::clone(estate),
            blacklist_sync: to.blacklist_sync.clone().recipient(),
            next: to.blacklist_sync.clone().recipient(),
            log: LogBudget::default(),
            kill_switch: KillSwitch::from(&estate.identity.limits),
            in_step: false,
            told: None,
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

    /// Looks at the kill switch, and says how many listed sources pass while the list is not in force.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let Shared {
            board, tally, guard, ..
        } = &self.estate.shared;
        let before = board.enforcement.load_full();
        let enforcement = self.kill_switch.look(&before, self.estate.now());
        if enforcement != *before {
            let mode = if enforcement.reason.is_some() {
                Mode::LogOnly
            } else {
                Mode::Enforce
            };
            self.publish(|snapshot| snapshot.mode = mode);
            board.enforcement.store(Arc::new(enforcement));
        }
        LogBudget::listed(&guard.newly_listed());
        self.log.detectors(guard.failing_detectors());
        self.log.spared(tally.totals().spared, self.estate.now());
        self.log.clients(&self.estate.shared.clients());
        self.tell_in_step();
        ctx.run_later(LOOK_EVERY, Self::look);
    }

    /// Says when the agent is in step with the server, and not before: what it said is in force,
    /// and its list is complete.
    fn tell_in_step(&mut self) {
        let board = &self.estate.shared.board;
        let (talk, list, config) = (board.conversation.load(), board.list.load(), board.config.load());
        let is_well = matches!(talk.state, "synced" | "quiet");
        let in_step = is_well && list.lag == 0 && config.refused.is_none() && config.source != DISK;
        if in_step && !self.in_step {
            let policy = &self.estate.shared.published.load().policy;
            self.tell_in_force();
            tracing::info!(
                configuration = config.version,
                source = config.source,
                checks = policy.checks_on().len(),
                listed = list.shared,
                "In step with the server"
            );
        }
        self.in_step = in_step;
    }

    /// Says what is in force, where the server had a part in it and it was not said yet.
    fn tell_in_force(&mut self) {
        let configuration = self.estate.configuration.borrow();
        let is_told = |told: &Arc<Policy>| Arc::ptr_eq(told, &configuration.policy);
        if configuration.source == LOCAL || self.told.as_ref().is_some_and(is_told) {
            return;
        }
        for line in configuration.told(&self.estate.identity.coverage) {
            tracing::info!("{line}");
        }
        self.told = Some(Arc::clone(&configuration.policy));
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
        let snapshot = estate.shared.published.current();
        let offences = self.judge(&mut custody, &snapshot);
        if !offences.is_empty() {
            custody.last_batch += 1;
            let batch = custody.last_batch;
            self.send(batch, offences.clone());
            custody.batches.push_back((batch, offences));
        }
        self.count(&custody);
    }

    fn judge(&mut self, custody: &mut Custody, snapshot: &Snapshot) -> Vec<Offence> {
        let mut offences = Vec::with_capacity(custody.raw.len());
        while let Some(detection) = custody.raw.front() {
            custody.judging = true;
            self.log
                .detection(detection, snapshot.policy.verbose(), self.estate.now());
            self.estate.logbook.note(detection, &snapshot.policy, &self.estate);
            let offence = offence(detection, &snapshot.policy, snapshot.mode);
            if let (Some(ban), Some(id)) = (&offence.ban, detection.id) {
                self.estate.shared.guard.banned(ban.network, id);
            }
            offences.push(offence);
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

/// What a detection comes to: a ban where the guard found enough and the source may be banned, else a report. With the kill switch on, what
/// was found before bans nobody either.
fn offence(detection: &Detection, policy: &Policy, mode: Mode) -> Offence {
    let may_ban = mode == Mode::Enforce && detection.bannable && !policy.blacklist_override();
    let ban_for = detection.ban_for.filter(|_| may_ban);
    let network = ban_scope(detection.source);
    Offence {
        draft: Draft {
            kind: if ban_for.is_some() {
                EventKind::Ban
            } else {
                EventKind::Attack
            },
            address: to_text(network),
            at_ms: detection.at_ms,
            ttl_s: ban_for.unwrap_or_default().as_secs(),
            why: detection.check.name().into(),
            evidence: detection.evidence,
            peer: detection.origin,
            detail: Some(Box::new(detail(detection))),
        },
        ban: ban_for.map(|length| BanOrder {
            network,
            length,
            clean_requests: Some(detection.clean_requests),
        }),
    }
}

fn detail(detection: &Detection) -> Detail {
    let request = &detection.request;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Detail {
        id: detection.id.map(|id| id.to_string()),
        rule: detection.rule.as_ref().into(),
        place: detection.place.as_ref().into(),
        score: detection.score,
        level: detection.level as u8,
        config_version: detection.config_version,
        method: owned(request.method.as_deref()),
        route: owned(request.route.as_deref()),
        host: owned(request.host.as_deref()),
        status: request.status,
        exception: detection
            .exception
            .as_ref()
            .and_then(|exception| exception.to_share())
            .and_then(|exception| serde_json::to_string(exception).ok()),
        requests: detection.requests(),
        values: detection.count.map_or(1, |count| count.values),
        withheld: false,
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

    fn handle(&mut self, _: PolicyChanged, _: &mut Self::Context) {
        let configuration = self.estate.configuration.borrow();
        // as it is by now: a policy and its trial belong together
        self.publish(|snapshot| {
            snapshot.policy = Arc::clone(&configuration.policy);
            snapshot.trial = configuration.trial.as_ref().map(|on_trial| Arc::clone(&on_trial.trial));
        });
        // only now, so that the status never runs ahead of what requests are judged by
        let line = ConfigInForce::from(&*configuration);
        self.estate.shared.board.config.store(Arc::new(line));
    }
}

impl Handler<ListChanged> for RequestGuard {
    type Result = ();

    fn handle(&mut self, ListChanged(list): ListChanged, _: &mut Self::Context) {
        self.publish(|snapshot| snapshot.blacklist = list);
    }
}

impl Handler<Errand> for RequestGuard {
    type Result = ();

    fn handle(&mut self, mut errand: Errand, _: &mut Self::Context) {
        let detections = self.estate.shared.intake.generated();
        while !self.estate.shared.intake.is_empty() && self.estate.custody.borrow().batches.len() < BATCHES {
            self.drain();
        }
        if let Errand::Exchange(demand) = &mut errand {
            demand.detections = self.estate.shared.intake.is_empty().then_some(detections);
        }
        tell(&self.next, errand);
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
