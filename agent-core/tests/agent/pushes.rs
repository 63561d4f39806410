//! A link over which the server pushes: what it brings, how the agent speaks beneath it, and what its end and its change mean.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use buckler::{
    Agent,
    model::{address::parse_network, blacklist::Digest},
    protocol::v2::{Flag, ListMode, ListUpdate, ServerPart},
    testing::{ManualClock, Script, ScriptedTransport, Told},
    transport::{Push, TransportError},
};

use super::{
    ATTACKER, PATIENCE, attack, conversation::update, passes, reply_2, settings, start, wait_until, welcome_2,
};

const LISTED: [&str; 4] = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"];
const INTERVAL: Duration = Duration::from_secs(20);

/// What leads from revision `from`, where the first `from` addresses are listed, to `to`.
fn list(mode: ListMode, from: usize, to: usize) -> ListUpdate {
    ListUpdate {
        complete: false,
        mode,
        epoch: "e".to_owned(),
        from: from as u64,
        to: to as u64,
        add: LISTED
            .iter()
            .take(to)
            .skip(from)
            .map(|text| ((*text).to_owned(), 600))
            .collect(),
        remove: vec![],
        page: 1,
        pages: 1,
        count: to as u64,
        digest: Digest::of(LISTED.iter().take(to).filter_map(|text| parse_network(text))).to_string(),
    }
}

fn part_with(list: ListUpdate) -> ServerPart {
    ServerPart {
        list: Some(list),
        ..ServerPart::default()
    }
}

fn said(part: ServerPart) -> Push {
    Push::Said(Box::new(part))
}

fn lost() -> TransportError {
    TransportError::Closed {
        code: 1006,
        reason: String::new(),
    }
}

/// A server whose list has one entry; it answers beacons with `reply`.
fn script(reply: impl Fn(u64) -> Result<ServerPart, TransportError> + Send + Sync + 'static) -> Script {
    let body = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": INTERVAL.as_secs()});
    ScriptedTransport::script(
        move |_| {
            Ok(welcome_2(ServerPart {
                config: Some(update(1, body.clone())),
                ..part_with(list(ListMode::Snapshot, 0, 1))
            }))
        },
        move |n| reply(n).map(reply_2),
    )
}

/// An agent that is in step at revision 1.
fn in_step(script: &Script, clock: &Arc<ManualClock>) -> Agent {
    let agent = start(settings(), script, clock);
    wait_until(&agent, "it is in step", || {
        agent.status().list.cursor == Some(("e".to_owned(), 1)) && agent.status().config.version == Some(1)
    });
    agent
}

/// Opens the link, and has the agent say over it where it stands.
fn open(agent: &Agent, script: &Script, clock: &ManualClock) {
    script.push(Push::Open);
    wait_until(agent, "the link is open", || agent.status().conversation.link == "open");
    wait_until(agent, "it is spoken over", || {
        clock.advance(Duration::from_millis(10));
        let line = agent.status().conversation;
        line.last_success > Some(line.link_since)
    });
}

/// The next message, however far the clock must be driven for it.
#[track_caller]
fn next(script: &mut Script, clock: &ManualClock) -> Told {
    let mut looks = 0..5_000;
    looks
        .find_map(|_| {
            let told = script.next(Duration::from_millis(5));
            if told.is_none() {
                clock.advance(Duration::from_millis(10));
            }
            told
        })
        .unwrap()
}

/// Time from the last success to the next exchange.
fn pause(agent: &Agent) -> Option<Duration> {
    let line = agent.status().conversation;
    line.due?.checked_sub(line.last_success?)
}

#[test]
fn what_is_pushed_is_applied_like_a_reply() {
    let script = script(|_| Ok(ServerPart::default()));
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    open(&agent, &script, &clock);
    script.push(said(part_with(list(ListMode::Delta, 1, 2))));
    wait_until(&agent, "the pushed entry is in force", || {
        !passes(&agent.guard(), LISTED[1])
    });
    script.push(said(ServerPart {
        config: Some(update(2, serde_json::json!({"BLOCK_STATUS_CODE": 418}))),
        ..ServerPart::default()
    }));
    wait_until(&agent, "the pushed configuration is in force", || {
        agent.status().config.version == Some(2)
    });
    assert_eq!(agent.status().list.cursor, Some(("e".to_owned(), 2)));
}

#[test]
fn a_gap_in_a_push_is_pulled_at_once_and_closed_by_a_delta() {
    // the server answers the pull when the gap has been seen: the pull may be due at once
    let watching = Arc::new(());
    let watched = Arc::downgrade(&watching);
    let mut script = script(move |n| {
        if n < 2 {
            return Ok(ServerPart::default());
        }
        while watched.strong_count() > 0 {
            std::thread::yield_now();
        }
        Ok(part_with(list(ListMode::Delta, 1, 4)))
    });
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    open(&agent, &script, &clock);
    while script.next(Duration::from_millis(20)).is_some() {}
    let before = agent.status().conversation.last_success;
    script.push(said(part_with(list(ListMode::Delta, 3, 4))));
    wait_until(&agent, "it knows what it misses", || agent.status().list.lag == 3);
    drop(watching);
    let Told::Beacon(_, beacon) = next(&mut script, &clock) else {
        panic!("it registered again")
    };
    let pulled = beacon.v2.unwrap();
    let have = pulled.have.list.unwrap();
    assert_eq!(
        (have.epoch.as_str(), have.rev),
        ("e", 1),
        "the true cursor: no snapshot is asked for"
    );
    wait_until(&agent, "the gap is closed", || agent.status().list.lag == 0);
    assert!(!passes(&agent.guard(), LISTED[2]));
    let took = agent.status().conversation.last_success.unwrap() - before.unwrap();
    assert!(took < INTERVAL, "{took:?}");
}

#[test]
fn an_open_link_slows_polling_down_tenfold_and_its_end_brings_it_back() {
    let script = script(|_| Ok(ServerPart::default()));
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    let around = |interval: Duration| interval.mul_f64(0.9)..=interval.mul_f64(1.1);
    wait_until(&agent, "it polls at the interval", || {
        clock.advance(Duration::from_millis(10));
        pause(&agent).is_some_and(|pause| around(INTERVAL).contains(&pause))
    });
    open(&agent, &script, &clock);
    wait_until(&agent, "it polls ten times slower", || {
        clock.advance(Duration::from_millis(10));
        pause(&agent).is_some_and(|pause| around(INTERVAL * 10).contains(&pause))
    });
    script.push(Push::Closed(lost()));
    wait_until(&agent, "the link is closed", || {
        agent.status().conversation.link == "closed"
    });
    let line = agent.status().conversation;
    assert!(line.problem.is_some_and(|problem| problem.contains("1006")));
    wait_until(&agent, "it polls at the interval again", || {
        clock.advance(Duration::from_millis(10));
        pause(&agent).is_some_and(|pause| around(INTERVAL).contains(&pause))
    });
    assert_eq!(agent.status().conversation.state, "synced");
    assert_eq!(agent.status().list.cursor, Some(("e".to_owned(), 1)), "the list stays");
}

#[test]
fn a_server_that_asks_is_pulled_and_one_that_does_not_know_the_agent_introduced_to() {
    let mut script = script(|_| Ok(ServerPart::default()));
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    open(&agent, &script, &clock);
    while script.next(Duration::from_millis(20)).is_some() {}
    for (flag, registers) in [(Flag::PullNow, false), (Flag::RegisterAgain, true)] {
        script.push(said(ServerPart {
            flags: vec![flag],
            ..ServerPart::default()
        }));
        let told = next(&mut script, &clock);
        assert_eq!(matches!(told, Told::Registration(_)), registers, "{flag:?}: {told:?}");
    }
}

#[test]
fn a_server_that_says_goodbye_is_left_alone_for_a_moment() {
    let script = script(|_| Ok(ServerPart::default()));
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    open(&agent, &script, &clock);
    script.push(said(ServerPart {
        flags: vec![Flag::Goodbye],
        ..ServerPart::default()
    }));
    script.push(Push::Closed(lost()));
    wait_until(&agent, "the link is closed", || {
        agent.status().conversation.link == "closed"
    });
    let line = agent.status().conversation;
    assert_eq!(line.state, "retrying");
    let pause = line.due.unwrap() - line.since;
    assert!(
        (Duration::from_secs(1)..=Duration::from_secs(5)).contains(&pause),
        "{pause:?}"
    );
    wait_until(&agent, "it is in step again", || {
        clock.advance(Duration::from_millis(100));
        agent.status().conversation.state == "synced"
    });
}

#[test]
fn a_change_of_transport_in_mid_flight_loses_and_repeats_nothing() {
    let broken = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&broken);
    // the server takes everything that reaches it; while the link breaks, its answers do not come back
    let mut script = script(move |_| {
        if cut.load(Ordering::SeqCst) {
            return Err(lost());
        }
        Ok(ServerPart {
            ack: Some(u64::MAX),
            ..ServerPart::default()
        })
    });
    script.set_kind("websocket");
    let clock = ManualClock::new();
    let agent = in_step(&script, &clock);
    open(&agent, &script, &clock);
    assert_eq!(agent.status().conversation.transport, Some("websocket"));
    broken.store(true, Ordering::SeqCst);
    attack(&agent.guard(), ATTACKER);
    wait_until(&agent, "what was sent is in doubt", || {
        clock.advance(Duration::from_millis(10));
        agent.status().conversation.state == "retrying"
    });
    script.push(Push::Closed(lost()));
    script.set_kind("http-polling");
    broken.store(false, Ordering::SeqCst);
    attack(&agent.guard(), "203.0.113.10");
    wait_until(&agent, "all is acknowledged", || {
        clock.advance(Duration::from_millis(10));
        agent.status().events.acknowledged == 2
    });
    wait_until(&agent, "the status names what carries now", || {
        agent.status().conversation.transport == Some("http-polling")
    });
    assert_eq!(agent.status().conversation.link, "closed");
    let mut registrations = 0;
    let (mut sent, mut known) = (0, BTreeSet::new());
    while let Some(told) = script.next(Duration::from_millis(20)) {
        let v2 = match told {
            Told::Registration(registration) => {
                registrations += 1;
                registration.v2.unwrap()
            }
            Told::Beacon(_, beacon) => beacon.v2.unwrap(),
        };
        sent += v2.events.len();
        known.extend(v2.events.into_iter().map(|event| (v2.stream, event.seq, event.address)));
    }
    assert_eq!(registrations, 1, "the server knows the agent over either way");
    assert_eq!(known.len(), 2, "each has one number, whichever way it went: {known:?}");
    assert!(sent > 2, "what was in doubt was sent again under the same number");
    let report = agent.shutdown(PATIENCE);
    assert_eq!((report.unsent, agent.status().events.balanced()), (0, true));
}
