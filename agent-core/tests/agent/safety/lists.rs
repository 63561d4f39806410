//! The fleet's list: the breaker, and the age at which it is only logged.

use buckler::protocol::Epoch;

use super::*;

#[test]
fn a_list_that_names_the_customers_is_followed_but_not_enforced() {
    let (mut script, step) = server(vec![
        snapshot(1, &listed(0..4)),
        delta(2, &listed(0..4), &listed(0..CLIENTS)),
        delta(3, &listed(0..CLIENTS), &listed(0..4)),
    ]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings());
    let guard = agent.guard();
    step.store(1, Ordering::SeqCst);
    pass_time_until(
        &agent,
        &mut script,
        &clock,
        "a list of four in twenty is in force",
        || agent.status().list.cursor == Some(("e1".to_owned(), 1)),
    );
    wait_until(&agent, "it is published", || visit(&guard) == 16);
    assert!(agent.status().list.shared_in_force && agent.status().list.breaker.is_none());

    step.store(2, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the list is in step", || {
        assert!(visit(&guard) >= 16, "not for a moment");
        agent.status().list.cursor == Some(("e1".to_owned(), 2))
    });
    assert_eq!(visit(&guard), usize::from(CLIENTS), "those four too");
    attack(&guard, "203.0.113.77");
    wait_until(&agent, "bans made here stay in force", || {
        !passes(&guard, "203.0.113.77")
    });
    let status = agent.status();
    assert!(!status.list.shared_in_force && status.spared > 0);
    let breaker = status.list.breaker.unwrap();
    assert_eq!((breaker.share, breaker.clients, breaker.revision), (100, 20, Some(2)));
    let part = told(&agent, &mut script, &clock, |part| part.health.alarm.is_some());
    assert!(part.health.alarm.unwrap().contains("20 of 20 recent clients"));
    assert_eq!(part.have.list.unwrap().rev, 2, "it follows the server");

    clock.advance(Duration::from_hours(8));
    told(&agent, &mut script, &clock, |_| true);
    assert!(agent.status().list.breaker.is_some(), "at night too");
    step.store(3, Ordering::SeqCst);
    pass_time_until(
        &agent,
        &mut script,
        &clock,
        "a list that lets them in is in force again",
        || agent.status().list.shared_in_force,
    );
    assert_eq!(visit(&guard), 16);
    assert!(!passes(&guard, ATTACKER));
    told(&agent, &mut script, &clock, |part| part.health.alarm.is_none());
}

#[test]
fn a_list_that_goes_wrong_entry_by_entry_is_seen_as_well() {
    // two clients more with each revision: never more than a tenth at once
    let upto = |rev: u8| listed(0..2 * (rev - 1));
    let mut steps = vec![snapshot(1, &upto(1))];
    steps.extend((2..=5).map(|rev| delta(u64::from(rev), &upto(rev - 1), &upto(rev))));
    let (mut script, step) = server(steps);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings());
    for rev in 1..=5 {
        step.store(rev, Ordering::SeqCst);
        pass_time_until(&agent, &mut script, &clock, "the list is in step", || {
            agent.status().list.cursor == Some(("e1".to_owned(), rev))
        });
        let let_in = visit(&agent.guard());
        assert!(let_in >= 16, "{let_in} at revision {rev}: {:?}", agent.status());
    }
    assert_eq!(agent.status().list.breaker.unwrap().revision, Some(4), "six of twenty");
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
}

#[test]
fn a_list_of_everybody_trips_the_breaker_where_nobody_is_known() {
    let (mut script, step) = server(vec![snapshot(1, &["0.0.0.0/1".to_owned()])]);
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the list is in step", || {
        agent.status().list.cursor == Some(("e1".to_owned(), 1))
    });
    assert!(agent.status().list.breaker.unwrap().reason.contains("sixteenth"));
    assert!(passes(&agent.guard(), "8.8.8.8"));
}

#[test]
fn a_share_of_100_enforces_every_list() {
    let (mut script, step) = server(vec![snapshot(
        1,
        &["0.0.0.0/1".to_owned(), "198.51.100.0/24".to_owned()],
    )]);
    let clock = ManualClock::new();
    let agent = settled(&script, &clock, settings().breaker_share(100));
    step.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the list is in force", || {
        visit(&agent.guard()) == 0
    });
    assert!(agent.status().list.shared_in_force);
}

#[test]
fn a_list_that_nobody_has_confirmed_for_too_long_is_only_logged_until_somebody_does() {
    let up = Arc::new(AtomicU64::new(1));
    let is_up = Arc::clone(&up);
    let welcome = || Welcome {
        config: config(serde_json::json!({"BEACON": true, "BEACON_DELAY": 1})),
        blacklist: [(ATTACKER.to_owned(), Epoch(1_767_225_600))].into(),
        ..Welcome::default()
    };
    let mut script = ScriptedTransport::script(
        move |_| Ok(welcome()),
        move |_| {
            if is_up.load(Ordering::SeqCst) == 1 {
                Ok(Default::default())
            } else {
                Err(down())
            }
        },
    );
    let clock = ManualClock::new();
    let hour = Duration::from_hours(1);
    let settings = settings().stale_after(hour).security("BLACKLIST_DELAY", 86_400);
    let agent = start(settings, &script, &clock);
    let guard = agent.guard();
    wait_until(&agent, "the list is in force", || !passes(&guard, ATTACKER));
    attack(&guard, "203.0.113.50");
    wait_until(&agent, "a ban is in force", || !passes(&guard, "203.0.113.50"));
    up.store(0, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the server is gone", || {
        agent.status().conversation.problem.is_some()
    });
    assert!(!passes(&guard, ATTACKER) && agent.status().list.stale.is_none());
    clock.advance(hour);
    wait_until(&agent, "the list is too old", || agent.status().list.stale.is_some());
    assert!(passes(&guard, ATTACKER) && !agent.status().list.shared_in_force);
    up.store(1, Ordering::SeqCst);
    pass_time_until(&agent, &mut script, &clock, "the server is back", || {
        agent.status().list.shared_in_force
    });
    wait_until(&agent, "the list is in force again", || !passes(&guard, ATTACKER));
    assert_eq!(agent.status().list.stale, None);
}
