//! Lists of several pages, and histories that are too short.

use std::num::NonZeroUsize;

use buckler::{
    model::blacklist::Applied,
    protocol::v2::{ListMode, Staging},
};

use crate::{
    member::Member,
    support::{Cloud, config},
};

/// A server whose pages have 10 entries and whose lists remember 25 changes, with 95 entries.
async fn cloud() -> Cloud {
    let mut config = config();
    config.limits.page_entries = NonZeroUsize::new(10).unwrap();
    config.limits.history = NonZeroUsize::new(25).unwrap();
    let cloud = Cloud::start(config);
    for host in 1..=95 {
        cloud.operator_bans(&format!("203.0.113.{host}"), Some(7_200)).await;
    }
    cloud
}

#[actix_web::test]
async fn a_snapshot_comes_page_by_page_while_the_list_goes_on() {
    let cloud = cloud().await;
    let mut member = Member::new();
    assert_eq!(member.register(&cloud).await, Applied::Page { page: 1, pages: 10 });
    cloud.operator_unbans("203.0.113.5").await.good();
    cloud.operator_bans("198.51.100.1", Some(600)).await;
    for page in 2..=9 {
        cloud.clock.pass(5);
        assert_eq!(member.beacon(&cloud).await, Applied::Page { page, pages: 10 });
    }
    let part = member.agent.beacon(&cloud).await;
    assert_eq!(
        part.next.unwrap().after_ms,
        30_000,
        "after the last page there is no hurry"
    );
    assert_eq!(
        member.apply(part.list.as_ref(), &cloud.clock),
        Applied::Swapped { entries: 95 }
    );
    assert!(
        member.refuses("203.0.113.5", &cloud.clock),
        "the list as it was when the first page came"
    );
    let part = member.agent.beacon(&cloud).await;
    assert_eq!(
        member.apply(part.list.as_ref(), &cloud.clock),
        Applied::Delta { added: 1, removed: 1 }
    );
    assert!(!member.refuses("203.0.113.5", &cloud.clock) && member.refuses("198.51.100.1", &cloud.clock));
}

#[actix_web::test]
async fn a_page_is_asked_for_at_once_and_never_prolongs() {
    let cloud = cloud().await;
    let member = Member::new();
    let part = member.agent.register(&cloud).await;
    assert_eq!(part.next.unwrap().after_ms, 0, "the next page is ready");
    let first = part.list.unwrap();
    cloud.clock.pass(4);
    let shared = member.agent.register(&cloud).await.list.unwrap();
    assert_eq!(first, shared, "encoded once for all who come within seconds");
    assert!(first.add.iter().all(|(_, ttl)| *ttl <= 7_200 - 4), "{:?}", first.add);
    cloud.clock.pass(100);
    let later = member.agent.register(&cloud).await.list.unwrap();
    assert_eq!((later.to, later.page), (first.to, 1), "the same snapshot");
    assert!(
        later.add.iter().all(|(_, ttl)| *ttl <= 7_200 - 104),
        "with less time left"
    );
}

#[actix_web::test]
async fn a_page_of_a_snapshot_that_is_gone_is_answered_with_the_first_of_a_newer() {
    let cloud = cloud().await;
    let mut member = Member::new();
    member.join(&cloud).await;
    member.follow(&cloud).await;
    cloud.clock.pass(15 * 60);
    cloud.operator_bans("198.51.100.1", Some(7_200)).await;
    let part = Member::new().agent.register(&cloud).await;
    assert_eq!(member.beacon(&cloud).await, Applied::Page { page: 1, pages: 10 });
    assert_eq!(member.list.staging().unwrap().to, part.list.unwrap().to);
    let staging = |page| {
        Some(Staging {
            epoch: "unknown".to_owned(),
            to: 3,
            page,
        })
    };
    member.agent.part.have.staging = staging(2);
    assert_eq!(member.agent.beacon(&cloud).await.list.unwrap().page, 1);
    member.agent.part.have.staging = staging(u32::MAX);
    assert_eq!(member.agent.beacon(&cloud).await.list.unwrap().page, 1);
}

#[actix_web::test]
async fn whoever_is_too_far_behind_starts_over() {
    let cloud = cloud().await;
    let mut member = Member::new();
    member.join(&cloud).await;
    while !matches!(member.beacon(&cloud).await, Applied::Swapped { .. }) {}
    for host in 1..=10 {
        cloud.operator_unbans(&format!("203.0.113.{host}")).await.good();
    }
    assert_eq!(
        member.beacon(&cloud).await,
        Applied::Delta { added: 0, removed: 10 },
        "a page's worth of changes"
    );
    for host in 11..=21 {
        cloud.operator_unbans(&format!("203.0.113.{host}")).await.good();
    }
    let list = member.agent.beacon(&cloud).await.list.unwrap();
    assert_eq!(list.mode, ListMode::Snapshot, "more than a page of changes");
    for _ in 0..15 {
        cloud.operator_bans("198.51.100.1", Some(7_200)).await;
        cloud.operator_unbans("198.51.100.1").await.good();
    }
    let list = member.agent.beacon(&cloud).await.list.unwrap();
    assert_eq!(list.mode, ListMode::Snapshot, "more changes than are remembered");
}
