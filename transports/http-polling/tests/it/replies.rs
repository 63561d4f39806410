//! What is sent, and what good replies are made of.

use std::time::Duration;

use buckler::transport::{Advice, TransportError};
use buckler_http_polling::factory;
use buckler_tests::fault::{Answer, FaultServer, Pace, Script};
use serde_json::{Value, json};

use crate::messages::*;

/// The same registration reply, with and without its envelope.
fn both_forms() -> [Value; 2] {
    let bare = json!({"config": {"APP_NAME": "shop", "BEACON_DELAY": 30}, "blacklist": {"203.0.113.9": 1_795_338_178}});
    [json!({"status": true, "message": "ok", "data": bare}), bare]
}

#[test]
fn a_registration_is_posted_as_json_with_the_key_in_it_and_where_servers_look_first() {
    let server = FaultServer::start(Script::always(good())).unwrap();
    register_at(&server).unwrap();
    let requests = server.record().requests;
    let [request] = &*requests else { panic!("{requests:?}") };
    assert_eq!((&*request.method, &*request.path), ("POST", "/config"));
    assert_eq!(
        request.json(),
        json!({"key": KEY, "version": "0.1.0", "platform": "test", "routes": {}})
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some(&*request.body.len().to_string()));
    assert_eq!(request.header("host"), Some(&*server.address().to_string()));
    assert_eq!(
        request.header("user-agent"),
        Some(concat!("buckler/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(request.header("accept-encoding"), Some("zstd, br, gzip"));
    let with_key: Vec<_> = request
        .headers
        .iter()
        .filter(|(_, value)| value.contains(KEY))
        .collect();
    assert_eq!(with_key.len(), 1, "{with_key:?}");
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[test]
fn both_forms_of_the_registration_reply_are_read() {
    for form in both_forms() {
        let welcome = register(Answer::new(200).json(&form)).unwrap();
        assert_eq!(welcome.config["APP_NAME"], "shop");
        assert_eq!(welcome.blacklist["203.0.113.9"].0, 1_795_338_178);
    }
}

#[test]
fn a_version_2_reply_is_read() {
    let data = json!({"v2": {"server_ms": 5, "ack": 7, "flags": ["report_full"]}});
    let server = FaultServer::start(Script::always(Answer::reply(&data))).unwrap();
    let (welcome, reply) = run(async {
        let transport = transport(settings(&server));
        (
            transport.register(registration()).await.unwrap(),
            transport.beacon(None, beacon()).await.unwrap(),
        )
    });
    assert_eq!(welcome.v2.unwrap().ack, Some(7));
    assert_eq!(reply.v2.unwrap().ack, Some(7));
}

#[test]
fn every_framing_and_pace_of_a_good_reply_is_read() {
    let [reply, _] = both_forms();
    let answer = Answer::new(200).json(&reply);
    for answer in [
        answer.clone().chunked(),
        answer.clone().until_close(),
        answer.clone().header("Connection", "close"),
        answer.clone().pace(Pace::Drip(7, Duration::from_millis(1))),
        answer.clone().chunked().pace(Pace::Drip(7, Duration::from_millis(1))),
        answer.clone().gzip(),
        answer.gzip().chunked(),
        Answer::new(200)
            .json(&reply)
            .body(zstd::encode_all(reply.to_string().as_bytes(), 3).unwrap())
            .header("Content-Encoding", "zstd"),
        Answer::new(200)
            .json(&reply)
            .body(brotli(reply.to_string().as_bytes()))
            .header("Content-Encoding", "br"),
        Answer::new(201).json(&reply),
    ] {
        let shown = format!("{answer:?}");
        assert_eq!(
            register(answer)
                .unwrap_or_else(|error| panic!("{error}: {shown}"))
                .config["APP_NAME"],
            "shop"
        );
    }
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut packed, &brotli::enc::BrotliEncoderParams::default()).unwrap();
    packed
}

#[test]
fn a_server_without_post_is_asked_with_get() {
    for status in [405, 404, 501] {
        for form in both_forms() {
            let server = FaultServer::start(Script::by(move |request| match &*request.method {
                "GET" => Answer::new(200).json(&form).into(),
                _other => Answer::new(status).html("<h1>no</h1>").into(),
            }))
            .unwrap();
            assert_eq!(register_at(&server).unwrap().config["APP_NAME"], "shop");
            let requests = server.record().requests;
            let [post, get] = &*requests else {
                panic!("{requests:?}")
            };
            assert_eq!((&*post.method, &*get.method, &*get.path), ("POST", "GET", "/config"));
            for request in [post, get] {
                assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
            }
            assert!(get.body.is_empty());
        }
    }
}

#[test]
fn where_get_fails_too_the_first_answer_counts_for_404_and_501_and_the_second_for_405() {
    for (posted, got, expected) in [
        (404, 500, 404),
        (404, 404, 404),
        (501, 403, 501),
        (405, 403, 403),
        (405, 405, 405),
    ] {
        let error = register_at(
            &FaultServer::start(Script::by(move |request| {
                let status = if request.method == "GET" { got } else { posted };
                Answer::refusal(status, &format!("{status} it is")).into()
            }))
            .unwrap(),
        )
        .unwrap_err();
        let message = Some(format!("{expected} it is"));
        assert_eq!(
            error,
            TransportError::Status {
                status: expected,
                message,
                retry_after: None
            }
        );
        let advice = if expected == 501 {
            Advice::Retry
        } else {
            Advice::Extended
        };
        assert_eq!(error.advice(), advice);
    }
}

/// A server that says well that it heard a `POST`, in words of its own.
fn heard(posted: Answer, got: Answer) -> FaultServer {
    FaultServer::start(Script::by(move |request| match &*request.method {
        "GET" => got.clone().into(),
        _other => posted.clone().into(),
    }))
    .unwrap()
}

#[test]
fn a_post_that_is_answered_well_without_a_reply_is_a_connection_made() {
    let [_, bare] = both_forms();
    for posted in [
        Answer::new(200).json(&json!({})),
        Answer::new(200).json(&json!({"status": true})),
        Answer::new(200).json(&json!({"status": "ok"})),
        Answer::new(200).json(&json!({"message": "hello"})),
        Answer::new(200).json(&json!(null)),
        Answer::new(200).html("connected"),
        Answer::new(201).body("OK"),
        Answer::new(202),
        Answer::new(204),
    ] {
        let shown = format!("{posted:?}");
        let server = heard(posted, Answer::new(200).json(&bare));
        let welcome = register_at(&server).unwrap_or_else(|error| panic!("{error}: {shown}"));
        assert_eq!(welcome.config["APP_NAME"], "shop", "{shown}");
        assert_eq!(welcome.blacklist["203.0.113.9"].0, 1_795_338_178);
        let methods: Vec<_> = server
            .record()
            .requests
            .iter()
            .map(|request| request.method.clone())
            .collect();
        assert_eq!(methods, ["POST", "GET"], "{shown}");
    }
}

#[test]
fn a_refusal_in_a_good_status_is_no_connection_made() {
    let server = heard(
        Answer::new(200).json(&json!({"status": false, "message": "no", "data": {}})),
        Answer::new(200).json(&json!({"config": {}})),
    );
    assert_eq!(
        register_at(&server).unwrap_err(),
        TransportError::Refused("no".to_owned())
    );
    assert_eq!(server.record().requests.len(), 1);
}

#[test]
fn a_document_is_asked_for_again_only_if_it_has_changed() {
    let [_, bare] = both_forms();
    for (validator, condition) in [("ETag", "if-none-match"), ("Last-Modified", "if-modified-since")] {
        let version = "Sun, 06 Nov 1994 08:49:37 GMT";
        let bare = bare.clone();
        let server = FaultServer::start(Script::by(move |request| {
            match (&*request.method, request.header(condition)) {
                ("GET", Some(known)) if known == version => Answer::new(304).into(),
                ("GET", _) => Answer::new(200).json(&bare).header(validator, version).into(),
                _other => Answer::new(204).into(),
            }
        }))
        .unwrap();
        let (first, second) = run(async {
            let transport = transport(settings(&server));
            let first = transport.register(registration()).await.unwrap();
            (first, transport.register(registration()).await.unwrap())
        });
        assert!(!first.unchanged && second.unchanged && second.config.is_empty());
        let methods: Vec<_> = server
            .record()
            .requests
            .iter()
            .map(|request| request.method.clone())
            .collect();
        assert_eq!(methods, ["POST", "GET", "GET"], "announced once");
    }
}

#[test]
fn a_document_outlives_the_transport_that_got_it() {
    let [_, bare] = both_forms();
    let server = FaultServer::start(Script::by(move |request| {
        match (&*request.method, request.header("if-none-match")) {
            ("GET", Some("\"1\"")) => Answer::new(304).into(),
            ("GET", _) => Answer::new(200).json(&bare).header("ETag", "\"1\"").into(),
            _other => Answer::new(204).into(),
        }
    }))
    .unwrap();
    // as an agent that speaks on demand, which lets the connection go after each exchange
    let make = factory(&settings(&server).build().unwrap()).unwrap();
    let again = run(async {
        make().unwrap().register(registration()).await.unwrap();
        make().unwrap().register(registration()).await.unwrap()
    });
    assert!(again.unchanged && again.config.is_empty());
    let record = server.record();
    let methods: Vec<_> = record.requests.iter().map(|request| &*request.method).collect();
    assert_eq!(methods, ["POST", "GET", "GET"]);
}

#[test]
fn a_document_that_failed_is_begun_with_a_post_again_and_an_unasked_304_is_no_answer() {
    let [_, bare] = both_forms();
    let steps = [
        Answer::new(204),
        Answer::new(200).json(&bare),
        Answer::new(304),
        Answer::new(204),
        Answer::new(200).json(&bare),
    ];
    let server = FaultServer::start(Script::sequence(steps.map(Into::into))).unwrap();
    run(async {
        let transport = transport(settings(&server));
        transport.register(registration()).await.unwrap();
        transport.register(registration()).await.unwrap_err();
        transport.register(registration()).await.unwrap();
    });
    let methods: Vec<_> = server
        .record()
        .requests
        .iter()
        .map(|request| request.method.clone())
        .collect();
    assert_eq!(methods, ["POST", "GET", "GET", "POST", "GET"]);
}

#[test]
fn a_beacon_is_never_repeated_with_get() {
    let server = FaultServer::start(Script::always(Answer::refusal(405, "no"))).unwrap();
    run(async { discreet(transport(settings(&server)).beacon(None, beacon()).await) }).unwrap_err();
    assert_eq!(server.record().requests.len(), 1);
}
