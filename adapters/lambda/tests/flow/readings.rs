//! Requests that may be read in two ways (`tests/readings`), as events: an attack is refused in
//! each of its disguises.

use base64::{Engine, prelude::BASE64_STANDARD};
use buckler_tests::readings::{self, ATTACK, QUERY};
use serde_json::json;

use super::{
    cloud::Cloud,
    emulator::Done,
    events::{Front, get},
    function::{Answer, Function},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// A function that refuses, and bans no client for it.
fn start() -> (Cloud, Function) {
    let cloud = Cloud::start(&json!({"SECURITY_CHECKS": {"sqli": 1, "format": 1, "flood": 0, "brute": 0}}));
    let function = Function::start(&cloud);
    (cloud, function)
}

/// Whether no handler saw a request.
fn is_refused(function: &Function, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = get(path, "203.0.113.9").query(query).through(Front::FunctionUrl);
    event["requestContext"]["http"]["method"] = method.into();
    event["body"] = BASE64_STANDARD.encode(body).into();
    event["isBase64Encoded"] = true.into();
    for (name, value) in headers {
        // the service puts headers of one name together
        let place = &mut event["headers"][name.to_ascii_lowercase()];
        let joined = place
            .as_str()
            .filter(|_| *name != "Host")
            .map(|before| format!("{before},{value}"));
        *place = joined.unwrap_or_else(|| (*value).to_owned()).into();
    }
    match function.invoke(event) {
        Done::Answered(answer) => {
            let answer = Answer(answer);
            // a client of gRPC is told in its own terms
            answer.header("x-block-id").is_some() || answer.header("grpc-status") == Some("7")
        }
        // the runtime could not read it
        Done::Failed(_) => true,
        Done::Registered(..) | Done::RuntimeAsks | Done::ExtensionAsks => false,
    }
}

#[test]
fn every_disguise_of_an_attack_is_refused() {
    let (_cloud, function) = start();
    let passed: Vec<String> = readings::cases()
        .iter()
        .filter(|case| {
            let headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            !is_refused(&function, &case.method, &case.path, &headers, &case.body)
        })
        .map(|case| format!("{}: {}", case.class, case.name))
        .collect();
    assert_eq!(passed, [""; 0]);
}

#[test]
fn no_header_hides_an_attack() {
    let (_cloud, function) = start();
    let mut passed = Vec::new();
    let target = format!("/echo?{QUERY}");
    for (name, value) in readings::headers() {
        let is_seen = [
            is_refused(&function, "GET", &target, &[(name, value)], b""),
            is_refused(
                &function,
                "POST",
                "/echo",
                &[("Content-Type", FORM), (name, value)],
                QUERY.as_bytes(),
            ),
            is_refused(
                &function,
                "POST",
                "/echo",
                &[(name, value), ("Content-Type", FORM)],
                QUERY.as_bytes(),
            ),
            is_refused(&function, "GET", "/echo", &[(name, ATTACK)], b""),
        ];
        if is_seen != [true; 4] {
            passed.push(format!("{name}: {is_seen:?}"));
        }
    }
    assert_eq!(passed, [""; 0]);
}
