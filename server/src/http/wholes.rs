//! Whole lists as version 1 agents are sent them: made once for all that ask for the same, so that
//! asking often costs the store's thread next to nothing.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use serde_json::value::RawValue;
use tokio::{sync::Mutex, task::spawn_blocking, time::Instant};

use crate::{
    list::Head,
    moment::{Moment, Tick},
    node::Node,
    owner::Owner,
    store::StoreError,
};

/// How long a list that has changed is not made once more, for each of its entries: ten times what
/// copying and sorting its entries takes, so that neither the store's thread nor one of the pool is
/// kept busy by it for more than a tenth of the time. Of 10,000 entries these are 50 ms, of a
/// million 5 s; what changes meanwhile is told with beacons.
const PAUSE_AN_ENTRY: Duration = Duration::from_micros(5);

/// The most lists that are kept, of 30 MB where they have a million entries: one for each fleet and
/// length of bans. A server with more makes some of them more often.
const MOST: usize = 16;

/// Of which fleet, and how long a ban lasts for the agent that asks, in seconds.
type Which = (Arc<str>, u64);
/// One of them, which one request at a time makes.
type Slot = Arc<Mutex<Option<Whole>>>;

/// Lists that were made.
#[derive(Debug, Default)]
pub(super) struct Wholes(ArcSwap<HashMap<Which, Slot>>);

/// A list that was made.
#[derive(Debug)]
struct Whole {
    json: Arc<RawValue>,
    mark: Mark,
    made: Instant,
}

impl Whole {
    fn is_recent(&self) -> bool {
        let entries = u32::try_from(self.mark.head.count).unwrap_or(u32::MAX);
        self.made.elapsed() < PAUSE_AN_ENTRY.saturating_mul(entries)
    }
}

impl Wholes {
    /// A fleet's list for agents whose bans last for `ban_for` seconds.
    pub(super) async fn of(&self, owner: &Owner, fleet: &Arc<str>, ban_for: u64) -> Result<Arc<RawValue>, StoreError> {
        let slot = self.slot(&(Arc::clone(fleet), ban_for));
        let mut slot = slot.lock().await;
        if let Some(known) = slot.as_ref().filter(|known| known.is_recent()) {
            return Ok(Arc::clone(&known.json));
        }
        let (asked, known) = (Arc::clone(fleet), slot.as_ref().map(|whole| whole.mark.clone()));
        let listed = owner.ask(move |node, now| Listed::news(node, &asked, known.as_ref(), now));
        if let Some(listed) = listed.await? {
            // of a million entries it takes as long as a thousand other answers
            let made = spawn_blocking(move || listed.whole(ban_for)).await;
            *slot = Some(made.map_err(|error| StoreError::Failed(error.to_string()))??);
        }
        let whole = slot.as_ref().map(|whole| Arc::clone(&whole.json));
        whole.ok_or_else(|| StoreError::Failed("a list is news to who knows none".to_owned()))
    }

    fn slot(&self, which: &Which) -> Slot {
        if let Some(known) = self.0.load().get(which) {
            return Arc::clone(known);
        }
        // where two come at once, one makes its list alone
        let slot = Slot::default();
        self.0.rcu(|known| {
            let mut next = HashMap::clone(known);
            if next.contains_key(which) {
                return next;
            }
            // any of them: none is known to be asked for less than the others
            if next.len() >= MOST
                && let Some(given_up) = next.keys().next().cloned()
            {
                next.remove(&given_up);
            }
            next.insert(which.clone(), Arc::clone(&slot));
            next
        });
        self.0.load().get(which).map_or(slot, Arc::clone)
    }
}

/// Which list was made.
#[derive(Debug, Clone)]
struct Mark {
    head: Head,
    /// When the first of its entries ends.
    first_end: Tick,
}

impl Mark {
    fn is_of(&self, head: &Head, now: Tick) -> bool {
        self.head == *head && now < self.first_end
    }
}

/// A list as it was at a moment: what is made of it takes the store's thread nothing.
struct Listed {
    addresses: Vec<(IpAddr, Tick)>,
    head: Head,
    now: Moment,
}

impl Listed {
    /// The list, unless it is the one that is known.
    fn news(node: &Node, fleet: &str, known: Option<&Mark>, now: Moment) -> Result<Option<Self>, StoreError> {
        let head = node.store.list(fleet)?.head();
        if known.is_some_and(|known| known.is_of(head, now.tick)) {
            return Ok(None);
        }
        Ok(Some(Self {
            head: head.clone(),
            addresses: node.store.addresses(fleet, now)?,
            now,
        }))
    }

    fn whole(self, ban_for: u64) -> Result<Whole, StoreError> {
        let Self { addresses, head, now } = self;
        let first_end = addresses.iter().map(|(_, end)| *end).min().unwrap_or(Tick::FOREVER);
        let banned: BTreeMap<IpAddr, u64> = addresses
            .into_iter()
            .map(|(address, end)| (address, banned_at(end, ban_for, now)))
            .collect();
        let json = serde_json::value::to_raw_value(&banned).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Whole {
            json: json.into(),
            mark: Mark { head, first_end },
            made: Instant::now(),
        })
    }
}

/// When an agent that bans for `ban_for` seconds must have banned, for its ban to end when this one
/// does: it knows no ends, only beginnings. For an operator's long ban that lies in the future,
/// which pyrasp bears.
fn banned_at(end: Tick, ban_for: u64, now: Moment) -> u64 {
    now.unix_s_of(end).saturating_sub(ban_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_made_again_only_now_and_then_and_a_short_one_whenever_it_changed() {
        let mark = |rev, count| Mark {
            head: Head {
                rev,
                count,
                ..Head::default()
            },
            first_end: Tick::default().plus(5),
        };
        let whole = |count| Whole {
            json: RawValue::from_string("{}".to_owned()).unwrap().into(),
            mark: mark(0, count),
            made: Instant::now(),
        };
        assert!(whole(1_000_000).is_recent() && !whole(0).is_recent());
        let is_of = |head: &Mark, seconds| mark(0, 7).is_of(&head.head, Tick::default().plus(seconds));
        assert!(is_of(&mark(0, 7), 4) && !is_of(&mark(1, 7), 4));
        assert!(!is_of(&mark(0, 7), 5), "its first entry has ended");
    }

    #[test]
    fn no_more_lists_are_kept_than_may_be() {
        let wholes = Wholes::default();
        let first = wholes.slot(&("default".into(), 0));
        assert!(Arc::ptr_eq(&first, &wholes.slot(&("default".into(), 0))));
        for ban_for in 0..1_000 {
            wholes.slot(&("default".into(), ban_for));
        }
        assert!(wholes.0.load().len() <= MOST);
    }
}
