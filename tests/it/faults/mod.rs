//! Whatever the server does, the host answers every request, every detection is accounted for, and the agent is in step again
//! when the server is.
//!
//! `docs/FAULTS.md` says which test stands for which fault.

mod absent;
mod answers;
mod crash;
mod host;
mod lists;
mod process;
mod scribe;
mod size;
mod websocket;
mod wire;

use buckler::testing::ManualClock;
use buckler_tests::fault::{Answer, FaultServer, Script, Step, Upgrade};
use serde_json::json;

use crate::{
    rig::Rig,
    site::{DECOY, KEY, Site, settings},
};

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
    .upgrading(Upgrade::new())
}

/// Starts a site whose server has this fault, holds it to the promise, then mends the server.
#[track_caller]
fn survives(rig: Rig, fault: impl Into<Step>) {
    survives_with(rig, Script::always(fault).upgrading(Upgrade::new()));
}

/// As [`survives`], by a whole script.
#[track_caller]
fn survives_with(rig: Rig, fault: Script) -> FaultServer {
    let server = FaultServer::start(fault).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    guards_alone(&site);
    server.play(well_behaved()).unwrap();
    is_in_step_again(&site);
    server
}

/// While something is wrong, local settings guard.
#[track_caller]
fn guards_alone(site: &Site) {
    site.wait_until("the fault is noticed", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        site.agent.status().conversation.problem.is_some()
    });
    assert_eq!(site.get(DECOY, "203.0.113.9"), 403, "local settings guard");
    let status = format!("{:?}", site.agent.status());
    assert!(!status.contains(KEY), "{status}");
}

/// Where the server is well, its settings guard, and everything is told.
#[track_caller]
fn is_in_step_again(site: &Site) {
    site.wait_long("it is in step again", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        let status = site.agent.status();
        let conversation = &status.conversation;
        conversation.state == "synced" && conversation.problem.is_none() && status.config.source == "server"
    });
    assert_eq!(site.get(DECOY, "203.0.113.11"), 418, "the server's settings guard");
    site.wait_until("everything is told and accounted for", || {
        let events = site.agent.status().events;
        events.pending == 0 && events.balanced()
    });
    let events = site.agent.status().events;
    assert_eq!(events.lost.values().sum::<u64>(), 0, "{events:?}");
}

/// How many agents are tried at once: all of them wait, most of the time.
const AT_ONCE: usize = 4;

/// Tries many cases, some after and some beside each other.
#[track_caller]
fn at_once<T: Sync>(cases: &[T], check: impl Fn(&[T]) + Sync) {
    std::thread::scope(|scope| {
        for some in cases.chunks(cases.len().div_ceil(AT_ONCE)) {
            scope.spawn(|| check(some));
        }
    });
}
