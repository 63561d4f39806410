//! The list against one that is written without a thought for speed.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use proptest::prelude::*;

use super::*;
use crate::model::address::canonical_network;

/// What is done to both lists.
#[derive(Debug, Clone)]
enum Step {
    Insert(IpNet, Option<u32>, Scope),
    Ban(IpNet, Option<u32>),
    Remove(IpNet, Scope),
    Sweep(usize),
    Wait(u32),
}

/// The list as one would write it without a thought for speed.
#[derive(Default)]
struct Naive {
    entries: BTreeMap<(IpNet, bool), Option<Duration>>,
}

impl Naive {
    fn lookup(&self, address: IpAddr, now: Duration) -> Option<Hit> {
        let live = self
            .entries
            .iter()
            .filter(|((network, _), until)| network.contains(&address) && until.is_none_or(|until| until > now));
        // the longest network; in it the later end; of equal ends the local one
        let best =
            live.max_by_key(|((network, local), until)| (network.prefix_len(), until.unwrap_or(Duration::MAX), *local));
        best.map(|((network, local), until)| Hit {
            network: *network,
            until: *until,
            scope: scope(*local),
        })
    }

    fn step(&mut self, step: &Step, now: Duration) -> Option<bool> {
        match step {
            Step::Insert(network, until, scope) => {
                let key = (canonical_network(*network), *scope == Scope::Local);
                Some(self.entries.insert(key, until.map(seconds)).is_none())
            }
            Step::Ban(network, until) => {
                let key = (canonical_network(*network), true);
                let runs = self
                    .entries
                    .get(&key)
                    .is_some_and(|until| until.is_none_or(|until| until > now));
                if !runs {
                    self.entries.insert(key, until.map(seconds));
                }
                Some(!runs)
            }
            Step::Remove(network, scope) => Some(
                self.entries
                    .remove(&(canonical_network(*network), *scope == Scope::Local))
                    .is_some(),
            ),
            Step::Sweep(budget) => {
                if *budget == usize::MAX {
                    self.entries
                        .retain(|(_, local), until| !*local || until.is_none_or(|until| until > now));
                }
                None
            }
            Step::Wait(_) => None,
        }
    }

    fn of(&self, wanted: Scope) -> BTreeMap<IpNet, Option<Duration>> {
        let mine = self.entries.iter().filter(|((_, local), _)| scope(*local) == wanted);
        mine.map(|((network, _), until)| (*network, *until)).collect()
    }
}

fn scope(local: bool) -> Scope {
    if local { Scope::Local } else { Scope::Shared }
}

fn step(list: &Blacklist, step: &Step, now: Duration) -> Option<bool> {
    match step {
        Step::Insert(network, until, scope) => Some(list.insert(*network, until.map(seconds), *scope)),
        Step::Ban(network, until) => Some(list.ban(*network, until.map(seconds), now)),
        Step::Remove(network, scope) => Some(list.remove(*network, *scope)),
        Step::Sweep(budget) => {
            list.sweep(now, *budget);
            None
        }
        Step::Wait(_) => None,
    }
}

/// Few enough addresses that networks hold one another and the same ones come again; enough for several growths.
fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..4_u8, 0..4_u8, 0..40_u8).prop_map(|(b, c, d)| IpAddr::V4(Ipv4Addr::new(203, b * 64, c, d))),
        (0..3_u16, 0..3_u16, 0..12_u16).prop_map(|(c, d, h)| IpAddr::V6(Ipv6Addr::new(
            0x2001,
            0xdb8,
            c * 0x4000,
            d,
            0,
            0,
            0,
            h
        ))),
    ]
}

fn any_network() -> impl Strategy<Value = IpNet> {
    let prefix_of = |address: IpAddr| match address {
        IpAddr::V4(_) => prop_oneof![5 => Just(32_u8), 3 => 0..=32_u8].boxed(),
        IpAddr::V6(_) => prop_oneof![3 => Just(64_u8), 2 => Just(128_u8), 3 => 0..=128_u8].boxed(),
    };
    any_address()
        .prop_flat_map(move |address| prefix_of(address).prop_map(move |prefix| IpNet::new(address, prefix).unwrap()))
}

fn any_step() -> impl Strategy<Value = Step> {
    let until = || prop_oneof![1 => Just(None), 6 => (0..200_u32).prop_map(Some)];
    let any_scope = || any::<bool>().prop_map(scope);
    prop_oneof![
        8 => (any_network(), until(), any_scope()).prop_map(|(network, until, scope)| Step::Insert(network, until, scope)),
        3 => (any_network(), until()).prop_map(|(network, until)| Step::Ban(network, until)),
        4 => (any_network(), any_scope()).prop_map(|(network, scope)| Step::Remove(network, scope)),
        1 => (0..64_usize).prop_map(Step::Sweep),
        1 => (1..20_u32).prop_map(Step::Wait),
    ]
}

fn entries(list: &Blacklist, scope: Scope) -> BTreeMap<IpNet, Option<Duration>> {
    let mut entries = BTreeMap::new();
    list.for_each(scope, &mut |network, until| {
        assert_eq!(entries.insert(network, until), None, "{network} is told twice");
    });
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 64 }))]

    #[test]
    fn it_does_what_a_naive_list_does(
        steps in prop::collection::vec(any_step(), 1..200),
        sources in prop::collection::vec(any_address(), 12),
    ) {
        let (list, mut naive, mut now) = (Blacklist::new(), Naive::default(), Duration::ZERO);
        for each in &steps {
            if let Step::Wait(wait) = each {
                now += seconds(*wait);
            }
            prop_assert_eq!(step(&list, each, now), naive.step(each, now), "{:?}", each);
            if let Step::Sweep(_) = each {
                // a sweep in steps frees what it comes upon: bring both to the same point
                list.sweep(now, usize::MAX);
                naive.step(&Step::Sweep(usize::MAX), now);
            }
            for source in &sources {
                prop_assert_eq!(list.lookup(*source, now), naive.lookup(*source, now), "{} after {:?}", source, each);
            }
        }
        for scope in [Scope::Local, Scope::Shared] {
            let expected = naive.of(scope);
            prop_assert_eq!(list.len(scope), expected.len());
            prop_assert_eq!(entries(&list, scope), expected);
        }
    }
}
