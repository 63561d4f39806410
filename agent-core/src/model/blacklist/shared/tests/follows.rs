//! The list against a server that keeps every revision in a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A server with a history, as one would write it without a thought for size.
#[derive(Default)]
struct Server {
    revisions: Vec<BTreeMap<IpNet, u64>>,
}

impl Server {
    fn update(&self, mode: ListMode, from: usize) -> ListUpdate {
        let (old, new) = (&self.revisions[from], self.revisions.last().unwrap());
        let entry = |(network, ttl_s): (&IpNet, &u64)| (to_text(*network), *ttl_s);
        let changed = new
            .iter()
            .filter(|(network, ttl_s)| mode == ListMode::Snapshot || old.get(network) != Some(ttl_s));
        ListUpdate {
            complete: false,
            mode,
            epoch: "b1".into(),
            from: from as u64,
            to: self.revisions.len() as u64 - 1,
            add: if mode == ListMode::None {
                Vec::new()
            } else {
                changed.map(entry).collect()
            },
            remove: old
                .keys()
                .filter(|network| !new.contains_key(network))
                .map(|network| to_text(*network))
                .collect(),
            page: 1,
            pages: 1,
            count: new.len() as u64,
            digest: Digest::of(new.keys().copied()).to_string(),
        }
    }
}

fn any_network() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (0..20_u8, 24..=32_u8).prop_map(|(host, prefix)| net(&format!("203.0.113.{host}/{prefix}"))),
        (0..20_u16, 48..=128_u8).prop_map(|(host, prefix)| net(&format!("2001:db8::{host:x}/{prefix}"))),
    ]
}

/// A revision's changes, and whether the agent hears of it at once, late, never, or as a snapshot.
fn any_revision() -> impl Strategy<Value = (Vec<(IpNet, Option<u64>)>, u8)> {
    let change = (
        any_network(),
        prop_oneof![
            Just(None),
            prop_oneof![Just(0), 1..9999_u64, Just(u64::MAX)].prop_map(Some)
        ],
    );
    (prop::collection::vec(change, 0..8), 0..6_u8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_list_follows_the_server(revisions in prop::collection::vec(any_revision(), 1..40)) {
        let mut server = Server { revisions: vec![BTreeMap::new()] };
        let mut agent = at(0, &[]);
        for (changes, how) in revisions {
            let mut next = server.revisions.last().unwrap().clone();
            for (network, ttl_s) in changes {
                match ttl_s {
                    Some(ttl_s) => next.insert(network, ttl_s),
                    None => next.remove(&network),
                };
            }
            server.revisions.push(next);
            let rev = usize::try_from(agent.cursor().unwrap().rev).unwrap();
            match how {
                0 => continue,
                1 => {
 let applied = agent.apply(&server.update(ListMode::Snapshot, rev), NOW);
 let fits = matches!(applied, Applied::Swapped { .. });
 prop_assert!(fits, "{:?}", applied);
 },
                2 => {
                    let mut wrong = server.update(ListMode::Delta, rev);
                    wrong.add.push(("192.0.2.1".into(), 9));
                    refused(&mut agent, &wrong);
                    continue;
                }
                _ => {
 let applied = agent.apply(&server.update(ListMode::Delta, rev), NOW);
 let fits = matches!(applied, Applied::Delta { .. });
 prop_assert!(fits, "{:?}", applied);
 },
            }
            prop_assert_eq!(agent.apply(&server.update(ListMode::None, rev), NOW), Applied::Nothing);
            prop_assert!(!agent.wants_snapshot(), "confirmed");
            let expected = server.revisions.last().unwrap();
            let mut held = BTreeMap::new();
            agent.for_each(NOW, &mut |network, left| assert_eq!(held.insert(network, left), None));
            let left = |ttl_s: &u64| (*ttl_s < FOREVER_S).then(|| Duration::from_secs(*ttl_s));
            prop_assert_eq!(held, expected.iter().map(|(network, ttl_s)| (*network, left(ttl_s))).collect());
            prop_assert_eq!(agent.cursor().unwrap().digest, Digest::of(expected.keys().copied()).to_string());
        }
    }
}
