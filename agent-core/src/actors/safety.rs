//! Whether the fleet's list is in force: not while its breaker is tripped, and not when it is too old. BlacklistSync's.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::configuration::Rejected;
use crate::{
    guard::Repetition,
    model::{
        address::{parse_network, to_text},
        breaker::{Breaker, Impact, Outlook, Tripped, Turn, Withheld},
    },
    notice,
    settings::AgentSettings,
    status::BreakerTripped,
    store::Times,
};

/// What the host decides about the agent's power over requests.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) enforce: bool,
    pub(crate) kill_switch_file: Option<PathBuf>,
    pub(crate) breaker_share: u8,
    pub(crate) stale_after: Option<Duration>,
}

/// The breaker, and the list's age.
pub(crate) struct Safety {
    breaker_share: u8,
    breaker: Breaker,
    /// When it tripped, in process time.
    tripped_at: Duration,
    stale_after: Option<Duration>,
    /// When the server last confirmed the list in this process.
    confirmed: Option<Duration>,
    /// When this process began, and how old the list was then.
    began: (Duration, Duration),
    /// Since when the list is too old.
    stale: Option<Duration>,
}

/// What of it outlives the process.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Saved {
    breaker: Option<Tripped>,
    rejected: Option<Rejected>,
    /// Clients, how often they were banned, and when that is forgotten, in seconds since the Unix epoch.
    banned: Vec<(String, u32, u64)>,
}

/// What an earlier process left besides the breaker.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) rejected: Option<Rejected>,
    pub(crate) banned: Vec<Repetition>,
}

impl From<&AgentSettings> for Limits {
    fn from(settings: &AgentSettings) -> Self {
        Self {
            enforce: settings.enforce,
            kill_switch_file: settings.kill_switch_file.clone(),
            breaker_share: settings.breaker_share,
            stale_after: settings.stale_after,
        }
    }
}

impl Safety {
    /// A closed breaker, and a list whose age counts from the moment when the server last confirmed it, in Unix seconds: from now on
    /// where nobody knows.
    pub(crate) fn new(limits: &Limits, confirmed_unix_s: Option<u64>, now: Times) -> Self {
        let age = confirmed_unix_s.map_or(Duration::ZERO, |at| now.unix.saturating_sub(Duration::from_secs(at)));
        let mut safety = Self {
            breaker_share: limits.breaker_share,
            breaker: Breaker::new(limits.breaker_share),
            tripped_at: now.elapsed,
            stale_after: limits.stale_after,
            confirmed: None,
            began: (now.elapsed, age),
            stale: None,
        };
        safety.grow_old(now.elapsed);
        safety
    }

    /// Takes over what was [saved](Self::save), and gives out the rest. What cannot be read is nothing.
    pub(crate) fn restore(&mut self, saved: serde_json::Value, now: Times) -> Restored {
        let Saved {
            breaker,
            rejected,
            banned,
        } = serde_json::from_value(saved).unwrap_or_default();
        self.breaker = Breaker::restore(self.breaker_share, breaker);
        if let Some(tripped) = self.breaker.tripped() {
            notice::warn(&format!(
                "{tripped}: it was only logged when the process ended, and still is"
            ));
        }
        let read = |(network, bans, until): (String, u32, u64)| {
            Some(Repetition {
                network: parse_network(&network)?,
                bans,
                until: now.read_end(Some(until))?,
            })
        };
        Restored {
            rejected,
            banned: banned.into_iter().filter_map(read).collect(),
        }
    }

    /// What is to outlive the process.
    pub(crate) fn save(&self, rejected: Option<&Rejected>, banned: &[Repetition], now: Times) -> serde_json::Value {
        let write = |known: &Repetition| Some((to_text(known.network), known.bans, now.write_end(Some(known.until))?));
        let saved = Saved {
            breaker: self.breaker.tripped().cloned(),
            rejected: rejected.cloned(),
            banned: banned.iter().filter_map(write).collect(),
        };
        // a map of plain values always is one
        serde_json::to_value(saved).unwrap_or_default()
    }

    /// Whether the fleet's entries are not acted upon.
    pub(crate) const fn is_suspended(&self) -> bool {
        self.stale.is_some() || self.breaker.tripped().is_some()
    }

    /// Shows the breaker what the list is about to be, or is; says in the log what comes of it.
    pub(crate) fn judge(&mut self, outlook: &Outlook<'_>, now: Duration) -> Turn {
        let turn = self.breaker.judge(outlook);
        match (turn, self.breaker.tripped()) {
            (Turn::Tripped, Some(tripped)) => {
                notice::error(&format!(
                    "{tripped}: it is only logged from now on; bans made here stay in force"
                ));
                self.tripped_at = now;
            }
            (Turn::Closed, _) => tracing::warn!("the fleet's list lets the site's clients in again: it is in force"),
            (Turn::Tripped | Turn::None, _) => {}
        }
        turn
    }

    /// Whether an own ban may be made.
    pub(crate) fn allows(&self, impact: &Impact) -> Result<(), Withheld> {
        self.breaker.allows(impact)
    }

    /// The server has confirmed the list.
    pub(crate) fn confirm(&mut self, now: Duration) {
        self.confirmed = Some(now);
        if self.stale.take().is_some() {
            tracing::warn!("the server has confirmed the list: it is in force again");
        }
    }

    /// Looks at the list's age; whether that has changed anything.
    pub(crate) fn grow_old(&mut self, now: Duration) -> bool {
        let (began, age_then) = self.began;
        let age = self.confirmed.map_or_else(
            || now.saturating_sub(began) + age_then,
            |confirmed| now.saturating_sub(confirmed),
        );
        let is_stale = self.stale_after.is_some_and(|allowed| age >= allowed);
        let turns = is_stale && self.stale.is_none();
        if turns {
            notice::warn(&format!(
                "the server has not confirmed the list for {age:?}: it is only logged until it does"
            ));
            self.stale = Some(now);
        }
        turns
    }

    /// When the server last confirmed the list in this process.
    pub(crate) const fn confirmed(&self) -> Option<Duration> {
        self.confirmed
    }

    /// Since when the list is too old.
    pub(crate) const fn stale(&self) -> Option<Duration> {
        self.stale
    }

    /// The breaker's line, where it is tripped.
    pub(crate) fn breaker(&self) -> Option<BreakerTripped> {
        let tripped = self.breaker.tripped()?;
        let percent = (tripped.shut_out * 100).checked_div(tripped.clients).unwrap_or(0);
        Some(BreakerTripped {
            since: self.tripped_at,
            share: u8::try_from(percent).unwrap_or(u8::MAX),
            clients: tripped.clients,
            revision: tripped.revision,
            reason: tripped.to_string(),
        })
    }
}
