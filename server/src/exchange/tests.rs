//! Exchanges with a store in memory, and no server around it.

use std::time::Duration;

use buckler::protocol::v2::{AddressOrigin, AgentPart, Event, EventKind, Evidence, ListCursor, ServerPart};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    list::ListBounds,
    protect::Protected,
    store::{AgentIdent, Events, Rules, Store, Transport},
};

fn at(seconds: u64) -> Moment {
    Moment {
        tick: Tick::at(Duration::from_secs(seconds)),
        unix_ms: 1_795_338_600_000 + seconds * 1_000,
    }
}

fn store(page: usize) -> Node {
    Node::new(Store::new(Rules {
        protected: Arc::new(Protected::new(true, [])),
        bounds: ListBounds { page, history: 100 },
        agents: 10,
        shared_live: 100,
        shared_per_minute: 100,
        quotas: crate::store::Quotas::default(),
    }))
}

fn report(part: AgentPart, registers: bool) -> Report {
    let who = AgentIdent::Installed {
        profile: "shop".into(),
        id: part.agent_id,
    };
    Report {
        who: Arc::new(who),
        fleet: "default".into(),
        peer: [203, 0, 113, 200].into(),
        via: crate::store::Via::default(),
        transport: Transport::WebSocket,
        version: "0.1.0".to_owned(),
        introduction: registers.then(|| ("actix-web".to_owned(), 1)),
        telemetry: None,
        bans: crate::store::BanRules::default(),
        events: Events::V2(Box::new(part)),
    }
}

fn event(seq: u64) -> Event {
    Event {
        seq,
        kind: EventKind::Ban,
        address: format!("203.0.113.{seq}"),
        at_ms: 1_795_338_600_000,
        ttl_s: 60,
        why: "decoy".to_owned(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: None,
    }
}

fn agent(stream: u128, first: u64, seqs: std::ops::Range<u64>) -> AgentPart {
    AgentPart {
        agent_id: Uuid::from_u128(1),
        stream: Uuid::from_u128(stream),
        first,
        events: seqs.map(event).collect(),
        ..AgentPart::default()
    }
}

/// The answer, as the agent reads it.
fn said(store: &mut Node, part: AgentPart, registers: bool) -> ServerPart {
    let have = part.have.clone();
    let exchange = exchange(store, report(part, registers), &have, at(5)).unwrap();
    let json = serde_json::to_string(&exchange.part(None, None).unwrap()).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn an_answer_is_a_server_part_on_the_wire() {
    let mut store = store(10);
    let mut part = agent(7, 1, 1..3);
    part.have.list = Some(ListCursor::default());
    let exchange = exchange(&mut store, report(part, true), &Have::default(), at(5)).unwrap();
    assert_eq!(exchange.leads_to().map(|head| head.rev), Some(2));
    let config = to_raw_value(&json!({"version": 3, "hash": "h", "body": {"APP_NAME": "shop"}})).unwrap();
    let part = exchange.part(Some(&config), Some(Duration::from_secs(30))).unwrap();
    let read: ServerPart = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
    assert_eq!((read.ack, read.server_ms), (Some(2), 1_795_338_605_000));
    assert_eq!(read.config.unwrap().version, 3);
    assert_eq!(read.list.unwrap().add.len(), 2);
    assert_eq!(
        read.next,
        Some(Next {
            after_ms: 30_000,
            jitter_ms: 6_000
        })
    );
}

#[test]
fn without_an_interval_only_a_further_page_says_when() {
    let mut store = store(1);
    let paged = said(&mut store, agent(7, 1, 1..3), true);
    assert_eq!(paged.next, Some(AT_ONCE));
    let mut part = agent(7, 3, 3..3);
    part.have.staging = Some(buckler::protocol::v2::Staging {
        epoch: paged.list.as_ref().unwrap().epoch.clone(),
        to: 2,
        page: 1,
    });
    let last = said(&mut store, part, false);
    assert_eq!((last.list.unwrap().page, last.next), (2, None));
}

#[test]
fn an_older_stream_that_is_sent_again_is_acknowledged_and_changes_nothing() {
    let mut store = store(10);
    assert_eq!(said(&mut store, agent(7, 1, 1..4), true).ack, Some(3));
    assert_eq!(said(&mut store, agent(8, 1, 4..6), false).ack, Some(5));
    let rev = store.store.fleet("default").unwrap().rev;
    let before = store.agents().remove(0).shared;
    for _ in 0..2 {
        assert_eq!(
            said(&mut store, agent(7, 1, 1..4), false).ack,
            Some(3),
            "each stream has its own mark"
        );
    }
    assert_eq!(said(&mut store, agent(8, 4, 4..6), false).ack, Some(5));
    assert_eq!(store.store.fleet("default").unwrap().rev, rev);
    assert_eq!(store.agents().remove(0).shared, before);
}

#[test]
fn the_marks_of_sixteen_streams_are_kept_and_the_one_whose_events_came_longest_ago_goes() {
    let mut store = store(100);
    said(&mut store, agent(1, 1, 1..2), true);
    for stream in 2..=16 {
        said(&mut store, agent(stream, 1, 1..2), false);
    }
    said(&mut store, agent(1, 2, 2..3), false);
    let bans = |store: &mut Node| store.agents().remove(0).shared.bans;
    assert_eq!(bans(&mut store), 17);
    said(&mut store, agent(17, 1, 1..2), false);
    said(&mut store, agent(1, 1, 1..2), false);
    assert_eq!(bans(&mut store), 18, "the first was used since, and is still known");
    said(&mut store, agent(2, 1, 1..2), false);
    assert_eq!(bans(&mut store), 19, "the second made room for the seventeenth");
}

#[test]
fn a_stream_that_is_new_here_may_begin_anywhere() {
    let mut store = store(10);
    assert_eq!(said(&mut store, agent(7, 41, 41..44), true).ack, Some(43));
    let view = store.agents().remove(0);
    assert_eq!((view.shared.bans, view.missing), (3, 0));
}

#[test]
fn a_configuration_is_sent_until_the_agent_has_it_or_cannot_use_it() {
    let cursor = |version, hash: &str| ConfigCursor {
        version,
        hash: hash.to_owned(),
        signed: None,
    };
    let status = |version, state| ConfigStatus {
        version,
        state,
        error: None,
    };
    let newest = cursor(8, "new");
    assert!(is_news(&newest, None, None));
    assert!(is_news(&newest, Some(&cursor(7, "old")), None));
    let failed_before = status(7, ConfigState::Failed);
    assert!(is_news(&newest, Some(&cursor(7, "old")), Some(&failed_before)));
    assert!(!is_news(&newest, Some(&cursor(7, "new")), None), "the hash decides");
    let signed = |version, hash: &str| ConfigCursor {
        signed: Some(version),
        ..cursor(7, hash)
    };
    assert!(!is_news(&newest, Some(&signed(0, "new")), None), "neither is signed");
    let resigned = signed(3, "new");
    assert!(
        is_news(&resigned, Some(&signed(2, "new")), None),
        "the same, signed again"
    );
    assert!(!is_news(&resigned, Some(&signed(3, "new")), None));
    assert!(
        !is_news(&resigned, Some(&cursor(7, "new")), None),
        "one that looks at no signature"
    );
    for state in [ConfigState::Failed, ConfigState::RolledBack] {
        assert!(!is_news(&newest, Some(&cursor(7, "old")), Some(&status(8, state))));
        assert!(!is_news(&newest, None, Some(&status(8, state))));
    }
    let watched = status(8, ConfigState::Probation);
    assert!(is_news(&newest, Some(&cursor(7, "old")), Some(&watched)));
}

#[test]
fn a_node_follows_a_record_that_forgets_an_agent() {
    let mut node = store(10);
    let _ = said(&mut node, agent(7, 1, 1..2), true);
    let id = Uuid::from_u128(1).to_string();
    let forget = |profile: &str| {
        let command = crate::store::Command::ForgetAgent {
            profile: profile.into(),
            agent: id.as_str().into(),
        };
        crate::store::Record::new(at(9), vec![command])
    };
    node.follow(&forget("blog"));
    assert_eq!(node.known(), 1, "one of another profile is called so");
    node.follow(&forget("shop"));
    assert_eq!(node.known(), 0);
    // what is known of its events stays: they count once
    let again = said(&mut node, agent(7, 1, 1..2), true);
    assert_eq!((again.ack, node.agents()[0].shared.bans), (Some(1), 1));
    assert_eq!(node.forget_silent(3_600, 30, at(3_000)), 0);
    assert_eq!(node.forget_silent(3_600, 30, at(3_605)), 1);
    let _ = said(&mut node, agent(7, 2, 2..2), true);
    assert_eq!(node.forget_silent(1, 1, at(500)), 0, "late, and not gone yet");
    assert_eq!(
        node.forget_silent(60, 300, at(5_000)),
        0,
        "who speaks rarely is not gone yet"
    );
}
