//! What it takes to be banned, and for how long.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Request, Stage, agent, answered, attack, compile, get, settings, stage, wait_until};

/// A different attack for each number.
fn injection(n: usize) -> Request {
    get("/").asking(format!("q={n}'+UNION+SELECT+password+FROM+users{n}--+"))
}

fn guard(mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({"sqli": 2});
    keys["BLACKLIST_STATUS_CODE"] = json!(418);
    stage(keys)
}

/// The first of these that bans.
fn banned_at(stage: &Stage, numbers: impl IntoIterator<Item = usize>) -> Option<usize> {
    numbers
        .into_iter()
        .find(|n| answered(stage.check(&injection(*n))).0 == 418)
}

#[test]
fn ban_evidence() {
    assert_eq!(banned_at(&guard(json!({"BAN_EVIDENCE": 3})), 1..20), Some(3));
    assert_eq!(banned_at(&guard(json!({"BAN_EVIDENCE": 1})), 1..20), Some(1));
    assert_eq!(banned_at(&guard(json!({"BAN_EVIDENCE": 16})), 1..20), Some(16));
    assert_eq!(
        banned_at(&guard(json!({"BAN_EVIDENCE": 2})), [7; 20]),
        None,
        "the same again"
    );
    assert!(compile("default", &json!({"BAN_EVIDENCE": 0})).is_err());
    assert!(compile("default", &json!({"BAN_EVIDENCE": 17})).is_err());
}

#[test]
fn ban_window() {
    let stage = guard(json!({"BAN_EVIDENCE": 2, "BAN_WINDOW": 60}));
    assert_eq!(banned_at(&stage, [1]), None);
    stage.clock.advance(Duration::from_secs(62));
    assert_eq!(banned_at(&stage, [2]), None);
    stage.clock.advance(Duration::from_secs(50));
    assert_eq!(banned_at(&stage, [3]), Some(3));
}

#[test]
fn ban_share() {
    let after_many = |share: f64| {
        let stage = guard(json!({"BAN_EVIDENCE": 3, "BAN_SHARE": share}));
        (0..100).for_each(|_| assert!(!stage.refuses(&get("/"))));
        banned_at(&stage, 1..10)
    };
    assert_eq!(after_many(0.5), None);
    assert_eq!(after_many(0.05), Some(6), "6 of 106");
    assert_eq!(after_many(0.0), Some(3));
    assert!(compile("default", &json!({"BAN_SHARE": 1.5})).is_err());
}

#[test]
fn ban_growth() {
    for (keys, lengths) in [
        (json!({}), [300, 3600, 86_400]),
        (json!({"BLACKLIST_DELAY": 1000}), [300, 1000, 1000]),
        (json!({"BAN_GROWTH": false}), [3600, 3600, 3600]),
        (
            json!({"BAN_GROWTH": false, "BLACKLIST_DELAY": 1000}),
            [1000, 1000, 1000],
        ),
    ] {
        // asking again and again is a flood, by rights
        let (agent, clock) = agent(settings(&keys).security("SECURITY_CHECKS", json!({"flood": 0})));
        let passes = || !get("/").show(|view| agent.guard().check(view)).is_block();
        for length in lengths {
            attack(&agent, "/.git/config");
            wait_until(&agent, "it is banned, and that is written down", || {
                !passes() && agent.status().events.pending == 0
            });
            clock.advance(Duration::from_secs(length - 1));
            assert!(!passes(), "{keys}: {length}");
            clock.advance(Duration::from_secs(2));
            assert!(passes(), "{keys}: {length}");
        }
    }
}
