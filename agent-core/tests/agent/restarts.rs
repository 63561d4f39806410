//! A panic in any actor costs no verdict, the tree is back within a second, and what was pending is still pending.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use buckler::testing::{ManualClock, ScriptedTransport};

use super::{ATTACKER, attack, config, down, passes, settings, start, wait_until};

const ACTORS: [&str; 5] = [
    "ConfigFetcher",
    "BlacklistSync",
    "TelemetryReporter",
    "RequestGuard",
    "CloudLink",
];

#[test]
fn each_actor_panics_in_turn_while_requests_are_judged() {
    let welcome = || buckler::protocol::Welcome {
        config: config(
            serde_json::json!({"BEACON": true, "BLACKLIST_SHARE": true, "BAN_GROWTH": false, "BEACON_DELAY": 1}),
        ),
        ..Default::default()
    };
    // beacons fail, so that events stay pending for as long as the test looks
    let script = ScriptedTransport::script(move |_| Ok(welcome()), |_| Err(down()));
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.source == "server"
    });

    let guard = agent.guard();
    attack(&guard, ATTACKER);
    wait_until(&agent, "the ban is in force", || !passes(&guard, ATTACKER));
    wait_until(&agent, "the ban waits to be sent", || {
        agent.status().events.pending == 1
    });

    let (stop, judged) = (AtomicBool::new(false), AtomicU64::new(0));
    let (shut_out, let_in) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                shut_out.fetch_add(u64::from(!passes(&guard, "198.51.100.7")), Ordering::Relaxed);
                let_in.fetch_add(u64::from(passes(&guard, ATTACKER)), Ordering::Relaxed);
                judged.fetch_add(1, Ordering::Relaxed);
            }
        });
        for (n, actor) in (1_u64..).zip(ACTORS) {
            agent.crash(actor);
            wait_until(&agent, "the tree is planted anew", || agent.status().restarts == n);
            let source = format!("203.0.113.{}", 100 + n);
            attack(&guard, &source);
            wait_until(&agent, "the new tree bans", || !passes(&guard, &source));
            wait_until(&agent, "nothing that was pending is gone", || {
                agent.status().events.pending == 1 + n
            });
            // far enough apart not to be taken for a crash loop
            clock.advance(Duration::from_secs(61));
        }
    });
    assert!(judged.load(Ordering::Relaxed) > 0);
    assert_eq!(
        shut_out.load(Ordering::Relaxed),
        0,
        "customers shut out, in {judged:?} rounds"
    );
    assert_eq!(
        let_in.load(Ordering::Relaxed),
        0,
        "attackers let in, in {judged:?} rounds"
    );
    wait_until(&agent, "every detection is accounted for", || {
        agent.status().events.balanced()
    });
    assert_eq!(agent.status().guard_failures, 0);
}

#[test]
fn an_actor_that_keeps_panicking_leaves_the_guard_alone_and_says_so() {
    let script = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
    let clock = ManualClock::new();
    let agent = Arc::new(start(settings(), &script, &clock));
    for n in 1..=6 {
        agent.crash("BlacklistSync");
        wait_until(&agent, "the panic is counted", || agent.status().restarts == n);
    }
    wait_until(&agent, "it rests", || agent.status().conversation.state == "resting");
    let problem = agent.status().conversation.problem.unwrap();
    assert!(problem.contains("BlacklistSync"), "{problem}");
    attack(&agent.guard(), ATTACKER);
    assert!(passes(&agent.guard(), "198.51.100.7"));
    let report = agent.shutdown(Duration::from_secs(5));
    assert!(report.in_time, "a resting agent hears its end: {report:?}");
}

/// Ends the judging thread, whether the test got to its end or not.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
