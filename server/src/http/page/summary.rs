//! What the overview shows, counted from what the store keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use buckler::model::address;

use super::guard::Visitor;
use crate::{
    http::state::State,
    moment::Moment,
    node::Node,
    store::{AgentView, FleetView, RefusalView, StoreError, refusals::MOST as MOST_REFUSALS},
};

/// A stretch of time that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) name: &'static str,
    /// Seconds of a bar, and how many there are.
    pub(super) span_s: u64,
    pub(super) spans: usize,
}

impl Range {
    pub(super) const ALL: [Self; 3] = [
        Self {
            name: "hour",
            span_s: 120,
            spans: 30,
        },
        Self {
            name: "day",
            span_s: 3_600,
            spans: 24,
        },
        Self {
            name: "week",
            span_s: 6 * 3_600,
            spans: 28,
        },
    ];

    /// By its name; the hour for any other.
    pub(super) fn by_name(name: &str) -> Self {
        let [hour, ..] = Self::ALL;
        Self::ALL.into_iter().find(|range| range.name == name).unwrap_or(hour)
    }

    /// The bar that a time falls into.
    fn bar(&self, at_ms: u64, now_ms: u64) -> Option<usize> {
        // an agent's clock may be ahead
        let back = usize::try_from(now_ms.saturating_sub(at_ms) / 1_000 / self.span_s).ok()?;
        self.spans.checked_sub(back + 1)
    }
}

/// What is counted of one hour, or one day.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) refusals: u64,
    pub(super) bans: u64,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) agents: Vec<AgentView>,
    pub(super) lists: Vec<(Arc<str>, FleetView)>,
    pub(super) hour: Counts,
    pub(super) day: Counts,
    /// By bar of the range.
    pub(super) refusals: Vec<u64>,
    pub(super) bans: Vec<u64>,
    /// Within the range.
    pub(super) by_check: Vec<(String, u64)>,
    pub(super) by_profile: Vec<(String, u64)>,
    pub(super) by_network: Vec<(String, u64)>,
    /// The newest.
    pub(super) newest: Vec<RefusalView>,
    /// Since when refusals are kept, where some were forgotten within the range.
    pub(super) since_ms: Option<u64>,
    pub(super) now_ms: u64,
}

/// Names of a table: beyond that they are summed up by no one.
const ROWS: usize = 8;
/// Refusals that the overview shows.
const NEWEST: usize = 8;

/// Counts what an operator may see.
pub(super) async fn of(state: &State, visitor: &Visitor, range: Range) -> Result<Summary, StoreError> {
    let operator = visitor.asker.operator.clone();
    let (agents, _) = state.agents().await?;
    state
        .owner
        .ask(move |node, now| counted((node, agents), &|fleet: &str| operator.sees(fleet), range, now))
        .await
}

fn counted(
    (node, mut agents): (&Node, Vec<AgentView>),
    sees: &dyn Fn(&str) -> bool,
    range: Range,
    now: Moment,
) -> Result<Summary, StoreError> {
    let (mut hour, mut day) = (Counts::default(), Counts::default());
    let (mut refusals, mut bans) = (vec![0; range.spans], vec![0; range.spans]);
    let [mut checks, mut profiles] = [BTreeMap::<&str, u64>::new(), BTreeMap::new()];
    let mut networks = BTreeMap::new();
    let (mut kept, mut oldest_ms) = (0, now.unix_ms);
    for refusal in node.store.refusals() {
        kept += 1;
        oldest_ms = refusal.at_ms.min(oldest_ms);
        if !sees(&refusal.fleet) {
            continue;
        }
        let age_s = now.unix_ms.saturating_sub(refusal.at_ms) / 1_000;
        let is_ban = refusal.until_ms.is_some();
        for (counts, lasts) in [(&mut hour, 3_600), (&mut day, 86_400)] {
            if age_s < lasts {
                counts.refusals += 1;
                counts.bans += u64::from(is_ban);
            }
        }
        let Some(bar) = range.bar(refusal.at_ms, now.unix_ms) else {
            continue;
        };
        add(&mut refusals, bar, 1);
        add(&mut bans, bar, u64::from(is_ban));
        *checks.entry(&*refusal.why).or_insert(0) += 1;
        *profiles.entry(&*refusal.profile).or_insert(0) += 1;
        *networks.entry(network_of(&refusal.address)).or_insert(0) += 1;
    }
    let by_operators = node.store.audit().filter(|entry| entry.note.action == "ban");
    for entry in by_operators.filter(|entry| entry.note.fleet.as_deref().is_some_and(sees)) {
        let age_s = now.unix_ms.saturating_sub(entry.at_ms) / 1_000;
        hour.bans += u64::from(age_s < 3_600);
        day.bans += u64::from(age_s < 86_400);
        if let Some(bar) = range.bar(entry.at_ms, now.unix_ms) {
            add(&mut bans, bar, 1);
        }
    }
    let fleets: BTreeSet<&Arc<str>> = node.store.fleets().filter(|fleet| sees(fleet)).collect();
    let lists = fleets
        .into_iter()
        .map(|fleet| Ok((Arc::clone(fleet), node.store.fleet(fleet)?)));
    agents.retain(|agent| sees(&agent.fleet));
    let newest = node.store.refusals().filter(|refusal| sees(&refusal.fleet));
    let begins_ms = now.unix_ms.saturating_sub(range.span_s * range.spans as u64 * 1_000);
    Ok(Summary {
        agents,
        lists: lists.collect::<Result<_, StoreError>>()?,
        hour,
        day,
        refusals,
        bans,
        by_check: most(checks),
        by_profile: most(profiles),
        by_network: most(networks),
        newest: newest.take(NEWEST).cloned().collect(),
        since_ms: (kept >= MOST_REFUSALS && oldest_ms > begins_ms).then_some(oldest_ms),
        now_ms: now.unix_ms,
    })
}

fn add(bars: &mut [u64], bar: usize, count: u64) {
    if let Some(bar) = bars.get_mut(bar) {
        *bar += count;
    }
}

/// The names that were counted most.
fn most<Name: AsRef<str> + Ord>(counts: BTreeMap<Name, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(Name, u64)> = counts.into_iter().collect();
    counts.sort_by(|(one, of_one), (other, of_other)| (of_other, one).cmp(&(of_one, other)));
    let rows = counts.into_iter().take(ROWS);
    rows.map(|(name, count)| (name.as_ref().to_owned(), count)).collect()
}

/// The network that a client is shown as part of: 24 bits of an IPv4 address, 48 of an IPv6 one.
fn network_of(text: &str) -> String {
    let Some(network) = address::parse_network(text) else {
        return text.to_owned();
    };
    let bits = if matches!(network.addr(), IpAddr::V4(_)) {
        24
    } else {
        48
    };
    let wider = ipnet::IpNet::new(network.addr(), bits.min(network.prefix_len()));
    wider.map_or_else(|_| text.to_owned(), |wider| address::to_text(wider.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_its_bar() {
        let [hour, ..] = Range::ALL;
        let now = 10_000_000;
        assert_eq!(hour.bar(now, now), Some(29));
        assert_eq!(hour.bar(now + 5_000, now), Some(29), "a clock that is ahead");
        assert_eq!(hour.bar(now - 120_000, now), Some(28));
        assert_eq!(hour.bar(now - 3_599_000, now), Some(0));
        assert_eq!(hour.bar(now - 3_600_000, now), None);
        assert_eq!(Range::by_name("<script>"), hour);
    }

    #[test]
    fn clients_are_shown_by_their_networks() {
        assert_eq!(network_of("203.0.113.9"), "203.0.113.0/24");
        assert_eq!(network_of("2001:db8:1:2::/64"), "2001:db8:1::/48");
        assert_eq!(network_of("203.0.0.0/16"), "203.0.0.0/16");
        assert_eq!(network_of("<script>"), "<script>");
    }
}
