//! A candidate configuration that the server sends beside the one in force.

use std::time::Duration;

use buckler::{
    guard::RequestView,
    model::policy::config_hash,
    protocol::v2::{ConfigUpdate, ServerPart},
    testing::{ManualClock, ScriptedTransport, Told},
};
use serde_json::json;

use super::{ATTACKER, config, reply_2, request, settings, start, wait_until, welcome_2};

#[test]
fn what_a_candidate_of_the_servers_would_have_refused_is_told() {
    let body = config(json!({
        "BEACON_DELAY": 1,
        "SECURITY_CHECKS": {"sqli": 0},
        "DRY_RUN": {"SECURITY_CHECKS": {"sqli": 2}},
    }));
    let update = ConfigUpdate {
        version: 3,
        hash: config_hash(&body),
        body,
        signature: None,
    };
    let mut script = ScriptedTransport::script(
        move |_| {
            Ok(welcome_2(ServerPart {
                config: Some(update.clone()),
                ..ServerPart::default()
            }))
        },
        |_| Ok(reply_2(ServerPart::default())),
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(3)
    });
    let guard = agent.guard();
    let injection = RequestView {
        query: "q=1'+OR+'1'%3D'1",
        ..request("/search", ATTACKER)
    };
    for _ in 0..2 {
        assert!(!guard.check(&injection).is_block(), "the candidate decides nothing");
    }
    let dry_run = agent.status().dry_run.unwrap();
    assert_eq!((dry_run.requests, dry_run.totals()), (2, (2, 0)));
    assert_eq!(dry_run.routes[0].route, "/search");
    assert_eq!(dry_run.routes[0].would_block["sqli"], 2);

    let mut told = None;
    wait_until(&agent, "the server hears of it", || {
        clock.advance(Duration::from_secs(1));
        if let Some(Told::Beacon(_, beacon)) = script.next(Duration::from_millis(50)) {
            told = beacon.v2.and_then(|part| part.health.dry_run);
        }
        told.is_some_and(|told| told.would_block == 2)
    });
    assert_eq!(told.map(|told| (told.requests, told.would_pass)), Some((2, 0)));
}
