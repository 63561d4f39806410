//! No secret leaves: what is kept of a finding shows nothing of a value whose place, or whose own form, says that it is a secret.

use buckler_waf::places::SecretNames;

use super::*;

/// What no report may hold, in the attacks below.
const SECRET: &str = "hunter2";

/// An attack that holds it.
const ATTACK: &str = "hunter2' OR '1'='1";

/// The same, as it stands in a query.
const ENCODED: &str = "hunter2'+OR+'1'%3D'1";

const NAMES: [&str; 27] = [
    "password",
    "smtppass",
    "pswd",
    "db_passkey",
    "passwd",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "card",
    "cvv",
    "newPassword",
    "user[password]",
    "X-Api-Key",
    "client_secret",
    "access-token",
    "cardNumber",
    "session_id",
    "otp",
    "pin",
    "iban",
    "private_key",
    "userpassword",
    "passwords[0]",
    "auth.code",
];

fn judging() -> Stage {
    stage(json!({ "SECURITY_CHECKS": { "sqli": 1, "command": 1, "xss": 1, "flood": 0, "path": 0 } }))
}

impl Stage {
    /// All that is kept of the one finding in a request: for the log and the actors, and for whoever asks why.
    #[track_caller]
    fn kept_of(&self, request: &Request, query: &str, body: Option<&str>) -> String {
        let view = RequestView {
            query,
            ..request.view()
        };
        let mut verdict = self.guard.check(&view);
        if let Some(body) = body {
            assert!(!verdict.is_block(), "it is the body's");
            verdict = self.guard.check_body(
                &view,
                BodyView {
                    bytes: body.as_bytes(),
                    is_whole: true,
                },
            );
        }
        let Verdict::Block(refusal) = &verdict else {
            panic!("it passed: {query} {body:?}");
        };
        let why = self.guard.why(refusal.id).unwrap();
        let found = self.intake.pop().unwrap();
        format!(
            "{found:?} {why:?} {why} {} {verdict:?}",
            serde_json::to_string(&why).unwrap()
        )
    }
}

fn of_type(content_type: &'static str) -> Request {
    get("/account").with("content-type", content_type)
}

/// A request with a header that is made up in the test.
fn headed(name: &str, value: &str) -> Request {
    get("/account").with(name.to_owned().leak(), value.to_owned().leak())
}

#[track_caller]
fn assert_hidden(kept: &str, what: &str) {
    assert!(!kept.contains(SECRET) && !kept.contains("'1'='1"), "{what}: {kept}");
    assert!(kept.contains("not shown") || kept.contains("***"), "{what}: {kept}");
}

#[test]
fn nothing_of_a_secret_is_kept_wherever_it_stands() {
    let stage = judging();
    let (form, json_type) = (
        of_type("application/x-www-form-urlencoded"),
        of_type("application/json"),
    );
    let multipart = of_type("multipart/form-data; boundary=b");
    for name in NAMES.into_iter().chain(SecretNames::KNOWN.iter().copied()) {
        let query = format!("page=2&{name}={ENCODED}");
        assert_hidden(&stage.kept_of(&get("/account"), &query, None), &query);
        assert_hidden(&stage.kept_of(&form, "", Some(&query)), &query);
        for document in [
            json!({ name: ATTACK }),
            json!({ "user": { name: { "old": { "value": ATTACK } } } }),
            json!({ "list": [{ "a": 1 }, { name: [ATTACK] }] }),
            json!({ name: { ATTACK: 1 } }),
            json!([{ "name": name.replace(['[', ']'], "_"), "value": ATTACK }]),
        ] {
            let text = document.to_string();
            assert_hidden(&stage.kept_of(&json_type, "", Some(&text)), &text);
        }
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{ATTACK}\r\n--b--\r\n");
        assert_hidden(&stage.kept_of(&multipart, "", Some(&part)), &part);
        let lower = name.to_ascii_lowercase().replace(['[', ']'], "-");
        // names of headers are ASCII
        if lower.is_ascii() {
            let header = headed(&lower, ATTACK);
            assert_hidden(&stage.kept_of(&header, "", None), &lower);
        }
        let cookie = format!("theme=dark; {lower}={ATTACK}");
        let cookies = headed("cookie", &cookie);
        assert_hidden(&stage.kept_of(&cookies, "", None), &cookie);
        let referer = format!("https://shop.example/x?page=2&{name}=hunter2'%20OR%20'1'%3D'1");
        let refers = headed("x-came-from", &referer);
        assert_hidden(&stage.kept_of(&refers, "", None), &referer);
        let path = get(format!("/reset/{lower}/hunter2'%20OR%20'1'='1"));
        assert_hidden(&stage.kept_of(&path, "", None), &path.path);
    }
}

#[test]
fn nothing_is_kept_of_a_document_that_names_a_secret_apart_from_its_value() {
    let stage = judging();
    for (content_type, body) in [
        (
            "text/xml",
            format!("<f><field name=\"password\" value=\"{ATTACK}\"/></f>"),
        ),
        ("text/xml", format!("<password><value>{ATTACK}</value></password>")),
        (
            "application/graphql",
            format!("mutation {{ login(password: \"{ATTACK}\") {{ id }} }}"),
        ),
        (
            "application/json",
            json!({"query": format!("mutation {{ login(password: \"{ATTACK}\") {{ id }} }}")}).to_string(),
        ),
        (
            "application/json",
            json!({"config": format!("{{\"password\": \"{ATTACK}\"}}")}).to_string(),
        ),
        ("text/plain", format!("my password is {ATTACK}")),
    ] {
        assert_hidden(&stage.kept_of(&of_type(content_type), "", Some(&body)), &body);
    }
}

#[test]
fn what_the_leak_detectors_know_is_not_kept_wherever_it_stands() {
    let stage = judging();
    for (secret, digits) in [
        ("4111 1111 1111 1111", "4111"),
        ("-----BEGIN PRIVATE KEY-----MIIEvQIBADANBg", "MIIE"),
        ("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW", "EixZ"),
    ] {
        let body = json!({ "note": format!("' OR '1'='1 {secret}") }).to_string();
        let kept = stage.kept_of(&of_type("application/json"), "", Some(&body));
        assert!(!kept.contains(digits) && kept.contains("bytes, not shown"), "{kept}");
    }
}

#[test]
fn what_is_no_secret_is_shown_as_ever() {
    let stage = judging();
    for query in ["q=1'+OR+'1'%3D'1", "author=1'+OR+'1'%3D'1", "keyboard=1'+OR+'1'%3D'1"] {
        let kept = stage.kept_of(&get("/account"), query, None);
        assert!(kept.contains("OR '1'='1"), "{kept}");
    }
    let path = stage.kept_of(&get("/items/1'%20OR%20'1'='1"), "", None);
    assert!(path.contains("OR '1'='1"), "{path}");
}
