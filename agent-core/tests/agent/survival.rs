//! What survives the end of the process, and how the agent ends.

use std::time::Duration;

use buckler::{
    Agent, Settings,
    protocol::{Epoch, Welcome, v2::ServerPart},
    testing::{ManualClock, ScriptedTransport},
};

use super::{ATTACKER, attack, config, down, passes, reply_2, settings, start, wait_until, welcome_2};

fn sharing() -> Welcome {
    let config = config(serde_json::json!({
        "BEACON": true, "BLACKLIST_SHARE": true, "BEACON_DELAY": 3600, "BLOCK_STATUS_CODE": 418,
    }));
    Welcome {
        config,
        blacklist: [("198.51.100.1".to_owned(), Epoch(1_767_225_600))].into(),
        ..Welcome::default()
    }
}

#[test]
fn without_a_server_it_guards_with_what_the_last_run_left() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let script = ScriptedTransport::script(|_| Ok(sharing()), |_| Err(down()));
    let agent = start(settings().state_dir(directory.path()), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.source == "server"
    });
    wait_until(&agent, "the list is in force", || {
        !passes(&agent.guard(), "198.51.100.1")
    });
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "the configuration has proven itself", || {
        agent.status().config.state == "applied"
    });
    attack(&agent.guard(), ATTACKER);
    wait_until(&agent, "the ban waits", || agent.status().events.pending == 1);
    let id = agent.status().conversation.agent_id;
    let report = agent.shutdown(Duration::from_secs(5));
    assert_eq!(
        (report.unsent, report.kept, report.in_time),
        (1, true, true),
        "{report:?}"
    );
    drop(agent);

    let script = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
    let agent = start(settings().state_dir(directory.path()), &script, &clock);
    wait_until(&agent, "yesterday's list is in force", || {
        !passes(&agent.guard(), "198.51.100.1")
    });
    wait_until(&agent, "and so are its own bans", || !passes(&agent.guard(), ATTACKER));
    wait_until(&agent, "the board is written", || {
        agent.status().config.source == "disk"
    });
    let status = agent.status();
    assert_eq!(status.conversation.agent_id, id);
    assert_eq!(status.events.pending, 1, "what was not sent still waits");
    assert!(status.store.path.is_some());
    clock.advance(Duration::from_secs(3601));
    assert!(passes(&agent.guard(), ATTACKER), "a ban ends when it was to end");
}

#[test]
fn a_shutdown_sends_what_waits() {
    let share = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 3600});
    let body = config(share);
    let update = buckler::protocol::v2::ConfigUpdate {
        version: 1,
        hash: buckler::model::policy::config_hash(&body),
        body,
        signature: None,
    };
    let script = ScriptedTransport::script(
        move |_| {
            Ok(welcome_2(ServerPart {
                config: Some(update.clone()),
                ..ServerPart::default()
            }))
        },
        |_| {
            Ok(reply_2(ServerPart {
                ack: Some(u64::MAX),
                ..ServerPart::default()
            }))
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    for n in 0..40 {
        attack(&agent.guard(), &format!("203.0.113.{n}"));
    }
    let report = agent.shutdown(Duration::from_secs(5));
    assert_eq!(
        (report.unsent, report.in_time, report.kept),
        (0, true, false),
        "{report:?}"
    );
    let events = agent.status().events;
    assert_eq!((events.acknowledged, events.generated), (40, 40));
    wait_until(&agent, "it is closed", || agent.status().conversation.state == "closed");
    assert!(!passes(&agent.guard(), "203.0.113.7"), "the guard judges on");
    let again = agent.shutdown(Duration::from_secs(5));
    assert_eq!((again.sent, again.unsent, again.in_time), (0, 0, true));
}

#[test]
fn a_shutdown_ends_at_its_deadline_and_a_drop_waits_for_nobody() {
    let script = ScriptedTransport::script(|_| Ok(sharing()), |_| Err(down()));
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "it registered", || {
        agent.status().conversation.protocol == Some(1)
    });
    attack(&agent.guard(), ATTACKER);
    let report = agent.shutdown(Duration::ZERO);
    assert!(!report.in_time);
    drop(agent);
}

#[test]
fn without_a_server_in_its_settings_it_guards_locally_and_says_so() {
    let checks = serde_json::json!({"flood": 0});
    let agent = Agent::builder(Settings::builder().security("SECURITY_CHECKS", checks).build().unwrap()).start();
    wait_until(&agent, "the board is written", || {
        agent.status().conversation.state == "local"
    });
    assert!(agent.status().conversation.problem.is_some());
    attack(&agent.guard(), ATTACKER);
    wait_until(&agent, "it bans for itself", || !passes(&agent.guard(), ATTACKER));
    wait_until(&agent, "the event is settled", || {
        agent.status().events.settled_here == 1
    });
    wait_until(&agent, "everything is accounted for", || {
        agent.status().events.balanced()
    });
    assert!(agent.shutdown(Duration::from_secs(5)).in_time);
}
