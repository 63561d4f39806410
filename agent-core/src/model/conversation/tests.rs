//! What is said to servers of either version, and what is made of their answers, of late ones and of pushes.

use std::sync::Arc;

use url::Url;
use uuid::Uuid;

use super::*;
use crate::{
    model::{
        blacklist::{Blacklist, SharedList},
        outbox::{Draft, Outbox},
        session::{Exchange, Speak},
    },
    protocol::{
        AgentKey, BeaconReply, BlacklistUpdate, Registration, Routes, Welcome,
        v2::{AddressOrigin, EventKind, Evidence, Flag, Identity, ListMode, ListUpdate, Next, ServerPart},
    },
};

const RANDOM: f64 = 0.5;
const STREAM: Uuid = Uuid::from_u128(7);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// An agent without actors, clock or network.
struct Pure {
    talk: Conversation,
    who: Introduction,
    policy: Policy,
    outbox: Outbox,
    list: SharedList,
    now: Duration,
}

impl Pure {
    fn new() -> Self {
        let keys = serde_json::json!({
            "BEACON": true, "BLACKLIST_SHARE": true, "TELEMETRY_DATA": true, "BEACON_URL": "https://fleet.example.com/b"
        });
        let layer = crate::model::policy::Layer {
            origin: "test".to_owned(),
            keys: serde_json::from_value(keys).unwrap(),
        };
        let policy = Policy::compile("default", &[layer]).unwrap();
        Self {
            talk: Conversation::new(&policy, secs(0)),
            who: Introduction {
                enrol: None,
                identity: Identity::default(),
                cloud_url: Url::parse("https://fleet.example.com/config").unwrap(),
                key: AgentKey::new("k".to_owned()),
                platform: "test".to_owned(),
                routes: Routes::new(),
                agent_id: Uuid::nil(),
                instance_id: Uuid::nil(),
            },
            policy,
            outbox: Outbox::new(STREAM),
            list: SharedList::new(Arc::new(Blacklist::new())),
            now: secs(0),
        }
    }

    fn ban(&mut self, n: usize) {
        for _ in 0..n {
            let draft = Draft {
                kind: EventKind::Ban,
                address: "203.0.113.9".to_owned(),
                at_ms: 5_000,
                ttl_s: 60,
                why: "decoy".into(),
                evidence: Evidence::Certain,
                peer: AddressOrigin::Socket,
                detail: None,
            };
            self.outbox.push(draft, self.now);
        }
    }

    /// Waits until something is due, and composes it.
    fn speak(&mut self) -> Outgoing {
        self.now = self.now.max(self.talk.due().unwrap());
        let Some(Action::Begin(exchange)) = self.talk.step(Input::Wake, self.now, RANDOM) else {
            panic!("nothing to say when due: {:?}", self.talk)
        };
        self.compose(exchange)
    }

    fn compose(&mut self, exchange: Exchange) -> Outgoing {
        let parts = Parts {
            list: ListPart::gather(&mut self.list, &self.outbox, self.policy.shares(), None, self.now),
            ..Parts::default()
        };
        self.talk.compose(exchange, &self.who, &self.policy, parts)
    }

    fn answer(&mut self, reply: Reply) -> Effects {
        let effects = self.talk.answered(self.talk.number(), reply, self.now, RANDOM);
        if let Some(EventsAcknowledged { stream, up_to, .. }) = &effects.acknowledged {
            self.outbox.acknowledge(*stream, *up_to, &[], Duration::ZERO);
        }
        effects
    }

    /// Registers with a version 2 server.
    fn registered() -> Self {
        let mut agent = Self::new();
        assert!(matches!(agent.speak(), Outgoing::Register(_)));
        let _ = agent.answer(welcome_2(ServerPart::default()));
        assert_eq!(agent.talk.peer(), Peer::Version2);
        agent
    }
}

fn welcome_2(part: ServerPart) -> Reply {
    Reply::Welcome(Welcome {
        v2: Some(part),
        ..Welcome::default()
    })
}

fn reply_2(part: ServerPart) -> Reply {
    Reply::Beacon(BeaconReply {
        v2: Some(part),
        ..BeaconReply::default()
    })
}

fn ack(ack: u64) -> ServerPart {
    ServerPart {
        ack: Some(ack),
        ..ServerPart::default()
    }
}

fn flagged(flags: &[Flag], next: Option<Next>) -> ServerPart {
    ServerPart {
        flags: flags.to_vec(),
        next,
        ..ServerPart::default()
    }
}

#[test]
fn a_server_of_version_2_is_told_cursor_and_events_and_one_of_version_1_bans() {
    let mut agent = Pure::registered();
    agent.ban(2);
    let Outgoing::Beacon(url, beacon) = agent.speak() else {
        panic!("no beacon")
    };
    assert_eq!(url.map(String::from).as_deref(), Some("https://fleet.example.com/b"));
    let v2 = beacon.v2.unwrap();
    assert_eq!((v2.stream, v2.first, v2.events.len()), (STREAM, 1, 2));
    assert_eq!(v2.health.state, "synced");
    assert!(beacon.blacklist.is_none() && beacon.telemetry.unwrap().requests.is_none());

    let mut agent = Pure::new();
    agent.ban(2);
    assert!(matches!(agent.speak(), Outgoing::Register(registration) if registration.v2.is_some()));
    let effects = agent.answer(Reply::Welcome(Welcome::default()));
    assert!(matches!(effects.list, Some(ListReceived::Whole(_))) && effects.config.is_some());
    assert_eq!((agent.talk.peer(), effects.acknowledged), (Peer::Version1, None));
    assert_eq!(
        agent.talk.due(),
        Some(secs(1)),
        "what a registration does not carry goes with a beacon soon"
    );
    let Outgoing::Beacon(_, beacon) = agent.speak() else {
        panic!("no beacon")
    };
    assert_eq!(beacon.blacklist.map(|bans| bans.len()), Some(2));
    assert!(beacon.v2.is_none() && beacon.proto.is_none());
    let _ = agent.answer(Reply::Beacon(BeaconReply::default()));
    assert!(agent.outbox.is_empty(), "a good reply acknowledges");
}

#[test]
fn a_beacon_url_never_leaves_the_configured_server() {
    let mut who = Pure::new().who;
    let mut may = |cloud: &str, beacon: &str| {
        who.cloud_url = Url::parse(cloud).unwrap();
        who.may_follow(&Url::parse(beacon).unwrap())
    };
    assert!(may("http://127.0.0.1:1/config", "http://127.0.0.1:2/beacon"));
    assert!(may(
        "http://fleet.example.com/config",
        "https://fleet.example.com/beacon"
    ));
    assert!(!may(
        "https://fleet.example.com/config",
        "http://fleet.example.com/beacon"
    ));
    assert!(!may(
        "https://fleet.example.com/config",
        "https://evil.example.com/beacon"
    ));
}

#[test]
fn late_and_repeated_replies_and_failures_change_nothing() {
    let mut agent = Pure::registered();
    agent.ban(3);
    let _ = agent.speak();
    let number = agent.talk.number();
    assert_eq!(agent.talk.failed(number, Advice::Retry, agent.now, RANDOM), None);
    assert_eq!(agent.talk.state(), State::Retrying);
    let late = agent.talk.answered(number, reply_2(ack(3)), agent.now, RANDOM);
    assert_eq!(late, Effects::default(), "it was given up");

    let _ = agent.speak();
    let late = agent.talk.answered(number, reply_2(ack(3)), agent.now, RANDOM);
    assert_eq!(late, Effects::default(), "another message is under way");
    assert_eq!(agent.talk.failed(number, Advice::Extended, agent.now, RANDOM), None);
    assert_eq!(agent.talk.state(), State::Retrying, "its failure is no news");
    let effects = agent.answer(reply_2(ack(2)));
    assert_eq!(effects.acknowledged.map(|a| (a.stream, a.up_to)), Some((STREAM, 2)));
    let before = agent.talk.due();
    let again = agent.answer(reply_2(ack(3)));
    assert_eq!((again, agent.talk.due()), (Effects::default(), before), "a second copy");
    assert_eq!(agent.outbox.len(), 1);
}

#[test]
fn an_acknowledgement_covers_no_more_than_was_sent() {
    let mut agent = Pure::registered();
    agent.ban(2);
    let _ = agent.speak();
    agent.ban(5);
    let effects = agent.answer(reply_2(ack(u64::MAX)));
    assert_eq!(effects.acknowledged.map(|a| a.up_to), Some(2));
    assert_eq!(agent.outbox.len(), 5);
    let _ = agent.speak();
    let effects = agent.answer(reply_2(ack(0)));
    assert_eq!(effects.acknowledged.map(|a| a.up_to), Some(0));
    assert_eq!(agent.outbox.len(), 5);
    let interval = agent.talk.due().unwrap() - agent.now;
    assert_eq!(
        interval,
        agent.policy.beacon_delay(),
        "a server that takes nothing is not pressed"
    );
}

#[test]
fn a_server_that_forgot_version_2_takes_no_acknowledgement_with_it() {
    let mut agent = Pure::registered();
    agent.ban(1);
    let _ = agent.speak();
    let effects = agent.answer(Reply::Beacon(BeaconReply {
        blacklist: BlacklistUpdate::default(),
        ..BeaconReply::default()
    }));
    assert_eq!((effects.acknowledged, agent.outbox.len()), (None, 1));
    assert!(matches!(agent.speak(), Outgoing::Register(_)));
}

#[test]
fn a_push_is_sorted_like_a_reply() {
    let list = ListUpdate {
        complete: false,
        mode: ListMode::Delta,
        epoch: "e".to_owned(),
        from: 1,
        to: 2,
        add: vec![("198.51.100.1".to_owned(), 60)],
        remove: vec![],
        page: 1,
        pages: 1,
        count: 1,
        digest: "00".to_owned(),
    };
    let part = ServerPart {
        list: Some(list.clone()),
        ack: Some(9),
        ..ServerPart::default()
    };
    let mut agent = Pure::registered();
    let pushed = agent.talk.pushed(part.clone(), agent.now, RANDOM);
    assert_eq!(pushed.list, Some(ListReceived::Update(list)));
    assert_eq!(
        pushed.acknowledged, None,
        "a push acknowledges nothing: it answers no message"
    );
    let _ = agent.speak();
    let replied = agent.answer(reply_2(part));
    assert_eq!(replied.list, pushed.list);
}

#[test]
fn a_pushed_wish_is_granted_when_it_says() {
    let mut agent = Pure::registered();
    agent.talk.step(Input::LinkOpened, agent.now, RANDOM);
    let _ = agent.speak();
    let _ = agent.answer(reply_2(ServerPart::default()));
    let interval = agent.policy.beacon_delay();
    assert_eq!(agent.talk.due(), Some(agent.now + interval * 10));
    let in_a_minute = Next {
        after_ms: 60_000,
        jitter_ms: 20_000,
    };
    let _ = agent
        .talk
        .pushed(flagged(&[Flag::PullNow], Some(in_a_minute)), agent.now, RANDOM);
    assert_eq!(agent.talk.due(), Some(agent.now + secs(70)));
    agent.now += secs(1);
    let _ = agent.talk.pushed(flagged(&[Flag::PullNow], None), agent.now, RANDOM);
    assert_eq!(agent.talk.due(), Some(agent.now));
    let _ = agent
        .talk
        .pushed(flagged(&[Flag::RegisterAgain], None), agent.now, RANDOM);
    assert!(matches!(agent.speak(), Outgoing::Register(_)));
    let _ = agent.answer(welcome_2(ServerPart::default()));
    let goodbye = agent.talk.pushed(flagged(&[Flag::Goodbye], None), agent.now, RANDOM);
    assert!(goodbye.goodbye);
    assert_eq!(
        (agent.talk.state(), agent.talk.due()),
        (State::Retrying, Some(agent.now + secs(3)))
    );
    agent.talk.step(Input::LinkClosed(Advice::Retry), agent.now, RANDOM);
    assert_eq!(
        agent.talk.due(),
        Some(agent.now + secs(3)),
        "that it closes then is no news"
    );
    assert!(
        matches!(agent.speak(), Outgoing::Beacon(..)),
        "it knows the agent still"
    );
}

#[test]
fn a_version_2_server_is_spoken_to_though_no_configuration_says_so() {
    let mut agent = Pure::registered();
    agent.policy = Policy::compile("default", &[]).unwrap();
    assert!(!agent.policy.beacon());
    agent.talk.configure(&agent.policy, agent.now);
    assert!(matches!(agent.speak(), Outgoing::Beacon(..)));
}

#[test]
fn at_the_end_all_that_waits_is_told() {
    let mut agent = Pure::new();
    agent.ban(600);
    let mut action = agent.talk.step(Input::Close { waiting: true }, agent.now, RANDOM);
    let mut exchanges = Vec::new();
    while let Some(Action::Begin(exchange)) = action {
        exchanges.push(exchange);
        let reply = match agent.compose(exchange) {
            Outgoing::Register(registration) => welcome_2(ack(last(&registration))),
            Outgoing::Beacon(_, beacon) => reply_2(ack(beacon.v2.unwrap().events.last().unwrap().seq)),
        };
        action = agent.answer(reply).action;
    }
    assert_eq!(exchanges, [Exchange::Register, Exchange::Beacon, Exchange::Beacon]);
    assert_eq!((action, agent.outbox.len()), (Some(Action::Closed), 0));
    agent.talk.step(Input::Speak(Speak::Soon), agent.now, RANDOM);
    assert_eq!((agent.talk.state(), agent.talk.due()), (State::Closed, None));
}

fn last(registration: &Registration) -> u64 {
    registration.v2.as_ref().unwrap().events.last().unwrap().seq
}
