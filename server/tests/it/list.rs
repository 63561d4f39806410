//! The list of version 2 agents converges, and can be checked.

use std::time::Duration;

use buckler::{
    model::blacklist::{Applied, Digest, Scope},
    protocol::v2::{EventKind, Flag, ListCursor, ListMode},
};

use crate::{
    member::{Member, pair},
    support::{Agent, Cloud, config},
};

#[actix_web::test]
async fn a_ban_at_one_agent_is_a_delta_at_the_other() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    assert_eq!(two.beacon(&cloud).await, Applied::Nothing);
    one.agent.ban("203.0.113.7", cloud.clock.unix());
    one.agent.ban("2001:db8:1:2::/64", cloud.clock.unix());
    let part = one.agent.beacon(&cloud).await;
    assert_eq!((part.ack, part.nack.len()), (Some(2), 0));
    cloud.clock.pass(10);
    assert_eq!(
        two.beacon(&cloud).await,
        Applied::Delta { added: 2, removed: 0 },
        "count and digest were checked"
    );
    assert!(two.refuses("203.0.113.7", &cloud.clock) && two.refuses("2001:db8:1:2::9", &cloud.clock));
    let expected = Digest::of(["203.0.113.7/32".parse().unwrap(), "2001:db8:1:2::/64".parse().unwrap()]);
    assert_eq!(two.list.cursor().unwrap().digest, expected.to_string());
    cloud.clock.pass(3_589);
    assert!(two.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(1);
    assert!(
        !two.refuses("203.0.113.7", &cloud.clock),
        "an hour after it was made, whatever the server said since"
    );
    assert_eq!(
        two.beacon(&cloud).await,
        Applied::Delta { added: 0, removed: 2 },
        "and then the members go"
    );
    assert_eq!(two.list.cursor().unwrap().count, 0);
}

#[actix_web::test]
async fn of_two_bans_the_later_end_stays() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    one.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 600);
    one.follow(&cloud).await;
    cloud.clock.pass(100);
    two.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 300);
    two.follow(&cloud).await;
    assert_eq!(
        one.beacon(&cloud).await,
        Applied::Nothing,
        "it ends sooner than the first"
    );
    two.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 900);
    two.follow(&cloud).await;
    one.follow(&cloud).await;
    cloud.clock.pass(899);
    assert!(one.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(1);
    assert!(!one.refuses("203.0.113.7", &cloud.clock));
    assert_eq!(
        one.list.list().len(Scope::Shared),
        1,
        "a member until the server says otherwise"
    );
}

#[actix_web::test]
async fn a_restarted_server_asks_agents_to_register_and_starts_the_list_anew() {
    let cloud = Cloud::start(config());
    let mut member = Member::new();
    member.join(&cloud).await;
    member.agent.ban("203.0.113.7", cloud.clock.unix());
    let before = member.agent.beacon(&cloud).await;
    assert_eq!(before.flags, []);
    assert_eq!(
        member.apply(before.list.as_ref(), &cloud.clock),
        Applied::Delta { added: 1, removed: 0 }
    );
    let Cloud { server, clock } = cloud;
    let address = server.address().to_string();
    server.stop(Duration::from_secs(5));
    let cloud = Cloud::start_at(config(), &address, clock);
    let part = member.agent.beacon(&cloud).await;
    assert_eq!(part.flags, [Flag::RegisterAgain]);
    assert_eq!(part.ack, Some(1), "what was not acknowledged came again");
    let list = part.list.unwrap();
    assert_eq!(list.mode, ListMode::Snapshot);
    assert_ne!(list.epoch, before.list.unwrap().epoch);
    assert_eq!(member.apply(Some(&list), &cloud.clock), Applied::Swapped { entries: 1 });
    member.join(&cloud).await;
    assert_eq!(member.agent.beacon(&cloud).await.flags, []);
}

#[actix_web::test]
async fn a_wrong_cursor_is_answered_with_a_snapshot() {
    let cloud = Cloud::start(config());
    let mut member = Member::new();
    member.join(&cloud).await;
    member.agent.ban("203.0.113.7", cloud.clock.unix());
    member.follow(&cloud).await;
    let good = member.list.cursor().unwrap();
    let mode = async |agent: &mut Agent, change: fn(&mut ListCursor)| {
        let mut cursor = good.clone();
        change(&mut cursor);
        agent.part.have.list = Some(cursor);
        agent.beacon(&cloud).await.list.unwrap().mode
    };
    assert_eq!(mode(&mut member.agent, |_| {}).await, ListMode::None);
    assert_eq!(
        mode(&mut member.agent, |c| c.digest = "0".repeat(64)).await,
        ListMode::Snapshot
    );
    assert_eq!(mode(&mut member.agent, |c| c.count += 1).await, ListMode::Snapshot);
    assert_eq!(
        mode(&mut member.agent, |c| c.rev += 1).await,
        ListMode::Snapshot,
        "a revision that never was"
    );
    assert_eq!(mode(&mut member.agent, |c| c.epoch.push('x')).await, ListMode::Snapshot);
}
