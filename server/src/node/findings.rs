//! What agents found in requests, counted by the hour: what was refused, and what was only logged.
//! It is this node's alone, lasts as long as its process, and decides nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use buckler::protocol::v2::{Event, EventKind};

/// Hours that are kept: a week of watching before what is logged is enforced.
pub(crate) const HOURS: u64 = 7 * 24;
/// The different findings of one profile in an hour, at some 250 bytes each, and never more than
/// 600: 10 MB in a week of an agent that names as many rules and routes as it likes. More are
/// counted without their names.
const MOST: usize = 100;
/// The longest name that is kept, in bytes: rules and routes have some 40.
const TEXT: usize = 120;

/// What was found, as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Finding {
    /// The check, by its configuration name.
    pub(crate) check: String,
    /// The rule.
    pub(crate) rule: String,
    /// The pattern of the application's route; nothing where the agent does not tell.
    pub(crate) route: String,
    /// What the configuration made of it: 1 (block), 2 (ban) or 3 (log).
    pub(crate) level: u8,
    /// Whether the request was refused.
    pub(crate) is_refused: bool,
}

impl Finding {
    /// What an event tells of a request; `None` where it tells of none.
    fn of(event: &Event) -> Option<Self> {
        let detail = event.detail.as_deref()?;
        let cut = |text: &str| {
            text.get(..text.floor_char_boundary(TEXT))
                .unwrap_or_default()
                .to_owned()
        };
        (event.kind != EventKind::Unban).then(|| Self {
            check: cut(&event.why),
            rule: cut(&detail.rule),
            route: detail.route.as_deref().map(cut).unwrap_or_default(),
            level: detail.level,
            is_refused: detail.id.is_some(),
        })
    }
}

/// Findings of a report, with the numbers of their events: which of them count is known once the
/// report was taken. What comes again was counted when it came first.
pub(super) fn told(events: &[Event], known: u64) -> Vec<(u64, Finding)> {
    let news = events.iter().filter(|event| event.seq > known);
    news.filter_map(|event| Some((event.seq, Finding::of(event)?)))
        .collect()
}

/// Findings of an hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hour {
    counts: BTreeMap<Finding, u64>,
    /// Those beyond the names that are kept: refused, and only logged.
    more: (u64, u64),
}

/// Findings of every profile, by the hour since the Unix epoch. A copy shares the hours: what is
/// made of them takes the node's thread nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings(HashMap<Arc<str>, BTreeMap<u64, Arc<Hour>>>);

impl Findings {
    /// Counts one.
    pub(super) fn count(&mut self, profile: &Arc<str>, finding: Finding, unix_ms: u64) {
        let hour = unix_ms / 3_600_000;
        if !self.0.contains_key(profile) {
            // those that say nothing any more make room
            self.0
                .retain(|_, hours| hours.last_key_value().is_some_and(|(newest, _)| newest + HOURS > hour));
        }
        let hours = self.0.entry(Arc::clone(profile)).or_default();
        // a clock that was set back makes no hour older than those that are kept
        let newest = hours.last_key_value().map_or(hour, |(newest, _)| hour.max(*newest));
        let hour = hour.max(newest.saturating_sub(HOURS - 1));
        if !hours.contains_key(&hour) {
            hours.retain(|known, _| known.saturating_add(HOURS) > newest);
        }
        let of = Arc::make_mut(hours.entry(hour).or_default());
        if let Some(count) = of.counts.get_mut(&finding) {
            *count += 1;
        } else if of.counts.len() < MOST {
            of.counts.insert(finding, 1);
        } else if finding.is_refused {
            of.more.0 += 1;
        } else {
            of.more.1 += 1;
        }
    }

    /// Profiles of which something is known.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// What was found of a profile in the last so many hours: how many hours ago, what, and how
    /// often.
    pub(crate) fn of(&self, profile: &str, hours: u64, unix_ms: u64) -> impl Iterator<Item = (u64, &Finding, u64)> {
        let counted = self.within(profile, hours, unix_ms);
        counted.flat_map(|(ago, hour)| hour.counts.iter().map(move |(finding, count)| (ago, finding, *count)))
    }

    /// How many there were beyond the names that are kept: refused, and only logged.
    pub(crate) fn more(&self, profile: &str, hours: u64, unix_ms: u64) -> (u64, u64) {
        let counted = self.within(profile, hours, unix_ms);
        counted.fold((0, 0), |(refused, logged), (_, hour)| {
            (refused + hour.more.0, logged + hour.more.1)
        })
    }

    fn within(&self, profile: &str, hours: u64, unix_ms: u64) -> impl Iterator<Item = (u64, &Arc<Hour>)> {
        let now = unix_ms / 3_600_000;
        let of = self.0.get(profile).into_iter().flatten();
        let aged = of.map(move |(hour, counted)| (now.saturating_sub(*hour), counted));
        aged.filter(move |(ago, _)| *ago < hours)
    }
}

#[cfg(test)]
mod tests {
    use buckler::protocol::v2::Detail;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn finding(rule: &str, id: Option<&str>) -> Finding {
        let detail = Detail {
            id: id.map(str::to_owned),
            rule: rule.to_owned(),
            route: Some("/search".to_owned()),
            level: 3,
            ..Detail::default()
        };
        let event: Event = serde_json::from_value(serde_json::json!({
            "seq": 1, "kind": "attack", "address": "203.0.113.7", "at_ms": 1, "why": "sqli", "evidence": "threshold",
            "peer": "socket", "detail": detail,
        }))
        .unwrap();
        Finding::of(&event).unwrap()
    }

    #[test]
    fn a_week_is_counted_by_the_hour() {
        let (mut findings, shop) = (Findings::default(), "shop".into());
        for at in [0, 1, HOUR, 200 * HOUR] {
            findings.count(&shop, finding("sqli/a", None), at);
        }
        let all = |hours, now| {
            findings
                .of("shop", hours, now)
                .map(|(ago, _, count)| (ago, count))
                .collect::<Vec<_>>()
        };
        assert_eq!(all(HOURS, 201 * HOUR), [(1, 1)], "what is older went");
        assert_eq!(all(1, 201 * HOUR), []);
        let mut findings = Findings::default();
        for at in [10 * HOUR, 10 * HOUR, 11 * HOUR, 9 * HOUR] {
            findings.count(&shop, finding("sqli/a", None), at);
        }
        let all: Vec<_> = findings
            .of("shop", 2, 11 * HOUR)
            .map(|(ago, _, count)| (ago, count))
            .collect();
        assert_eq!(all, [(1, 2), (0, 1)]);
        assert_eq!(findings.of("blog", HOURS, 11 * HOUR).count(), 0);
    }

    #[test]
    fn a_flood_of_names_is_counted_and_keeps_no_more_of_them() {
        let (mut findings, shop): (_, Arc<str>) = (Findings::default(), "shop".into());
        for number in 0..MOST + 10 {
            findings.count(&shop, finding(&format!("x/{number}"), None), 0);
        }
        findings.count(&shop, finding("x/0", None), 0);
        findings.count(&shop, finding("y", Some("0123456789abcdef")), 0);
        findings.count(&"blog".into(), finding("z", None), 0);
        assert_eq!(findings.of("shop", 1, 0).count(), MOST);
        assert_eq!(findings.more("shop", 1, 0), (1, 10));
        let sum: u64 = findings.of("shop", 1, 0).map(|(_, _, count)| count).sum();
        assert_eq!(sum, MOST as u64 + 1, "a known name is counted on");
        assert_eq!(
            findings.of("blog", 1, 0).count(),
            1,
            "and another profile's have their own room"
        );
    }
}
