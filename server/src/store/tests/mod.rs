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

mod enrolment;
mod single;

const FLEETS: [&str; 2] = ["default", "intranet"];

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

/// Records as a fleet might cause them.
pub(crate) struct Traffic {
    random: Rng,
    now: u64,
    seq: u64,
    /// The version in force that candidates are made over.
    staged_over: u64,
}

impl Traffic {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            now: 1_795_338_000,
            seq: 0,
            staged_over: 0,
        }
    }

    /// What begins a store.
    pub(crate) fn founding(&mut self) -> Record {
        let found = |fleet: &str| Command::Found {
            fleet: fleet.into(),
            epoch: "e1".into(),
        };
        let founding = FLEETS.iter().map(|fleet| found(fleet));
        let commands = std::iter::once(Command::Rules(rules())).chain(founding).collect();
        Record::new(self.moment(), commands)
    }

    pub(crate) fn record(&mut self) -> Record {
        let commands = (0..self.random.usize(1..=4)).map(|_| self.command()).collect();
        Record::new(self.moment(), commands)
    }

    /// A clock that goes on in leaps, stands still, and goes back now and then.
    fn moment(&mut self) -> Moment {
        match self.random.u8(0..20) {
            0 => self.now += 90_000,
            1 => self.now -= 50,
            2..=9 => self.now += self.random.u64(1..40),
            _ => {}
        }
        Moment {
            tick: Tick::at(std::time::Duration::from_secs(self.now)),
            unix_ms: self.now * 1_000,
        }
    }

    fn network(&mut self) -> IpNet {
        let host = self.random.u8(1..40);
        let text = match self.random.u8(0..12) {
            0 => format!("2001:db8:0:{host}::/64"),
            1 => "198.51.100.0/24".to_owned(),
            2 => format!("10.0.0.{host}/32"),
            _ => format!("203.0.113.{host}/32"),
        };
        text.parse().unwrap()
    }

    fn who(&mut self) -> Arc<AgentIdent> {
        let n = self.random.u8(0..9);
        let profile: Arc<str> = if n.is_multiple_of(2) { "shop" } else { "blog" }.into();
        Arc::new(match n {
            0..7 => AgentIdent::Installed {
                profile,
                id: Uuid::from_u128(n.into()),
            },
            _ => AgentIdent::Keyed {
                profile,
                peer: [192, 0, 2, n].into(),
                mark: Mark::parse("0000002a").filter(|_| n == 8),
            },
        })
    }

    fn event(&mut self, seq: u64) -> Event {
        let kinds = [EventKind::Ban, EventKind::Ban, EventKind::Unban, EventKind::Attack];
        let detail = Detail {
            id: Some(format!("{:016x}", self.random.u64(..))),
            rule: "sqli/tautology".to_owned(),
            ..Detail::default()
        };
        Event {
            seq,
            kind: *self.random.choice(&kinds).unwrap(),
            address: self.network().to_string(),
            at_ms: (self.now - self.random.u64(0..30)) * 1_000,
            ttl_s: self.random.u64(0..4) * 60,
            why: "decoy".to_owned(),
            evidence: *self
                .random
                .choice(&[Evidence::Threshold, Evidence::Repeated, Evidence::Certain])
                .unwrap(),
            peer: AddressOrigin::Socket,
            detail: self.random.bool().then(|| Box::new(detail)),
        }
    }

    fn batch(&mut self) -> Batch {
        let (who, fleet) = (self.who(), self.fleet());
        let events = if matches!(*who, AgentIdent::Keyed { .. }) {
            let bans = (0..3).map(|_| (self.network().addr().to_string(), Epoch(self.now - 5)));
            BatchEvents::V1 {
                bans: bans.collect(),
                ban_for: 600,
            }
        } else {
            self.seq += self.random.u64(0..3);
            let first = self.seq + 1;
            let last = first + self.random.u64(0..5);
            let stream = Uuid::from_u128(self.random.u128(0..40));
            let events = (first..last).map(|seq| self.event(seq)).collect();
            self.seq = last.saturating_sub(self.random.u64(0..3));
            BatchEvents::V2 { stream, first, events }
        };
        Batch {
            who,
            fleet,
            via: Via {
                key: self
                    .random
                    .bool()
                    .then(|| (*self.random.choice(&["k1", "k2"]).unwrap()).into()),
            },
            bans: BanRules {
                lengths: [0, 300, 3_000],
                share_from: Evidence::Certain,
            },
            events,
        }
    }

    /// An agent asks for a credential, with a key that it shares or with one of its own.
    fn enrolment(&mut self, key: Arc<str>, fingerprint: Fingerprint) -> Enrolment {
        let by = Secret::of(&self.random.u8(0..9).to_string()).fingerprint();
        Enrolment {
            profile: "shop".into(),
            agent: Uuid::from_u128(self.random.u128(0..20)),
            key,
            fingerprint,
            by,
            is_own: self.random.bool(),
        }
    }

    /// What the admin API decides of keys and tokens, and what the audit says of it.
    fn access(&mut self) -> Command {
        let secret = Secret::of(&self.random.u8(0..9).to_string());
        let (fingerprint, id) = (secret.fingerprint(), secret.fingerprint().name());
        let made = self.moment().tick;
        match self.random.u8(0..8) {
            0 => Command::Key(KeyState {
                id,
                fingerprint,
                profile: "shop".into(),
                label: "canary".to_owned(),
                tail: String::new(),
                from_file: self.random.bool(),
                made,
                ends: self.random.bool().then(|| made.plus(60)),
                revoked: self.random.bool().then_some(made),
            }),
            1 => Command::Token(TokenState {
                id,
                fingerprint,
                label: "alice".into(),
                tail: "1d33".to_owned(),
                role: Role::Operate,
                fleets: self.random.bool().then(|| [self.fleet()].into()),
                made,
                ends: None,
            }),
            2 => Command::ForgetToken { id },
            3 => Command::Enrol(self.enrolment(id, fingerprint)),
            4 => Command::RevokeCredential {
                profile: "shop".into(),
                agent: Uuid::from_u128(self.random.u128(0..20)),
            },
            5 => Command::ResetCredential {
                profile: "shop".into(),
                agent: Uuid::from_u128(self.random.u128(0..20)),
            },
            6 => Command::ForgetBrought { key: id },
            _ => Command::Audit(Box::new(AuditNote {
                who: "alice".into(),
                tail: "1d33".to_owned(),
                from: Some([192, 0, 2, 1].into()),
                fleet: Some(self.fleet()),
                action: (*self.random.choice(&["ban", "profile"]).unwrap()).to_owned(),
                target: "203.0.113.9".to_owned(),
                old: json!(null),
                new: json!({"version": self.now}),
            })),
        }
    }

    /// A version that is in force from now on.
    fn now_in_force(&mut self) -> u64 {
        self.staged_over = self.now;
        self.now
    }

    fn fleet(&mut self) -> Arc<str> {
        (*self.random.choice(FLEETS).unwrap()).into()
    }

    fn command(&mut self) -> Command {
        let fleet = self.fleet();
        match self.random.u8(0..30) {
            0..3 => Command::Ban {
                fleet,
                network: self.network(),
                ttl_s: self.random.bool().then(|| self.random.u64(1..600)),
                why: "seen in the log".to_owned(),
            },
            3..5 => Command::Unban {
                fleet,
                network: self.network(),
            },
            5..9 => Command::Expire,
            9 => Command::Renew {
                fleet,
                epoch: format!("e{}", self.now).into(),
                complete: self.random.bool(),
            },
            10 => Command::Profile(ProfileState {
                name: "shop".into(),
                version: self.now_in_force(),
                file: "f".to_owned(),
                replaced: json!({"APP_NAME": self.now}).as_object().cloned(),
                signature: self.random.bool().then(|| Signature {
                    version: self.now,
                    ..Signature::default()
                }),
                at_ms: 0,
            }),
            11 => Command::ForgetProfile { name: "shop".into() },
            12..16 => self.access(),
            16 => Command::Stage(CandidateState {
                name: "shop".into(),
                version: self.now + 1,
                // some are made over what is in force, some over what was
                over: self.staged_over,
                config: json!({"APP_NAME": self.now}).as_object().cloned().unwrap(),
                signature: None,
                share: self.random.u8(1..=100),
                at_ms: self.now * 1_000,
            }),
            17 => Command::Unstage { name: "shop".into() },
            _ => Command::Report(self.batch()),
        }
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
    let mut forgotten = 0;
    for _ in 0..2_000 {
        for answer in store.apply(&traffic.record()) {
            if let Answer::Taken { nack, .. } = answer {
                codes.extend(nack.into_iter().map(|nack| nack.code));
            }
        }
        forgotten = forgotten.max(store.agents.iter().count());
    }
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
