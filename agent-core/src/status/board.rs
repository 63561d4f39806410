//! The board: what each actor last wrote of itself, to be read from any thread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{
    Clients, ConfigInForce, Conversation, DueLine, Enforcement, Events, ListInForce, LogShipping, StoreState,
    WithheldBan,
};
use crate::guard::DetectorHealth;

/// The most characters of what a configuration says that an alarm holds.
const SHOWN: usize = 200;

/// The board: each line is written by one actor and read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) conversation: ArcSwap<Conversation>,
    /// What is odd in the settings.
    pub(crate) warnings: Vec<String>,
    pub(crate) due: DueLine,
    pub(crate) config: ArcSwap<ConfigInForce>,
    pub(crate) list: ArcSwap<ListInForce>,
    pub(crate) store: Arc<ArcSwap<StoreState>>,
    pub(crate) enforcement: ArcSwap<Enforcement>,
    pub(crate) withheld: ArcSwapOption<WithheldBan>,
    pub(crate) restarts: AtomicU64,
    pub(crate) outbox: OutboxLine,
    pub(crate) custody: AtomicU64,
    pub(crate) poisoned: AtomicU64,
    pub(crate) log: ArcSwap<LogShipping>,
    pub(crate) log_counts: LogCounts,
}

/// What became of findings on their way to the log.
#[derive(Debug, Default)]
pub(crate) struct LogCounts {
    pub(crate) sent: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// The outbox's counters.
#[derive(Debug, Default)]
pub(crate) struct OutboxLine {
    pub(crate) acknowledged: AtomicU64,
    pub(crate) settled_here: AtomicU64,
    pub(crate) pending: AtomicU64,
    pub(crate) kept: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) restored: AtomicU64,
}

impl Board {
    /// What somebody should look at, for the server; none where all is well.
    pub(crate) fn alarm(&self, detectors: &[DetectorHealth], clients: &Clients) -> Option<String> {
        let (enforcement, list) = (self.enforcement.load(), self.list.load());
        let off = enforcement
            .reason
            .as_ref()
            .map(|reason| format!("nothing is refused: {reason}"));
        let breaker = list
            .breaker
            .as_ref()
            .map(|breaker| format!("list only logged: {}", breaker.reason));
        let stale = list
            .stale
            .map(|_| "list only logged: the server has not confirmed it for too long".to_owned());
        let config = self.config.load();
        let first = config.weaker.first().filter(|_| config.weakened);
        let weakened = first.map(|first| {
            let shown: String = first.chars().take(SHOWN).collect();
            let more = match config.weaker.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("the configuration protects less than the one before: {shown}{more}")
        });
        let unsigned = config
            .unsigned
            .as_ref()
            .map(|why| why.chars().take(SHOWN).collect::<String>());
        let silent = detectors.iter().filter(|detector| !detector.is_on);
        let silent = silent.map(|detector| format!("rests, and is tried every minute: {detector}"));
        let alarms: Vec<String> = [off, breaker, stale, weakened, unsigned]
            .into_iter()
            .flatten()
            .chain(clients.alarms())
            .chain(silent)
            .collect();
        (!alarms.is_empty()).then(|| alarms.join("; "))
    }

    /// The log of findings, with its counts.
    pub(crate) fn log(&self) -> LogShipping {
        let LogCounts {
            sent,
            waiting,
            queue_full,
            refused,
        } = &self.log_counts;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LogShipping {
            sent: read(sent),
            waiting: read(waiting),
            lost: BTreeMap::from([("queue_full", read(queue_full)), ("refused", read(refused))]),
            ..LogShipping::clone(&self.log.load())
        }
    }

    /// Detections by what became of them; `generated` and `queue_full` are the intake's.
    pub(crate) fn events(&self, generated: u64, queued: u64, queue_full: u64) -> Events {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let OutboxLine {
            acknowledged,
            settled_here,
            pending,
            kept,
            full,
            restored,
        } = &self.outbox;
        Events {
            generated,
            restored: read(restored),
            acknowledged: read(acknowledged),
            settled_here: read(settled_here),
            pending: queued + read(&self.custody) + read(pending),
            kept: read(kept),
            lost: BTreeMap::from([
                ("queue_full", queue_full),
                ("outbox_full", read(full)),
                ("poisoned", read(&self.poisoned)),
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(config: ConfigInForce) -> Option<String> {
        let board = Board::default();
        board.config.store(Arc::new(config));
        board.alarm(&[], &Clients::default())
    }

    #[test]
    fn a_configuration_that_protects_less_or_is_not_believed_is_an_alarm() {
        let weaker = vec!["SECURITY_CHECKS.sqli: 2 (ban) -> 0 (off)".to_owned(), "x".repeat(1_000)];
        let config = |weakened| ConfigInForce {
            weaker: weaker.clone(),
            weakened,
            ..ConfigInForce::default()
        };
        assert_eq!(
            alarm(config(false)),
            None,
            "less than the host's own is its operator's choice"
        );
        let said = alarm(config(true)).unwrap();
        assert!(said.ends_with("sqli: 2 (ban) -> 0 (off) and 1 more"), "{said}");
        let unsigned = alarm(ConfigInForce {
            unsigned: Some("configuration 7 is not believed: é".repeat(50)),
            ..ConfigInForce::default()
        });
        let unsigned = unsigned.unwrap();
        assert!(unsigned.contains("is not believed") && unsigned.chars().count() == SHOWN);
        assert_eq!(alarm(ConfigInForce::default()), None);
    }
}
