//! Switched off, by a file or by the settings; and what outlives the process.

use super::*;

#[test]
fn the_kill_switch_lets_everybody_in_and_bans_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("off");
    std::fs::write(&file, "").unwrap();
    let (mut script, step) = server(vec![snapshot(1, &listed(0..0))]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings().kill_switch_file(&file));
    let guard = agent.guard();
    assert_eq!(agent.status().enforcement.state, "off", "from the first request on");
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the list is in step", || {
        agent.status().list.cursor == Some(("e1".to_owned(), 1))
    });
    wait_until(&agent, "the guard has the list, and spares whom it names", || {
        assert!(passes(&guard, ATTACKER), "though it is listed");
        agent.status().spared >= 1
    });
    let caught = "203.0.113.50";
    assert!(!guard.check(&request("/.git/config", caught)).is_block());
    let part = told(&agent, &mut script, &clock, |part| !part.events.is_empty());
    assert_eq!(part.events[0].kind, EventKind::Attack);
    assert!(part.health.alarm.unwrap().contains("nothing is refused"));
    let status = agent.status();
    assert!(status.enforcement.reason.unwrap().contains("off exists"));
    assert_eq!((status.requests.blocked, status.list.local), (0, 0));
    assert!(status.requests.attacks >= 1 && status.spared >= 1);

    std::fs::remove_file(&file).unwrap();
    wait_until(&agent, "it enforces again", || agent.status().enforcement.state == "on");
    assert!(!passes(&guard, ATTACKER));
    assert!(passes(&guard, caught), "nobody was banned meanwhile");
    std::fs::write(&file, "").unwrap();
    wait_until(&agent, "and off again", || passes(&guard, ATTACKER));
    wait_until(&agent, "which is told", || agent.status().enforcement.state == "off");
}

#[test]
fn enforcement_can_be_off_by_the_settings() {
    let (script, _) = server(vec![]);
    let clock = ManualClock::new();
    let variables = [("BUCKLER_AGENT__ENFORCE", "false")];
    let agent = start(settings().variables(variables), &script, &clock);
    assert!(!agent.guard().check(&request("/.git/config", ATTACKER)).is_block());
    let enforcement = agent.status().enforcement;
    assert_eq!(
        (enforcement.state, enforcement.reason.as_deref()),
        ("off", Some("agent.enforce is false"))
    );
}

#[test]
fn what_was_found_out_survives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || {
        settings()
            .state_dir(directory.path())
            .stale_after(Duration::from_hours(1))
    };
    let (mut script, step) = server(vec![with_config(harmful(2)), snapshot(1, &listed(0..CLIENTS))]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, kept());
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "it is rolled back", || {
        visit(&agent.guard());
        agent.status().config.state == "rolled_back"
    });
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
    step.store(2, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the breaker trips", || {
        agent.status().list.breaker.is_some()
    });
    assert!(agent.shutdown(PATIENCE).in_time);
    drop(agent);

    let mut again = ScriptedTransport::script(
        |_| Ok(welcome_2(with_config(harmful(2)))),
        |_| {
            let confirmed = ListUpdate {
                complete: false,
                mode: ListMode::None,
                add: vec![],
                ..snapshot(1, &listed(0..CLIENTS)).list.unwrap()
            };
            Ok(reply_2(with_list(confirmed)))
        },
    );
    let agent = start(kept(), &again, &clock);
    let guard = agent.guard();
    pass_time_until(&agent, &mut again, &clock, "the server has spoken", || {
        assert_eq!(visit(&guard), usize::from(CLIENTS), "not for a moment");
        agent.status().list.confirmed.is_some()
    });
    let status = agent.status();
    assert_eq!(status.config.version, Some(1), "what failed is not tried again");
    assert_eq!(
        status.list.breaker.unwrap().clients,
        20,
        "the list names the clients still"
    );
    assert!(agent.shutdown(PATIENCE).in_time);
    drop(agent);

    clock.advance(Duration::from_hours(2));
    let silent = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
    let agent = start(kept(), &silent, &clock);
    wait_until(&agent, "the list of two hours ago is too old", || {
        agent.status().list.stale.is_some()
    });
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
}
