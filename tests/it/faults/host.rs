//! What happens to the host's process, rather than to the server.

use std::{sync::atomic::Ordering, time::Duration};

use buckler::{clock::Clock, model::policy::config_hash, testing::ManualClock};
use buckler_tests::fault::{Answer, FaultServer, Script, Upgrade};
use serde_json::json;

use super::{is_in_step_again, scribe::Scribe, well_behaved};
use crate::{
    judged::{lets_in, source},
    rig::{Rig, over_both_transports},
    site::{DECOY, PATIENCE, Site, settings},
};

over_both_transports! {
    the_wall_clock_jumps_by_a_day,
    the_hosts_executor_is_blocked,
    more_is_caught_than_can_be_queued,
    each_actor_panics,
    actors_panic_in_a_storm,
    a_configuration_is_bad,
    two_agents_share_a_directory,
}

fn in_step(rig: Rig) -> (FaultServer, Site) {
    let server = FaultServer::start(well_behaved()).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    is_in_step_again(&site);
    (server, site)
}

fn the_wall_clock_jumps_by_a_day(rig: Rig) {
    const DAY: Duration = Duration::from_hours(24);
    let (_server, site) = in_step(rig);
    let clock = site.clock.clone().unwrap();
    for (n, to) in [clock.unix() + DAY, clock.unix() - DAY, clock.unix()]
        .into_iter()
        .enumerate()
    {
        let attacker = format!("198.51.100.{n}");
        assert_eq!(site.get(DECOY, &attacker), 418);
        site.wait_until("the ban is in force", || site.get("/", &attacker) == 418);
        clock.set_unix(to);
        assert_eq!(site.get("/", &attacker), 418, "a ban lasts as long as it would have");
        let before = site.agent.status().conversation.last_success;
        site.wait_until("the conversation goes on", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            site.agent.status().conversation.last_success > before
        });
        assert_eq!(site.agent.status().conversation.state, "synced");
    }
    for n in 0..3 {
        assert_eq!(site.get("/", &format!("198.51.100.{n}")), 418);
    }
    is_in_step_again(&site);
}

fn the_hosts_executor_is_blocked(rig: Rig) {
    let (server, site) = in_step(rig);
    site.app.gate.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        // enough for both of the application's threads
        let blocked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| site.get("/wait", "203.0.113.10")))
            .collect();
        site.wait_until("both threads are blocked", || {
            site.app.waiting.load(Ordering::SeqCst) >= 2
        });
        let before = server.record().requests.len();
        site.wait_until("the conversation goes on all the same", || {
            server.record().requests.len() > before + 3
        });
        site.app.gate.store(false, Ordering::SeqCst);
        for request in blocked {
            assert_eq!(request.join().unwrap(), 200);
        }
    });
    is_in_step_again(&site);
}

fn more_is_caught_than_can_be_queued(rig: Rig) {
    /// More than the 4,096 that wait for the actors and the 10,000 that wait for the server.
    const MANY: u32 = 20_000;
    let (server, site) = in_step(rig);
    server.refuse().unwrap();
    let guard = site.agent.guard();
    for n in 0..MANY {
        assert!(!lets_in(&guard, DECOY, source(n)), "each is refused");
    }
    assert_eq!(site.get("/", "203.0.113.10"), 200);
    site.wait_until("each is accounted for", || {
        let events = site.agent.status().events;
        events.generated >= MANY.into() && events.balanced()
    });
    let events = site.agent.status().events;
    let lost = |events: &buckler::status::Events| events.lost.values().sum::<u64>();
    assert!(lost(&events) >= 5_000, "what cannot be kept is counted: {events:?}");
    assert!(events.pending <= 15_000, "what is kept is bounded: {events:?}");
    server.listen().unwrap();
    site.wait_long("what was kept is told", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        site.agent.status().events.pending == 0
    });
    let events = site.agent.status().events;
    assert!(events.balanced() && events.acknowledged > 5_000, "{events:?}");
}

const ACTORS: [&str; 5] = [
    "ConfigFetcher",
    "BlacklistSync",
    "TelemetryReporter",
    "RequestGuard",
    "CloudLink",
];

fn each_actor_panics(rig: Rig) {
    let (_server, site) = in_step(rig);
    let clock = site.clock.clone().unwrap();
    for (n, actor) in (1..).zip(ACTORS) {
        site.agent.crash(actor);
        assert_eq!(site.get(DECOY, &format!("198.51.100.{n}")), 418);
        site.wait_until("a new tree stands", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            site.agent.status().restarts == n
        });
        is_in_step_again(&site);
        // far enough apart not to be taken for a storm
        clock.advance(Duration::from_mins(2));
    }
    assert!(site.agent.status().events.acknowledged >= 5);
}

fn actors_panic_in_a_storm(rig: Rig) {
    let (_server, site) = in_step(rig);
    for (n, actor) in (1..).zip(ACTORS) {
        site.agent.crash(actor);
        while site.agent.status().restarts < n {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
        }
        assert_eq!(site.get(DECOY, &format!("198.51.100.{n}")), 418);
    }
    is_in_step_again(&site);
    assert!(site.agent.status().events.acknowledged >= 5);
}

/// A version 2 server that says this configuration with every answer.
fn configures(version: u64, body: &serde_json::Value) -> Script {
    let hash = config_hash(&serde_json::from_value(body.clone()).unwrap());
    let said = json!({"v2": {"config": {"version": version, "hash": hash, "body": body}}});
    Script::always(Answer::reply(&said)).upgrading(Upgrade::new())
}

fn a_configuration_is_bad(rig: Rig) {
    let (server, site) = in_step(rig);
    let bad = [
        json!({"BLOCK_STATUS_CODE": "many"}),
        json!({"SECURITY_CHECKS": {"decoy": "always"}}),
        json!({"BLACKLIST_DELAY": -1}),
        json!({"IP_WHITELIST": "everybody", "BEACON_DELAY": {}}),
    ];
    for (version, body) in (1_u64..).step_by(2).zip(bad) {
        server.play(configures(version, &body)).unwrap();
        site.wait_until("it is refused, and the server is told", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            let failed = json!({"version": version, "state": "failed"});
            let record = server.record();
            let mut told = record
                .requests
                .iter()
                .map(|seen| seen.json()["v2"]["config_status"].take());
            told.any(|told| told["version"] == failed["version"] && told["state"] == failed["state"])
        });
        assert!(site.agent.status().config.refused.is_some());
        assert_eq!(
            site.get(DECOY, &format!("198.51.100.{version}")),
            418,
            "the one before stays"
        );
        let body = json!({"BEACON_DELAY": 1, "BLOCK_STATUS_CODE": 418, "BLACKLIST_STATUS_CODE": 418, "APP_NAME": version.to_string()});
        server.play(configures(version + 1, &body)).unwrap();
        site.wait_until("a good one is in force", || {
            site.agent.status().config.version == Some(version + 1)
        });
        assert_eq!(site.agent.status().config.refused, None);
    }
}

fn two_agents_share_a_directory(rig: Rig) {
    let directory = tempfile::tempdir().unwrap();
    let scribe = Scribe::of("e", &["198.51.100.1/32"]);
    let server = FaultServer::start(scribe.script(Vec::new())).unwrap();
    let settings = || settings(&server.url("/config")).state_dir(directory.path());
    for round in 0..2 {
        let clock = ManualClock::new();
        // one after the other, as processes start: each looks once through what others left
        let sites = [0, 1].map(|n| {
            let site = Site::over(rig, settings(), &clock);
            scribe.is_followed_by(&site, &server);
            assert_eq!(site.get(DECOY, &format!("192.0.2.{}", 10 * round + n)), 403);
            site.wait_until("everything is accounted for", || site.agent.status().events.balanced());
            site
        });
        let ids = sites.each_ref().map(|site| site.agent.status().conversation.agent_id);
        assert_ne!(ids[0], ids[1], "each is an agent of its own");
        for site in sites {
            assert!(site.agent.shutdown(PATIENCE).in_time);
        }
    }
    let agents: std::collections::BTreeSet<String> = server
        .record()
        .requests
        .iter()
        .map(|seen| seen.json()["v2"]["agent_id"].to_string())
        .filter(|id| id != "null")
        .collect();
    assert_eq!(agents.len(), 2, "and the same after a restart: {agents:?}");
}
