//! Who brings a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

use super::stage::{compile, get, stage};

fn token(key: &str, claims: &Value) -> String {
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encoded(r#"{"alg":"HS512"}"#), encoded(&claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn keys(more: &Value) -> Value {
    let mut keys = json!({"ZTAA_KEY": ["old", "new"], "SECURITY_CHECKS": {"ztaa": 1}});
    keys.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    keys
}

#[test]
fn ztaa_key_header() {
    for spelling in ["ZTAA_KEY_HEADER", "ZTAA_HEADER"] {
        let stage = stage(keys(&json!({spelling: "X-Proof"})));
        let token = token("new", &json!({}));
        assert!(!stage.refuses(&get("/").with("x-proof", &token)));
        assert!(stage.refuses(&get("/").with("pcb-ztaa", &token)));
    }
}

#[test]
fn ztaa_key() {
    let stage = stage(keys(&json!({})));
    for key in ["old", "new"] {
        assert!(!stage.refuses(&get("/").with("pcb-ztaa", token(key, &json!({"exp": 4_000_000_000_u64})))));
    }
    assert!(stage.refuses(&get("/")));
    assert!(stage.refuses(&get("/").with("pcb-ztaa", token("another", &json!({})))));
    assert!(stage.refuses(&get("/").with("pcb-ztaa", token("new", &json!({"exp": 1})))));
    assert_eq!(stage.checks(), ["ztaa"; 3]);
    assert!(compile("default", &json!({"SECURITY_CHECKS": {"ztaa": 1}})).is_err());
}

#[test]
fn ztaa_browser_version() {
    let with = |claims| get("/").with("pcb-ztaa", token("new", &claims));
    let strict = stage(keys(&json!({"ZTAA_BROWSER_VERSION": true})));
    assert!(!strict.refuses(&with(json!({"latest": true}))) && strict.refuses(&with(json!({"latest": false}))));
    assert!(!stage(keys(&json!({}))).refuses(&with(json!({"latest": false}))));
}
