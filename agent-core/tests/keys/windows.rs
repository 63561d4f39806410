//! How often one may ask, and err.

use std::time::Duration;

use serde_json::json;

use super::stage::{Stage, get, stage};

fn flood(ratio: u32, delay: u32) -> Stage {
    stage(json!({"SECURITY_CHECKS": {"flood": 2}, "FLOOD_RATIO": ratio, "FLOOD_DELAY": delay}))
}

fn brute(ratio: u32, delay: u32) -> Stage {
    stage(json!({"SECURITY_CHECKS": {"brute": 2}, "ERROR_FLOOD_RATIO": ratio, "ERROR_FLOOD_DELAY": delay}))
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
