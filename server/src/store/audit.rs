//! Who changed what: every change by an operator or by the file, the newest of each kind.

use std::{collections::VecDeque, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{list::Touched, moment::Moment};

/// The newest changes of lists that are kept, and the newest of all else, at some 500 bytes each:
/// an import of a large list leaves in place who made a key.
const MOST: usize = 10_000;

/// The largest state that is written down as it was, in bytes: of a larger one only its size is.
const LARGEST: usize = 4_096;

/// A change, as the one who makes it writes it down. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditNote {
    /// The label of the operator's token, or `file`.
    pub who: Arc<str>,
    /// The token's last four characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// Where the operator spoke from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The fleet that it concerns; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Arc<str>>,
    /// What was done: `ban`, `profile`, `key.create`, …
    pub action: String,
    /// To what.
    pub target: String,
    /// What it was before.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
    /// What it is now.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub new: Value,
}

impl AuditNote {
    /// Whether it is a change of a list: there may be thousands of these in a minute.
    fn is_of_a_list(&self) -> bool {
        matches!(self.action.as_str(), "ban" | "unban" | "allow" | "disallow")
    }

    /// The same, with states that are too large replaced by their sizes.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Self {
        for state in [&mut self.old, &mut self.new] {
            let bytes = state.to_string().len();
            if bytes > LARGEST {
                *state = json!({"omitted_bytes": bytes});
            }
        }
        self
    }
}

/// A change, and when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Rises with every change.
    pub number: u64,
    /// When it took effect, in milliseconds since the Unix epoch by the server's clock.
    pub at_ms: u64,
    /// Who did what.
    #[serde(flatten)]
    pub note: AuditNote,
}

/// The newest changes, in two rings.
#[derive(Debug, Clone, Default)]
pub(super) struct Audit {
    lists: VecDeque<AuditEntry>,
    others: VecDeque<AuditEntry>,
    next: u64,
    pub(super) touched: Touched<u64>,
}

impl Audit {
    pub(super) fn note(&mut self, note: &AuditNote, now: Moment) {
        let entry = AuditEntry {
            number: self.next,
            at_ms: now.unix_ms,
            note: note.clone(),
        };
        self.touched.note(entry.number);
        self.restore(entry);
    }

    /// Keeps one as it was written down; they come in the order of their numbers.
    pub(super) fn restore(&mut self, entry: AuditEntry) {
        self.next = self.next.max(entry.number + 1);
        let ring = if entry.note.is_of_a_list() {
            &mut self.lists
        } else {
            &mut self.others
        };
        ring.push_back(entry);
        if ring.len() > MOST
            && let Some(oldest) = ring.pop_front()
        {
            self.touched.note(oldest.number);
        }
    }

    /// The entry of this number, if it is kept.
    pub(super) fn get(&self, number: u64) -> Option<&AuditEntry> {
        [&self.lists, &self.others].into_iter().find_map(|ring| {
            let at = ring.binary_search_by_key(&number, |entry| entry.number).ok()?;
            ring.get(at)
        })
    }

    /// All of them, in the order of their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = &AuditEntry> {
        let (mut lists, mut others) = (self.lists.iter().peekable(), self.others.iter().peekable());
        std::iter::from_fn(move || match (lists.peek(), others.peek()) {
            (Some(one), Some(other)) if one.number < other.number => lists.next(),
            (Some(_), None) => lists.next(),
            (_, Some(_)) => others.next(),
            (None, None) => None,
        })
    }

    /// The newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &AuditEntry> {
        let (mut lists, mut others) = (self.lists.iter().rev().peekable(), self.others.iter().rev().peekable());
        std::iter::from_fn(move || match (lists.peek(), others.peek()) {
            (Some(one), Some(other)) if one.number > other.number => lists.next(),
            (Some(_), None) => lists.next(),
            (_, Some(_)) => others.next(),
            (None, None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(action: &str) -> AuditNote {
        AuditNote {
            who: "alice".into(),
            tail: String::new(),
            from: None,
            fleet: None,
            action: action.to_owned(),
            target: "203.0.113.9".to_owned(),
            old: Value::Null,
            new: Value::Null,
        }
    }

    #[test]
    fn an_import_leaves_in_place_who_made_a_key() {
        let mut audit = Audit::default();
        audit.note(&note("key.create"), Moment::default());
        for action in ["ban", "unban", "allow", "disallow"].into_iter().cycle().take(MOST + 5) {
            audit.note(&note(action), Moment::default());
        }
        assert_eq!(audit.rows().count(), MOST + 1);
        assert_eq!(audit.rows().next().unwrap().note.action, "key.create");
        let numbers: Vec<u64> = audit.newest().map(|entry| entry.number).collect();
        assert!(numbers.is_sorted_by(|one, other| one > other), "the newest first");
    }

    #[test]
    fn a_large_state_is_written_down_by_its_size() {
        let large = AuditNote {
            old: Value::from("x".repeat(LARGEST)),
            new: json!({"version": 7}),
            ..note("profile")
        };
        let bounded = large.bounded();
        assert_eq!(bounded.old, json!({"omitted_bytes": LARGEST + 2}));
        assert_eq!(bounded.new, json!({"version": 7}));
    }
}
