//! Requests that cost more to look into than one may.

use super::*;

/// A form of short values, each of which many rules and the tokenizer have to look at: too many for
/// what one request may cost.
fn costly() -> String {
    "p=select(a'--%22{{x}}${y}%3Cz;cat`%7C&".repeat(1_500)
}

fn posted(stage: &Stage, body: &str) -> bool {
    let mut request = get("/search");
    request.headers = vec![("content-type", b"application/x-www-form-urlencoded")];
    let view = RequestView {
        method: "POST",
        ..request.view()
    };
    let body = BodyView {
        bytes: body.as_bytes(),
        is_whole: true,
    };
    stage.guard.check(&view).is_block() || stage.guard.check_body(&view, body).is_block()
}

#[test]
fn a_request_that_costs_too_much_is_decided_by_the_setting() {
    let detects = json!({ "SECURITY_CHECKS": {"sqli": 3, "xss": 3, "command": 3, "flood": 0, "hpp": 0} });
    for (on_failure, is_refused) in [(OnFailure::Open, false), (OnFailure::Closed, true)] {
        let stage = stage_at(
            detects.clone(),
            on_failure,
            Detectors::standard().unwrap(),
            Arc::default(),
        );
        assert_eq!(posted(&stage, &costly()), is_refused, "{on_failure:?}");
        assert_eq!(stage.tally.totals().unjudged, 1);
        assert_eq!(stage.tally.totals().guard_failures, 0, "nothing has failed");
    }
}

#[test]
fn three_different_requests_that_cost_too_much_ban_their_client() {
    let keys = json!({ "SECURITY_CHECKS": {"sqli": 3, "xss": 3, "command": 3, "format": 2}, "BAN_EVIDENCE": 3 });
    let stage = stage_at(keys, OnFailure::Open, Detectors::standard().unwrap(), Arc::default());
    let forms = ["a=1&", "b=2&", "c=3&"].map(|first| format!("{first}{}", costly()));
    for form in [&forms[0], &forms[0], &forms[1]] {
        assert!(!posted(&stage, form), "it is evidence, and a repetition none");
    }
    let is_refused = posted(&stage, &forms[2]);
    let last = stage.detections().pop().unwrap();
    assert!(is_refused, "{last:?}");
    assert_eq!((&*last.rule, last.ban_for.is_some()), ("budget/exhausted", true));
    let off = json!({ "SECURITY_CHECKS": {"sqli": 3, "xss": 3, "command": 3, "format": 0}, "BAN_EVIDENCE": 1 });
    let stage = stage_at(off, OnFailure::Open, Detectors::standard().unwrap(), Arc::default());
    assert!(
        !posted(&stage, &forms[0])
            && stage
                .detections()
                .iter()
                .all(|found| &*found.rule != "budget/exhausted")
    );
}

#[test]
fn costly_requests_change_nothing_about_how_others_are_judged() {
    let stage = stage_at(
        json!({ "SECURITY_CHECKS": {"sqli": 1, "xss": 1, "command": 1, "flood": 0, "hpp": 0} }),
        OnFailure::Open,
        Detectors::standard().unwrap(),
        Arc::default(),
    );
    let attacks = [
        "q=1'+or+'1'%3D'1",
        "q=%3Cscript%3Ealert(1)%3C/script%3E",
        "q=;cat+/etc/passwd",
        "q={{7*7}}",
    ];
    let caught = |stage: &Stage| attacks.iter().filter(|attack| posted(stage, attack)).count();
    assert_eq!(caught(&stage), attacks.len());
    for _ in 0..20 {
        posted(&stage, &costly());
    }
    assert_eq!(caught(&stage), attacks.len());
    assert!(stage.guard.failing_detectors().iter().all(|health| health.is_on));
}

#[test]
fn binary_data_is_no_evidence_however_costly() {
    let keys = json!({ "SECURITY_CHECKS": {"sqli": 3, "xss": 3, "command": 3, "format": 2}, "BAN_EVIDENCE": 1 });
    let stage = stage_at(keys, OnFailure::Open, Detectors::standard().unwrap(), Arc::default());
    // runs of text between bytes that no text has
    let runs = b"\xff\0\x01select(a'--\"{{x}}${y}<z;cat`|".repeat(2_000);
    let request = get("/echo");
    let view = RequestView {
        method: "POST",
        ..request.view()
    };
    let body = BodyView {
        bytes: &runs,
        is_whole: true,
    };
    assert!(!stage.guard.check_body(&view, body).is_block());
    assert_eq!(
        stage.tally.totals().unjudged,
        1,
        "it cost too much, as compressed data may by chance"
    );
}
