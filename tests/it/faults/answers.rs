//! Servers that answer badly.

use std::time::Duration;

use buckler::testing::ManualClock;
use buckler_tests::fault::{Answer, FaultServer, Pace, Script, Step, Upgrade};
use serde_json::json;

use super::{at_once, good, guards_alone, is_in_step_again, survives, survives_with, well_behaved};
use crate::{
    rig::{Rig, over_both_transports},
    site::{Site, settings},
};

over_both_transports! {
    never_answers,
    closes_without_a_byte,
    resets_the_connection,
    answers_slowly_without_end,
    stalls_in_the_head,
    stalls_in_the_body,
    answers_html,
    answers_nothing,
    truncates,
    ends_chunks_early,
    lies_in_types,
    sends_fifty_megabytes,
    sends_a_gzip_bomb,
    redirects,
    answers_each_4xx,
    answers_each_5xx,
    asks_for_absurd_patience,
}

fn never_answers(rig: Rig) {
    survives(rig, Step::Hang);
}

fn closes_without_a_byte(rig: Rig) {
    survives(rig, Step::Close);
}

fn resets_the_connection(rig: Rig) {
    survives(rig, Step::Reset);
}

fn answers_slowly_without_end(rig: Rig) {
    survives(rig, good().pace(Pace::Drip(1, Duration::from_millis(200))));
}

fn stalls_in_the_head(rig: Rig) {
    survives(rig, good().pace(Pace::StallInHead(9)));
}

fn stalls_in_the_body(rig: Rig) {
    survives(rig, good().pace(Pace::StallInBody(9)));
}

fn answers_html(rig: Rig) {
    survives(rig, Answer::new(200).html("<h1>It works</h1>"));
}

fn answers_nothing(rig: Rig) {
    survives(rig, Answer::new(200));
}

fn truncates(rig: Rig) {
    survives(rig, good().pace(Pace::CutInBody(20)));
}

fn ends_chunks_early(rig: Rig) {
    survives(rig, good().chunked_without_end());
}

fn lies_in_types(rig: Rig) {
    survives(
        rig,
        Answer::reply(&json!({"config": [1, 2], "blacklist": "all of them"})),
    );
}

fn sends_fifty_megabytes(rig: Rig) {
    const SIZE: u64 = 50 << 20;
    let answer = Answer::new(200).header("Content-Type", "application/json").spaces(SIZE);
    let server = survives_with(rig, Script::always(answer).upgrading(Upgrade::new()));
    let record = server.record();
    let first = record.requests.iter().filter(|seen| !seen.body.is_empty()).count() as u64;
    assert!(
        record.body_bytes_sent < SIZE * first,
        "it stops reading: {} bytes",
        record.body_bytes_sent
    );
}

fn sends_a_gzip_bomb(rig: Rig) {
    survives(rig, Answer::gzip_bomb(64 << 20));
}

fn redirects(rig: Rig) {
    // to itself, so that following it would be seen
    let fault = Script::always(Answer::redirect("/elsewhere")).upgrading(Upgrade::new());
    let server = survives_with(rig, fault);
    assert!(server.record().requests.iter().all(|seen| seen.path != "/elsewhere"));
}

/// Every status of the class that IANA lists.
#[track_caller]
fn answers_each(rig: Rig, statuses: &[u16]) {
    at_once(statuses, |statuses| {
        let refusal = |status: u16| {
            Script::always(Answer::refusal(status, &format!("not today, {status}"))).upgrading(Upgrade::new())
        };
        let server = FaultServer::start(refusal(statuses[0])).unwrap();
        let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
        for status in statuses {
            server.play(refusal(*status)).unwrap();
            site.wait_long(&format!("{status} is noticed"), || {
                assert_eq!(site.get("/", "203.0.113.10"), 200);
                let problem = site.agent.status().conversation.problem.unwrap_or_default();
                problem.contains(&status.to_string())
            });
        }
        guards_alone(&site);
        server.play(well_behaved()).unwrap();
        is_in_step_again(&site);
    });
}

fn answers_each_4xx(rig: Rig) {
    let most = (400..=418).chain(421..=426);
    answers_each(rig, &most.chain([428, 429, 431, 451]).collect::<Vec<_>>());
}

fn answers_each_5xx(rig: Rig) {
    answers_each(rig, &(500..=508).chain([510, 511, 599]).collect::<Vec<_>>());
}

fn asks_for_absurd_patience(rig: Rig) {
    let absurd = [
        "0",
        "-1",
        "99999999999999999999",
        "4294967296",
        "soon",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ];
    at_once(&absurd, |values| {
        for value in values {
            survives(rig, Answer::refusal(503, "later").header("Retry-After", value));
        }
    });
}
