//! Own bans: by the host, those that are not made, and what is remembered of them.

use std::{sync::atomic::Ordering, time::Duration};

use buckler::{
    BanError, Unbanned,
    guard::Verdict,
    protocol::v2::{Event, EventKind, Evidence, Nack, ServerPart},
    testing::{ManualClock, Script, ScriptedTransport, Told},
};
use ipnet::IpNet;

use super::{
    ATTACKER, PATIENCE, attack, conversation::update, down, passes, reply_2, request, settings, start, wait_until,
    welcome_2,
};

const HOUR: Duration = Duration::from_secs(3600);

fn network(text: &str) -> IpNet {
    buckler::model::address::parse_network(text).unwrap()
}

fn silent() -> Script {
    ScriptedTransport::script(|_| Err(down()), |_| Err(down()))
}

/// A server that takes no event, so that they can be looked at.
fn sharing() -> Script {
    let body = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 1});
    ScriptedTransport::script(
        move |_| {
            Ok(welcome_2(ServerPart {
                config: Some(update(1, body.clone())),
                ..ServerPart::default()
            }))
        },
        |_| Ok(reply_2(ServerPart::default())),
    )
}

/// The events of the next message that has as many.
#[track_caller]
fn events(script: &mut Script, clock: &ManualClock, least: usize) -> Vec<Event> {
    let mut looks = 0..5_000;
    let found = looks.find_map(|_| {
        let part = match script.next(Duration::from_millis(5)) {
            Some(Told::Beacon(_, beacon)) => beacon.v2,
            Some(Told::Registration(registration)) => registration.v2,
            None => {
                clock.advance(Duration::from_millis(10));
                None
            }
        };
        part.map(|part| part.events).filter(|events| events.len() >= least)
    });
    found.unwrap()
}

#[test]
fn a_host_bans_and_lets_in_without_a_server() {
    let (script, clock) = (silent(), ManualClock::new());
    let agent = start(settings(), &script, &clock);
    let guard = agent.guard();
    agent.ban(network(ATTACKER), HOUR, "seen in the log").unwrap();
    agent.ban(network("198.51.100.0/24"), HOUR, "a range").unwrap();
    assert!(!passes(&guard, ATTACKER) && !passes(&guard, "198.51.100.77") && passes(&guard, "203.0.113.10"));
    let bans = agent.bans();
    let banned: Vec<String> = bans.iter().map(|ban| ban.network.to_string()).collect();
    assert_eq!(banned, ["198.51.100.0/24", "203.0.113.9/32"]);
    let left = bans[0]
        .until_ms
        .unwrap()
        .abs_diff(u64::try_from(clock_ms(&clock)).unwrap());
    assert!(left.abs_diff(3_600_000) <= 1000, "{left}");
    assert_eq!(
        agent.unban(network("198.51.100.77")).unwrap(),
        Unbanned::LetIn,
        "the range ends too"
    );
    assert!(passes(&guard, "198.51.100.77") && passes(&guard, "198.51.100.1"));
    assert_eq!(agent.unban(network("203.0.113.0/24")).unwrap(), Unbanned::LetIn);
    assert_eq!(agent.unban(network(ATTACKER)).unwrap(), Unbanned::NotBanned);
    assert!(passes(&guard, ATTACKER) && agent.bans().is_empty());
    wait_until(&agent, "all is accounted for", || agent.status().events.balanced());
}

fn clock_ms(clock: &ManualClock) -> u128 {
    buckler::clock::Clock::unix(clock).as_millis()
}

#[test]
fn what_must_not_be_banned_is_refused_with_what_is_allowed() {
    let (script, clock) = (silent(), ManualClock::new());
    let agent = start(settings().trusted_proxies(["203.0.113.80"]), &script, &clock);
    for protected in [
        "203.0.113.0/24",
        "203.0.113.80",
        "127.0.0.1",
        "169.254.1.1",
        "fe80::/64",
    ] {
        let refused = agent.ban(network(protected), HOUR, "x").unwrap_err();
        assert_eq!(refused, BanError::Protected(network(protected)));
    }
    let wide = agent.ban(network("198.0.0.0/8"), HOUR, "x").unwrap_err().to_string();
    assert!(wide.contains("198.0.0.0/8") && wide.contains("/16"), "{wide}");
    let short = agent.ban(network(ATTACKER), Duration::ZERO, "x");
    assert_eq!(short, Err(BanError::TooShort(Duration::ZERO)));
    assert!(agent.bans().is_empty());
}

#[test]
fn bans_by_the_host_are_shared_and_so_is_that_a_client_is_let_in() {
    let (mut script, clock) = (sharing(), ManualClock::new());
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    agent.ban(network(ATTACKER), HOUR, "seen in the log").unwrap();
    agent.unban(network(ATTACKER)).unwrap();
    let told = events(&mut script, &clock, 2);
    let seen: Vec<_> = told.iter().map(|event| (event.kind, event.address.as_str())).collect();
    assert_eq!(seen, [(EventKind::Ban, ATTACKER), (EventKind::Unban, ATTACKER)]);
    assert_eq!(
        (told[0].why.as_str(), told[0].evidence),
        ("seen in the log", Evidence::Certain)
    );
    assert!(agent.status().events.balanced());
}

#[test]
fn one_that_is_let_in_begins_again() {
    let (script, clock) = (silent(), ManualClock::new());
    let agent = start(settings(), &script, &clock);
    let guard = agent.guard();
    let lasts = |expected: u64| {
        attack(&guard, ATTACKER);
        wait_until(&agent, "it is banned", || !agent.bans().is_empty());
        let until = u128::from(agent.bans()[0].until_ms.unwrap()) - clock_ms(&clock);
        assert!(
            until.abs_diff(u128::from(expected) * 1000) <= 1000,
            "{until} ms, {expected} s"
        );
    };
    lasts(300);
    clock.advance(Duration::from_secs(302));
    lasts(3600);
    agent.unban(network(ATTACKER)).unwrap();
    lasts(300);
}

#[test]
fn bans_are_counted_across_restarts() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    for lasts in [300, 3600, 86_400, 86_400] {
        let script = silent();
        let agent = start(settings().state_dir(directory.path()), &script, &clock);
        // the disk is open before what it holds is in force, and the server is asked afterwards
        wait_until(&agent, "what was kept is in force", || {
            agent.status().store.path.is_some() && agent.status().conversation.problem.is_some()
        });
        attack(&agent.guard(), ATTACKER);
        wait_until(&agent, "it is banned", || !agent.bans().is_empty());
        let until = u128::from(agent.bans()[0].until_ms.unwrap()) - clock_ms(&clock);
        assert!(until.abs_diff(lasts * 1000) <= 1000, "{until} ms, {lasts} s");
        agent.shutdown(PATIENCE);
        clock.advance(Duration::from_secs(u64::try_from(lasts).unwrap() + 2));
    }
}

#[test]
fn a_ban_that_would_shut_out_much_of_the_site_is_not_made_and_says_so() {
    let (mut script, clock) = (sharing(), ManualClock::new());
    let agent = start(settings(), &script, &clock);
    let guard = agent.guard();
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    let proxy = "203.0.113.80";
    (0..300).for_each(|_| assert!(passes(&guard, proxy)));
    (0..100).for_each(|_| assert!(passes(&guard, "198.51.100.7")));
    attack(&guard, proxy);
    wait_until(&agent, "the status says so", || agent.status().withheld.is_some());
    let withheld = agent.status().withheld.unwrap();
    assert_eq!((withheld.network.as_str(), withheld.bans), (proxy, 1));
    assert!(withheld.reason.contains("300 of 400 requests"), "{withheld:?}");
    assert!(passes(&guard, proxy) && agent.bans().is_empty());
    let told = events(&mut script, &clock, 1);
    assert_eq!((told[0].kind, told[0].ttl_s), (EventKind::Attack, 0));
    assert!(told[0].detail.as_ref().unwrap().withheld);
    let by_hand = agent.ban(network(proxy), HOUR, "x").unwrap_err();
    assert!(matches!(by_hand, BanError::Withheld(_)), "{by_hand}");
}

#[test]
fn scanners_of_a_quiet_site_are_banned_one_and_all() {
    let (script, clock) = (silent(), ManualClock::new());
    let agent = start(settings(), &script, &clock);
    let guard = agent.guard();
    for n in 0..40_usize {
        let scanner = format!("203.0.113.{n}");
        assert!(passes(&guard, &scanner));
        // most of what it asks for is not there
        for path in 0..300 {
            let path = format!("/backup-{path}.zip");
            let view = request(&path, &scanner);
            if let Verdict::Pass = guard.check(&view) {
                drop(guard.check_response(&view, 404));
            }
        }
        attack(&guard, &scanner);
        wait_until(&agent, "it is banned", || agent.bans().len() == n + 1);
    }
    assert_eq!(agent.status().withheld, None);
}

#[test]
fn scanners_that_visit_every_application_do_not_keep_the_list_off() {
    let step = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let taken = std::sync::Arc::clone(&step);
    let networks: Vec<String> = (0..12).map(|n| format!("203.0.113.{n}")).collect();
    let list = super::safety::snapshot(1, &networks);
    let mut script = ScriptedTransport::script(
        |_| {
            let body = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 1});
            Ok(welcome_2(ServerPart {
                config: Some(update(1, body)),
                ..ServerPart::default()
            }))
        },
        move |_| match taken.load(Ordering::SeqCst) {
            0 => Ok(reply_2(ServerPart::default())),
            _ => Ok(reply_2(list.clone())),
        },
    );
    let clock = ManualClock::new();
    let agent = start(
        settings().security("SECURITY_CHECKS", serde_json::json!({"decoy": 1, "flood": 0})),
        &script,
        &clock,
    );
    let guard = agent.guard();
    for scanner in &networks {
        // they look at the page first, and again after they were refused
        assert!(passes(&guard, scanner));
        attack(&guard, scanner);
        assert!(passes(&guard, scanner));
    }
    step.store(1, Ordering::SeqCst);
    super::safety::pass_time_until(&agent, &mut script, &clock, "the list is in force", || {
        !passes(&guard, &networks[0])
    });
    assert_eq!(agent.status().list.breaker, None);
}

#[test]
fn a_ban_for_which_the_server_had_no_room_is_told_again_later() {
    let mut script = ScriptedTransport::script(
        |_| {
            Ok(welcome_2(ServerPart {
                ack: Some(0),
                config: Some(update(
                    1,
                    serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 1}),
                )),
                ..ServerPart::default()
            }))
        },
        |_| {
            let nack = Nack {
                seq: 1,
                code: "quota".to_owned(),
            };
            Ok(reply_2(ServerPart {
                ack: Some(2),
                nack: vec![nack],
                ..ServerPart::default()
            }))
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    attack(&agent.guard(), ATTACKER);
    let (mut told, mut seconds) = (Vec::new(), 0);
    while told.len() < 2 {
        match script.next(Duration::from_millis(20)) {
            Some(Told::Beacon(_, beacon)) => {
                let events = beacon.v2.into_iter().flat_map(|v2| v2.events);
                told.extend(events.map(|event| (event, seconds)));
            }
            Some(Told::Registration(_)) => {}
            None => {
                clock.advance(Duration::from_secs(1));
                seconds += 1;
                assert!(seconds < 600, "it is not told again: {told:?}");
            }
        }
    }
    let [(first, at), (again, later)] = &*told else {
        panic!("{told:?}")
    };
    assert_eq!((first.seq, again.seq), (1, 2));
    assert_eq!(
        (&first.address, first.kind, first.at_ms),
        (&again.address, again.kind, again.at_ms)
    );
    assert!(later - at >= 60, "{at} and {later} s");
    assert!(again.ttl_s <= first.ttl_s - 60, "its end stays");
    assert_eq!(again.detail, None, "that is known there");
    wait_until(&agent, "it is taken", || agent.status().events.acknowledged == 1);
    assert!(agent.status().events.balanced());
}
