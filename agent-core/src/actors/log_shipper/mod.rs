//! LogShipper: sends findings to a log of the operator's (`LOG_…`), besides the server. It is a task, not an actor: it is told nothing
//! but findings, which wait for it in the [`Logbook`].
//!
//! Nobody waits for it. What cannot be sent waits, as long as there is room; what finds no room is counted. Where a configuration asks
//! for what the host does not allow, nothing is sent and the status says why.

mod file;
mod line;
mod target;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use self::target::{Sink, Target};
use super::{DeathNotice, estate::Estate};
use crate::{
    guard::Detection,
    model::policy::{Log, Policy},
    status::LogShipping,
};

/// Lines that may wait: at a few hundred bytes each, less than a megabyte.
const ROOM: usize = 2048;
/// Lines that are sent before the others on this thread may speak again.
const TURN: usize = 64;
/// The pause after the first failure; doubled with each, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
/// A log server that is back is found within a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long one line may take on its way, with the connection before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lines on their way to the log. It outlives a generation.
#[derive(Default)]
pub(crate) struct Logbook {
    lines: RefCell<VecDeque<String>>,
    arrived: Notify,
    /// Lines that were taken out and whose fate is not known yet.
    under_way: Cell<u64>,
}

impl Logbook {
    /// Writes a finding down, where the policy says so. Where there is no room it is lost, and counted.
    pub(super) fn note(&self, detection: &Detection, policy: &Policy, estate: &Estate) {
        if !policy.log().enabled {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        if lines.len() >= ROOM {
            estate
                .shared
                .board
                .log_counts
                .queue_full
                .fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.push_back(line::written(detection, policy));
        drop(lines);
        self.count(estate);
        self.arrived.notify_one();
    }

    fn take(&self) -> Vec<String> {
        let mut lines = self.lines.borrow_mut();
        let count = lines.len().min(TURN);
        self.under_way.set(count as u64);
        lines.drain(..count).collect()
    }

    /// Puts back what could not be sent, in its old place.
    fn put_back(&self, unsent: Vec<String>) {
        let mut lines = self.lines.borrow_mut();
        unsent.into_iter().rev().for_each(|line| lines.push_front(line));
        self.under_way.set(0);
    }

    fn forget(&self, estate: &Estate) {
        let lost = self.lines.borrow_mut().drain(..).count() as u64;
        estate
            .shared
            .board
            .log_counts
            .refused
            .fetch_add(lost, Ordering::Relaxed);
    }

    fn count(&self, estate: &Estate) {
        let waiting = self.lines.borrow().len() as u64 + self.under_way.get();
        estate.shared.board.log_counts.waiting.store(waiting, Ordering::Relaxed);
    }
}

/// Sends what is noted, as long as the generation lives.
pub(super) async fn ship(estate: Rc<Estate>, notice: DeathNotice) {
    let _notice = notice;
    let mut shipper = Shipper {
        estate,
        sink: None,
        failures: 0,
    };
    loop {
        shipper.estate.logbook.arrived.notified().await;
        shipper.empty().await;
    }
}

struct Shipper {
    estate: Rc<Estate>,
    /// Where lines go, and by which settings it was opened.
    sink: Option<(Log, Sink)>,
    failures: u32,
}

impl Shipper {
    /// Sends until nothing waits any more.
    async fn empty(&mut self) {
        loop {
            let estate = Rc::clone(&self.estate);
            let log = estate.configuration.borrow().policy.log().clone();
            let lines = estate.logbook.take();
            if lines.is_empty() {
                estate.logbook.count(&estate);
                return;
            }
            let target = match Target::of(&log, estate.identity.log_dir.as_deref()) {
                Ok(target) => target,
                Err(problem) => {
                    estate.logbook.put_back(lines);
                    self.say("refused", &log, Some(problem));
                    estate.logbook.forget(&estate);
                    continue;
                }
            };
            self.send(&log, &target, lines).await;
            estate.logbook.count(&estate);
        }
    }

    /// Sends these lines, or puts back what is left of them and waits a while.
    async fn send(&mut self, log: &Log, target: &Target, mut lines: Vec<String>) {
        if self.sink.as_ref().is_some_and(|(settings, _)| settings != log) {
            self.sink = None;
        }
        let sent = tokio::time::timeout(PATIENCE, self.deliver(log, target, &mut lines)).await;
        let problem = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        let logbook = &self.estate.logbook;
        logbook.put_back(lines);
        let Some(problem) = problem else {
            self.failures = 0;
            self.say("shipping", log, None);
            return;
        };
        self.sink = None;
        logbook.count(&self.estate);
        if self.failures == 0 {
            tracing::warn!(target = %target, %problem, "the log server cannot be reached: findings wait");
        }
        self.say("retrying", log, Some(problem));
        let pause = PAUSE
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(pause).await;
    }

    /// Sends line by line, and takes out of `lines` what has gone.
    async fn deliver(&mut self, log: &Log, target: &Target, lines: &mut Vec<String>) -> std::io::Result<()> {
        let sink = match self.sink.take() {
            Some((_, sink)) => sink,
            None => Sink::open(target).await?,
        };
        let (_, sink) = self.sink.insert((log.clone(), sink));
        let counts = &self.estate.shared.board.log_counts;
        while !lines.is_empty() {
            let gone = sink.send(target, lines).await?;
            let gone = gone.min(lines.len());
            counts.sent.fetch_add(gone as u64, Ordering::Relaxed);
            lines.drain(..gone);
        }
        Ok(())
    }

    /// Writes the board's line, where it changed.
    fn say(&self, state: &'static str, log: &Log, problem: Option<String>) {
        let board = &self.estate.shared.board;
        let line = LogShipping {
            state,
            target: target::shown(log),
            problem,
            ..LogShipping::default()
        };
        if **board.log.load() != line {
            if state == "refused" {
                tracing::warn!(
                    target = line.target,
                    problem = line.problem,
                    "findings are not logged as the configuration says"
                );
            }
            board.log.store(Arc::new(line));
        }
    }
}
