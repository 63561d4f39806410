//! Every way in which a server can fail, and the advice that follows.

use std::time::Duration;

use buckler::transport::{Advice, TransportError};
use buckler_http_polling::KIND;
use buckler_tests::fault::{Answer, FaultServer, Pace, Script, Step};
use serde_json::json;

use crate::messages::*;

/// Long enough for a local exchange on a busy machine, short enough to wait for.
const SOON: Duration = Duration::from_millis(700);

fn unreachable(error: &TransportError) -> bool {
    matches!(error, TransportError::Unreachable { host, .. } if host.starts_with("127.0.0.1:"))
}

#[test]
fn a_server_that_is_down_is_unreachable() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    server.refuse().unwrap();
    let error = register_at(&server).unwrap_err();
    assert!(unreachable(&error), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(error.advice(), Advice::Retry);
    server.listen().unwrap();
    register_at(&server).unwrap();
}

#[test]
fn a_name_that_does_not_exist_is_unreachable() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    let error = register_with(settings(&server).cloud_url("https://buckler.invalid/config")).unwrap_err();
    assert!(
        matches!(&error, TransportError::Unreachable { host, .. } if host == "buckler.invalid"),
        "{error:?}"
    );
}

#[test]
fn a_connection_that_ends_before_a_reply_is_unreachable() {
    for step in [Step::Close, Step::Reset] {
        let server = FaultServer::start(Script::always(step.clone())).unwrap();
        let error = register_at(&server).unwrap_err();
        assert!(unreachable(&error), "{step:?}: {error:?}");
        assert_eq!(error.advice(), Advice::Retry);
        // nothing was repeated, since the connection was new
        assert_eq!(server.record().requests.len(), 1, "{step:?}");
    }
}

#[test]
fn whatever_stalls_ends_at_the_deadline() {
    let answer = good();
    for step in [
        Step::Hang,
        answer.clone().pace(Pace::StallInHead(0)).into(),
        answer.clone().pace(Pace::StallInHead(20)).into(),
        answer.clone().pace(Pace::StallInBody(0)).into(),
        answer.clone().pace(Pace::StallInBody(10)).into(),
        answer.clone().chunked().pace(Pace::StallInBody(10)).into(),
        answer.pace(Pace::Drip(1, SOON / 5)).into(),
    ] {
        let server = FaultServer::start(Script::always(step.clone())).unwrap();
        let error = register_with(with(&server, "timeout", "700ms")).unwrap_err();
        assert_eq!(error, TransportError::Deadline(SOON), "{step:?}");
        assert_eq!(error.advice(), Advice::Retry);
        assert_eq!(server.record().requests.len(), 1, "{step:?}");
    }
}

#[test]
fn a_connection_that_does_not_stand_in_time_is_unreachable() {
    // a server without TLS never answers the handshake
    let server = FaultServer::start(Script::always(good())).unwrap();
    let settings = with(&server, "connect_timeout", "300ms")
        .transport_option(KIND, "timeout", "3s")
        .transport_option(KIND, "roots", "webpki")
        .cloud_url(server.url("/config").replace("http", "https"));
    let error = register_with(settings).unwrap_err();
    let reason = "no connection within 300ms".to_owned();
    assert_eq!(
        error,
        TransportError::Unreachable {
            host: server.address().to_string(),
            reason
        }
    );
}

#[test]
fn the_get_that_follows_a_post_has_no_deadline_of_its_own() {
    let server = FaultServer::start(Script::by(|request| match &*request.method {
        "GET" => Step::Hang,
        _other => Answer::refusal(405, "no").into(),
    }))
    .unwrap();
    let error = register_with(with(&server, "timeout", "700ms")).unwrap_err();
    assert_eq!(error, TransportError::Deadline(SOON));
}

#[test]
fn a_truncated_body_is_no_reply() {
    let answer = Answer::reply(&json!({"config": {"APP_NAME": "shop"}}));
    let whole = 68;
    for (answer, reason) in [
        (answer.clone().pace(Pace::CutInBody(20)), "truncated"),
        (
            answer.clone().chunked().pace(Pace::CutInBody(20)),
            "truncated: no last chunk after 20 bytes",
        ),
        // the JSON is whole, and still less came than was announced
        (
            answer.clone().announcing(whole + 100),
            "truncated: 168 bytes announced, 68 came",
        ),
        (
            answer.clone().chunked_without_end(),
            "truncated: no last chunk after 68 bytes",
        ),
        (
            answer.clone().until_close().pace(Pace::CutInBody(20)),
            "EOF while parsing",
        ),
        (answer.clone().announcing(20), "EOF while parsing"),
        (answer.gzip().chunked().pace(Pace::CutInBody(20)), "truncated"),
    ] {
        let shown = format!("{answer:?}");
        let error = register(answer).unwrap_err();
        assert!(
            matches!(&error, TransportError::Malformed(text) if text.contains(reason)),
            "{error}: {shown}"
        );
        assert_eq!(error.advice(), Advice::Retry);
    }
}

#[test]
fn a_reset_in_the_body_is_no_reply() {
    let error = register(good().pace(Pace::ResetInBody(20))).unwrap_err();
    // a reset may overtake what was sent before it
    let truncated = matches!(&error, TransportError::Malformed(text) if text.contains("truncated"));
    assert!(truncated || unreachable(&error), "{error:?}");
    assert_eq!(error.advice(), Advice::Retry);
}

#[test]
fn statuses_carry_their_message_and_advice() {
    for (status, advice) in [
        (400, Advice::Retry),
        (401, Advice::Extended),
        (403, Advice::Extended),
        (410, Advice::Extended),
        (426, Advice::Extended),
        (429, Advice::Retry),
        (500, Advice::Retry),
        (503, Advice::Retry),
    ] {
        let error = register(Answer::refusal(status, "because\nof this")).unwrap_err();
        let message = Some("because of this".to_owned());
        assert_eq!(
            error,
            TransportError::Status {
                status,
                message,
                retry_after: None
            }
        );
        assert_eq!(error.advice(), advice, "{status}");
    }
}

#[test]
fn a_status_is_told_even_where_its_body_is_spoilt() {
    for answer in [
        Answer::new(503).html("<h1>down</h1>"),
        Answer::new(503),
        Answer::new(503).spaces(50 << 20),
        Answer::new(503).announcing(10),
        Answer::new(503).body("{}").header("Content-Encoding", "deflate"),
    ] {
        let shown = format!("{answer:?}");
        let error = register(answer).unwrap_err();
        assert_eq!(
            error,
            TransportError::Status {
                status: 503,
                message: None,
                retry_after: None
            },
            "{shown}"
        );
    }
}

#[test]
fn a_status_does_not_wait_for_the_rest_of_its_body() {
    let server = FaultServer::start(Script::always(Answer::refusal(503, "late").pace(Pace::StallInBody(3)))).unwrap();
    let error = register_with(with(&server, "timeout", "5s")).unwrap_err();
    assert_eq!(
        error,
        TransportError::Status {
            status: 503,
            message: None,
            retry_after: None
        }
    );
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    for (value, expected) in [
        ("30", Some(Duration::from_secs(30))),
        (" 0 ", Some(Duration::ZERO)),
        ("Thu, 01 Jan 1970 00:00:10 GMT", Some(Duration::ZERO)),
        ("-1", None),
        ("soon", None),
        ("99999999999999999999", None),
    ] {
        let error = register(Answer::refusal(429, "slow down").header("Retry-After", value)).unwrap_err();
        let message = Some("slow down".to_owned());
        assert_eq!(
            error,
            TransportError::Status {
                status: 429,
                message,
                retry_after: expected
            },
            "{value}"
        );
        assert_eq!(error.advice(), expected.map_or(Advice::Retry, Advice::Wait), "{value}");
    }
    let error =
        register(Answer::refusal(503, "later").header("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT")).unwrap_err();
    assert!(
        matches!(error.advice(), Advice::Wait(long) if long > Duration::from_secs(86_400)),
        "{error:?}"
    );
}

#[test]
fn a_refusal_in_an_envelope_is_told() {
    let error = register(Answer::refusal(200, "no such profile")).unwrap_err();
    assert_eq!(error, TransportError::Refused("no such profile".to_owned()));
    assert_eq!(error.advice(), Advice::Retry);
}

#[test]
fn what_is_no_reply_names_what_came_instead() {
    for (answer, parts) in [
        (Answer::new(200), vec!["empty body", "no content type"]),
        (Answer::new(204), vec!["empty body"]),
        (
            Answer::new(200).html("<html><h1>502 Bad Gateway</h1>"),
            vec!["text/html", "<html><h1>502"],
        ),
        (
            Answer::new(200).body("plain words"),
            vec!["beginning with \"plain words\""],
        ),
        (
            Answer::new(200).json(&json!({"status": true, "message": "ok", "data": null})),
            vec!["`data` is null"],
        ),
        (
            Answer::new(200).json(&json!({"status": true, "message": "ok"})),
            vec!["`data` is null or missing"],
        ),
        (
            Answer::new(200).json(&json!({"status": 1, "message": "ok", "data": {}})),
            vec!["invalid type"],
        ),
        (
            Answer::reply(&json!({"blacklist": ["203.0.113.9"]})),
            vec!["expected a map"],
        ),
        (
            Answer::new(200).body("{}").header("Content-Encoding", "deflate"),
            vec!["Content-Encoding \"deflate\""],
        ),
        (
            Answer::new(200).body("{}").header("Content-Encoding", "gzip"),
            vec!["corrupt or truncated Gzip"],
        ),
    ] {
        let error = register(answer).unwrap_err();
        let TransportError::Malformed(text) = &error else {
            panic!("{error:?}")
        };
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(error.advice(), Advice::Retry);
    }
}

#[test]
fn what_is_no_http_is_malformed() {
    let error = register(Answer::new(200).header("Content-Length", "five")).unwrap_err();
    assert!(
        matches!(&error, TransportError::Malformed(text) if text.contains("no HTTP reply")),
        "{error:?}"
    );
}

#[test]
fn a_server_that_echoes_the_request_does_not_spread_the_key() {
    let echo = |status| {
        FaultServer::start(Script::by(move |request| {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let name = request.json()["key"].as_str().unwrap_or_default().to_owned();
            Answer::new(status)
                .json(&json!({"status": false, "message": text + &name}))
                .into()
        }))
        .unwrap()
    };
    for status in [200, 403] {
        let error = register_at(&echo(status)).unwrap_err();
        assert!(error.to_string().contains(r#"{"key":"…","#), "{error}");
    }
}
