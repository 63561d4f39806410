//! A configuration on trial: in force as a whole, and watched by comparing it with the one before.
//!
//! Where the new policy refuses a request, or bans for it, the previous one judges it too, without counting or reporting anything.
//! What it would have treated more kindly is written down: the client in [`Recent`], the request here. Such a request is refused
//! (the configuration is in force), but its source is not banned, so that nothing of a configuration that is taken back outlasts it.
//!
//! In its first requests it is watched the other way too: what passes, and would have been refused
//! before, is counted, so that the operator learns that it protects less. That takes nothing back:
//! it may be meant.
//!
//! The previous policy is asked what it makes of the request at this moment. For checks that count, its limit is compared with the
//! counts of the new one, which is the only one that counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::recent::Recent;
use crate::model::policy::{Check, Policy};

/// A policy's trial.
#[derive(Debug)]
pub struct Trial {
    id: u32,
    previous: Arc<Policy>,
    began: Duration,
    judged: AtomicU64,
    worse: AtomicU64,
    panics: AtomicU64,
    milder: AtomicU64,
    /// The checks by which the previous policy would have refused those, a bit each.
    milder_by: AtomicU64,
}

/// How a trial stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialState {
    /// Nothing speaks against the policy yet, but it has not been watched for long enough.
    Running,
    /// It has proven itself.
    Passed,
    /// It is to be taken back.
    Failed(TrialFailure),
}

/// Why a policy is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrialFailure {
    /// The guard panicked over requests that it could judge by the previous policy.
    #[error("the guard panicked {0} times over requests that it could judge by the configuration before")]
    Panics(u64),
    /// Too many of the site's clients were refused or banned that were not by the previous policy.
    #[error(
        "{refused} of {clients} clients of the last minute were refused or banned that were not by the configuration before; allowed are {} %",
        Trial::MOST_PERCENT
    )]
    Clients {
        /// How many.
        refused: usize,
        /// Of how many.
        clients: usize,
    },
}

impl Trial {
    /// How long a policy is watched at most: within a minute every client of [`Recent::WINDOW`] has had the chance to come again.
    pub const LASTS: Duration = Recent::WINDOW;

    /// Requests after which it has been watched for long enough, whatever the time.
    pub const REQUESTS: u64 = 500;

    /// The least time that a busy site watches, whose 500 requests are over before any client has come twice, as a limit that is too
    /// low needs.
    pub const AT_LEAST: Duration = Duration::from_secs(5);

    /// The share of the last minute's clients, in percent, that a policy may treat worse than the one before: more are no attackers
    /// that only the new one sees.
    pub const MOST_PERCENT: usize = 20;

    /// Clients that are too few to be more than chance, or one scanner: a policy is not taken back for fewer, unless they are all
    /// that there are.
    const CHANCE: usize = 3;

    /// Requests of fewer clients than [`CHANCE`](Self::CHANCE), all of them treated worse, that take a policy back: a proxy that
    /// nobody named stands for all clients of the site.
    const REQUESTS_OF_ALL: u64 = 10;

    /// Begins a trial. No other one that a guard knows has had this number, which is not 0.
    #[must_use]
    pub fn new(id: u32, previous: Arc<Policy>, now: Duration) -> Self {
        Self {
            id,
            previous,
            began: now,
            judged: AtomicU64::new(0),
            worse: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            milder: AtomicU64::new(0),
            milder_by: AtomicU64::new(0),
        }
    }

    /// The policy before.
    #[must_use]
    pub const fn previous(&self) -> &Arc<Policy> {
        &self.previous
    }

    /// Requests that were judged since it began; counted to [`REQUESTS`](Self::REQUESTS) at least.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.judged.load(Relaxed)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, recent: &Recent, now: Duration) -> TrialState {
        match self.failure(recent, now) {
            Some(failure) => TrialState::Failed(failure),
            None if self.is_over(now) => TrialState::Passed,
            None => TrialState::Running,
        }
    }

    fn failure(&self, recent: &Recent, now: Duration) -> Option<TrialFailure> {
        let panics = self.panics.load(Relaxed);
        if panics > 0 {
            return Some(TrialFailure::Panics(panics));
        }
        let worse = self.worse.load(Relaxed);
        if worse == 0 {
            return None;
        }
        let sources = recent.sources(now, Recent::WINDOW);
        let clients = sources.len();
        let refused = sources.iter().filter(|source| source.worse_by == self.id).count();
        let is_share = refused * 100 > clients * Self::MOST_PERCENT;
        let is_all = refused == clients && refused > 0 && worse >= Self::REQUESTS_OF_ALL;
        (is_share && (refused >= Self::CHANCE || is_all)).then_some(TrialFailure::Clients { refused, clients })
    }

    fn is_over(&self, now: Duration) -> bool {
        let lasted = now.saturating_sub(self.began);
        lasted >= Self::LASTS || (lasted >= Self::AT_LEAST && self.judged() >= Self::REQUESTS)
    }

    /// A request is judged. Beyond what is asked for nothing is counted: a counter that all workers share is dear.
    pub(super) fn judging(&self) {
        if self.judged() < Self::REQUESTS {
            self.judged.fetch_add(1, Relaxed);
        }
    }

    /// A request was treated worse than by the previous policy. The client may have none, or no address.
    pub(super) fn treated_worse(&self, client: Option<std::net::IpAddr>, recent: &Recent, now: Duration) {
        self.worse.fetch_add(1, Relaxed);
        if let Some(client) = client {
            recent.treated_worse(client, now, self.id);
        }
    }

    /// Whether requests that pass are still compared: each is judged a second time.
    pub(super) fn compares_passed(&self) -> bool {
        self.judged() < Self::REQUESTS
    }

    /// A request passes that the previous policy would have refused, by this check.
    pub(super) fn treated_milder(&self, by: Check) {
        self.milder.fetch_add(1, Relaxed);
        self.milder_by.fetch_or(1 << by as u64, Relaxed);
    }

    /// Requests that have passed and that the previous policy would have refused, of those that
    /// were [compared](Self::REQUESTS), and the checks by which.
    #[must_use]
    pub fn milder(&self) -> (u64, Vec<Check>) {
        let by = self.milder_by.load(Relaxed);
        let is_one = |check: &Check| by & (1 << *check as u64) != 0;
        (
            self.milder.load(Relaxed),
            Check::ALL.into_iter().filter(is_one).collect(),
        )
    }

    /// The guard panicked over a request, and would not have by the previous policy.
    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }
}
