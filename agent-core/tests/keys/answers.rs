//! How a refusal looks, and how long a ban lasts.

use std::time::Duration;

use buckler::guard::BlockId;
use serde_json::{Value, json};

use super::stage::{Stage, agent, answered, attack, compile, get, settings, stage, wait_until};

/// Refuses `/.git/` without a ban and whoever is listed with the answer for banned ones.
fn refusing(mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({"decoy": 1});
    let stage = stage(keys);
    stage.list("198.51.100.7/32");
    stage
}

fn blocked(keys: Value) -> (u16, String) {
    answered(refusing(keys).check(&get("/.git/config").unrouted()))
}

/// The status of an answer with the page of those who have configured none: it bears an id.
#[track_caller]
fn plain((status, page): (u16, String)) -> u16 {
    let (text, id) = page.rsplit_once(": ").unwrap();
    assert!(
        text.starts_with("Blocked. ") && id.len() == 16 && id.parse::<BlockId>().is_ok(),
        "{page}"
    );
    status
}

fn banned(keys: Value) -> (u16, String) {
    answered(refusing(keys).check(&get("/").from("198.51.100.7")))
}

#[test]
fn blacklist_delay() {
    let (agent, clock) = agent(settings(&json!({"BLACKLIST_DELAY": 60})));
    let passes = || !get("/").show(|view| agent.guard().check(view)).is_block();
    attack(&agent, "/.git/config");
    wait_until(&agent, "it is banned", || !passes());
    clock.advance(Duration::from_secs(59));
    assert!(!passes());
    clock.advance(Duration::from_secs(2));
    assert!(passes());
}

#[test]
fn blacklist_override() {
    let stage = refusing(json!({"BLACKLIST_OVERRIDE": true}));
    assert!(!stage.refuses(&get("/").from("198.51.100.7")));
    assert!(
        stage.refuses(&get("/.git/config").unrouted()),
        "what is attacked is refused all the same"
    );
}

#[test]
fn blacklist_action() {
    let keys = json!({"BLACKLIST_ACTION": "redirect", "BLACKLIST_ACTION_CONTENT": "https://www.example.com/"});
    assert_eq!(banned(keys.clone()), (302, "https://www.example.com/".to_owned()));
    assert_eq!(plain(blocked(keys)), 403);
    assert!(compile("default", &json!({"BLACKLIST_ACTION": "drop"})).is_err());
}

#[test]
fn blacklist_status_code() {
    let keys = json!({"BLACKLIST_STATUS_CODE": 418});
    assert_eq!((banned(keys.clone()).0, blocked(keys).0), (418, 403));
    assert!(compile("default", &json!({"BLACKLIST_STATUS_CODE": 99})).is_err());
}

#[test]
fn blacklist_action_content() {
    let keys = json!({"BLACKLIST_ACTION_CONTENT": "go away"});
    assert_eq!(banned(keys.clone()).1, "go away");
    assert_eq!(plain(blocked(keys)), 403);
    assert_eq!(plain(banned(json!({}))), 403);
    let (_, content) = banned(json!({"BLACKLIST_ACTION_CONTENT": "see {{id}}"}));
    assert!(
        content.starts_with("see ") && content.len() > 8 && !content.contains('{'),
        "{content}"
    );
}

#[test]
fn block_action() {
    let keys = json!({"BLOCK_ACTION": "redirect", "BLOCK_STATUS_CODE": 307, "BLOCK_ACTION_CONTENT": "https://www.example.com/"});
    assert_eq!(blocked(keys.clone()), (307, "https://www.example.com/".to_owned()));
    assert_eq!(plain(banned(keys)), 403);
}

#[test]
fn block_status_code() {
    assert_eq!(blocked(json!({"BLOCK_STATUS_CODE": 404})).0, 404);
    assert_eq!(blocked(json!({"DENY_STATUS_CODE": 410})).0, 410);
    assert_eq!(plain(banned(json!({"DENY_STATUS_CODE": 410}))), 410);
    assert_eq!(
        banned(json!({"BLOCK_STATUS_CODE": 410})).0,
        403,
        "the newer name is of blocks alone"
    );
    let newer = json!({"DENY_STATUS_CODE": 410, "BLACKLIST_STATUS_CODE": 429});
    assert_eq!(banned(newer).0, 429);
}

#[test]
fn block_action_content() {
    assert_eq!(blocked(json!({"BLOCK_ACTION_CONTENT": "no"})).1, "no");
    assert_eq!(blocked(json!({"GTFO_MSG": "out"})).1, "out");
    assert_eq!(banned(json!({"GTFO_MSG": "out"})), (403, "out".to_owned()));
    let newer = json!({"GTFO_MSG": "out", "BLACKLIST_ACTION_CONTENT": "banned"});
    assert_eq!(
        (banned(newer.clone()).1, blocked(newer).1),
        ("banned".to_owned(), "out".to_owned())
    );
    let elsewhere = json!({"GTFO_MSG": "out", "BLACKLIST_ACTION": "redirect", "BLACKLIST_ACTION_CONTENT": "/out"});
    assert_eq!(banned(elsewhere), (302, "/out".to_owned()));
}

#[test]
fn change_server() {
    assert!(stage(json!({})).guard.server_header().is_none());
    let changed = stage(json!({"CHANGE_SERVER": true})).guard.server_header();
    assert_eq!(changed.as_deref(), Some("Apache"));
}

#[test]
fn server_header() {
    let changed = stage(json!({"CHANGE_SERVER": true, "SERVER_HEADER": "nginx"}))
        .guard
        .server_header();
    assert_eq!(changed.as_deref(), Some("nginx"));
    assert!(compile("default", &json!({"SERVER_HEADER": "a\r\nset-cookie: b"})).is_err());
}
