//! A detector of the host's own that fails: the agent says so, to its host and to the server.

use buckler::{
    Agent,
    detect::{Detector, Family, Finding, Marks, Value},
    guard::{OnFailure, RequestView},
    protocol::v2::ServerPart,
    testing::{ManualClock, ScriptedTransport, Told},
};

use super::{ATTACKER, reply_2, request, settings, wait_until, welcome_2};

struct Broken;

impl Detector for Broken {
    fn family(&self) -> Family {
        Family::Custom("broken")
    }

    fn wants(&self, _: Marks) -> bool {
        true
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        assert!(value.text != "mine", "stepped on");
        None
    }
}

#[test]
fn a_detector_that_panics_is_switched_off_and_an_alarm_says_so() {
    let mut script = ScriptedTransport::script(
        |_| Ok(welcome_2(ServerPart::default())),
        |_| Ok(reply_2(ServerPart::default())),
    );
    let clock = ManualClock::new();
    let settings = settings().on_detector_failure(OnFailure::Closed).build().unwrap();
    let agent = Agent::builder(settings)
        .transport(script.factory())
        .clock(std::sync::Arc::clone(&clock) as _)
        .detector(Broken)
        .start();
    let guard = agent.guard();
    let mine = RequestView {
        query: "q=mine",
        ..request("/", ATTACKER)
    };
    for panics in 1..=3 {
        assert!(guard.check(&mine).is_block());
        let failing = agent.status().failing_detectors;
        assert_eq!(failing.len(), 1, "{failing:?}");
        assert_eq!((failing[0].family, failing[0].panics), ("broken", panics));
        assert_eq!(failing[0].is_on, panics < 3);
    }
    assert!(!guard.check(&mine).is_block(), "nobody is asked who would fail");
    assert_eq!(agent.status().guard_failures, 3);

    let mut alarm = None;
    wait_until(&agent, "the server hears of it", || {
        clock.advance(std::time::Duration::from_secs(60));
        if let Some(Told::Beacon(_, beacon)) = script.next(std::time::Duration::from_millis(50)) {
            alarm = beacon.v2.and_then(|part| part.health.alarm);
        }
        alarm.is_some()
    });
    let alarm = alarm.unwrap();
    assert!(alarm.contains("detector broken: 3 panics"), "{alarm}");
}
