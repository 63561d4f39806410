//! A list that changes at random, followed by agents that look in at random: whatever they are told must leave them with the
//! list as it is.

use std::{collections::BTreeMap, sync::Arc};

use buckler::model::blacklist::Digest;

use super::*;

const BOUNDS: ListBounds = ListBounds { page: 40, history: 60 };

/// A generator that always says the same (Steele and Vigna's SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

fn at(seconds: u64) -> Moment {
    Moment {
        tick: Tick::default().plus(seconds),
        unix_ms: 1_795_338_000_000 + seconds * 1_000,
    }
}

fn network(text: &str) -> IpNet {
    buckler::model::address::parse_network(text).unwrap()
}

fn ban(list: &mut FleetList, text: &str, by: Origin, now: Moment, ttl: u64) -> Banned {
    let entry = Entry {
        end: now.tick.plus(ttl),
        made: now.tick,
        by,
        why: "test".into(),
    };
    list.ban(
        Ban {
            network: network(text),
            entry,
            at_unix_ms: now.unix_ms,
        },
        now,
    )
}

fn agent() -> Origin {
    let who = crate::store::AgentIdent::Installed {
        profile: "shop".into(),
        id: uuid::Uuid::nil(),
    };
    Origin::Agent(Arc::new(who))
}

/// An agent's copy.
#[derive(Default)]
struct Copy {
    cursor: Option<ListCursor>,
    entries: BTreeMap<IpNet, Tick>,
}

impl Copy {
    /// Brings the copy to the newest revision, and says how.
    fn follow(&mut self, list: &FleetList, snapshots: &mut Snapshots, now: Moment) -> &'static str {
        let step = self
            .cursor
            .as_ref()
            .map_or(Step::Snapshot, |cursor| list.step_from(cursor));
        let (how, head) = match step {
            Step::Current => return "current",
            Step::Delta { add, remove } => {
                self.entries.extend(add);
                for network in remove {
                    self.entries.remove(&network);
                }
                ("delta", list.head().clone())
            }
            Step::Snapshot => {
                let snapshot = snapshots.of(list, now.tick);
                self.entries = snapshot.entries().iter().copied().collect();
                ("snapshot", snapshot.head().clone())
            }
        };
        assert_eq!(head.count, self.entries.len() as u64);
        assert_eq!(head.digest, Digest::of(self.entries.keys().copied()));
        self.cursor = Some(head.cursor());
        how
    }
}

#[test]
fn a_ban_that_is_prolonged_without_a_word_keeps_its_reason() {
    let mut list = FleetList::new("e1", BOUNDS);
    let says = |list: &mut FleetList, why: &str, seconds| {
        let entry = Entry {
            end: at(0).tick.plus(seconds),
            made: at(0).tick,
            by: Origin::Operator,
            why: why.into(),
        };
        let network = network("203.0.113.9");
        let at_unix_ms = at(0).unix_ms;
        list.ban(
            Ban {
                network,
                entry,
                at_unix_ms,
            },
            at(0),
        );
        list.get(network).map(|entry| entry.why.to_string())
    };
    assert_eq!(says(&mut list, "scans", 60).as_deref(), Some("scans"));
    assert_eq!(says(&mut list, "", 120).as_deref(), Some("scans"));
    assert_eq!(says(&mut list, "worse", 180).as_deref(), Some("worse"));
}

#[test]
fn whoever_follows_has_the_list() {
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut list = FleetList::new("e1", BOUNDS);
        let mut snapshots = Snapshots::default();
        let mut copies: Vec<Copy> = (0..4).map(|_| Copy::default()).collect();
        let mut ways = BTreeMap::new();
        for round in 0..600 {
            let now = at(round);
            list.expire(now, 1_000);
            for _ in 0..dice.below(6) {
                let address = format!("203.0.113.{}", dice.below(90));
                match dice.below(3) {
                    0 => drop(list.unban(network(&address), now)),
                    _ => drop(ban(&mut list, &address, agent(), now, 1 + dice.below(120))),
                }
            }
            for (nth, copy) in copies.iter_mut().enumerate() {
                // the last looks in so rarely that the history does not reach it
                if dice.below([1, 3, 10, 60][nth]) == 0 {
                    *ways.entry(copy.follow(&list, &mut snapshots, now)).or_insert(0) += 1;
                    // a shared snapshot may be a little old: a delta leads on from it
                    assert!(matches!(copy.follow(&list, &mut snapshots, now), "current" | "delta"));
                    let truth: BTreeMap<IpNet, Tick> = list.entries_after(None).map(|(n, e)| (n, e.end)).collect();
                    assert_eq!(copy.entries, truth, "seed {seed}, round {round}");
                }
            }
        }
        assert!(
            ["current", "delta", "snapshot"]
                .iter()
                .all(|way| ways.contains_key(way)),
            "{ways:?}"
        );
    }
}

#[test]
fn a_delta_names_what_came_and_went_since() {
    let mut list = FleetList::new("e1", BOUNDS);
    let cursor = list.head().cursor();
    ban(&mut list, "203.0.113.1", agent(), at(0), 60);
    list.unban(network("203.0.113.1"), at(1));
    let Step::Delta { add, remove } = list.step_from(&cursor) else {
        panic!("no delta")
    };
    assert_eq!(
        (add, remove),
        (Vec::new(), vec![network("203.0.113.1")]),
        "who caught it as well must let it in"
    );
}

#[test]
fn what_has_ended_is_told_to_nobody_even_before_it_is_removed() {
    let mut list = FleetList::new("e1", BOUNDS);
    for host in 0..30 {
        ban(&mut list, &format!("203.0.113.{host}"), agent(), at(0), 60);
    }
    ban(&mut list, "203.0.113.200", Origin::Operator, at(0), 60);
    assert_eq!(list.recent(Tick::default(), 3_600, at(59).tick).new.len(), 31);
    assert_eq!(list.expire(at(60), 10).len(), 10, "no more than the budget");
    assert_eq!(list.head().count, 21);
    let recent = list.recent(Tick::default(), 3_600, at(60).tick);
    assert_eq!((recent.new.len(), recent.remove.len()), (0, 31));
}

#[test]
fn version_1_agents_hear_the_list_itself_where_the_history_is_too_short() {
    let mut list = FleetList::new("e1", ListBounds { page: 10, history: 5 });
    for host in 0..20 {
        ban(&mut list, &format!("203.0.113.{host}"), agent(), at(host), 3_600);
    }
    ban(&mut list, "198.51.100.0/24", agent(), at(20), 3_600);
    assert_eq!(
        list.recent(at(17).tick, 3_600, at(21).tick).new.len(),
        3,
        "the history goes back to 16"
    );
    assert_eq!(list.recent(at(3).tick, 3_600, at(21).tick).new.len(), 20);
    assert_eq!(
        list.recent(at(3).tick, 10, at(21).tick).new.len(),
        8,
        "not what is older than the agent's delay"
    );
    assert_eq!(list.networks(), 1);
}

#[test]
fn an_operator_overrules_an_unban_and_agents_do_not() {
    let mut list = FleetList::new("e1", BOUNDS);
    list.unban(network("203.0.113.1"), at(10));
    assert_eq!(ban(&mut list, "203.0.113.1", agent(), at(9), 60), Banned::Late);
    assert_eq!(
        ban(&mut list, "203.0.113.1", Origin::Operator, at(9), 60),
        Banned::Added
    );
    assert!(list.is_standing(network("203.0.113.1")));
    list.unban(network("203.0.113.1"), at(20));
    assert!(!list.is_standing(network("203.0.113.1")));
    list.expire(at(20 + 24 * 3_600), 1);
    assert_eq!(
        ban(&mut list, "203.0.113.1", agent(), at(9), 60),
        Banned::Late,
        "a day later"
    );
    list.expire(at(21 + 24 * 3_600), 1);
    assert_eq!(
        ban(&mut list, "203.0.113.1", agent(), at(9), 60),
        Banned::Added,
        "and then forgotten"
    );
}

#[test]
fn the_widest_network_that_covers_an_address_is_found() {
    let mut list = FleetList::new("e1", BOUNDS);
    for text in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/48"] {
        ban(&mut list, text, Origin::Operator, at(0), 60);
    }
    assert_eq!(
        list.covering(network("203.0.113.7"), at(1).tick),
        Some(network("203.0.113.0/24"))
    );
    assert_eq!(
        list.covering(network("2001:db8::1"), at(1).tick),
        Some(network("2001:db8::/48"))
    );
    assert_eq!(list.covering(network("203.0.112.7"), at(1).tick), None);
}

fn of(profile: &str) -> Origin {
    let who = crate::store::AgentIdent::Installed {
        profile: profile.into(),
        id: uuid::Uuid::nil(),
    };
    Origin::Agent(Arc::new(who))
}

#[test]
fn what_one_application_lifted_another_does_not_take_back_by_lifting_it_too() {
    let mut list = FleetList::new("e1", BOUNDS);
    let address = network("203.0.113.1");
    list.lift(address, &"shop".into(), at(10));
    list.lift(address, &"blog".into(), at(20));
    let mut again = FleetList::new("e1", BOUNDS);
    for row in list.rows() {
        let written = serde_json::to_string(&row).unwrap();
        again.take_row(serde_json::from_str(&written).unwrap()).unwrap();
    }
    for mut list in [list, again] {
        assert_eq!(ban(&mut list, "203.0.113.1", of("shop"), at(9), 60), Banned::Late);
        assert_eq!(ban(&mut list, "203.0.113.1", of("blog"), at(19), 60), Banned::Late);
        assert_eq!(ban(&mut list, "203.0.113.1", of("wiki"), at(9), 60), Banned::Added);
    }
}

#[test]
fn a_lift_that_was_written_down_with_one_application_is_still_read() {
    let written = r#"{"unban":{"network":"203.0.113.1/32","unix_ms":0,"at":10,"lifted":["shop",10000]}}"#;
    let mut list = FleetList::new("e1", BOUNDS);
    list.take_row(serde_json::from_str(written).unwrap()).unwrap();
    let early = Ban {
        network: network("203.0.113.1"),
        entry: Entry {
            end: at(70).tick,
            made: at(9).tick,
            by: of("shop"),
            why: "test".into(),
        },
        at_unix_ms: 9_999,
    };
    let now = Moment {
        tick: Tick::from_seconds(11),
        unix_ms: 11_000,
    };
    assert_eq!(list.ban(early.clone(), now), Banned::Late);
    let late = Ban {
        at_unix_ms: 10_000,
        ..early
    };
    assert_eq!(list.ban(late, now), Banned::Added);
}
