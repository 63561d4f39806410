//! What values are searched for, and which are not.

use serde_json::json;

use super::stage::{get, stage};

const SCRIPT: &str = "<script>alert(1)</script>";

#[test]
fn whitelist_headers() {
    let stage =
        stage(json!({"WHITELIST_HEADERS": ["X-Template", ["x-raw-", "starts"]], "SECURITY_CHECKS": {"xss": 1}}));
    assert!(!stage.refuses(&get("/").with("x-template", SCRIPT)) && !stage.refuses(&get("/").with("x-raw-1", SCRIPT)));
    assert!(stage.refuses(&get("/").with("x-other", SCRIPT)));
}

#[test]
fn decode_b64() {
    // <script>alert(document.cookie)</script>
    let encoded = "q=PHNjcmlwdD5hbGVydChkb2N1bWVudC5jb29raWUpPC9zY3JpcHQ%2B";
    for (on, refused) in [(true, true), (false, false)] {
        let stage = stage(json!({"DECODE_B64": on, "SECURITY_CHECKS": {"xss": 1}}));
        assert_eq!(stage.refuses(&get("/").asking(encoded)), refused, "{on}");
    }
}

#[test]
fn exceptions() {
    let narrow = stage(json!({
        "EXCEPTIONS": [
            {"rule": "xss", "place": "query:template_*", "level": 0},
            {"rule": "sqli", "network": "198.51.100.0/24", "level": 3},
        ],
        "SECURITY_CHECKS": {"xss": 1, "sqli": 1},
    }));
    assert!(!narrow.refuses(&get("/").asking(format!("template_mail={SCRIPT}"))));
    assert!(narrow.refuses(&get("/").asking(format!("comment={SCRIPT}"))));
    let injection = || get("/").asking("template_mail=1'+OR+'1'%3D'1");
    assert!(narrow.refuses(&injection()) && !narrow.refuses(&injection().from("198.51.100.7")));
    assert_eq!(narrow.checks().last(), Some(&"sqli"), "it is still logged");
    let stage = stage(json!({"EXCEPTIONS": [SCRIPT, ["<b onclick=", "starts"]], "SECURITY_CHECKS": {"xss": 1}}));
    let asks = |value: &str| stage.refuses(&get("/").asking(format!("q={value}")));
    assert!(!asks(SCRIPT) && !asks("<b onclick=alert(1)>"));
    assert!(asks("<script>alert(2)</script>"));
}

/// The lowest score of which it is still refused.
fn strictest(check: &str, key: &str, query: &str) -> Vec<u32> {
    let refuses = |hundredths: &u32| {
        let proba = f64::from(*hundredths) / 100.0;
        stage(json!({key: proba, "SECURITY_CHECKS": {check: 1}})).refuses(&get("/").asking(query))
    };
    (50..=100).filter(refuses).collect()
}

#[test]
fn xss_proba() {
    let certain = strictest("xss", "XSS_PROBA", "q=<script>alert(1)</script>");
    assert!(certain.contains(&50) && certain.contains(&90), "{certain:?}");
    let vague = strictest("xss", "XSS_PROBA", VAGUE_XSS);
    assert!(vague.contains(&50) && !vague.contains(&100), "{vague:?}");
}

#[test]
fn sqli_proba() {
    let certain = strictest("sqli", "SQLI_PROBA", "q=1'+OR+'1'='1");
    assert!(certain.contains(&50) && certain.contains(&90), "{certain:?}");
    let vague = strictest("sqli", "SQLI_PROBA", VAGUE_SQLI);
    assert!(vague.contains(&50) && !vague.contains(&100), "{vague:?}");
}

/// What is suspicious, and not certain.
const VAGUE_XSS: &str = "q=<script>alert(1)</script>";
const VAGUE_SQLI: &str = "q=1'+OR+'1'='1";

#[test]
fn sensitive_names() {
    let excerpt = |names: serde_json::Value| {
        let stage = stage(json!({"SENSITIVE_NAMES": names, "SECURITY_CHECKS": {"xss": 1}}));
        assert!(stage.refuses(&get("/").asking(format!("user[customerNumber]={SCRIPT}"))));
        stage.found().pop().unwrap().excerpt
    };
    assert!(excerpt(json!([])).contains("alert"));
    assert_eq!(&*excerpt(json!(["customer-number"])), "(25 bytes, not shown)");
}
