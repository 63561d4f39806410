//! What is told of agents that are well, and of those that are not.

use std::process::Stdio;

use serde_json::json;

use crate::stage::{AGENT, Done, Stage, TOKEN, assert_says};

/// The interval of the shop's agents, in seconds.
const INTERVAL_S: u64 = 60;

#[test]
fn an_agent_is_late_by_the_interval_of_its_profile() {
    let stage = Stage::new();
    stage.agent();
    assert_says(&stage.run("agents --unwell"), 0, "All agents are well");
    assert_says(&stage.run("status"), 0, "agents   1 online, 0 late, 0 gone");
    stage.pass(2 * INTERVAL_S + 10);
    assert_says(&stage.run("agents --unwell"), 0, "All agents are well");
    stage.pass(INTERVAL_S);
    let late = stage.run("agents --unwell");
    assert_says(&late, 1, "late, silent for 3m 10s");
    assert!(late.out.contains(AGENT), "{}", late.out);
    assert_says(&stage.run("status"), 0, "agents   0 online, 1 late, 0 gone");
    stage.pass(17 * INTERVAL_S);
    assert_says(&stage.run("agents"), 0, "gone, silent for 20m 10s");
    let agents = stage.json("agents");
    assert_eq!(
        (&agents["agents"][0]["state"], &agents["agents"][0]["silent_s"]),
        (&json!("gone"), &json!(1_210))
    );
}

#[test]
fn an_agents_alarm_and_losses_are_seen_everywhere() {
    let stage = Stage::new();
    let agent = stage.agent();
    let alarm = "requests come through 10.0.0.9, which agent.trusted_proxies does not name";
    agent.beacon(&json!({"health": {"state": "synced", "alarm": alarm}}));
    let unwell = stage.run("agents --unwell");
    assert_says(&unwell, 1, alarm);
    assert_says(&stage.run("status"), 0, "1 agents are not well");
    let doctor = stage.run("doctor");
    assert_says(&doctor, 1, &format!("WRONG  agent {AGENT}: {alarm}"));
    assert!(
        doctor.out.contains("ok     the journal keeps what it is told"),
        "{}",
        doctor.out
    );
    agent.beacon(&json!({"lost": {"full": 3}}));
    assert_says(&stage.run("agents --unwell"), 1, "3 events lost");
    agent.beacon(&json!({}));
    assert_says(&stage.run("agents --unwell"), 0, "All agents are well");
    let of_others = stage.run("agents --profile blog");
    assert_says(&of_others, 0, "No agents");
}

#[test]
fn refusals_are_told_as_they_come() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.refuses(1, "203.0.113.7", "sqli/tautology", "/search");
    // what was there before the first look is no news
    assert_says(&stage.run("tail --every 1 --looks 1"), 0, "");
    let server = stage.server();
    let set = [("BUCKLERCTL_SERVER", server.as_str()), ("BUCKLERCTL_TOKEN", TOKEN)];
    let mut tail = stage
        .command("tail --every 1 --looks 3", &set)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // some after each of its looks, whenever these are
    buckler_tests::wait::until("tail ends", || {
        agent.refuses(1 + agent.told(), "203.0.113.8", "xss/script", "/comment");
        tail.try_wait().unwrap().is_some()
    });
    let done = Done::from(tail.wait_with_output().unwrap());
    assert_says(&done, 0, "203.0.113.8  xss/script  query:q  GET /comment  shop");
    assert!(!done.out.contains("203.0.113.7"), "{}", done.out);
    let ids: Vec<&str> = done.out.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(
        ids.is_sorted_by(|one, other| one < other),
        "each once, the oldest first: {ids:?}"
    );
}

#[test]
fn agents_are_found_by_what_people_know_them_by() {
    let stage = Stage::new();
    stage.agent();
    let row = stage.run("agents");
    assert_says(&row, 0, "shop     web-1  production 2.4.1 tier:web");
    for (asked, is_found) in [
        ("--name shop", true),
        ("--name blog", false),
        ("--label tier:web --label tier", true),
        ("--label tier:web --label zone", false),
        ("--label tier:we", false),
        ("--environment production --release 2.4.1", true),
        ("--environment staging", false),
        ("--release 2.4", false),
    ] {
        let found = stage.json(&format!("agents {asked}"));
        assert_eq!(
            found["agents"].as_array().unwrap().len(),
            usize::from(is_found),
            "{asked}"
        );
    }
}

#[test]
fn agents_that_are_gone_are_forgotten() {
    let stage = Stage::new();
    stage.agent();
    assert_says(&stage.run("agents forget --gone"), 1, "no agent is gone");
    assert_says(&stage.run(&format!("agents forget {AGENT}")), 1, "only who is gone");
    stage.pass(30 * INTERVAL_S);
    assert_says(&stage.run("agents forget no-such-agent"), 1, "no such agent");
    assert_says(
        &stage.run(&format!("agents forget {AGENT} --profile shop")),
        0,
        "is forgotten",
    );
    assert_says(&stage.run("agents"), 0, "No agents");
    stage.agent();
    stage.pass(30 * INTERVAL_S);
    assert_says(&stage.run("agents forget --gone"), 0, "1 agents are forgotten");
    assert_says(&stage.run("agents forget"), 2, "<ID>");
    assert_says(
        &stage.run(&format!("agents forget {AGENT} --gone")),
        2,
        "cannot be used with",
    );
}
