//! An agent: the real conversation, outbox and list, driven as the actors drive them.

use std::{sync::Arc, time::Duration};

use buckler::{
    model::{
        blacklist::{Applied, Scope, SharedList},
        conversation::{
            Conversation, Effects, EventsAcknowledged, Introduction, ListPart, ListReceived, Outgoing, Parts, Reply,
        },
        outbox::{Draft, Outbox},
        policy::Policy,
        session::{Action, Input, Speak},
    },
    protocol::{
        AgentKey, Routes,
        v2::{AddressOrigin, EventKind, Evidence, Identity, ListMode, ListUpdate, ServerPart},
    },
    transport::Advice,
};
use fastrand::Rng;
use ipnet::IpNet;
use uuid::Uuid;

use super::{
    disk::{Disk, Times},
    ledger::{Ledger, Name},
};
use crate::fuzz::consistent;

/// One run of an agent's process.
pub(super) struct Process {
    talk: Conversation,
    who: Introduction,
    policy: Arc<Policy>,
    pub(super) list: SharedList,
    pub(super) outbox: Outbox,
    started: Duration,
    confirmed: Option<Duration>,
    was_refused: bool,
    /// Events that were offered to the outbox.
    generated: u64,
    pub(super) closed: bool,
    /// Whether bans that the server has no room for wait on: they are offered without end, and a
    /// run has one.
    pub(super) settles: bool,
}

/// What a process wants of the world.
#[derive(Default)]
pub(super) struct Wants {
    /// A message with its number.
    pub(super) send: Option<(u64, Outgoing)>,
    /// What to write into the trace.
    pub(super) notes: Vec<String>,
    pub(super) refused: u64,
    pub(super) swapped: u64,
}

/// Something that an agent sees happen at its application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offence {
    pub(super) network: IpNet,
    pub(super) kind: EventKind,
    pub(super) ttl: Duration,
}

impl Process {
    pub(super) fn start(disk: &Disk, policy: &Arc<Policy>, stream: Uuid, now: Duration, unix: Duration) -> Self {
        let times = Times {
            elapsed: Duration::ZERO,
            unix,
        };
        let list = disk.list(times);
        consistent(&list);
        let process = Self {
            talk: Conversation::new(policy, Duration::ZERO),
            who: Introduction {
                enrol: None,
                identity: Identity::default(),
                cloud_url: "https://fleet.example.com/config".parse().unwrap(),
                key: AgentKey::new("key"),
                platform: "simulation".to_owned(),
                routes: Routes::new(),
                agent_id: disk.agent_id,
                instance_id: stream,
            },
            policy: Arc::clone(policy),
            list,
            outbox: disk.outbox(stream, times),
            started: now,
            confirmed: None,
            was_refused: false,
            generated: 0,
            closed: false,
            settles: false,
        };
        process.balanced();
        process
    }

    /// Process time.
    fn elapsed(&self, now: Duration) -> Duration {
        now - self.started
    }

    pub(super) fn times(&self, now: Duration, unix: Duration) -> Times {
        Times {
            elapsed: self.elapsed(now),
            unix,
        }
    }

    /// When it wants to be woken, in the world's time.
    pub(super) fn due(&self) -> Option<Duration> {
        self.talk.due().map(|due| due + self.started)
    }

    /// Something happens that carries no message.
    pub(super) fn input(&mut self, input: Input, now: Duration, random: &mut Rng) -> Wants {
        let action = self.talk.step(input, self.elapsed(now), random.f64());
        let mut wants = Wants::default();
        self.act(action, now, &mut wants);
        wants
    }

    pub(super) fn failed(&mut self, number: u64, advice: Advice, now: Duration, random: &mut Rng) -> Wants {
        let action = self.talk.failed(number, advice, self.elapsed(now), random.f64());
        let mut wants = Wants::default();
        self.act(action, now, &mut wants);
        wants
    }

    fn act(&mut self, action: Option<Action>, now: Duration, wants: &mut Wants) {
        match action {
            Some(Action::Begin(exchange)) => {
                let now = self.elapsed(now);
                let parts = Parts {
                    list: ListPart::gather(&mut self.list, &self.outbox, self.policy.shares(), self.confirmed, now),
                    ..Parts::default()
                };
                let message = self.talk.compose(exchange, &self.who, &self.policy, parts);
                wants.send = Some((self.talk.number(), message));
            }
            Some(Action::Closed) => self.closed = true,
            None => {}
        }
        self.balanced();
    }

    /// Somebody is caught here. The event is on disk before anybody hears of it.
    pub(super) fn offence(&mut self, offence: Offence, disk: &mut Disk, ledger: &mut Ledger, now: Times) {
        let Offence { network, mut kind, ttl } = offence;
        let until = Some(now.elapsed + ttl);
        let mut ban = None;
        if kind == EventKind::Ban {
            if self.list.list().ban(network, until, now.elapsed) {
                ban = Some((network, until));
            } else {
                kind = EventKind::Attack;
            }
        }
        self.generated += 1;
        let draft = Draft {
            kind,
            address: network.to_string(),
            at_ms: u64::try_from(now.unix.as_millis()).unwrap(),
            ttl_s: ttl.as_secs(),
            why: "decoy".into(),
            evidence: Evidence::Certain,
            peer: AddressOrigin::Socket,
            detail: None,
        };
        let own = self.outbox.own_stream();
        let Some(event) = self.outbox.push(draft, now.elapsed) else {
            return self.balanced();
        };
        disk.save_offence(ban, event, own, now);
        ledger.make((own, event.seq));
        self.balanced();
    }

    pub(super) fn answered(&mut self, number: u64, reply: Reply, here: &mut Here<'_>) -> Wants {
        let elapsed = self.elapsed(here.now);
        let effects = self.talk.answered(number, reply, elapsed, here.random.f64());
        self.take(effects, here)
    }

    pub(super) fn pushed(&mut self, part: ServerPart, here: &mut Here<'_>) -> Wants {
        let elapsed = self.elapsed(here.now);
        let effects = self.talk.pushed(part, elapsed, here.random.f64());
        self.take(effects, here)
    }

    fn take(&mut self, effects: Effects, here: &mut Here<'_>) -> Wants {
        let Effects {
            list,
            config: _,
            enrolled: _,
            acknowledged,
            counted: _,
            goodbye: _,
            action,
        } = effects;
        let mut wants = Wants::default();
        let speak = match list {
            Some(ListReceived::Update(update)) => self.apply(&update, here, &mut wants),
            Some(ListReceived::Whole(_) | ListReceived::Change(_)) => {
                panic!("the server is taken for one of version 1")
            }
            None => None,
        };
        if let Some(EventsAcknowledged { stream, up_to, nack }) = acknowledged {
            for name in self.known_up_to(stream, up_to) {
                here.ledger.acknowledge(name);
            }
            let elapsed = self.elapsed(here.now);
            let known = self.outbox.acknowledge(stream, up_to, &nack, elapsed);
            here.disk.forget_events(stream, up_to);
            wants
                .notes
                .push(format!("{known} events acknowledged, {} refused", nack.len()));
        }
        self.offer_again(here);
        self.act(action, here.now, &mut wants);
        if let Some(speak) = speak {
            self.talk
                .step(Input::Speak(speak), self.elapsed(here.now), here.random.f64());
        }
        wants
    }

    /// Bans that the server had no room for are events once more, if it is time, and on disk before
    /// they are told.
    fn offer_again(&mut self, here: &mut Here<'_>) {
        if self.settles {
            return;
        }
        let times = self.times(here.now, here.unix);
        let own = self.outbox.own_stream();
        for event in self.outbox.offer_again(times.elapsed, |_| true) {
            here.disk.save_offence(None, &event, own, times);
            here.ledger.make((own, event.seq));
        }
    }

    fn known_up_to(&self, stream: Uuid, up_to: u64) -> Vec<Name> {
        let from = if self.outbox.stream() == stream {
            self.outbox.first()
        } else {
            1
        };
        let known = (from..=up_to).filter(|seq| self.outbox.get(stream, *seq).is_some());
        known.map(|seq| (stream, seq)).collect()
    }

    /// As the list's owner does.
    fn apply(&mut self, update: &ListUpdate, here: &mut Here<'_>, wants: &mut Wants) -> Option<Speak> {
        let times = self.times(here.now, here.unix);
        let applied = self.list.apply(update, times.elapsed);
        wants.notes.push(format!(
            "list {:?} {}..{}: {applied:?}",
            update.mode, update.from, update.to
        ));
        let was_refused = std::mem::take(&mut self.was_refused);
        match applied {
            Applied::Nothing => {
                if update.mode == ListMode::None {
                    self.confirmed = Some(times.elapsed);
                }
            }
            Applied::Delta { .. } => {
                self.confirmed = Some(times.elapsed);
                here.disk.save_list(&self.list, times);
            }
            Applied::Page { .. } => return Some(Speak::Now),
            Applied::Swapped { .. } => {
                consistent(&self.list);
                self.confirmed = Some(times.elapsed);
                here.disk.save_list(&self.list, times);
                wants.swapped += 1;
            }
            Applied::Refused(_) => {
                self.was_refused = true;
                wants.refused += 1;
                return (!was_refused).then_some(Speak::Soon);
            }
        }
        None
    }

    /// Every event of this process is in one place.
    fn balanced(&self) {
        let ledger = self.outbox.ledger();
        assert_eq!(
            self.generated + ledger.restored,
            ledger.acknowledged + ledger.pending + ledger.outbox_full,
            "{} events were generated, and the outbox knows {ledger:?}",
            self.generated
        );
    }

    /// When an entry ends, in the world's time; none is never.
    pub(super) fn end_of(&self, network: IpNet) -> Option<Duration> {
        let until = self.list.list().until(network, Scope::Shared).flatten();
        until.map(|until| until + self.started)
    }
}

/// What surrounds a process for the time of a step.
pub(super) struct Here<'a> {
    pub(super) now: Duration,
    pub(super) unix: Duration,
    pub(super) disk: &'a mut Disk,
    pub(super) ledger: &'a mut Ledger,
    pub(super) random: &'a mut Rng,
}
