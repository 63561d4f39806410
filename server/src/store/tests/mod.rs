//! Stores that are given the same records are equal, and so is one that was built from a checkpoint
//! and the records after it.

use std::sync::Arc;

use buckler::protocol::{
    Epoch,
    v2::{AddressOrigin, Detail, Event, EventKind, Evidence, Have, Signature},
};
use fastrand::Rng;
use ipnet::IpNet;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    journal::{DiskJournal, Journal, MemoryJournal, RowChange, restored},
    list::ListBounds,
    moment::{Moment, Tick},
    node::Node,
    protect::Protected,
    secret::{Fingerprint, Secret},
};

mod allowed;
mod enrolment;
mod single;
mod traffic;

pub(crate) use self::traffic::Traffic;

/// Limits so narrow that all of them are reached.
pub(crate) fn rules() -> Rules {
    Rules {
        protected: Arc::new(Protected::new(true, [])),
        bounds: ListBounds { page: 7, history: 20 },
        agents: 6,
        shared_live: 4,
        shared_per_minute: 2,
        quotas: Quotas {
            longest_ban_s: 150,
            key: Quota { live: 8, per_minute: 5 },
            fleet: Quota {
                live: 12,
                per_minute: 7,
            },
            v1: Quota { live: 3, per_minute: 3 },
            key_new_agents: 4,
        },
    }
}

/// A store that is told single commands.
struct Told {
    store: Store,
    now: u64,
    /// The newest event that was reported.
    seq: u64,
}

impl Told {
    fn new(rules: Rules) -> Self {
        Self {
            store: Store::new(rules),
            now: 1_795_338_000,
            seq: 0,
        }
    }

    fn tick(&self) -> Tick {
        Tick::at(std::time::Duration::from_secs(self.now))
    }

    fn take(&mut self, commands: Vec<Command>) -> Vec<Answer> {
        let at = Moment {
            tick: self.tick(),
            unix_ms: self.now * 1_000,
        };
        self.store.apply(&Record::new(at, commands))
    }
}

/// Fails with the first row in which two stores differ.
#[track_caller]
fn assert_equal(one: &Store, other: &Store, when: &str) {
    let (mut one, mut other) = (one.rows(), other.rows());
    loop {
        let (left, right) = (one.next(), other.next());
        assert!(left == right, "{when}: {left:?} and {right:?}");
        if left.is_none() {
            return;
        }
    }
}

/// What has changed, as a journal takes it.
pub(crate) fn changes(store: &mut Store) -> Vec<RowChange> {
    let Changes { put, gone } = store.changes();
    let put = put
        .into_iter()
        .map(|row| (row.key().into_bytes(), Some(row.value().unwrap())));
    put.chain(gone.into_iter().map(|key| (key.into_bytes(), None)))
        .collect()
}

#[test]
fn stores_given_the_same_records_are_equal_whatever_one_is_asked() {
    for seed in 0..60 {
        let mut traffic = Traffic::new(seed);
        let (mut one, mut other) = (Node::new(Store::new(rules())), Store::new(rules()));
        for n in 0..400 {
            let record = if n == 0 { traffic.founding() } else { traffic.record() };
            let answers = one.store.apply(&record);
            // as it was written down
            let read: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
            assert_eq!(read, record);
            assert_eq!(other.apply(&read), answers, "seed {seed}, record {n}");
            let later = Moment {
                tick: record.at.tick.plus(10_000_000),
                ..record.at
            };
            let before = one.store.fleet("default").unwrap();
            one.list_for("default", &Have::default(), later).unwrap();
            one.store.entries("default", None, 100, later).unwrap();
            one.store
                .recent(
                    "default",
                    &Window {
                        since: Tick::default(),
                        ban_for: 60,
                    },
                    later,
                )
                .unwrap();
            assert_eq!(
                one.store.fleet("default").unwrap(),
                before,
                "a question changes nothing"
            );
        }
        assert_equal(&one.store, &other, &format!("seed {seed}"));
        for (together, name, bucket) in other.buckets.iter() {
            let own = other.agents.iter().map(|(_, agent)| agent);
            let own = own.filter(|agent| agent.counted_as.as_ref() == Some(name));
            let live: u32 = own.map(|agent| agent.shared.live).sum();
            assert!(
                together == Together::Fleet || bucket.live == live,
                "seed {seed}: {name} has {live} entries and counts {bucket:?}"
            );
        }
    }
}

#[test]
fn every_limit_is_reached_by_the_traffic_of_these_tests() {
    let (mut traffic, mut store) = (Traffic::new(1), Store::new(rules()));
    store.apply(&traffic.founding());
    let mut codes = std::collections::BTreeSet::new();
    let (mut forgotten, mut is_staged) = (0, false);
    for _ in 0..2_000 {
        for answer in store.apply(&traffic.record()) {
            if let Answer::Taken { nack, .. } = answer {
                codes.extend(nack.into_iter().map(|nack| nack.code));
            }
        }
        forgotten = forgotten.max(store.agents.iter().count());
        is_staged |= store.candidate("shop").is_some();
    }
    assert!(is_staged, "a candidate is kept now and then");
    for code in [
        "quota",
        "unbanned",
        "operator_entry",
        "not_yours",
        "protected_range",
        "over",
    ] {
        assert!(codes.contains(code), "{code} in {codes:?}");
    }
    assert_eq!(forgotten, rules().agents);
}

/// Applies traffic to a store that is stopped and built again from its journal now and then, and to
/// one that never is.
fn stopped_and_not(seed: u64, journal: &mut dyn Journal, again: &mut dyn FnMut(&mut dyn Journal)) {
    let (mut traffic, mut random) = (Traffic::new(seed), Rng::with_seed(seed));
    let (mut stopped, mut not) = (Store::new(rules()), Store::new(rules()));
    stopped.track();
    for n in 0..300 {
        let record = if n == 0 { traffic.founding() } else { traffic.record() };
        let record = Arc::new(record);
        let position = journal.append(&record).unwrap();
        assert_eq!(position, n + 1);
        assert_eq!(stopped.apply(&record), not.apply(&record), "seed {seed}, record {n}");
        if random.u8(0..12) == 0 {
            journal.checkpoint(position, &changes(&mut stopped)).unwrap();
        }
        if random.u8(0..12) == 0 {
            again(journal);
            let (built, newest) = restored(journal, rules()).unwrap();
            assert_eq!(newest, position);
            assert_equal(&built, &not, &format!("seed {seed}, record {n}"));
            built.verify(true).unwrap();
            stopped = built;
        }
    }
}

#[test]
fn a_store_from_checkpoint_and_tail_equals_one_that_never_stopped() {
    for seed in 0..40 {
        stopped_and_not(seed, &mut MemoryJournal::default(), &mut |_| {});
    }
}

#[test]
fn a_store_from_the_disk_equals_one_that_never_stopped() {
    for seed in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = DiskJournal::open(&directory.path().join("buckler.redb")).unwrap();
        stopped_and_not(seed, &mut journal, &mut |journal| journal.reopen().unwrap());
    }
}

#[test]
fn bounds_that_are_lowered_while_the_server_is_down_hold_from_the_next_change_on() {
    let (mut traffic, mut journal, mut store) = (Traffic::new(7), MemoryJournal::default(), Store::new(rules()));
    store.track();
    let mut position = 0;
    for n in 0..200 {
        let record = Arc::new(if n == 0 { traffic.founding() } else { traffic.record() });
        position = journal.append(&record).unwrap();
        store.apply(&record);
    }
    journal.checkpoint(position, &changes(&mut store)).unwrap();
    let (mut built, _) = restored(&journal, rules()).unwrap();
    let narrow = Rules {
        bounds: ListBounds { page: 3, history: 5 },
        ..rules()
    };
    let lowered = Arc::new(Record::new(store.now(), vec![Command::Rules(narrow.clone())]));
    // so many that every list changes
    let after = (0..20).map(|_| Arc::new(traffic.record()));
    for record in std::iter::once(lowered).chain(after) {
        position = journal.append(&record).unwrap();
        built.apply(&record);
    }
    journal.checkpoint(position, &changes(&mut built)).unwrap();
    let (again, _) = restored(&journal, rules()).unwrap();
    assert_equal(&again, &built, "after the checkpoint");
    assert_eq!(
        again.rules(),
        &narrow,
        "the rules are those of the newest command, not of the start"
    );
}
