//! Bounds on what an agent may do to the others and to the server.

use std::num::{NonZeroU32, NonZeroUsize};

use crate::support::{Agent, Cloud, config};

#[actix_web::test]
async fn an_agent_shares_no_more_than_its_quota_of_live_entries() {
    let mut config = config();
    config.limits.shared_live = NonZeroU32::new(3).unwrap();
    let cloud = Cloud::start(config);
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    let seqs: Vec<u64> = (1..=5)
        .map(|host| agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix()))
        .collect();
    let part = agent.beacon(&cloud).await;
    assert_eq!(part.ack, Some(5));
    assert_eq!(
        part.nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
        [(seqs[3], "quota"), (seqs[4], "quota")]
    );
    agent.ban("203.0.113.1", cloud.clock.unix());
    assert!(
        agent.beacon(&cloud).await.nack.is_empty(),
        "what is listed costs nothing"
    );
    let mut other = Agent::new();
    other.register(&cloud).await;
    other.ban("203.0.113.9", cloud.clock.unix());
    assert!(other.beacon(&cloud).await.nack.is_empty(), "each has its own");
    cloud.operator_unbans("203.0.113.2").await.good();
    agent.ban("203.0.113.10", cloud.clock.unix());
    assert!(agent.beacon(&cloud).await.nack.is_empty(), "what was let in makes room");
    cloud.clock.pass(3_600);
    for host in 11..=13 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    assert!(agent.beacon(&cloud).await.nack.is_empty(), "and so does what ended");
    assert_eq!(cloud.listed().await, ["203.0.113.11", "203.0.113.12", "203.0.113.13"]);
}

#[actix_web::test]
async fn an_agent_shares_no_more_than_its_quota_in_a_minute() {
    let mut config = config();
    config.limits.shared_per_minute = NonZeroU32::new(2).unwrap();
    let cloud = Cloud::start(config);
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    let mut refused = Vec::new();
    for host in 1..=6 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
        refused.push(agent.beacon(&cloud).await.nack.len());
        cloud.clock.pass(20);
    }
    assert_eq!(refused, [0, 0, 1, 0, 0, 1]);
}

#[actix_web::test]
async fn a_crowd_of_agents_is_forgotten_from_the_oldest_on() {
    let mut config = config();
    config.limits.agents = NonZeroUsize::new(10).unwrap();
    let cloud = Cloud::start(config);
    let first = Agent::new();
    first.register(&cloud).await;
    for _ in 0..20 {
        cloud.clock.pass(1);
        Agent::new().register(&cloud).await;
    }
    let agents = cloud.agents().await;
    assert_eq!(agents.len(), 10);
    assert!(
        !agents
            .iter()
            .any(|agent| agent["id"] == first.part.agent_id.to_string())
    );
    assert_eq!(
        first.beacon(&cloud).await.flags,
        [buckler::protocol::v2::Flag::RegisterAgain]
    );
}

#[actix_web::test]
async fn no_more_events_are_taken_than_a_message_may_carry() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    for host in 0..300 {
        agent.ban(
            &format!("198.51.{}.{}", 100 + host / 250, host % 250),
            cloud.clock.unix(),
        );
    }
    assert_eq!(agent.beacon(&cloud).await.ack, Some(256));
    agent.trim(256);
    assert_eq!(agent.beacon(&cloud).await.ack, Some(300), "the rest at the next beacon");
    assert_eq!(cloud.listed().await.len(), 300);
}
