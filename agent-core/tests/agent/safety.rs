//! What keeps the agent from shutting out the site's customers: probation, the breaker, the kill switch, and the list's age.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use buckler::{
    Agent,
    guard::Guard,
    model::{address::parse_network, blacklist::Digest, policy::config_hash},
    protocol::{
        BlacklistUpdate, Epoch, Welcome,
        v2::{AgentPart, ConfigState, ConfigUpdate, EventKind, ListMode, ListUpdate, ServerPart},
    },
    testing::{ManualClock, Script, ScriptedTransport, Told},
};

use super::{
    ATTACKER, PATIENCE, attack, config, down, passes, reply_2, request, settings, start, wait_until, welcome_2,
};

/// Clients of the site, beyond any attacker.
const CLIENTS: u8 = 20;

fn client(n: u8) -> String {
    format!("198.51.100.{n}")
}

/// Every client comes once; how many were let in.
fn visit(guard: &Guard) -> usize {
    (0..CLIENTS).filter(|n| passes(guard, &client(*n))).count()
}

fn update(version: u64, body: serde_json::Value) -> ConfigUpdate {
    let body = config(body);
    ConfigUpdate {
        version,
        hash: config_hash(&body),
        body,
    }
}

/// Beacons every second.
fn harmless(version: u64) -> ConfigUpdate {
    update(version, serde_json::json!({"BEACON_DELAY": 1, "BLACKLIST_SHARE": true}))
}

/// Refuses everybody, and bans them at that.
fn harmful(version: u64) -> ConfigUpdate {
    update(
        version,
        serde_json::json!({"BEACON_DELAY": 1, "HOSTS": ["other.example.com"], "SECURITY_CHECKS": {"spoofing": 2}}),
    )
}

fn with_config(config: ConfigUpdate) -> ServerPart {
    ServerPart {
        config: Some(config),
        ..ServerPart::default()
    }
}

/// A snapshot that lists these, whole.
fn snapshot(rev: u64, networks: &[String]) -> ServerPart {
    let digest = Digest::of(networks.iter().filter_map(|text| parse_network(text)));
    with_list(ListUpdate {
        mode: ListMode::Snapshot,
        epoch: "e1".to_owned(),
        from: 0,
        to: rev,
        add: networks.iter().map(|text| (text.clone(), 86_400)).collect(),
        remove: vec![],
        page: 1,
        pages: 1,
        count: networks.len() as u64,
        digest: digest.to_string(),
    })
}

/// The changes that lead from one list to the next.
fn delta(rev: u64, before: &[String], after: &[String]) -> ServerPart {
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|text| !others.contains(text)).cloned().collect()
    };
    let whole = snapshot(rev, after).list.unwrap();
    with_list(ListUpdate {
        mode: ListMode::Delta,
        from: rev - 1,
        add: without(after, before).into_iter().map(|text| (text, 86_400)).collect(),
        remove: without(before, after),
        ..whole
    })
}

fn with_list(list: ListUpdate) -> ServerPart {
    ServerPart {
        list: Some(list),
        ..ServerPart::default()
    }
}

fn listed(clients: std::ops::Range<u8>) -> Vec<String> {
    clients.map(client).chain([ATTACKER.to_owned()]).collect()
}

/// A server whose beacon replies are those of the step that the test has taken; step 0 says nothing new.
fn server(steps: Vec<ServerPart>) -> (Script, Arc<AtomicU64>) {
    let step = Arc::new(AtomicU64::new(0));
    let taken = Arc::clone(&step);
    let script = ScriptedTransport::script(
        |_| Ok(welcome_2(with_config(harmless(1)))),
        move |_| {
            let step = usize::try_from(taken.load(Ordering::SeqCst)).unwrap();
            let part = step.checked_sub(1).and_then(|at| steps.get(at));
            Ok(reply_2(part.cloned().unwrap_or_default()))
        },
    );
    (script, step)
}

/// Waits while time passes, slowly enough for the agent, which looks at the clock once a real second, to keep up.
#[track_caller]
fn pass_time_until(
    agent: &Agent,
    script: &mut Script,
    clock: &ManualClock,
    what: &str,
    mut condition: impl FnMut() -> bool,
) {
    wait_until(agent, what, || {
        if script.next(Duration::from_millis(5)).is_none() {
            clock.advance(Duration::from_millis(20));
        }
        condition()
    });
}

/// The first configuration is in force and has proven itself; customers have just been there.
fn settled(script: &Script, clock: &Arc<ManualClock>, settings: buckler::settings::SettingsBuilder) -> Agent {
    let agent = start(settings, script, clock);
    wait_until(&agent, "the first configuration came", || {
        agent.status().config.version == Some(1)
    });
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "it has proven itself", || {
        agent.status().config.state == "applied"
    });
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
    agent
}

/// What the agent told in its next beacon that says this.
fn told(agent: &Agent, script: &mut Script, clock: &ManualClock, says: impl Fn(&AgentPart) -> bool) -> AgentPart {
    let mut found = None;
    wait_until(agent, "it is told", || {
        match script.next(Duration::from_millis(5)) {
            Some(Told::Beacon(_, beacon)) => found = beacon.v2.filter(|part| says(part)),
            Some(Told::Registration(_)) => {}
            None => clock.advance(Duration::from_millis(20)),
        }
        found.is_some()
    });
    found.unwrap()
}

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
    let refused = usize::from(CLIENTS) - visit(&guard);
    assert_eq!(refused, usize::from(CLIENTS));
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
    assert_eq!(visit(&agent.guard()), 0);
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
    assert!(passes(&guard, ATTACKER), "though it is listed");
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
