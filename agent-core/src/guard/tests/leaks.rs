//! Answers that hold what must not leave.

use super::*;
use crate::model::policy::Check;

const CARD: &[u8] = b"paid with 4111 1111 1111 1111";

fn leaking(dlp: u8, mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({"dlp": dlp, "flood": 0});
    if keys["DLP_CC_NUMBERS"].is_null() {
        keys["DLP_CC_NUMBERS"] = json!(true);
    }
    stage(keys)
}

fn answers(stage: &Stage, bytes: &[u8]) -> Verdict {
    let body = BodyView { bytes, is_whole: true };
    stage.guard.check_answer(&get("/orders/7").view(), body)
}

fn wants(stage: &Stage, path: &str, content_type: &str, encoding: &str) -> bool {
    stage
        .guard
        .wants_answer(&get(path).view(), content_type, encoding)
        .is_some()
}

#[test]
fn a_leak_is_refused_and_its_report_does_not_leak_it_once_more() {
    let stage = leaking(1, json!({}));
    assert!(!answers(&stage, b"paid in cash").is_block());
    assert_eq!(content(&answers(&stage, CARD)), "blocked");
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, found.level), (Check::Dlp, Level::Block));
    assert_eq!((&*found.rule, &*found.place), ("leak/card-number", "response"));
    assert!(!found.excerpt.contains("4111"), "{found:?}");
    assert_eq!(stage.counts(), [0, 0, 1, 1]);
}

#[test]
fn a_report_holds_what_stands_before_a_leak_where_the_configuration_says_so() {
    let stage = leaking(3, json!({"DLP_LOG_LEAKED_DATA": true}));
    assert!(!answers(&stage, CARD).is_block(), "level 3 only logs");
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.level, found.id), (Level::Log, None));
    assert_eq!(&*found.excerpt, "paid with ***");
    assert_eq!(stage.counts(), [0, 0, 1, 0]);
}

#[test]
fn only_text_is_wanted_and_only_where_leaks_are_looked_for() {
    let stage = leaking(1, json!({"IGNORE_PATHS": ["^/export"]}));
    for kind in [
        "text/html; charset=utf-8",
        "TEXT/plain",
        "application/json",
        "application/problem+json",
        "image/svg+xml",
        "application/javascript",
    ] {
        assert!(wants(&stage, "/", kind, ""), "{kind}");
    }
    for kind in [
        "",
        "image/png",
        "text/event-stream",
        "application/octet-stream",
        "font/woff2",
        "+jso",
    ] {
        assert!(!wants(&stage, "/", kind, ""), "{kind}");
    }
    assert!(!wants(&stage, "/", "text/html", "gzip") && wants(&stage, "/", "text/html", "identity"));
    assert!(!wants(&stage, "/export/all", "text/html", ""));
    assert!(!wants(&leaking(0, json!({})), "/", "text/html", ""));
    assert!(!wants(
        &leaking(1, json!({"DLP_CC_NUMBERS": false})),
        "/",
        "text/html",
        ""
    ));
}

#[test]
fn what_is_no_text_after_all_is_looked_into_as_far_as_it_is() {
    let stage = leaking(1, json!({}));
    assert!(answers(&stage, &[b"\xff\xfe\xc3 ", CARD, b" \xc3"].concat()).is_block());
    assert!(!answers(&stage, &[0xff; 1000]).is_block());
}

#[test]
fn whitelisted_clients_and_ignored_paths_get_everything() {
    let whitelisted = leaking(2, json!({"WHITELIST": [ATTACKER]}));
    assert!(!answers(&whitelisted, CARD).is_block());
    let ignored = leaking(2, json!({"IGNORE_PATHS": ["^/orders"]}));
    assert!(!answers(&ignored, CARD).is_block());
}
