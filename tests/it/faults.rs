//! Whatever the server does, the host answers every request, and the agent is in step again when the server is.

use std::{sync::Arc, time::Duration};

use buckler::testing::ManualClock;
use buckler_tests::fault::{Answer, FaultServer, Pace, Script, Step};
use serde_json::json;

use crate::site::{DECOY, KEY, Site, settings};

/// A good answer to a registration and to a beacon alike.
fn good() -> Answer {
    Answer::reply(&json!({
        "config": {"BEACON": true, "BEACON_DELAY": 1, "BLACKLIST_SHARE": true, "BLOCK_STATUS_CODE": 418, "BLACKLIST_STATUS_CODE": 418},
        "blacklist": {},
    }))
}

/// A beacon's reply has another `blacklist`; nothing is a good one, too.
fn well_behaved() -> Script {
    Script::by(|seen| {
        Step::Answer(if seen.path == "/config" {
            good()
        } else {
            Answer::reply(&json!({}))
        })
    })
}

/// Starts a site whose server has this fault, holds it to the promise, then mends the server.
#[track_caller]
fn survives(fault: impl Into<Step>) {
    let server = FaultServer::start(Script::always(fault)).unwrap();
    let clock = ManualClock::new();
    let site = Site::on(settings(&server.url("/config")), Arc::clone(&clock) as _);
    site.wait_until("the fault is noticed", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        site.agent.status().conversation.problem.is_some()
    });
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403, "local settings guard");
    let status = format!("{:?}", site.agent.status());
    assert!(!status.contains(KEY), "{status}");

    server.play(well_behaved()).unwrap();
    site.wait_until("it is in step again", || {
        // the regime of what needs a person is at most an hour
        clock.advance(Duration::from_secs(30));
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        site.agent.status().conversation.state == "synced" && site.agent.status().config.source == "server"
    });
    assert_eq!(site.agent.status().conversation.problem, None);
    assert_eq!(site.get(DECOY, "203.0.113.11"), 418, "the server's settings guard");
}

#[test]
fn never_answers() {
    survives(Step::Hang);
}

#[test]
fn closes_without_a_byte() {
    survives(Step::Close);
}

#[test]
fn resets_the_connection() {
    survives(Step::Reset);
}

#[test]
fn answers_slowly_without_end() {
    survives(good().pace(Pace::Drip(1, Duration::from_millis(200))));
}

#[test]
fn stalls_in_the_head() {
    survives(good().pace(Pace::StallInHead(9)));
}

#[test]
fn stalls_in_the_body() {
    survives(good().pace(Pace::StallInBody(9)));
}

#[test]
fn answers_html() {
    survives(Answer::new(200).html("<h1>It works</h1>"));
}

#[test]
fn answers_nothing() {
    survives(Answer::new(200));
}

#[test]
fn truncates() {
    survives(good().pace(Pace::CutInBody(20)));
}

#[test]
fn ends_chunks_early() {
    survives(good().chunked_without_end());
}

#[test]
fn lies_in_types() {
    survives(Answer::reply(&json!({"config": [1, 2], "blacklist": "all of them"})));
}

#[test]
fn sends_fifty_megabytes() {
    survives(
        Answer::new(200)
            .header("Content-Type", "application/json")
            .spaces(50 << 20),
    );
}

#[test]
fn sends_a_gzip_bomb() {
    survives(Answer::gzip_bomb(256 << 20));
}

#[test]
fn redirects() {
    survives(Answer::redirect("http://127.0.0.1:9/config"));
}

#[test]
fn answers_with_each_status() {
    for status in [401, 403, 404, 429, 500, 503] {
        survives(Answer::refusal(status, "not today"));
    }
}

#[test]
fn is_down_at_the_start_and_comes_back() {
    let server = FaultServer::start(well_behaved()).unwrap();
    server.refuse().unwrap();
    let site = Site::start(settings(&server.url("/config")));
    site.wait_until("it says that nobody answers", || {
        site.agent.status().conversation.problem.is_some()
    });
    assert_eq!(
        (site.get("/", "203.0.113.10"), site.get(DECOY, "203.0.113.9")),
        (200, 403)
    );
    server.listen().unwrap();
    site.wait_until("it found the server", || site.agent.status().config.source == "server");
    // what was caught while nobody listened is told
    let told = server.wait_for(
        |record| {
            record
                .to("/beacon")
                .any(|seen| seen.json().to_string().contains("203.0.113.9"))
        },
        crate::site::PATIENCE,
    );
    assert!(told, "{:?}", site.agent.status());
}

#[test]
fn what_the_last_run_left_guards_while_the_server_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let server = FaultServer::start(well_behaved()).unwrap();
    let url = server.url("/config");
    let site = Site::start(settings(&url).state_dir(directory.path()));
    site.wait_until("the server's settings are in force", || {
        site.agent.status().config.source == "server"
    });
    site.agent.shutdown(crate::site::PATIENCE);
    drop(site);
    server.refuse().unwrap();
    let site = Site::start(settings(&url).state_dir(directory.path()));
    site.wait_until("they are in force again", || {
        site.agent.status().config.source == "disk"
    });
    site.wait_until("and judge", || site.get(DECOY, "203.0.113.12") == 418);
}
