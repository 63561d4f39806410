//! One node: its store, and what need not last: who was heard when, and snapshots that are being
//! fetched.

mod decisions;
mod findings;
mod presence;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use buckler::protocol::v2;

use self::{decisions::Bouncers, presence::Presence};
pub(crate) use self::{
    decisions::{Decisions, ListedNet},
    findings::{Finding, Findings, HOURS as FINDING_HOURS},
};
use crate::{
    list::{FleetList, Snapshots, Step},
    moment::{Moment, Tick},
    store::{
        AgentView, Answer, BatchEvents, Command, CredentialView, Events, ListStep, Receipt, Record, Report, Store,
        StoreError, new_epoch,
    },
};

/// Intervals of silence after which an agent is late: two beacons may be lost.
const LATE_AFTER: u64 = 3;
/// Intervals of silence after which it is gone.
const GONE_AFTER: u64 = 20;
/// The interval of an agent whose profile is gone, in seconds: pyrasp's default.
const USUAL_INTERVAL_S: u64 = 30;
/// The shortest interval that is reckoned with, in seconds: a shorter one does not make an agent
/// late that was restarted.
const SHORTEST_INTERVAL_S: u64 = 10;

/// How long an agent has been silent, by the interval at which it is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    Online,
    Late,
    Gone,
}

impl Silence {
    /// Of an agent with this interval, in seconds; none where its profile is gone.
    pub(crate) fn of(silent_s: u64, interval_s: Option<u64>) -> Self {
        let interval_s = interval_s.unwrap_or(USUAL_INTERVAL_S).max(SHORTEST_INTERVAL_S);
        match silent_s / interval_s {
            ..LATE_AFTER => Self::Online,
            LATE_AFTER..GONE_AFTER => Self::Late,
            GONE_AFTER.. => Self::Gone,
        }
    }

    /// As metrics name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Late => "late",
            Self::Gone => "gone",
        }
    }
}

/// A node of the server.
#[derive(Debug, Clone)]
pub struct Node {
    /// What lasts.
    pub store: Store,
    presence: Presence,
    findings: Findings,
    snapshots: BTreeMap<Arc<str>, Snapshots>,
    bouncers: Bouncers,
    /// Whether other nodes serve the same fleets, and may be further.
    has_others: bool,
}

/// What a report asks of the store, before it is asked.
#[derive(Debug)]
pub struct Intent {
    /// To be applied first.
    pub commands: Vec<Command>,
    /// Whether events are among them: without any, the agent can be answered although nothing can
    /// be kept.
    pub has_events: bool,
    /// Up to where its events are known already.
    pub(crate) known: u64,
    /// What they found in requests, by their numbers.
    found: Vec<(u64, Finding)>,
}

impl Node {
    /// A node whose store is this one.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            presence: Presence::new(store.rules().agents),
            findings: Findings::default(),
            store,
            snapshots: BTreeMap::new(),
            bouncers: Bouncers::default(),
            has_others: false,
        }
    }

    /// The same node as one of several that serve the same fleets.
    #[must_use]
    pub fn among_others(mut self) -> Self {
        self.has_others = true;
        self
    }

    /// Whether an agent that is here in its list knows more of it than this node does, from another
    /// that is further.
    #[must_use]
    pub fn is_behind(&self, fleet: &str, cursor: &v2::ListCursor) -> bool {
        let Ok(list) = self.store.list(fleet) else {
            return false;
        };
        let head = list.head();
        self.has_others && *cursor.epoch == *head.epoch && cursor.rev > head.rev
    }

    /// Applies commands now. Where they must last, the journal has them before.
    pub fn apply(&mut self, commands: Vec<Command>, now: Moment) -> Vec<Answer> {
        self.store.apply(&Record::new(now, commands))
    }

    /// What must be applied before this report can be answered. Its events move into the commands.
    pub fn intent(&self, report: &mut Report) -> Intent {
        if let Some(who) = self.presence.known_as(report) {
            report.who = who;
        }
        let mut commands = self.founding(&report.fleet);
        let batch = report.take_batch();
        let (known, changes) = self.store.foresee(&batch);
        let (has_events, found) = match &batch.events {
            BatchEvents::V1 { bans, .. } => (!bans.is_empty(), Vec::new()),
            BatchEvents::V2 { events, .. } => (!events.is_empty(), findings::told(events, known)),
        };
        if changes {
            commands.push(Command::Report(batch));
        }
        Intent {
            commands,
            has_events,
            known,
            found,
        }
    }

    /// What founds this fleet, if it is not there.
    #[must_use]
    pub fn founding(&self, fleet: &Arc<str>) -> Vec<Command> {
        if self.store.list(fleet).is_ok() {
            return Vec::new();
        }
        let (fleet, epoch) = (Arc::clone(fleet), new_epoch());
        vec![Command::Found { fleet, epoch }]
    }

    /// Writes down what the agent says of itself, and what it is answered to its events.
    pub fn receive(&mut self, report: &Report, intent: &Intent, answers: &[Answer], now: Moment) -> Receipt {
        let window = if let Events::V1 { told_again, .. } = &report.events {
            *told_again
        } else {
            0
        };
        let (registered, missed_since) = self.presence.hear(report, window, now);
        let taken = answers.iter().find_map(|answer| match answer {
            Answer::Taken { known, ack, nack } => Some((*known, *ack, nack.clone())),
            Answer::Done | Answer::Banned(_) | Answer::Unbanned(_) | Answer::Allowed(_) => None,
        });
        let (known, ack, nack) = taken.unwrap_or((intent.known, intent.known, Vec::new()));
        // what comes again was counted when it came first
        let counts = intent.found.iter().filter(|(seq, _)| *seq > known && *seq <= ack);
        for (_, finding) in counts {
            self.findings.count(report.who.profile(), finding.clone(), now.unix_ms);
        }
        Receipt {
            registered,
            known,
            ack,
            nack,
            missed_since,
        }
    }

    /// What a version 2 agent must be told to have the newest list.
    ///
    /// # Errors
    /// If there is no such fleet, or the agent knows more of its list: an older one would let in
    /// whom another node has banned.
    pub fn list_for(&mut self, fleet: &str, have: &v2::Have, now: Moment) -> Result<ListStep, StoreError> {
        if have.list.as_ref().is_some_and(|list| self.is_behind(fleet, list)) {
            return Err(StoreError::Unavailable("this node is behind others".to_owned()));
        }
        let list = self.store.list(fleet)?;
        if let Some(staging) = &have.staging
            && let Some(kept) = self.snapshots.get(fleet)
            && *staging.epoch == *list.head().epoch
            && let Some(snapshot) = kept.kept(&staging.epoch, staging.to)
            && staging.page < snapshot.pages()
        {
            return Ok(ListStep::Page(snapshot, staging.page + 1));
        }
        let step = have
            .list
            .as_ref()
            .map_or(Step::Snapshot, |cursor| list.step_from(cursor));
        Ok(match step {
            Step::Current => ListStep::Current(list.head().clone()),
            Step::Delta { add, remove } => {
                let from = have.list.as_ref().map_or(0, |cursor| cursor.rev);
                ListStep::Delta {
                    from,
                    head: list.head().clone(),
                    add,
                    remove,
                }
            }
            Step::Snapshot => {
                let kept = self.snapshots.entry(fleet.into()).or_default();
                ListStep::Page(kept.of(list, now.tick), 1)
            }
        })
    }

    /// Does with what need not last what a record says of it, once that was applied.
    pub(crate) fn follow(&mut self, record: &Record) {
        let mut forgotten: HashMap<&str, HashSet<&str>> = HashMap::new();
        for command in &record.commands {
            if let Command::ForgetAgent { profile, agent } = command {
                forgotten.entry(profile).or_default().insert(agent);
            }
        }
        if !forgotten.is_empty() {
            self.presence.forget(&forgotten);
        }
    }

    /// Forgets agents that were silent for so many seconds, and for as long as any that is not gone
    /// may be; how many they were.
    pub(crate) fn forget_silent(&mut self, seconds: u64, longest_interval_s: u64, now: Moment) -> usize {
        let longest = longest_interval_s.max(USUAL_INTERVAL_S);
        let seconds = seconds.max(longest.saturating_mul(GONE_AFTER));
        self.presence.forget_silent(seconds, now.tick)
    }

    /// Every agent that was heard, as it was heard, in no order.
    pub fn heard(&self) -> impl Iterator<Item = &AgentView> {
        self.presence.iter().map(|(_, view)| view)
    }

    /// Every agent that was heard, the one heard last first.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentView> {
        let mut views: Vec<AgentView> = self
            .presence
            .iter()
            .map(|(who, view)| {
                let (shared, missing) = self.store.shared_by(who);
                AgentView {
                    shared,
                    missing,
                    list_lag: self.list_lag(view),
                    credential: self.store.credential_of(who).map(CredentialView::from),
                    ..view.clone()
                }
            })
            .collect();
        views.sort_by(|a, b| (Reverse(a.last_seen_ms), &a.id).cmp(&(Reverse(b.last_seen_ms), &b.id)));
        views
    }

    /// How many agents are online, late and gone, and which releases run: an agent is late that was
    /// silent for three of its profile's intervals, and gone after twenty.
    #[must_use]
    pub fn census(
        &self,
        intervals: &HashMap<Arc<str>, u64>,
        now: Moment,
    ) -> (BTreeMap<&'static str, u64>, BTreeMap<String, u64>) {
        let mut states = BTreeMap::from([("online", 0), ("late", 0), ("gone", 0)]);
        let mut releases = BTreeMap::new();
        for (_, view) in self.presence.iter() {
            let silent_s = now.unix_ms.saturating_sub(view.last_seen_ms) / 1_000;
            let silence = Silence::of(silent_s, intervals.get(&view.profile).copied());
            *states.entry(silence.name()).or_default() += 1;
            if silence == Silence::Gone {
                continue;
            }
            if let Some(count) = releases.get_mut(&view.version) {
                *count += 1;
            } else {
                releases.insert(view.version.clone(), 1);
            }
        }
        (states, releases)
    }

    /// What agents found in requests, as it is counted at this moment.
    pub(crate) fn findings(&self) -> Findings {
        self.findings.clone()
    }

    /// How many agents were heard.
    #[must_use]
    pub fn known(&self) -> usize {
        self.presence.iter().len()
    }

    fn list_lag(&self, view: &AgentView) -> Option<u64> {
        let head = self.store.list(&view.fleet).ok().map(FleetList::head)?;
        let list = view.list.as_ref().filter(|list| *list.epoch == *head.epoch)?;
        Some(head.rev.saturating_sub(list.rev))
    }

    /// Whether entries have ended that are still listed.
    #[must_use]
    pub fn must_expire(&self, now: Tick) -> bool {
        self.store.has_ended(now)
    }
}
