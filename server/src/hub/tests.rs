//! A hub on a store in memory: where rings have their seams.

use std::time::Duration;

use buckler::{
    clock::SystemClock,
    protocol::v2::{AgentPart, ListUpdate, ServerPart},
};
use uuid::Uuid;

use super::*;
use crate::{
    exchange::exchange,
    list::ListBounds,
    moment::Tick,
    protect::Protected,
    store::{AgentIdent, Command, Events, Report, Rules, Store, Transport, new_epoch},
};

fn store() -> Node {
    let mut node = Node::new(Store::new(Rules {
        protected: Arc::new(Protected::new(true, [])),
        bounds: ListBounds { page: 5, history: 100 },
        agents: 10,
        shared_live: 100,
        shared_per_minute: 100,
        quotas: crate::store::Quotas::default(),
    }));
    let (fleet, epoch) = ("default".into(), new_epoch());
    node.apply(vec![Command::Found { fleet, epoch }], now());
    node
}

fn now() -> Moment {
    Moment {
        tick: Tick::at(Duration::from_secs(10)),
        unix_ms: 0,
    }
}

fn operators(host: u8) -> Command {
    Command::Ban {
        fleet: "default".into(),
        network: format!("203.0.113.{host}/32").parse().unwrap(),
        ttl_s: Some(60),
        why: String::new(),
    }
}

fn ban(store: &mut Node, host: u8) {
    store.apply(vec![operators(host)], now());
}

/// What an agent that has `have` is told, and where that leads.
fn asks(channel: &Channel, store: &mut Node, have: &Have) -> (ListUpdate, Head) {
    let part = AgentPart {
        agent_id: Uuid::from_u128(1),
        have: have.clone(),
        ..AgentPart::default()
    };
    let report = Report {
        who: Arc::new(AgentIdent::Installed {
            profile: "shop".into(),
            id: part.agent_id,
        }),
        fleet: "default".into(),
        peer: [203, 0, 113, 200].into(),
        via: crate::store::Via::default(),
        transport: Transport::WebSocket,
        version: String::new(),
        introduction: None,
        telemetry: None,
        bans: crate::store::BanRules::default(),
        events: Events::V2(Box::new(part)),
    };
    let mut exchange = exchange(store, report, have, now()).unwrap();
    channel.settle(store, &mut exchange, now()).unwrap();
    let told = exchange.leads_to().cloned().unwrap();
    let said = serde_json::to_string(&exchange.part(None, None).unwrap()).unwrap();
    let said: ServerPart = serde_json::from_str(&said).unwrap();
    (said.list.unwrap(), told)
}

fn cursor(update: &ListUpdate) -> Have {
    have(ListCursor {
        epoch: update.epoch.clone(),
        rev: update.to,
        count: update.count,
        digest: update.digest.clone(),
    })
}

fn channel() -> (Arc<Channel>, watch::Receiver<Ring>) {
    let channel = Hub::default().channel(&"default".into());
    let ring = channel.follow();
    (channel, ring)
}

/// The revisions that a follower is led over, and whether it must ask at last.
fn led(ring: &watch::Receiver<Ring>, mut told: Head) -> (Vec<u64>, Option<usize>) {
    let mut steps = Vec::new();
    loop {
        match ring.borrow().after(&told) {
            Due::Nothing => return (steps, None),
            Due::Pull { crowd } => return (steps, Some(crowd)),
            Due::Delta(delta) => {
                steps.push(delta.head().rev);
                told = delta.head().clone();
            }
        }
    }
}

#[test]
fn whoever_is_as_far_as_the_ring_waits_for_the_push() {
    let (channel, ring) = channel();
    let mut store = store();
    let (first, told) = asks(&channel, &mut store, &Have::default());
    ban(&mut store, 1);
    ban(&mut store, 2);
    let (again, same) = asks(&channel, &mut store, &cursor(&first));
    assert_eq!((again.to, &same), (0, &told), "the reply leaves it where it is");
    assert_eq!(led(&ring, told.clone()), (vec![], None));
    channel.publish(&mut store, now()).unwrap();
    assert_eq!(led(&ring, told), (vec![2], None), "and the push takes it all the way");
}

#[test]
fn an_answer_that_leads_further_than_the_ring_makes_a_seam_there() {
    let (channel, ring) = channel();
    let mut store = store();
    let (_, first) = asks(&channel, &mut store, &Have::default());
    ban(&mut store, 1);
    let (newcomer, second) = asks(&channel, &mut store, &Have::default());
    assert_eq!((newcomer.to, second.rev), (1, 1));
    ban(&mut store, 2);
    ban(&mut store, 3);
    channel.publish(&mut store, now()).unwrap();
    assert_eq!(led(&ring, first), (vec![1, 3], None));
    assert_eq!(led(&ring, second), (vec![3], None));
}

#[test]
fn more_than_a_delta_carries_is_asked_for_by_everybody_at_a_time_of_its_own() {
    let (channel, mut ring) = channel();
    let _second = channel.follow();
    let mut store = store();
    let (_, told) = asks(&channel, &mut store, &Have::default());
    for host in 1..=9 {
        ban(&mut store, host);
    }
    channel.publish(&mut store, now()).unwrap();
    assert_eq!(led(&ring, told), (vec![], Some(2)));
    ring.mark_unchanged();
    channel.announce(now());
    assert!(ring.has_changed().unwrap(), "they are woken to be told");
}

#[test]
fn a_list_that_nobody_follows_costs_nothing() {
    let (channel, ring) = channel();
    let mut store = store();
    let (first, told) = asks(&channel, &mut store, &Have::default());
    drop(ring);
    ban(&mut store, 1);
    channel.publish(&mut store, now()).unwrap();
    assert!(channel.ring.borrow().head().is_none());
    let ring = channel.follow();
    assert_eq!(
        led(&ring, told),
        (vec![], None),
        "nothing to say before somebody looked"
    );
    let (_, told) = asks(&channel, &mut store, &cursor(&first));
    assert_eq!(told.rev, 1);
    ban(&mut store, 2);
    channel.publish(&mut store, now()).unwrap();
    assert_eq!(led(&ring, told), (vec![2], None));
}

#[actix_web::test]
async fn a_touched_list_is_announced_and_a_burst_only_once() {
    let hub = Arc::new(Hub::default());
    let channel = hub.channel(&"default".into());
    assert!(Arc::ptr_eq(&channel, &hub.channel(&"default".into())));
    let mut ring = channel.follow();
    let timeline = Arc::new(Timeline::new(Arc::new(SystemClock::new()), now().tick));
    let owner = Owner::in_memory(store(), Arc::clone(&timeline)).unwrap();
    let serving = actix_web::rt::spawn(run(Arc::clone(&hub), owner.clone(), timeline));
    hub.touch("another");
    hub.touch("default");
    ring.changed().await.unwrap();
    let told = ring.borrow_and_update().head().unwrap().clone();
    owner
        .submit((1..=4).map(operators).collect(), |_, _, _| Ok(()))
        .await
        .unwrap();
    for _ in 1..=4 {
        hub.touch("default");
    }
    ring.changed().await.unwrap();
    assert_eq!(led(&ring, told), (vec![4], None));
    serving.abort();
}
