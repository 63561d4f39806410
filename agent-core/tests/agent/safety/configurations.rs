//! Configurations on probation: what one is rolled back for, and what is remembered of it.

use buckler::protocol::BlacklistUpdate;

use super::*;

#[test]
fn a_configuration_that_refuses_the_customers_is_rolled_back_and_not_tried_again() {
    let (mut script, step) = server(vec![with_config(harmful(2)), with_config(harmless(3))]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings());
    let guard = agent.guard();
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "it is in force, on probation", || {
        agent.status().config.state == "probation"
    });
    assert_eq!(agent.status().config.version, Some(2), "as a whole");
    // on a busy machine it is rolled back before the last of them have come
    let refused = usize::from(CLIENTS) - visit(&guard);
    assert!(refused > 0);
    wait_until(&agent, "it is rolled back", || {
        agent.status().config.state == "rolled_back"
    });
    assert_eq!(visit(&guard), usize::from(CLIENTS), "no ban outlasts it");
    let status = agent.status();
    assert_eq!(status.config.version, Some(1), "the one before runs again");
    assert!(status.config.refused.unwrap().contains("20 of 20 clients"));

    let part = told(&agent, &mut script, &clock, |part| {
        part.config_status
            .as_ref()
            .is_some_and(|status| status.state == ConfigState::RolledBack)
    });
    let status = part.config_status.unwrap();
    assert_eq!((status.version, part.have.config.unwrap().version), (2, 1));
    assert!(status.error.unwrap().contains("20 of 20 clients"));
    for _ in 0..3 {
        // the server says it again and again
        told(&agent, &mut script, &clock, |_| true);
        assert_eq!(visit(&guard), usize::from(CLIENTS));
    }
    assert_eq!(agent.status().config.state, "rolled_back");
    wait_until(&agent, "the refusals are reported", || {
        agent.status().events.generated == refused as u64
    });

    step.store(2, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the next one is tried", || {
        agent.status().config.version == Some(3)
    });
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "and proves itself", || agent.status().config.state == "applied");
    told(&agent, &mut script, &clock, |part| {
        part.config_status
            .as_ref()
            .is_some_and(|status| (status.version, status.state) == (3, ConfigState::Applied))
    });
}

#[test]
fn refusals_of_a_configuration_on_trial_are_shared_as_attacks_alone() {
    let share = update(
        2,
        serde_json::json!({"BEACON_DELAY": 1, "BLACKLIST_SHARE": true, "SECURITY_CHECKS": {"path": 2},
            "FORBIDDEN_HEADERS": []}),
    );
    let (mut script, step) = server(vec![with_config(share)]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings());
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "it is on probation", || {
        agent.status().config.state == "probation"
    });
    // refused for a page that is not there by both, banned for it by the new one alone
    let lost = buckler::guard::RequestView {
        route: buckler::guard::RouteMatch::Missing,
        ..request("/old-page", &client(0))
    };
    assert!(agent.guard().check(&lost).is_block());
    attack(&agent.guard(), ATTACKER);
    let part = told(&agent, &mut script, &clock, |part| part.events.len() == 2);
    let kinds: Vec<_> = part
        .events
        .iter()
        .map(|event| (event.address.as_str(), event.kind))
        .collect();
    assert_eq!(
        kinds,
        [(client(0).as_str(), EventKind::Attack), (ATTACKER, EventKind::Ban)]
    );
    assert!(passes(&agent.guard(), &client(0)) && !passes(&agent.guard(), ATTACKER));
}

#[test]
fn a_configuration_that_replaces_one_on_trial_is_compared_with_the_last_good_one() {
    let (mut script, step) = server(vec![with_config(harmful(2)), with_config(harmful(3))]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings());
    for (taken, version) in [(1, 2), (2, 3)] {
        step.store(taken, Ordering::SeqCst);
        pass_time_until(&agent, &mut script, &clock, "it is on probation", || {
            agent.status().config.version == Some(version)
        });
    }
    assert!(visit(&agent.guard()) < usize::from(CLIENTS));
    wait_until(&agent, "it is rolled back", || {
        agent.status().config.state == "rolled_back"
    });
    assert_eq!(agent.status().config.version, Some(1));
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
}

#[test]
fn a_trial_survives_its_actor_and_only_what_has_passed_survives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let (mut script, step) = server(vec![with_config(harmful(2))]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings().state_dir(directory.path()));
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "it is on probation", || {
        agent.status().config.state == "probation"
    });
    agent.crash("ConfigFetcher");
    wait_until(&agent, "the tree is planted anew", || agent.status().restarts == 1);
    assert!(agent.shutdown(PATIENCE).in_time);
    drop(agent);

    let silent = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
    let agent = start(settings().state_dir(directory.path()), &silent, &clock);
    wait_until(&agent, "the last good one is in force", || {
        agent.status().config.source == "disk"
    });
    let status = agent.status().config;
    assert_eq!((status.version, status.state), (Some(1), "applied"));
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
}

#[test]
fn a_version_1_server_is_guarded_against_too() {
    let bad = config(
        serde_json::json!({"BEACON": true, "BEACON_DELAY": 1, "HOSTS": ["other.example.com"],
        "SECURITY_CHECKS": {"spoofing": 2}}),
    );
    let good = config(serde_json::json!({"BEACON": true, "BEACON_DELAY": 1}));
    let step = Arc::new(AtomicU64::new(0));
    let taken = Arc::clone(&step);
    let mut script = ScriptedTransport::script(
        move |_| {
            Ok(Welcome {
                config: good.clone(),
                ..Welcome::default()
            })
        },
        move |_| {
            let step = taken.load(Ordering::SeqCst);
            let config = if step == 1 { bad.clone() } else { Default::default() };
            let new = (0..CLIENTS).filter(|_| step == 2).map(client).collect();
            Ok(buckler::protocol::BeaconReply {
                config,
                blacklist: BlacklistUpdate { new, remove: vec![] },
                ..Default::default()
            })
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the first configuration came", || {
        agent.status().config.source == "server"
    });
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "it has proven itself", || {
        agent.status().config.state == "applied"
    });
    let guard = agent.guard();
    assert_eq!(visit(&guard), usize::from(CLIENTS));
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the bad one is rolled back", || {
        visit(&guard);
        agent.status().config.state == "rolled_back"
    });
    assert_eq!(visit(&guard), usize::from(CLIENTS));
    step.store(2, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the breaker trips", || {
        assert_eq!(visit(&guard), usize::from(CLIENTS));
        agent.status().list.breaker.is_some()
    });
    assert_eq!(visit(&guard), usize::from(CLIENTS));
}
