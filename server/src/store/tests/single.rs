//! Single commands, one after another: what each leaves in counts, proposals and marks.

use super::*;

/// A store with one fleet, held to these of all limits.
fn told(agents: usize, key: Quota) -> Told {
    let wide = Rules {
        agents,
        shared_live: 1_000,
        shared_per_minute: 1_000,
        quotas: Quotas {
            key,
            ..Quotas::default()
        },
        ..rules()
    };
    let mut told = Told::new(wide.clone());
    let (fleet, epoch) = ("default".into(), "e1".into());
    told.take(vec![Command::Rules(wide), Command::Found { fleet, epoch }]);
    told
}

impl Told {
    fn event(&self, seq: u64, kind: EventKind, address: &str, evidence: Evidence) -> Event {
        Event {
            seq,
            kind,
            address: address.to_owned(),
            at_ms: self.now * 1_000,
            ttl_s: 600,
            why: "decoy".to_owned(),
            evidence,
            peer: AddressOrigin::Socket,
            detail: None,
        }
    }

    /// What becomes of events of an agent whose profile has a key of its own.
    fn report(&mut self, profile: &str, agent: u128, events: Vec<Event>) -> (u64, Vec<String>) {
        let report = Command::Report(Batch {
            who: Arc::new(AgentIdent::Installed {
                profile: profile.into(),
                id: Uuid::from_u128(agent),
            }),
            fleet: "default".into(),
            via: Via {
                key: Some(profile.into()),
            },
            bans: BanRules {
                lengths: [0, 0, 0],
                share_from: Evidence::Certain,
            },
            events: BatchEvents::V2 {
                stream: Uuid::from_u128(agent),
                first: events[0].seq,
                events,
            },
        });
        let mut answers = self.take(vec![report]);
        let Some(Answer::Taken { ack, nack, .. }) = answers.pop() else {
            panic!("{answers:?}")
        };
        (ack, nack.into_iter().map(|nack| nack.code).collect())
    }

    fn says(&mut self, (profile, agent): (&str, u128), kind: EventKind, address: &str, evidence: Evidence) -> String {
        self.seq += 1;
        let event = self.event(self.seq, kind, address, evidence);
        self.report(profile, agent, vec![event]).1.concat()
    }

    fn bans(&mut self, who: (&str, u128), address: &str) -> String {
        self.says(who, EventKind::Ban, address, Evidence::Certain)
    }

    fn suspects(&mut self, who: (&str, u128), address: &str) -> String {
        self.says(who, EventKind::Ban, address, Evidence::Repeated)
    }

    fn lifts(&mut self, who: (&str, u128), address: &str) -> String {
        self.says(who, EventKind::Unban, address, Evidence::Certain)
    }

    fn waiting(&self) -> usize {
        self.store.proposals.iter().count()
    }

    fn listed(&self) -> u64 {
        self.store.list("default").unwrap().head().count
    }
}

const WIDE: Quota = Quota {
    live: 1_000,
    per_minute: 1_000,
};

#[test]
fn agents_that_are_forgotten_take_their_entries_out_of_the_counts() {
    let mut told = told(3, WIDE);
    for agent in 1..=9 {
        assert_eq!(told.bans(("shop", agent), &format!("203.0.113.{agent}")), "");
    }
    assert_eq!((told.store.agents.iter().count(), told.listed()), (3, 9));
    // one that was forgotten comes again: its older entries are counted no more
    assert_eq!(told.bans(("shop", 1), "203.0.113.20"), "");
    told.now += 300;
    assert_eq!(told.bans(("shop", 1), "203.0.113.21"), "");
    told.now += 300;
    told.take(vec![Command::Expire]);
    let live: u32 = told.store.agents.iter().map(|(_, agent)| agent.shared.live).sum();
    let key = told.store.buckets.get(Together::Key, "shop").unwrap();
    assert_eq!((told.listed(), key.live), (1, live));
    told.now += 300;
    told.take(vec![Command::Expire]);
    assert_eq!(told.listed(), 0);
    for (together, name, bucket) in told.store.buckets.iter() {
        assert_eq!(bucket.live, 0, "{together:?} {name}");
    }
}

#[test]
fn agents_without_entries_are_forgotten_before_those_that_have_some() {
    let key = Quota { live: 2, ..WIDE };
    let mut told = told(3, key);
    assert_eq!(told.bans(("shop", 1), "203.0.113.1"), "");
    assert_eq!(told.bans(("shop", 2), "203.0.113.2"), "");
    for agent in 3..20 {
        assert_eq!(told.bans(("shop", agent), &format!("203.0.113.{agent}")), "quota");
    }
    assert_eq!(told.listed(), 2, "ids that come and go do not empty the key's count");
}

#[test]
fn buckets_that_count_nothing_are_forgotten() {
    let mut told = told(100, WIDE);
    told.store.track();
    told.bans(("shop", 1), "203.0.113.1");
    told.store.changes();
    told.now += 601;
    told.take(vec![Command::Expire]);
    assert!(
        told.store.buckets.get(Together::Key, "shop").is_some(),
        "its hour is not over"
    );
    told.now += 3_600;
    told.take(vec![Command::Expire]);
    assert!(told.store.buckets.get(Together::Key, "shop").is_none());
    let bucket = Row::Bucket {
        together: Together::Key,
        name: "shop".into(),
        bucket: Bucket::default(),
    };
    assert!(told.store.changes().gone.contains(&bucket.key()));
}

#[test]
fn many_small_jumps_of_one_report_are_one_large_one() {
    let mut told = told(100, WIDE);
    let one = |told: &Told, seq| told.event(seq, EventKind::Attack, "203.0.113.1", Evidence::Certain);
    let first = one(&told, 1);
    assert_eq!(told.report("shop", 1, vec![first]), (1, vec![]));
    let jumps = (1..=256).map(|n| one(&told, 1 + n * 1_000_000)).collect();
    assert_eq!(told.report("shop", 1, jumps), (1_000_001, vec!["bad_seq".to_owned()]));
}

#[test]
fn a_witness_that_may_not_list_leaves_the_word_of_the_first() {
    let narrow = Quota { per_minute: 1, ..WIDE };
    let mut told = told(100, narrow);
    assert_eq!(told.suspects(("blog", 1), "203.0.113.1"), "");
    assert_eq!(told.bans(("shop", 2), "203.0.113.2"), "");
    assert_eq!(told.suspects(("shop", 2), "203.0.113.1"), "quota");
    assert_eq!((told.waiting(), told.listed()), (1, 1));
    told.now += 60;
    assert_eq!(told.suspects(("shop", 2), "203.0.113.1"), "");
    assert_eq!((told.waiting(), told.listed()), (0, 2));
    assert_eq!(told.lifts(("shop", 2), "203.0.113.1"), "not_yours", "both have said it");
}

#[test]
fn who_takes_a_word_back_is_no_witness_any_more() {
    let mut told = told(100, WIDE);
    told.suspects(("blog", 1), "203.0.113.1");
    assert_eq!(told.lifts(("shop", 2), "203.0.113.1"), "");
    assert_eq!(told.waiting(), 1, "another application takes nothing back");
    assert_eq!(told.lifts(("blog", 3), "203.0.113.1"), "");
    assert_eq!(told.waiting(), 0);
    told.suspects(("shop", 2), "203.0.113.1");
    assert_eq!((told.waiting(), told.listed()), (1, 0));
    let network: IpNet = "203.0.113.1/32".parse().unwrap();
    told.take(vec![Command::Unban {
        fleet: "default".into(),
        network,
    }]);
    assert_eq!(told.waiting(), 0, "an operator lets it in");
}

#[test]
fn a_proposal_that_has_ended_is_a_reason_to_expire() {
    let mut told = told(100, WIDE);
    told.suspects(("blog", 1), "203.0.113.1");
    let end = told.store.now().tick.plus(600);
    assert!(!told.store.has_ended(end.minus(1)));
    assert!(told.store.has_ended(end));
    told.now += 600;
    told.take(vec![Command::Expire]);
    assert!(!told.store.has_ended(end));
}
