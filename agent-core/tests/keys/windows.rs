//! How often a client may ask, and err.

use std::time::Duration;

use buckler::model::policy::Level;
use serde_json::{Value, json};

use super::stage::{Stage, answered, get, stage};

fn flood(ratio: u32, delay: u32) -> Stage {
    stage(json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": ratio, "FLOOD_DELAY": delay}))
}

fn brute(ratio: u32, delay: u32) -> Stage {
    stage(json!({"SECURITY_CHECKS": {"brute": 2}, "ERROR_FLOOD_RATIO": ratio, "ERROR_FLOOD_DELAY": delay}))
}

#[test]
fn flood_burst() {
    let keys = json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": 60, "FLOOD_DELAY": 60, "FLOOD_BURST": 5});
    let stage = stage(keys);
    (0..5).for_each(|_| assert!(!stage.refuses(&get("/"))));
    assert!(stage.refuses(&get("/")));
    stage.clock.advance(Duration::from_secs(1));
    assert!(!stage.refuses(&get("/")) && stage.refuses(&get("/")), "one a second");
}

#[test]
fn flood_ban_after() {
    let bans = |seconds: u32| {
        let keys = json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": 3, "FLOOD_BAN_AFTER": seconds});
        let stage = stage(keys);
        for _ in 0..12 {
            (0..5).for_each(|_| drop(stage.check(&get("/"))));
            stage.clock.advance(Duration::from_secs(1));
        }
        stage.found().iter().any(|found| found.level == Level::Ban)
    };
    assert!(bans(0) && bans(10) && !bans(30));
}

#[test]
fn flood_static() {
    let keys = |counts: bool| json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": 3, "FLOOD_STATIC": counts});
    let apart = stage(keys(false));
    (0..60).for_each(|n| assert!(!apart.refuses(&get(format!("/pictures/{n}.jpg")))));
    (0..60).for_each(|_| assert!(!apart.refuses(&get("/pictures/7").with("sec-fetch-dest", "image"))));
    let all = stage(keys(true));
    (0..3).for_each(|_| assert!(!all.refuses(&get("/app.css"))));
    assert!(all.refuses(&get("/app.css")));
}

#[test]
fn flood_status_code() {
    let answer = |keys: Value| {
        let mut keys = keys;
        keys["SECURITY_CHECKS"] = json!({"flood": 1});
        keys["FLOOD_RATIO"] = json!(1);
        let stage = stage(keys);
        assert!(!stage.refuses(&get("/")));
        answered(stage.check(&get("/")))
    };
    assert_eq!(answer(json!({})), (429, "Too many requests".to_owned()));
    assert_eq!(answer(json!({"FLOOD_STATUS_CODE": 503})).0, 503);
    assert_eq!(
        answer(json!({"BLOCK_STATUS_CODE": 418, "BLOCK_ACTION_CONTENT": "tea"})),
        (418, "tea".to_owned())
    );
}

#[test]
fn brute_and_flood_paths() {
    let stage = stage(json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": 3, "BRUTE_AND_FLOOD_PATHS": ["^/api/"]}));
    (0..10).for_each(|_| assert!(!stage.refuses(&get("/pictures"))));
    (0..3).for_each(|_| assert!(!stage.refuses(&get("/api/login"))));
    assert!(stage.refuses(&get("/api/login")));
}

#[test]
fn flood_delay() {
    let stage = flood(3, 20);
    (0..3).for_each(|_| assert!(!stage.refuses(&get("/"))));
    assert!(stage.refuses(&get("/")));
    stage.clock.advance(Duration::from_secs(41));
    assert!(!stage.refuses(&get("/")));
}

#[test]
fn flood_ratio() {
    let stage = flood(5, 60);
    (0..5).for_each(|_| assert!(!stage.refuses(&get("/"))));
    assert!(stage.refuses(&get("/")));
    assert_eq!(stage.checks(), ["flood"]);
    assert!(!stage.refuses(&get("/").from("198.51.100.7")));
}

#[test]
fn error_flood_delay() {
    let stage = brute(3, 20);
    (0..3).for_each(|_| assert!(!stage.answer(&get("/login"), 401).is_block()));
    assert!(stage.answer(&get("/login"), 401).is_block());
    stage.clock.advance(Duration::from_secs(41));
    assert!(!stage.answer(&get("/login"), 401).is_block());
}

#[test]
fn error_flood_ratio() {
    let stage = brute(5, 60);
    (0..50).for_each(|_| {
        assert!(
            !stage.answer(&get("/login"), 500).is_block(),
            "the application's own fault"
        )
    });
    (0..5).for_each(|_| assert!(!stage.answer(&get("/login"), 401).is_block()));
    assert!(stage.answer(&get("/login"), 401).is_block());
    assert_eq!(stage.checks(), ["brute"]);
}
