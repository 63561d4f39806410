//! A wall clock that jumps, and a host whose executor stands still.

use std::time::Duration;

use buckler::{
    clock::Clock,
    protocol::v2::{Event, ServerPart},
    testing::{ManualClock, Script, ScriptedTransport, Told},
};

use super::{
    ATTACKER, PATIENCE, attack, conversation::update, down, passes, reply_2, settings, start, wait_until, welcome_2,
};

const DAY: Duration = Duration::from_secs(86_400);

/// A server that shares, bans for an hour, and takes no event.
fn script() -> Script {
    let body =
        serde_json::json!({"BLACKLIST_SHARE": true, "BLACKLIST_DELAY": 3600, "BAN_GROWTH": false, "BEACON_DELAY": 1});
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

/// The next event that the agent tells.
#[track_caller]
fn next_event(script: &mut Script, clock: &ManualClock) -> Event {
    let mut looks = 0..5_000;
    looks
        .find_map(|_| {
            let v2 = match script.next(Duration::from_millis(5)) {
                Some(Told::Beacon(_, beacon)) => beacon.v2,
                Some(Told::Registration(registration)) => registration.v2,
                None => {
                    clock.advance(Duration::from_millis(10));
                    None
                }
            };
            v2?.events.into_iter().next()
        })
        .unwrap()
}

#[test]
fn a_wall_clock_that_jumps_by_a_day_neither_ends_nor_prolongs_a_ban() {
    for forward in [true, false] {
        let mut script = script();
        let clock = ManualClock::new();
        let agent = start(settings(), &script, &clock);
        wait_until(&agent, "the configuration is in force", || {
            agent.status().config.version == Some(1)
        });
        attack(&agent.guard(), ATTACKER);
        wait_until(&agent, "the ban is in force", || !passes(&agent.guard(), ATTACKER));
        let made = clock.elapsed();
        let jumped = if forward {
            clock.unix() + DAY
        } else {
            clock.unix() - DAY
        };
        clock.set_unix(jumped);
        let event = next_event(&mut script, &clock);
        let age = (clock.elapsed() - made).as_secs();
        assert!(
            event.ttl_s <= 3600 && event.ttl_s + age + 1 >= 3600,
            "told with the time it has left: {event:?} after {age} s"
        );
        assert!(!passes(&agent.guard(), ATTACKER));
        let left = made + Duration::from_secs(3600) - clock.elapsed();
        clock.advance(left - Duration::from_secs(2));
        assert!(!passes(&agent.guard(), ATTACKER), "it lasts as long as it was made for");
        clock.advance(Duration::from_secs(4));
        assert!(passes(&agent.guard(), ATTACKER), "and no longer");
    }
}

#[test]
fn what_was_left_is_told_with_the_time_it_has_left_whatever_the_wall_clock_says() {
    for (jump, least, most) in [(1, 0, 0), (-1, 3600, 3600)] {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let first = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
        let local = || {
            let ban_for = serde_json::json!(3600);
            settings()
                .state_dir(directory.path())
                .security("BLACKLIST_SHARE", serde_json::json!(true))
                .security("BLACKLIST_DELAY", ban_for)
                .security("BAN_GROWTH", serde_json::json!(false))
        };
        let agent = start(local(), &first, &clock);
        attack(&agent.guard(), ATTACKER);
        wait_until(&agent, "the ban waits", || agent.status().events.pending == 1);
        assert_eq!(agent.shutdown(PATIENCE).unsent, 1);
        drop(agent);
        let unix = clock.unix();
        clock.set_unix(if jump > 0 { unix + DAY } else { unix - DAY });
        let mut script = script();
        let _agent = start(local(), &script, &clock);
        let event = next_event(&mut script, &clock);
        assert!((least..=most).contains(&event.ttl_s), "jump {jump}: {event:?}");
    }
}

#[test]
fn a_host_whose_executor_stands_still_does_not_hold_the_agent_up() {
    let mut script = script();
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    // one poll of the host's only task, in which everything below happens
    actix_rt::System::new().block_on(async {
        attack(&agent.guard(), ATTACKER);
        wait_until(&agent, "the ban is in force", || !passes(&agent.guard(), ATTACKER));
        for _ in 0..3 {
            assert_eq!(next_event(&mut script, &clock).address, ATTACKER);
        }
    });
    assert!(agent.status().conversation.last_success.is_some());
}
