//! Answers are looked into for what must not leave, and otherwise go out as the application made them.

use buckler::settings::SettingsBuilder;
use serde_json::json;

use super::{
    host::{CLIENT, Host, Kind},
    over_every_adapter,
    pages::{CARD, long},
};
use crate::site::local;

over_every_adapter! {
    an_answer_that_leaks_is_replaced_as_a_whole
    other_answers_go_out_as_they_are
    the_head_of_a_leak_is_no_leak
    of_a_long_answer_the_beginning_is_judged_and_all_of_it_goes_out
    a_leak_that_is_only_logged_goes_out
    who_was_shown_too_much_is_banned_where_the_configuration_says_so
    a_stream_of_text_is_not_held_back
    an_error_in_a_stream_is_passed_on
    an_answer_that_is_slow_is_given_on_as_it_comes
}

/// Numbers of cards must not leave; at level 1 nobody is banned for having asked.
fn settings(level: u8) -> SettingsBuilder {
    local()
        .security("BLOCK_ACTION_CONTENT", "refused")
        .security("DLP_CC_NUMBERS", true)
        .security("SECURITY_CHECKS", json!({"dlp": level, "flood": 0}))
}

fn an_answer_that_leaks_is_replaced_as_a_whole(kind: Kind) {
    let host = Host::start(kind, settings(1));
    for path in ["/card", "/absent", "/stream", "/file"] {
        let answer = host.get(path, CLIENT);
        assert_eq!((answer.status, answer.text()), (403, "refused"), "{path}");
        assert!(answer.header("x-block-id").is_some(), "{path}");
        assert_eq!(answer.header("content-length"), Some("7"), "{path}");
    }
    let requests = host.agent.status().requests;
    let counts = [requests.blocked, requests.attacks, requests.success, requests.errors];
    assert_eq!(counts, [4, 4, 0, 0], "a refusal is neither success nor error");
}

fn other_answers_go_out_as_they_are(kind: Kind) {
    let (host, bare) = (Host::start(kind, settings(1)), Host::start(kind, local()));
    for path in ["/cash", "/nothing", "/picture", "/packed", "/events", "/clean-file"] {
        let (answer, expected) = (host.get(path, CLIENT), bare.get(path, CLIENT));
        assert_eq!((answer.status, &answer.body), (200, &expected.body), "{path}");
        for header in [
            "content-length",
            "transfer-encoding",
            "content-type",
            "content-encoding",
        ] {
            assert_eq!(answer.header(header), expected.header(header), "{path} {header}");
        }
    }
    let requests = host.agent.status().requests;
    assert_eq!((requests.success, requests.attacks), (6, 0), "{requests:?}");
}

fn the_head_of_a_leak_is_no_leak(kind: Kind) {
    let host = Host::start(kind, settings(1));
    let head = host.ask("HEAD /card HTTP/1.1\r\n", b"");
    assert_eq!((head.status, head.text()), (200, ""));
    assert_eq!(head.header("content-length"), Some(CARD.len().to_string().as_str()));
    assert_eq!(host.agent.status().requests.attacks, 0);
}

fn of_a_long_answer_the_beginning_is_judged_and_all_of_it_goes_out(kind: Kind) {
    let host = Host::start(kind, settings(1));
    let (answer, expected) = (host.get("/long", CLIENT), long());
    assert_eq!(
        answer.header("content-length"),
        Some(expected.len().to_string().as_str())
    );
    assert!(answer.body == expected.as_bytes(), "another body came");
}

fn a_leak_that_is_only_logged_goes_out(kind: Kind) {
    let host = Host::start(kind, settings(3));
    let answer = host.get("/card", CLIENT);
    assert_eq!((answer.status, answer.text()), (200, CARD));
    let requests = host.agent.status().requests;
    assert_eq!((requests.attacks, requests.success), (1, 1), "{requests:?}");
}

fn who_was_shown_too_much_is_banned_where_the_configuration_says_so(kind: Kind) {
    let host = Host::start(kind, settings(2).security("BAN_EVIDENCE", 1));
    assert_eq!(host.get("/card", CLIENT).status, 403);
    host.wait_until("the ban is in force", || host.get("/cash", CLIENT).status == 403);
}

fn a_stream_of_text_is_not_held_back(kind: Kind) {
    let mut host = Host::start(kind, settings(1));
    let mut connection = host.connect();
    connection.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n");
    // the head is there before the first piece is
    connection.read_until("\r\n\r\n");
    for (piece, chunk) in [("one", "3\r\none\r\n"), ("and two", "7\r\nand two\r\n")] {
        host.give(Some(piece));
        assert_eq!(connection.read_until(chunk), chunk);
    }
    host.pieces = None;
    assert_eq!(connection.read_until("0\r\n\r\n"), "0\r\n\r\n");
}

fn an_error_in_a_stream_is_passed_on(kind: Kind) {
    let host = Host::start(kind, settings(1));
    let mut connection = host.connect();
    connection.send("GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n");
    host.give(Some("one"));
    connection.read_until("3\r\none\r\n");
    host.give(None);
    let rest = connection.read_to_end();
    assert!(
        rest.is_empty(),
        "the client must see that something is missing: {rest:?}"
    );
}

/// One whose length is known is waited for, but not for ever.
fn an_answer_that_is_slow_is_given_on_as_it_comes(kind: Kind) {
    let host = Host::start(kind, settings(1));
    let mut connection = host.connect();
    connection.send("GET /sized HTTP/1.1\r\nHost: a\r\n\r\n");
    connection.read_until("\r\n\r\n");
    for piece in ["one", "and two"] {
        host.give(Some(piece));
        assert_eq!(connection.read_until(piece), piece);
    }
}
