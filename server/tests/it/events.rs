//! Events of version 2 agents: they count once, and what is refused has its code.

use buckler::{model::blacklist::Applied, protocol::v2::EventKind};
use buckler_server::{Profile, ServerConfig};
use serde_json::json;

use crate::{
    member::pair,
    support::{Agent, Cloud, config},
};

#[actix_web::test]
async fn a_repeated_batch_is_acknowledged_again_and_changes_nothing() {
    let cloud = Cloud::start(config());
    let (one, mut two) = pair(&cloud).await;
    let mut one = one.agent;
    one.ban("203.0.113.7", cloud.clock.unix());
    one.ban("10.0.0.1", cloud.clock.unix());
    one.event(EventKind::Attack, "203.0.113.8", cloud.clock.unix(), 0);
    let first = one.beacon(&cloud).await;
    assert_eq!(first.ack, Some(3));
    assert_eq!(
        first.nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
        [(2, "protected_range")]
    );
    two.follow(&cloud).await;
    let rev = two.list.cursor().unwrap().rev;
    let again = one.beacon(&cloud).await;
    assert_eq!((again.ack, again.nack), (Some(3), Vec::new()));
    assert_eq!(two.beacon(&cloud).await, Applied::Nothing);
    assert_eq!(two.list.cursor().unwrap().rev, rev);
    let shared = &cloud
        .agents()
        .await
        .into_iter()
        .find(|a| a["id"] == one.part.agent_id.to_string())
        .unwrap()["shared"];
    assert_eq!(
        shared,
        &json!({"live": 1, "bans": 1, "unbans": 0, "attacks": 1, "refused": {"protected_range": 1}}),
        "each event counted once"
    );
}

#[actix_web::test]
async fn what_one_process_left_counts_once_though_another_tells_it_again() {
    let cloud = Cloud::start(config());
    let (one, mut two) = pair(&cloud).await;
    let mut one = one.agent;
    one.ban("203.0.113.7", cloud.clock.unix());
    one.event(EventKind::Attack, "203.0.113.8", cloud.clock.unix(), 0);
    assert_eq!(one.beacon(&cloud).await.ack, Some(2));
    // the answer never came, the process is gone, and its neighbour found its state
    let mut heir = Agent::new();
    heir.register(&cloud).await;
    (heir.part.stream, heir.part.first) = (one.part.stream, one.part.first);
    heir.part.events.clone_from(&one.part.events);
    assert_eq!(heir.beacon(&cloud).await.ack, Some(2));
    two.follow(&cloud).await;
    let attacks = cloud.agents().await.into_iter();
    let attacks: u64 = attacks.filter_map(|agent| agent["shared"]["attacks"].as_u64()).sum();
    assert_eq!(attacks, 1, "told twice, counted once");
}

#[actix_web::test]
async fn what_a_neighbour_told_meanwhile_counts_once_though_its_owner_comes_back_with_it() {
    let cloud = Cloud::start(config());
    let mut owner = Agent::new();
    owner.register(&cloud).await;
    owner.event(EventKind::Attack, "203.0.113.7", cloud.clock.unix(), 0);
    assert_eq!(owner.beacon(&cloud).await.ack, Some(1));
    owner.event(EventKind::Attack, "203.0.113.8", cloud.clock.unix(), 0);
    let mut neighbour = Agent::new();
    neighbour.register(&cloud).await;
    (neighbour.part.stream, neighbour.part.first) = (owner.part.stream, owner.part.first);
    neighbour.part.events.clone_from(&owner.part.events);
    assert_eq!(neighbour.beacon(&cloud).await.ack, Some(2));
    assert_eq!(owner.beacon(&cloud).await.ack, Some(2));
    let agents = cloud.agents().await.into_iter();
    let attacks: u64 = agents.filter_map(|agent| agent["shared"]["attacks"].as_u64()).sum();
    assert_eq!(attacks, 2, "two events, told by two, counted once each");
}

#[actix_web::test]
async fn a_partly_known_batch_continues_and_a_gap_is_counted_as_loss() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    for host in 1..=5 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    let all = agent.part.events.clone();
    agent.part.events = all[..2].to_vec();
    assert_eq!(agent.beacon(&cloud).await.ack, Some(2));
    agent.part.events = all[..3].to_vec();
    assert_eq!(agent.beacon(&cloud).await.ack, Some(3));
    (agent.part.first, agent.part.events) = (5, all[4..].to_vec());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(5));
    (agent.part.first, agent.part.events) = (9, Vec::new());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(8));
    assert_eq!(cloud.listed().await.len(), 4);
    assert_eq!(cloud.agents().await[0]["missing"], 1 + 3);
    (agent.part.stream, agent.part.first) = (uuid::Uuid::new_v4(), 1);
    agent.part.events = all;
    assert_eq!(agent.beacon(&cloud).await.ack, Some(5), "another stream counts from 1");
}

#[actix_web::test]
async fn nobody_speaks_for_an_agent_of_another_profile() {
    let other = Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    let mut thief = Agent::new();
    (thief.key, thief.part.agent_id, thief.part.stream) =
        ("key-of-another".to_owned(), agent.part.agent_id, agent.part.stream);
    for host in 1..=3 {
        thief.ban(&format!("198.51.100.{host}"), cloud.clock.unix());
    }
    assert_eq!(thief.beacon(&cloud).await.ack, Some(3));
    agent.ban("203.0.113.7", cloud.clock.unix());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(1));
    assert_eq!(cloud.listed().await, ["203.0.113.7"], "and fleets do not mix");
}

#[actix_web::test]
async fn each_refusal_has_its_code() {
    let cloud = Cloud::start(ServerConfig {
        own_addresses: vec!["198.51.100.200/32".parse().unwrap()],
        ..config()
    });
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    cloud.operator_bans("203.0.113.99", None).await;
    let at = cloud.clock.unix();
    for (address, code) in [
        ("somebody", "bad_address"),
        ("", "bad_address"),
        ("192.168.0.1", "protected_range"),
        ("fe80::1", "protected_range"),
        ("198.51.100.200", "protected_range"),
        ("198.51.100.0/24", "protected_range"),
        ("203.0.0.0/16", "too_wide"),
        ("2001:db8::/32", "too_wide"),
    ] {
        let seq = agent.ban(address, at);
        let nack = agent.beacon(&cloud).await.nack;
        assert_eq!(
            nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
            [(seq, code)],
            "{address}"
        );
    }
    let over = agent.event(EventKind::Ban, "203.0.113.1", at, 0);
    let held = agent.event(EventKind::Unban, "203.0.113.99", at, 0);
    let nack = agent.beacon(&cloud).await.nack;
    let codes: Vec<_> = nack.iter().map(|n| (n.seq, n.code.as_str())).collect();
    assert_eq!(codes, [(over, "over"), (held, "operator_entry")]);
    assert_eq!(cloud.listed().await, ["203.0.113.99"]);
}

#[actix_web::test]
async fn an_unban_beats_a_late_copy_of_the_ban() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    let caught = cloud.clock.unix();
    one.agent.ban("203.0.113.7", caught);
    one.follow(&cloud).await;
    two.follow(&cloud).await;
    cloud.clock.pass(60);
    one.agent.event(EventKind::Unban, "203.0.113.7", cloud.clock.unix(), 0);
    one.follow(&cloud).await;
    assert!(!one.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(5);
    let seq = two.agent.ban("203.0.113.7", caught + 59);
    let part = two.agent.beacon(&cloud).await;
    assert_eq!(
        part.nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
        [(seq, "unbanned")]
    );
    two.agent.trim(part.ack.unwrap());
    assert!(matches!(
        two.apply(part.list.as_ref(), &cloud.clock),
        Applied::Delta { removed: 1, .. }
    ));
    assert!(!two.refuses("203.0.113.7", &cloud.clock));
    two.agent.ban("203.0.113.7", cloud.clock.unix());
    assert!(two.agent.beacon(&cloud).await.nack.is_empty(), "caught again");
    one.follow(&cloud).await;
    assert!(one.refuses("203.0.113.7", &cloud.clock));
}
