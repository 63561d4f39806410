//! What counts requests: as it is configured, answered, and warned of.

use super::*;

#[test]
fn floods_are_as_configured_and_a_burst_is_one_of_its_own() {
    let window = |keys: Value| policy(keys).flood();
    assert_eq!(window(json!({})), Window::DEFAULT);
    assert_eq!(
        window(json!({"FLOOD_RATIO": 6000, "FLOOD_DELAY": 60, "FLOOD_BURST": 0})),
        Window::DEFAULT,
        "as a server sends it"
    );
    let pyrasps = window(json!({"FLOOD_RATIO": 50}));
    assert_eq!((pyrasps.limit, pyrasps.burst), (50, 50));
    assert_eq!(window(json!({"FLOOD_BURST": 500})).burst, 500);
    assert!(pyrasps.is_below_default() && !Window::DEFAULT.is_below_default());
    assert!(pyrasps.is_tighter_than(Window::DEFAULT) && !Window::DEFAULT.is_tighter_than(pyrasps));
    assert_eq!(pyrasps.of_static(), Window::DEFAULT.of_static());
    let wide = window(json!({"FLOOD_RATIO": 60_000, "FLOOD_DELAY": 30}));
    assert_eq!((wide.of_static().limit, wide.of_static().burst), (600_000, 600_000));
}

#[test]
fn a_throttled_request_is_answered_429_unless_configured_otherwise() {
    let status = |keys: Value| match policy(keys).throttle_reaction() {
        Reaction::Respond { status, .. } | Reaction::Redirect { status, .. } => *status,
    };
    assert_eq!(status(json!({})), 429);
    assert_eq!(status(json!({"FLOOD_STATUS_CODE": 503})), 503);
    assert_eq!(status(json!({"DENY_STATUS_CODE": 418})), 418);
    assert_eq!(
        status(json!({"DENY_STATUS_CODE": 403})),
        403,
        "the document's own example"
    );
    assert_eq!(status(json!({"BLOCK_STATUS_CODE": 403})), 429, "as it is written out");
    assert_eq!(status(json!({"DENY_STATUS_CODE": 418, "FLOOD_STATUS_CODE": 429})), 429);
    let redirect = json!({"BLOCK_ACTION": "redirect", "BLOCK_ACTION_CONTENT": "/wait"});
    assert_eq!(status(redirect), 302);
    assert!(problem(json!({"FLOOD_STATUS_CODE": 200})).contains("0, or a status from 400 to 599"));
}

#[test]
fn what_would_throttle_honest_clients_is_warned_of() {
    let cautions = |keys: Value| policy(keys).cautions();
    assert!(cautions(json!({})).is_empty());
    let [said] = cautions(json!({"FLOOD_RATIO": 50})).try_into().unwrap();
    for part in ["FLOOD_RATIO", "50", "60", "6000", "10000"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(cautions(json!({"FLOOD_RATIO": 50, "SECURITY_CHECKS": {"flood": 0}})).is_empty());
    assert_eq!(cautions(json!({"FLOOD_BURST": 200})).len(), 1);
}

#[test]
fn a_key_whose_check_is_off_is_told_of() {
    let idle = policy(json!({"HOSTS": ["shop.example.com"], "DLP_CC_NUMBERS": true})).cautions();
    assert_eq!(
        idle,
        [
            "HOSTS does nothing while the check spoofing is off: SECURITY_CHECKS.spoofing is 0",
            "DLP_CC_NUMBERS does nothing while the check dlp is off: SECURITY_CHECKS.dlp is 0",
        ]
    );
    let used = policy(json!({"HOSTS": ["shop.example.com"], "SECURITY_CHECKS": {"spoofing": 3}}));
    assert!(used.cautions().is_empty() && policy(json!({})).cautions().is_empty());
}
