//! Records as a fleet might cause them, drawn at random.

use super::*;

const FLEETS: [&str; 2] = ["default", "intranet"];

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
        match self.random.u8(0..33) {
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
            18 => Command::Allow {
                fleet,
                network: self.network(),
                ttl_s: self.random.bool().then(|| self.random.u64(1..300)),
                why: "the office".to_owned(),
                by: "alice".into(),
            },
            19 => Command::Disallow {
                fleet,
                network: self.network(),
            },
            20 => Command::ForgetAgent {
                profile: "shop".into(),
                agent: "192.0.2.1".into(),
            },
            _ => Command::Report(self.batch()),
        }
    }
}
