//! A vector from elsewhere, and tokens made here: whole ones, and such as somebody else would make.

use serde_json::json;

use super::*;

/// The example of HS512 that jwt.io showed for years.
const KNOWN: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWUsImlhdCI6\
     MTUxNjIzOTAyMn0.VFb0qJ1LRg_4ujbZoRMXnVkUgiuKq5KxWqNdbKq_G9Vvz-S1zZa9LPxtHWKa64zDl2ofkT8F6jBt_K4riU-fPg";
const NOW: Duration = Duration::from_secs(1_800_000_000);

fn key(secret: &str) -> TokenKey {
    TokenKey::new(secret.as_bytes())
}

fn signed(secret: &str, header: &str, payload: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA512, secret.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn token(payload: &Value) -> String {
    signed("k", r#"{"typ":"JWT","alg":"HS512"}"#, &payload.to_string())
}

fn judged(token: &str) -> Result<(), TokenProblem> {
    claims(token.as_bytes(), &[key("other"), key("k")])?.judge(NOW)
}

#[test]
fn a_token_that_others_made_is_valid_under_its_key_alone() {
    let known = |secret| claims(KNOWN.as_bytes(), &[key(secret)]).map(drop);
    assert_eq!(known("your-512-bit-secret"), Ok(()));
    assert_eq!(known("your-256-bit-secret"), Err(TokenProblem::Unsigned));
    assert_eq!(claims(KNOWN.as_bytes(), &[]).map(drop), Err(TokenProblem::Unsigned));
}

#[test]
fn any_changed_character_invalidates_it() {
    for at in 0..KNOWN.len() {
        let mut changed = KNOWN.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
        assert!(claims(&changed, &[key("your-512-bit-secret")]).is_err(), "{at}");
    }
}

#[test]
fn any_of_the_keys_is_enough() {
    assert_eq!(judged(&token(&json!({}))), Ok(()));
    let foreign = signed("third", r#"{"alg":"HS512"}"#, "{}");
    assert_eq!(judged(&foreign), Err(TokenProblem::Unsigned));
}

#[test]
fn no_other_algorithm_is_taken() {
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode("{}")
    );
    assert_eq!(judged(&unsigned), Err(TokenProblem::Algorithm));
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"RS512"}"#,
        r#"{"alg":"hs512"}"#,
        r#"{"alg":["HS512"]}"#,
        r#"{"alg":null}"#,
        r#"{"alg":"HS512","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS512","crit":[]}"#,
    ] {
        assert_eq!(
            judged(&signed("k", header, "{}")),
            Err(TokenProblem::Algorithm),
            "{header}"
        );
    }
    let twice = signed("k", r#"{"alg":"none","alg":"HS512"}"#, "{}");
    assert_eq!(judged(&twice), Err(TokenProblem::Malformed));
}

#[test]
fn it_holds_from_its_beginning_to_its_end_give_or_take_the_leeway() {
    let now = NOW.as_secs();
    for (claims, expected) in [
        (json!({"exp": now + 1, "nbf": now - 1}), Ok(())),
        (json!({"exp": now - 29}), Ok(())),
        (json!({"exp": now - 30}), Err(TokenProblem::Expired)),
        (json!({"nbf": now + 30}), Ok(())),
        (json!({"nbf": now + 31}), Err(TokenProblem::Early)),
        (json!({"exp": now as f64 + 0.5}), Ok(())),
        (json!({"exp": -1}), Err(TokenProblem::Expired)),
        (json!({"exp": null}), Err(TokenProblem::Malformed)),
        (json!({"exp": "never"}), Err(TokenProblem::Malformed)),
        (json!({"aud": "another.example"}), Err(TokenProblem::Audience)),
        (json!({"iss": "us", "iat": now, "x": [1, {"y": null}]}), Ok(())),
        (json!([]), Err(TokenProblem::Malformed)),
    ] {
        assert_eq!(judged(&token(&claims)), expected, "{claims}");
    }
}

#[test]
fn the_browser_is_current_where_the_token_says_so() {
    for (claims_made, current) in [
        (json!({"latest": true}), true),
        (json!({"latest": 1}), true),
        (json!({"latest": false, "browser": "Firefox 12"}), false),
        (json!({"latest": 0}), false),
        (json!({"latest": "false"}), false),
        (json!({"latest": null}), false),
        (json!({}), false),
    ] {
        let claims = claims(token(&claims_made).as_bytes(), &[key("k")]).unwrap();
        assert_eq!(claims.is_browser_current(), current, "{claims_made}");
    }
}

#[test]
fn what_is_no_token_is_refused_whatever_it_is() {
    let whole = token(&json!({}));
    let padded = format!("{whole}==");
    let (unsigned, _) = whole.rsplit_once('.').unwrap();
    let long = token(&json!({"x": "y".repeat(MOST_BYTES)}));
    for (text, problem) in [
        ("", TokenProblem::Malformed),
        ("..", TokenProblem::Malformed),
        ("a.b.c.d", TokenProblem::Malformed),
        (unsigned, TokenProblem::Malformed),
        (padded.as_str(), TokenProblem::Malformed),
        ("Bearer x.y.z", TokenProblem::Malformed),
        (long.as_str(), TokenProblem::Long),
    ] {
        assert_eq!(judged(text), Err(problem), "{text}");
    }
    let short = signed("k", r#"{"alg":"HS512"}"#, "{}");
    let cut = &short[..short.len() - 1];
    assert_eq!(judged(cut), Err(TokenProblem::Malformed));
    assert_eq!(claims(&[0xFF; 64], &[key("k")]).map(drop), Err(TokenProblem::Malformed));
}

#[test]
fn the_key_is_not_shown() {
    assert!(!format!("{:?}", key("hunter2")).contains("hunter2"));
}
