//! Clients that must prove that they may come.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use super::*;

/// 1970 to the start of the test's clock.
const START: u64 = 1_800_000_000;

fn keys(level: u8) -> Value {
    json!({
        "SECURITY_CHECKS": { "ztaa": level }, "ZTAA_KEY": ["old", "new"], "ZTAA_KEY_HEADER": "X-Proof",
    })
}

fn token(key: &str, claims: &Value) -> &'static str {
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encoded(r#"{"alg":"HS512"}"#), encoded(&claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)).leak()
}

#[test]
fn a_token_of_any_of_the_keys_opens_every_door() {
    let stage = stage(keys(1));
    for key in ["old", "new"] {
        assert!(
            !stage.refuses(&get("/").with("x-proof", token(key, &json!({}))), 200),
            "{key}"
        );
    }
    assert_eq!((stage.reported(), stage.counts()), (vec![], [2, 0, 0, 0]));
}

#[test]
fn without_a_valid_one_nobody_comes_in() {
    let stage = stage(keys(2));
    let foreign = token("foreign", &json!({}));
    for request in [
        get("/"),
        get("/").with("x-proof", ""),
        get("/").with("x-proof", foreign),
        get("/").with("pcb-ztaa", token("new", &json!({}))),
        get("/")
            .with("x-proof", foreign)
            .with("x-proof", token("new", &json!({}))),
    ] {
        assert_eq!(content(&stage.check(&request)), "banned");
        let [detection] = stage.detections().try_into().unwrap();
        assert_eq!((detection.check, &*detection.place), (Check::Ztaa, "header:x-proof"));
        assert!(!detection.excerpt.contains("eyJ"), "a token is a secret");
    }
}

#[test]
fn it_ends_by_the_guards_clock() {
    let stage = stage(keys(1));
    let request = get("/").with("x-proof", token("new", &json!({"exp": START + 60})));
    assert!(!stage.check(&request).is_block());
    stage.pass_time(89);
    assert!(!stage.check(&request).is_block(), "clocks may be half a minute apart");
    stage.pass_time(1);
    assert!(stage.check(&request).is_block());
    assert_eq!(&*stage.detections()[0].excerpt, "token expired");
}

#[test]
fn the_browser_must_be_current_where_that_is_asked_for() {
    let mut keys = keys(1);
    keys["ZTAA_BROWSER_VERSION"] = json!(true);
    let stage = stage(keys);
    let with = |claims| get("/").with("x-proof", token("new", &claims));
    assert!(!stage.check(&with(json!({"latest": true}))).is_block());
    assert!(stage.check(&with(json!({"latest": false}))).is_block());
    assert!(stage.check(&with(json!({}))).is_block());
}

#[test]
fn a_missing_token_that_is_only_logged_is_one_attack() {
    let stage = stage(keys(3));
    assert!(!stage.refuses(&get("/"), 404));
    assert_eq!(
        (stage.reported(), stage.counts()),
        (vec![(Check::Ztaa, Level::Log)], [0, 1, 1, 0])
    );
    let poor = get("/").to(None);
    assert!(!stage.answer(&poor, 404).is_block());
    assert_eq!(stage.counts(), [0, 2, 1, 0], "an answer's view has no tokens");
}

#[test]
fn zero_trust_without_a_key_is_no_configuration() {
    let layer = |keys: Value| Layer::new("file", serde_json::from_value(keys).unwrap());
    let keys = json!({"SECURITY_CHECKS": {"ztaa": 1}, "ztaa_keys": ["", ""]});
    let error = Policy::compile("default", &[layer(keys)]).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "file: SECURITY_CHECKS.ztaa is 1; allowed: 0 where `ZTAA_KEY` holds no key"
    );
    let many: Vec<String> = (0..17).map(|n| format!("key-{n}")).collect();
    let error = Policy::compile("default", &[layer(json!({"ZTAA_KEY": many}))])
        .map(drop)
        .unwrap_err();
    assert!(
        error.to_string().contains("at most 16") && !error.to_string().contains("key-1"),
        "{error}"
    );
}

#[test]
fn a_preflight_needs_none_and_what_only_looks_like_one_does() {
    let stage = stage(keys(2));
    let preflight = || Request {
        method: "OPTIONS",
        ..get("/").with("origin", "https://app.example.com")
    };
    let asks = |request: Request| request.with("access-control-request-method", "PUT");
    assert!(!stage.check(&asks(preflight())).is_block());
    assert!(!stage.check(&asks(preflight()).with("content-length", "0")).is_block());
    let get_in_disguise = asks(Request {
        method: "GET",
        ..preflight()
    });
    let with_a_session = asks(preflight()).with("cookie", "session=1");
    let with_a_body = asks(preflight()).with("content-type", "application/json");
    let with_a_length = asks(preflight()).with("content-length", "5");
    let with_two_lengths = asks(preflight())
        .with("content-length", "0")
        .with("content-length", "5");
    for request in [
        preflight(),
        get_in_disguise,
        with_a_session,
        with_a_body,
        with_a_length,
        with_two_lengths,
    ] {
        assert!(stage.check(&request).is_block());
    }
}
