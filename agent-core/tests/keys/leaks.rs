//! What must not leave.

use serde_json::{Value, json};

use super::stage::{get, stage};

const CARD: &str = "paid with 4111 1111 1111 1111, thank you";

/// What an answer is refused for by these keys, with the check on.
fn found(keys: &Value, text: &str) -> Option<String> {
    let mut keys = keys.clone();
    keys["SECURITY_CHECKS"] = json!({"dlp": 1});
    let stage = stage(keys);
    let is_refused = stage.refuses_answer(&get("/orders/7"), text);
    let found = stage.found().pop().map(|detection| detection.excerpt.to_string());
    assert_eq!(is_refused, found.is_some());
    found
}

/// The key finds the leak, and nothing does where it is off.
fn finds(key: &str, leak: &str) {
    assert!(found(&json!({key: true}), leak).is_some(), "{key}");
    assert!(
        found(&json!({key: true}), "The quick brown fox jumps over 12 lazy dogs.").is_none(),
        "{key}"
    );
    assert!(found(&json!({}), leak).is_none(), "{key}");
}

#[test]
fn dlp_phone_numbers() {
    finds("DLP_PHONE_NUMBERS", "call +44 20 7946 0958 now");
}

#[test]
fn dlp_cc_numbers() {
    finds("DLP_CC_NUMBERS", CARD);
    assert!(
        found(&json!({"DLP_CC_NUMBERS": true}), "4111 1111 1111 1112").is_none(),
        "a wrong check digit"
    );
}

#[test]
fn dlp_private_keys() {
    finds(
        "DLP_PRIVATE_KEYS",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    );
}

#[test]
fn dlp_hashes() {
    finds(
        "DLP_HASHES",
        "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
    );
}

#[test]
fn dlp_windows_creds() {
    finds(
        "DLP_WINDOWS_CREDS",
        "Administrator:500:aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0:::",
    );
}

#[test]
fn dlp_linux_creds() {
    let hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    finds("DLP_LINUX_CREDS", &format!("root:{hash}:19000:0:99999:7:::"));
}

#[test]
fn dlp_api() {
    finds("DLP_API", "aws_access_key_id = AKIAIOSFODNN7EXAMPLE");
    finds("DLP_API", &format!("token: ghp_{}", "aB3".repeat(12)));
    finds("DLP_API", "\"key\": \"sk_live_51HxYzAbCdEfGhIjKlMn\"");
    let everyday = "npm_config_cache, hf_hub_download, sk-learn and AKIA are words, glpat-x is none";
    assert!(found(&json!({"DLP_API": true}), everyday).is_none());
}

#[test]
fn dlp_log_leaked_data() {
    let keys = |told: bool| json!({"DLP_CC_NUMBERS": true, "DLP_LOG_LEAKED_DATA": told});
    assert_eq!(found(&keys(false), CARD).as_deref(), Some("***"));
    assert!(found(&keys(true), CARD).is_some_and(|excerpt| excerpt.contains("paid with")));
}
