//! Bodies that were not inspected: counted by reason, and refused, reported or passed as the host's
//! settings say.

use buckler_waf::places::{Gap, MOST_BYTES, Part};

use super::*;
use crate::model::policy::{Check, Level};

const FORM: &str = "application/x-www-form-urlencoded";
const ATTACK: &[u8] = b"q=1'+OR+'1'%3D'1";

fn inspecting(keys: Value) -> Stage {
    let mut keys = keys;
    if keys["SECURITY_CHECKS"].is_null() {
        keys["SECURITY_CHECKS"] = json!({"sqli": 1, "format": 2, "flood": 0});
    }
    stage_made(
        keys,
        OnFailure::Open,
        CompressedBodies::Inspect,
        Detectors::standard().unwrap(),
        Arc::default(),
    )
}

/// A stage where the host has said what happens for one reason.
fn saying(gap: Gap, action: UninspectedAction) -> Stage {
    let keys = json!({"SECURITY_CHECKS": {"sqli": 1, "format": 2, "flood": 0}});
    let mut uninspected = Uninspected::default();
    uninspected.set(gap, action);
    stage_for(
        keys,
        OnFailure::Open,
        (CompressedBodies::Inspect, uninspected),
        Detectors::standard().unwrap(),
        Arc::default(),
    )
}

impl Stage {
    fn sent(&self, types: &[&str], bytes: &[u8]) -> Verdict {
        let headers: Vec<(&str, &[u8])> = types.iter().map(|kind| ("content-type", kind.as_bytes())).collect();
        self.check_posted(&headers, bytes, bytes.len() <= MOST_BYTES)
    }
}

#[test]
fn what_no_honest_client_sends_is_refused_with_what_is_wrong() {
    let stage = inspecting(json!({}));
    let multipart = b"--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx\r\n--b--\r\n";
    #[rustfmt::skip]
    let cases: [(&[&str], &[u8], &str, u16); 7] = [
        (&[FORM, "image/png"], b"q=1", "two_types", 400),
        (&["application/json, image/png"], b"{}", "two_types", 400),
        (&["application/x-www-form-urlencoded; charset=utf-7"], b"q=1", "foreign_charset", 415),
        (&["multipart/form-data; boundary=a; boundary=b"], multipart, "loose_grammar", 400),
        (&["text/plain"], b"\x01hello, this is a text", "control_bytes", 400),
        (&["application/msgpack"], b"\xc1", "loose_grammar", 400),
        (&["application/grpc"], b"\x01\0\0\0\x02\0\x07", "unknown_coding", 415),
    ];
    for (types, bytes, reason, expected) in cases {
        assert_eq!(status(&stage.sent(types, bytes)), expected, "{types:?}");
        let found = stage.detections();
        let [found] = found.as_slice() else {
            panic!("{types:?}: {found:?}")
        };
        assert_eq!(
            (found.check, found.level),
            (Check::Format, Level::Block),
            "no client is banned for it"
        );
        assert_eq!(&*found.rule, format!("uninspected/{reason}"));
        assert!(found.place.starts_with("body@") && found.excerpt.is_empty());
    }
    assert_eq!(stage.counted(), [], "they did not pass");
}

#[test]
fn a_query_is_read_in_the_charset_of_the_body_too() {
    let stage = inspecting(json!({}));
    let asks = |charset: &'static str, query: &str| {
        let request = Request {
            query: query.to_owned(),
            ..get("/orders")
        };
        status(&stage.check(&request.with("content-type", charset)))
    };
    assert_eq!(
        asks("text/plain; charset=cp037", "q=%F1%7D%40%96%99%40%7D%F1%7D%7E%7D%F1"),
        403
    );
    assert_eq!(stage.detections().pop().unwrap().check, Check::Sqli);
    assert_eq!(asks("text/plain; charset=utf-16le", "q=1"), 415);
    let found = stage.detections().pop().unwrap();
    assert_eq!(
        (&*found.rule, &*found.place),
        ("uninspected/foreign_charset", "query@0")
    );
    // by four types and no more, however many there are: the fifth might be the one that counts
    let many = "text/a, text/b, text/c, text/d, text/e; charset=utf-16le";
    assert_eq!(asks(many, "q=1"), 400);
    let found = stage.detections().pop().unwrap();
    assert_eq!((&*found.rule, &*found.place), ("uninspected/two_types", "query@0"));
    assert_eq!(asks("text/plain; charset=utf-16le", ""), 0, "there is none");
    assert_eq!(asks("text/plain; charset=iso-8859-1", "q=caf%E9"), 0);
}

#[test]
fn what_honest_clients_send_passes_and_is_counted() {
    let stage = inspecting(json!({}));
    let large = [b"a=", &vec![b'x'; MOST_BYTES][..]].concat();
    assert_eq!(status(&stage.sent(&[FORM], &large)), 0);
    assert_eq!(status(&stage.sent(&["image/png"], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), 0);
    assert_eq!(
        status(&stage.sent(&[FORM, FORM], b"a=1")),
        0,
        "the same type twice is one"
    );
    assert_eq!(status(&stage.sent(&["application/json"], b"{\"a\": 1}")), 0);
    assert_eq!(stage.counted(), [(Gap::TooLarge, 1), (Gap::NotText, 1)]);
    let ends: Vec<_> = stage.tally.totals().uninspected_at().collect();
    assert_eq!(
        ends,
        [(Gap::TooLarge, Part::Body, 65_536), (Gap::NotText, Part::Body, 0)]
    );
    assert_eq!(stage.tally.totals().uninspected, 2);
    assert_eq!(stage.reported(), []);
    assert_eq!(stage.counts()[2], 0, "no attacks");
}

#[test]
fn an_attack_is_found_by_either_of_two_types() {
    let stage = inspecting(json!({}));
    for types in [[FORM, "image/png"], ["image/png", FORM], ["application/json", FORM]] {
        assert!(stage.sent(&types, ATTACK).is_block());
        assert_eq!(stage.detections().pop().unwrap().check, Check::Sqli, "{types:?}");
    }
}

#[test]
fn the_host_decides_for_each_reason() {
    let large = [b"a=", &vec![b'x'; MOST_BYTES][..]].concat();
    let stage = saying(Gap::TooLarge, UninspectedAction::Refuse);
    assert_eq!(status(&stage.sent(&[FORM], &large)), 413);
    assert_eq!(
        &*stage.detections().pop().unwrap().place,
        "body@65536",
        "where the look ended"
    );
    let stage = saying(Gap::TooLarge, UninspectedAction::Log);
    assert_eq!(status(&stage.sent(&[FORM], &large)), 0);
    assert_eq!(stage.reported(), [(Check::Format, Level::Log)]);
    assert_eq!((stage.counted(), stage.counts()[2]), (vec![(Gap::TooLarge, 1)], 0));
    let stage = saying(Gap::TwoTypes, UninspectedAction::Pass);
    assert_eq!(status(&stage.sent(&[FORM, "image/png"], b"q=1")), 0);
    assert_eq!(stage.counted(), [(Gap::TwoTypes, 1)]);
    assert!(
        stage.sent(&[FORM, "image/png"], ATTACK).is_block(),
        "what is found is refused all the same"
    );
}

#[test]
fn the_level_of_format_and_the_kill_switch_hold_for_gaps_too() {
    for (level, status_of, reported) in [
        (0, 0, vec![]),
        (3, 0, vec![(Check::Format, Level::Log)]),
        (1, 400, vec![(Check::Format, Level::Block)]),
    ] {
        let stage = inspecting(json!({"SECURITY_CHECKS": {"sqli": 1, "format": level, "flood": 0}}));
        assert_eq!(status(&stage.sent(&[FORM, "image/png"], b"q=1")), status_of, "{level}");
        assert_eq!(stage.reported(), reported, "{level}");
    }
    for (key, own) in [("BLOCK_STATUS_CODE", 404), ("DENY_STATUS_CODE", 403)] {
        let custom = inspecting(json!({key: own}));
        assert_eq!(
            status(&custom.sent(&[FORM, "image/png"], b"q=1")),
            own,
            "the configuration's own status stays"
        );
    }
}

#[test]
fn exceptions_hold_for_gaps_and_the_one_that_is_printed_lets_the_request_pass() {
    let with = |exceptions: Value| {
        inspecting(json!({
            "SECURITY_CHECKS": {"sqli": 1, "format": 2, "flood": 0},
            "EXCEPTIONS": exceptions,
        }))
    };
    let types = [FORM, "image/png"];
    let plain = with(json!([]));
    let Verdict::Block(refusal) = plain.sent(&types, b"q=1") else {
        panic!("it passed");
    };
    let why = plain.guard.why(refusal.id).unwrap();
    let printed = serde_json::to_value(why.exception.unwrap()).unwrap();
    assert_eq!(
        (&printed["rule"], &printed["place"]),
        (&json!("uninspected/two_types"), &json!("body"))
    );
    let excepted = with(json!([printed]));
    assert_eq!(status(&excepted.sent(&types, b"q=1")), 0);
    assert!(excepted.reported().is_empty());
    assert_eq!(excepted.counted(), [(Gap::TwoTypes, 1)], "it is counted all the same");
    assert!(excepted.sent(&types, ATTACK).is_block(), "what is found is refused");
    let boundaries = ["multipart/form-data; boundary=a; boundary=b"];
    assert_eq!(status(&excepted.sent(&boundaries, b"--a--")), 400, "another reason");
    let logged = with(json!([{"rule": "uninspected", "level": 3}]));
    assert_eq!(status(&logged.sent(&types, b"q=1")), 0);
    assert_eq!(logged.reported(), [(Check::Format, Level::Log)]);
    let banning = with(json!([{"rule": "uninspected", "level": 2}]));
    assert_eq!(status(&banning.sent(&types, b"q=1")), 400);
    assert_eq!(banning.reported(), [(Check::Format, Level::Block)], "a gap bans nobody");
}

#[test]
fn a_candidate_configuration_is_told_of_gaps() {
    let keys = json!({
        "SECURITY_CHECKS": {"sqli": 1, "format": 0, "flood": 0},
        "DRY_RUN": {"SECURITY_CHECKS": {"format": 2}},
    });
    let stage = inspecting(keys);
    assert_eq!(status(&stage.sent(&[FORM, "image/png"], b"q=1")), 0);
    assert_eq!(stage.guard.dry_run().unwrap().totals(), (1, 0));
}
