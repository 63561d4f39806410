//! What the server counts, for OpenMetrics: counters that rise as things happen, and gauges that
//! are set when they are scraped.
//!
//! Every label has few values: fleets and applications are the configuration's, checks and codes
//! those that this release knows, releases of agents the most common. What an agent says of itself
//! cannot make another series.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Error, sync::atomic::Ordering, time::Duration};

use buckler::{
    model::policy::Check,
    protocol::v2::{Event, Nack},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::owner::JournalHealth;

/// A label whose value comes from outside.
type Label = (&'static str, String);

/// A label with one of a few values that the code knows: to count costs no allocation.
type Fixed = (&'static str, &'static str);

/// Releases of agents that have a series each; all others are `other`.
const RELEASES: usize = 20;
/// The longest name of a release that has one, in characters.
const RELEASE_NAME: usize = 32;

/// Codes of refused events that have a series each; all others are `other`.
const CODES: [&str; 6] = [
    "bad_address",
    "operator_entry",
    "protected_range",
    "quota",
    "too_wide",
    "unbanned",
];

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Ok,
    /// The key or certificate is wrong, or has no profile.
    Refused,
    /// The message makes no sense, or is too large.
    Malformed,
    /// Nothing could be kept, or there was no room.
    Unavailable,
    /// A defect of the server.
    Failed,
}

impl Outcome {
    /// Of an answer with this status.
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            ..400 => Self::Ok,
            401 | 403 | 404 | 429 => Self::Refused,
            503 => Self::Unavailable,
            400..500 => Self::Malformed,
            _ => Self::Failed,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

/// What is told when it is scraped.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Fleets with the entries and the revision of their lists.
    pub(crate) lists: Vec<(String, u64, u64)>,
    /// Agents by state.
    pub(crate) agents: BTreeMap<&'static str, u64>,
    /// Agents by release, bounded by those that there are.
    pub(crate) releases: BTreeMap<String, u64>,
    pub(crate) websockets: usize,
    pub(crate) websockets_most: usize,
    pub(crate) turned_away: u64,
    pub(crate) is_ready: bool,
    pub(crate) certificate_ends_s: Option<u64>,
    /// How old the record is that waits for the disk.
    pub(crate) journal_lag: Duration,
}

/// All that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    exchanges: Family<[Fixed; 2], Counter>,
    events: Family<[Fixed; 1], Counter>,
    refusals: Family<[Label; 2], Counter>,
    wrong: Family<[Fixed; 1], Counter>,
    push_latency: Histogram,
    list_entries: Family<[Label; 1], Gauge>,
    list_revision: Family<[Label; 1], Gauge>,
    agents: Family<[Label; 1], Gauge>,
    releases: Family<[Label; 1], Gauge>,
    websockets: Gauge,
    websockets_most: Gauge,
    turned_away: Counter,
    ready: Gauge,
    certificate_ends: Gauge,
    journal_records: Counter,
    journal_pending: Gauge,
    journal_lag: Gauge<f64, std::sync::atomic::AtomicU64>,
    journal_failing: Gauge,
    journal_warnings: Gauge,
}

/// Bounds of latencies in seconds, from a tenth of a millisecond to 13 s: the wait of a request for
/// the store ends at 10.
pub(crate) fn latency() -> Histogram {
    Histogram::new([
        0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048, 0.4096, 0.8192,
        1.6384, 3.2768, 6.5536, 13.1072,
    ])
}

impl Metrics {
    /// Begins at zero. What the journal counts is told with the rest.
    pub(crate) fn new(journal: &JournalHealth) -> Self {
        let mut registry = Registry::with_prefix("buckler");
        let metrics = Self {
            exchanges: Family::default(),
            events: Family::default(),
            refusals: Family::default(),
            wrong: Family::default(),
            push_latency: latency(),
            list_entries: Family::default(),
            list_revision: Family::default(),
            agents: Family::default(),
            releases: Family::default(),
            websockets: Gauge::default(),
            websockets_most: Gauge::default(),
            turned_away: Counter::default(),
            ready: Gauge::default(),
            certificate_ends: Gauge::default(),
            journal_records: Counter::default(),
            journal_pending: Gauge::default(),
            journal_lag: Gauge::default(),
            journal_failing: Gauge::default(),
            journal_warnings: Gauge::default(),
            registry: Registry::default(),
        };
        let build = Family::<[Label; 1], Gauge>::default();
        build
            .get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned())])
            .set(1);
        registry.register("server_build", "The release that runs, as a label", build);
        metrics.register(&mut registry);
        metrics.register_journal(&mut registry, journal);
        Self { registry, ..metrics }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "exchanges",
            "Exchanges with agents, by transport and outcome",
            self.exchanges.clone(),
        );
        registry.register(
            "events",
            "Events of agents, by what became of them",
            self.events.clone(),
        );
        registry.register(
            "refusals",
            "Requests that agents refused, by check and application",
            self.refusals.clone(),
        );
        registry.register(
            "wrong_credentials",
            "Wrong or missing keys and tokens",
            self.wrong.clone(),
        );
        registry.register_with_unit(
            "push_latency",
            "From the change of a list to the moment at which a WebSocket has taken the push",
            Unit::Seconds,
            self.push_latency.clone(),
        );
        registry.register("list_entries", "Entries of a fleet's list", self.list_entries.clone());
        registry.register(
            "list_revision",
            "Revision of a fleet's list",
            self.list_revision.clone(),
        );
        registry.register(
            "agents",
            "Agents by state: online, late (3 intervals), gone (20)",
            self.agents.clone(),
        );
        registry.register(
            "agent_releases",
            "Agents that are not gone, by release",
            self.releases.clone(),
        );
        registry.register("websockets", "Open WebSockets", self.websockets.clone());
        registry.register(
            "websockets_most",
            "The most WebSockets that may be open",
            self.websockets_most.clone(),
        );
        registry.register(
            "admissions_refused",
            "WebSockets for which there was no room or turn",
            self.turned_away.clone(),
        );
        registry.register("ready", "1 while /readyz says so", self.ready.clone());
        registry.register_with_unit(
            "tls_certificate_end",
            "When the server's certificate ends, since the Unix epoch; 0 without TLS",
            Unit::Seconds,
            self.certificate_ends.clone(),
        );
    }

    fn register_journal(&self, registry: &mut Registry, journal: &JournalHealth) {
        registry.register(
            "journal_records",
            "Records that were kept since the start",
            self.journal_records.clone(),
        );
        registry.register(
            "journal_pending",
            "Requests that wait for the disk",
            self.journal_pending.clone(),
        );
        registry.register_with_unit(
            "journal_lag",
            "How old the record is that waits for the disk",
            Unit::Seconds,
            self.journal_lag.clone(),
        );
        registry.register(
            "journal_failing",
            "1 while nothing can be kept",
            self.journal_failing.clone(),
        );
        registry.register(
            "journal_warnings",
            "What is not as it should be with the engine that several nodes share",
            self.journal_warnings.clone(),
        );
        registry.register_with_unit(
            "journal_append",
            "How long a record took to be durable",
            Unit::Seconds,
            journal.append.clone(),
        );
    }

    /// Counts an exchange.
    pub(crate) fn exchange(&self, transport: &'static str, outcome: Outcome) {
        let labels = [("transport", transport), ("outcome", outcome.name())];
        self.exchanges.get_or_create(&labels).inc();
    }

    /// Counts a wrong key or token.
    pub(crate) fn wrong(&self, kind: &'static str) {
        self.wrong.get_or_create(&[("kind", kind)]).inc();
    }

    /// Counts what became of so many events that were new.
    pub(crate) fn events(&self, new: u64, refused: &[Nack]) {
        let taken = new.saturating_sub(refused.len() as u64);
        if taken > 0 {
            self.events.get_or_create(&[("outcome", "taken")]).inc_by(taken);
        }
        for nack in refused {
            let known = CODES.iter().find(|code| **code == nack.code);
            let outcome = known.copied().unwrap_or("other");
            self.events.get_or_create(&[("outcome", outcome)]).inc();
        }
    }

    /// Counts the refusals that events tell of.
    pub(crate) fn refusals(&self, application: &str, checks: impl IntoIterator<Item = Option<Check>>) {
        for check in checks {
            let check = check.map_or("other", Check::name).to_owned();
            let labels = [("check", check), ("application", application.to_owned())];
            self.refusals.get_or_create(&labels).inc();
        }
    }

    /// Observes how long a push took.
    pub(crate) fn pushed(&self, took: Duration) {
        self.push_latency.observe(took.as_secs_f64());
    }

    /// Writes everything as OpenMetrics text.
    ///
    /// # Errors
    /// What fmt says, which for text is nothing.
    pub(crate) fn text(&self, sight: Sight, journal: &JournalHealth) -> Result<String, Error> {
        self.list_entries.clear();
        self.list_revision.clear();
        for (fleet, entries, revision) in sight.lists {
            let labels = [("fleet", fleet)];
            self.list_entries.get_or_create(&labels).set(signed(entries));
            self.list_revision.get_or_create(&labels).set(signed(revision));
        }
        for (state, agents) in sight.agents {
            self.agents
                .get_or_create(&[("state", state.to_owned())])
                .set(signed(agents));
        }
        self.releases.clear();
        for (release, agents) in bounded(sight.releases) {
            self.releases.get_or_create(&[("release", release)]).set(signed(agents));
        }
        self.websockets.set(signed(sight.websockets as u64));
        self.websockets_most.set(signed(sight.websockets_most as u64));
        raise(&self.turned_away, sight.turned_away);
        self.ready.set(i64::from(sight.is_ready));
        self.certificate_ends
            .set(signed(sight.certificate_ends_s.unwrap_or_default()));
        raise(&self.journal_records, journal.appended.load(Ordering::Relaxed));
        self.journal_pending
            .set(signed(journal.waiting.load(Ordering::Relaxed)));
        self.journal_lag.set(sight.journal_lag.as_secs_f64());
        self.journal_failing.set(i64::from(journal.problem.load().is_some()));
        self.journal_warnings.set(signed(journal.warnings().len() as u64));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Checks of the refusals that events tell of, with the numbers of the events: one that is told
/// again has a number that is known.
pub(crate) fn refused_by(events: &[Event]) -> Vec<(u64, Option<Check>)> {
    let is_refusal = |event: &&Event| event.detail.as_ref().is_some_and(|detail| detail.id.is_some());
    let told = events.iter().filter(is_refusal);
    told.map(|event| (event.seq, Check::by_name(&event.why))).collect()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Makes a counter say what is counted elsewhere.
fn raise(counter: &Counter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

/// The most common releases, and all others together.
fn bounded(releases: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let is_plain = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".+-_".contains(c);
        !name.is_empty() && name.len() <= RELEASE_NAME && name.chars().all(plain)
    };
    let mut most: Vec<(String, u64)> = releases.into_iter().collect();
    most.sort_by_key(|(_, agents)| Reverse(*agents));
    let mut bounded = BTreeMap::new();
    for (release, agents) in most {
        let has_own = bounded.len() < RELEASES && is_plain(&release);
        let name = if has_own { release } else { "other".to_owned() };
        *bounded.entry(name).or_default() += agents;
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_call_themselves_makes_few_series() {
        let names = (0..1_000_u64).map(|n| (format!("9.{n}"), n + 1));
        let odd = [("a\"b".to_owned(), 5_000), ("x".repeat(33), 5_000), (String::new(), 1)];
        let bounded = bounded(names.chain(odd).collect());
        assert!(bounded.len() <= RELEASES + 1, "{bounded:?}");
        assert_eq!(bounded.get("9.999"), Some(&1_000));
        assert_eq!(bounded.values().sum::<u64>(), 500_500 + 10_001);
        assert!(bounded.keys().all(|name| !name.contains('"')));
    }

    #[test]
    fn statuses_are_few_outcomes() {
        let outcomes = [(200, Outcome::Ok), (403, Outcome::Refused), (413, Outcome::Malformed)];
        let more = [
            (503, Outcome::Unavailable),
            (500, Outcome::Failed),
            (426, Outcome::Malformed),
        ];
        for (status, outcome) in outcomes.into_iter().chain(more) {
            assert_eq!(Outcome::of(status), outcome, "{status}");
        }
    }
}
