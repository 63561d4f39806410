//! What an operator allows: bans that touch it are lifted, none is taken, and it ends.

use super::*;

fn network(text: &str) -> IpNet {
    buckler::model::address::parse_network(text).unwrap()
}

/// A store with one fleet and room for everything.
fn told() -> Told {
    let wide = Rules {
        shared_live: 1_000,
        shared_per_minute: 1_000,
        quotas: Quotas::default(),
        ..rules()
    };
    let mut told = Told::new(wide.clone());
    let (fleet, epoch) = ("default".into(), "e1".into());
    told.take(vec![Command::Rules(wide), Command::Found { fleet, epoch }]);
    told
}

impl Told {
    fn allow(&mut self, address: &str, ttl_s: Option<u64>) -> Answer {
        let allow = Command::Allow {
            fleet: "default".into(),
            network: network(address),
            ttl_s,
            why: "the office".to_owned(),
            by: "alice".into(),
        };
        self.take(vec![allow]).pop().unwrap()
    }

    fn operator(&mut self, address: &str) -> Answer {
        let ban = Command::Ban {
            fleet: "default".into(),
            network: network(address),
            ttl_s: Some(600),
            why: "scans".to_owned(),
        };
        self.take(vec![ban]).pop().unwrap()
    }

    fn bans_with(&mut self, address: &str, evidence: Evidence) -> String {
        self.seq += 1;
        let event = Event {
            seq: self.seq,
            kind: EventKind::Ban,
            address: address.to_owned(),
            at_ms: self.now * 1_000,
            ttl_s: 600,
            why: "decoy".to_owned(),
            evidence,
            peer: AddressOrigin::Socket,
            detail: Some(Box::new(Detail {
                id: Some(format!("{:016x}", self.seq)),
                ..Detail::default()
            })),
        };
        let report = Command::Report(Batch {
            who: Arc::new(AgentIdent::Installed {
                profile: "shop".into(),
                id: Uuid::from_u128(1),
            }),
            fleet: "default".into(),
            via: Via {
                key: Some("shop".into()),
            },
            bans: BanRules {
                lengths: [0, 0, 0],
                share_from: Evidence::Certain,
            },
            events: BatchEvents::V2 {
                stream: Uuid::from_u128(1),
                first: self.seq,
                events: vec![event],
            },
        });
        let Some(Answer::Taken { nack, .. }) = self.take(vec![report]).pop() else {
            panic!("no report is answered so")
        };
        nack.into_iter().map(|nack| nack.code).collect()
    }

    fn all(&self) -> Vec<String> {
        let listed = self.store.list("default").unwrap().entries_after(None);
        listed.map(|(network, _)| network.to_string()).collect()
    }

    fn revision(&self) -> u64 {
        self.store.list("default").unwrap().head().rev
    }
}

#[test]
fn bans_that_touch_what_is_allowed_are_lifted_and_no_others() {
    let mut told = told();
    for address in [
        "203.0.0.0/16",
        "203.0.113.0/28",
        "203.0.113.7",
        "203.0.113.16",
        "203.0.112.255",
        "2001:db8::/64",
    ] {
        assert_eq!(told.operator(address), Answer::Banned(crate::list::Banned::Added));
    }
    assert_eq!(told.bans_with("203.0.113.9", Evidence::Certain), "");
    let key = |told: &Told| told.store.buckets.get(Together::Key, "shop").unwrap().live;
    assert_eq!(key(&told), 1);
    assert_eq!(told.allow("203.0.113.0/28", None), Answer::Allowed(Some(4)));
    assert_eq!(told.all(), ["203.0.112.255/32", "203.0.113.16/32", "2001:db8::/64"]);
    assert_eq!(key(&told), 0, "what is lifted counts against no agent");
    assert_eq!(told.allow("2001:db8::1", Some(9)), Answer::Allowed(Some(1)));
}

#[test]
fn no_ban_that_touches_it_is_taken_until_it_ends() {
    let mut told = told();
    told.allow("203.0.113.0/28", Some(600));
    let before = told.revision();
    for evidence in [Evidence::Certain, Evidence::Repeated, Evidence::Threshold] {
        assert_eq!(told.bans_with("203.0.113.3", evidence), "allowed", "{evidence:?}");
    }
    // agents let go of what they ban themselves: each refusal is told as a removal
    assert_eq!(told.revision(), before + 3);
    let list = told.store.list("default").unwrap();
    let mut have = list.head().cursor();
    have.rev = before;
    let crate::list::Step::Delta { add, remove } = list.step_from(&have) else {
        panic!("no delta")
    };
    assert_eq!((add.len(), remove), (0, vec![network("203.0.113.3")]));
    for touching in ["203.0.113.0/28", "203.0.113.4", "203.0.0.0/16"] {
        assert_eq!(
            told.operator(touching),
            Answer::Banned(crate::list::Banned::Allowed),
            "{touching}"
        );
    }
    assert_eq!(
        told.bans_with("203.0.113.0/24", Evidence::Certain),
        "allowed",
        "it covers it"
    );
    assert_eq!(told.bans_with("203.0.113.16", Evidence::Certain), "", "beside it");
    assert_eq!(told.store.proposals.iter().count(), 0);
    told.now += 600;
    assert!(told.store.has_ended(told.tick()));
    assert_eq!(
        told.bans_with("203.0.113.3", Evidence::Certain),
        "",
        "it has ended, swept or not"
    );
    told.take(vec![Command::Expire]);
    assert_eq!(told.store.allowlist.iter().count(), 0);
}

#[test]
fn agents_are_told_to_let_go_of_what_they_alone_ban_of_it() {
    let mut told = told();
    for (address, evidence) in [
        ("203.0.113.3", Evidence::Repeated),
        ("203.0.113.4", Evidence::Threshold),
        ("203.0.113.16", Evidence::Threshold),
    ] {
        assert_eq!(told.bans_with(address, evidence), "", "{address}");
    }
    assert!(told.all().is_empty());
    let have = told.store.list("default").unwrap().head().cursor();
    assert_eq!(told.allow("203.0.113.0/28", None), Answer::Allowed(Some(0)));
    let crate::list::Step::Delta { remove, .. } = told.store.list("default").unwrap().step_from(&have) else {
        panic!("no delta")
    };
    assert_eq!(
        remove,
        ["203.0.113.0/28", "203.0.113.3", "203.0.113.4"].map(network),
        "what waits for another application, and what is the agent's alone"
    );
    // what has ended by then is not told
    told.now += 600;
    let have = told.store.list("default").unwrap().head().cursor();
    told.allow("203.0.113.16/28", None);
    let crate::list::Step::Delta { remove, .. } = told.store.list("default").unwrap().step_from(&have) else {
        panic!("no delta")
    };
    assert_eq!(remove, [network("203.0.113.16/28")]);
}

#[test]
fn what_is_allowed_no_longer_may_be_banned_again() {
    let mut told = told();
    told.bans_with("203.0.113.3", Evidence::Certain);
    told.allow("203.0.113.3", None);
    told.now += 5;
    let disallow = Command::Disallow {
        fleet: "default".into(),
        network: network("203.0.113.3"),
    };
    assert_eq!(told.take(vec![disallow]), [Answer::Done]);
    assert_eq!(told.bans_with("203.0.113.3", Evidence::Certain), "");
    assert_eq!(told.all(), ["203.0.113.3/32"]);
}

#[test]
fn another_fleet_s_bans_are_none_of_its_business_and_there_are_only_so_many() {
    let mut told = told();
    let (fleet, epoch): (Arc<str>, _) = ("blog".into(), "e2".into());
    told.take(vec![Command::Found {
        fleet: Arc::clone(&fleet),
        epoch,
    }]);
    told.allow("203.0.113.3", None);
    let ban = Command::Ban {
        fleet,
        network: network("203.0.113.3"),
        ttl_s: None,
        why: String::new(),
    };
    assert_eq!(told.take(vec![ban]), [Answer::Banned(crate::list::Banned::Added)]);
    for n in 1..MOST_ALLOWED {
        assert_eq!(
            told.allow(&format!("198.{}.{}.1", n / 250, n % 250), None),
            Answer::Allowed(Some(0))
        );
    }
    let rows = told.store.rows().count();
    assert_eq!(
        told.allow("192.0.2.1", None),
        Answer::Allowed(None),
        "there is no more room"
    );
    assert_eq!(told.store.rows().count(), rows);
    assert_eq!(
        told.allow("203.0.113.3", Some(5)),
        Answer::Allowed(Some(0)),
        "but for what is there"
    );
}
