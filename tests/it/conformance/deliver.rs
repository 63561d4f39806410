//! What an agent has to tell arrives once, whatever becomes of the answers.

use std::{collections::HashMap, sync::Arc};

use buckler_tests::fault::{Answer, Pace, Step};
use serde_json::{Value, json};

use super::{Fleet, attack};
use crate::{
    between::between,
    cloud::Cloud,
    rig::{Rig, over_every_transport},
    site::{DECOY, PATIENCE, Site},
};

over_every_transport! {
    counts_once_though_every_other_reply_is_lost,
    counts_once_though_replies_are_cut,
    counts_once_though_replies_are_repeated,
    is_in_step_after_lies,
    a_shutdown_tells_what_waits,
    a_dropped_agent_leaves_the_guard_judging,
}

/// Attackers that are caught while something is wrong.
const ATTACKERS: u64 = 12;

/// Catches attackers through a server whose answers are spoilt, and checks that each was counted once.
#[track_caller]
fn counts_once(rig: Rig, mut spoil: impl FnMut(usize, Answer) -> Step + Send + 'static) {
    let cloud = Cloud::start();
    // each agent's answers are counted by themselves, so that none is always the unlucky one
    let mut answered: HashMap<String, usize> = HashMap::new();
    let server = between(&cloud, move |seen, answer| {
        let n = answered.entry(seen.json()["v2"]["agent_id"].to_string()).or_default();
        *n += 1;
        spoil(*n, answer)
    });
    let fleet = Fleet::at(rig, cloud, &server.url("/config"));
    for n in 0..ATTACKERS {
        attack(&fleet.shop, &format!("203.0.113.{n}"));
        assert_eq!(fleet.shop.get("/", "198.51.100.7"), 200);
    }
    fleet.converges();
    let events = fleet.shop.agent.status().events;
    assert_eq!(
        (events.generated, events.acknowledged),
        (ATTACKERS, ATTACKERS),
        "{events:?}"
    );
    let told: u64 = fleet
        .cloud
        .agents()
        .iter()
        .map(|agent| agent["shared"]["bans"].as_u64().unwrap())
        .sum();
    assert_eq!(told, ATTACKERS, "the server counted each once");
    for n in 0..ATTACKERS {
        assert!(fleet.cloud.lists(&format!("203.0.113.{n}")));
        let attacker = format!("203.0.113.{n}");
        fleet
            .blog
            .wait_until("the ban is in force", || fleet.blog.get("/", &attacker) == 403);
    }
}

fn counts_once_though_every_other_reply_is_lost(rig: Rig) {
    counts_once(rig, |n, answer| if n % 2 == 0 { Step::Close } else { answer.into() });
}

fn counts_once_though_replies_are_cut(rig: Rig) {
    counts_once(rig, |n, answer| match n % 4 {
        1 => answer.pace(Pace::CutInBody(30)).into(),
        2 => answer.pace(Pace::ResetInBody(30)).into(),
        _ => answer.into(),
    });
}

fn counts_once_though_replies_are_repeated(rig: Rig) {
    // an answer that was given before, to whomever, is given again in the place of the next one
    let mut last: Option<Answer> = None;
    counts_once(rig, move |n, answer| match (n % 3, last.replace(answer.clone())) {
        (0, Some(before)) => before.into(),
        _ => answer.into(),
    });
}

fn is_in_step_after_lies(rig: Rig) {
    let lies: [Answer; 6] = [
        Answer::reply(
            &json!({"v2": {"list": {"mode": "snapshot", "epoch": "e", "count": 3, "digest": "00", "add": [["::/0", 9]]}}}),
        ),
        Answer::reply(&json!({"v2": {"ack": u64::MAX, "list": "all"}})),
        Answer::reply(&json!({"v2": {"config": {"version": -1, "hash": 7, "body": []}}})),
        Answer::reply(&json!([])),
        Answer::new(200).html("<h1>It works</h1>"),
        Answer::reply(&Value::Null),
    ];
    let cloud = Cloud::start();
    let mut told = 0;
    let server = between(&cloud, move |seen, answer| {
        told += usize::from(seen.path.contains("beacon"));
        match lies.get(told.wrapping_sub(2)) {
            Some(lie) => lie.clone().into(),
            None => answer.into(),
        }
    });
    let fleet = Fleet::at(rig, cloud, &server.url("/config"));
    attack(&fleet.shop, "203.0.113.9");
    let beacons = |seen: usize| {
        fleet.shop.wait_until("the lies are told", || {
            assert_eq!(fleet.shop.get("/", "198.51.100.7"), 200);
            server
                .record()
                .requests
                .iter()
                .filter(|seen| seen.path.contains("beacon"))
                .count()
                > seen
        });
    };
    beacons(8);
    fleet.converges();
    fleet
        .blog
        .wait_until("the ban is in force", || fleet.blog.get("/", "203.0.113.9") == 403);
}

fn a_shutdown_tells_what_waits(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    for n in 1..=20 {
        attack(&fleet.shop, &format!("203.0.113.{n}"));
    }
    let report = fleet.shop.agent.shutdown(PATIENCE);
    assert_eq!((report.unsent, report.in_time), (0, true), "{report:?}");
    for n in 1..=20 {
        assert!(fleet.cloud.lists(&format!("203.0.113.{n}")));
    }
    assert_eq!(fleet.shop.get("/", "203.0.113.7"), 403, "the guard judges on");
    assert_eq!(fleet.shop.get("/", "203.0.113.77"), 200);
}

fn a_dropped_agent_leaves_the_guard_judging(rig: Rig) {
    let Fleet { cloud, shop, blog, .. } = Fleet::over(rig, Cloud::start());
    attack(&shop, "203.0.113.9");
    blog.wait_until("the ban has crossed", || blog.get("/", "203.0.113.9") == 403);
    let Site { app, agent, .. } = shop;
    drop(Arc::into_inner(agent).expect("the only owner"));
    assert_eq!((app.get("/", "203.0.113.9"), app.get("/", "203.0.113.10")), (403, 200));
    assert_eq!(app.get(DECOY, "203.0.113.12"), 403, "and it still catches");
    attack(&blog, "203.0.113.11");
    blog.wait_until("the other goes on", || cloud.lists("203.0.113.11"));
}
