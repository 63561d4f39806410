//! Detectors that fail: what becomes of the request, and of them.

use buckler_waf::detect::{Detector, Family, Finding, Marks, Value as Seen};

use super::*;

/// Fails over values that hold its word, by a panic or by taking a second, and finds what holds `needle`.
struct Fragile {
    name: &'static str,
    clock: Arc<TestClock>,
}

impl Detector for Fragile {
    fn family(&self) -> Family {
        Family::Custom(self.name)
    }

    fn wants(&self, marks: Marks) -> bool {
        assert_ne!(marks, Marks::of(b"<>"), "a panic before it looks");
        true
    }

    fn look(&self, value: &Seen<'_>) -> Option<Finding> {
        assert!(!value.text.contains("panic"), "a panic while it looks");
        if value.text.contains("slow") {
            self.clock.0.fetch_add(1, Ordering::Relaxed);
        }
        value.text.contains("needle").then(|| Finding::new("needle", 95, 0..6))
    }
}

/// A guard with the standard detectors and two of the host's own, of which the first is fragile.
fn fragile(on_failure: OnFailure) -> Stage {
    struct Sound;
    impl Detector for Sound {
        fn family(&self) -> Family {
            Family::Custom("sound")
        }
        fn wants(&self, _: Marks) -> bool {
            true
        }
        fn look(&self, value: &Seen<'_>) -> Option<Finding> {
            value
                .text
                .contains("thimble")
                .then(|| Finding::new("thimble", 95, 0..7))
        }
    }
    let clock = Arc::<TestClock>::default();
    let name = "fragile";
    let of_ours = Fragile {
        name,
        clock: Arc::clone(&clock),
    };
    let detectors = Detectors::standard().unwrap().with(of_ours).with(Sound);
    stage_at(
        json!({ "SECURITY_CHECKS": {"sqli": 1, "command": 1} }),
        on_failure,
        detectors,
        clock,
    )
}

impl Stage {
    fn asks(&self, query: &str) -> bool {
        let request = get("/search");
        let view = RequestView {
            query,
            ..request.view()
        };
        self.guard.check(&view).is_block()
    }

    /// The failures, panics and slow looks of the one that fails, and whether it is still asked.
    fn health(&self) -> (u64, u32, u32, bool) {
        let failing = self.guard.failing_detectors();
        assert!(
            failing.iter().all(|health| health.family == "fragile"),
            "nobody else is to blame: {failing:?}"
        );
        let failures = self.tally.totals().guard_failures;
        failing.first().map_or((failures, 0, 0, true), |health| {
            (failures, health.panics, health.slow, health.is_on)
        })
    }
}

#[test]
fn the_others_judge_a_request_that_one_panics_over() {
    let stage = fragile(OnFailure::Open);
    assert!(!stage.asks("q=panic"), "it passes by default");
    assert!(
        stage.asks("q=panic+thimble"),
        "another detector of the host's own finds it"
    );
    assert_eq!(stage.health(), (2, 2, 0, true));
    let rules: Vec<String> = stage.detections().iter().map(|found| found.rule.to_string()).collect();
    assert_eq!(rules, ["sound/thimble"]);
    assert!(
        stage.asks("q=needle"),
        "and the one that failed is asked about the next"
    );
    assert!(!stage.asks("q=harmless"));
    assert_eq!(stage.health(), (2, 2, 0, true));
}

#[test]
fn a_request_that_one_panics_over_is_refused_where_the_settings_say_so() {
    let stage = fragile(OnFailure::Closed);
    assert!(stage.asks("q=panic"));
    assert_eq!(stage.counts(), [0, 0, 0, 1], "refused, and no attack");
    assert!(stage.detections().is_empty());
    assert!(!stage.asks("q=harmless"));
    stage.published.publish(Arc::new(Snapshot {
        mode: Mode::LogOnly,
        ..Snapshot::clone(&stage.published.current())
    }));
    assert!(!stage.asks("q=panic"), "but never with the kill switch on");
}

#[test]
fn one_that_panics_over_every_value_of_a_request_has_failed_once() {
    let stage = fragile(OnFailure::Open);
    assert!(!stage.asks("a=panic&b=panic&c=panic&d=panic"));
    assert_eq!(stage.health(), (1, 1, 0, true));
}

#[test]
fn one_that_panics_before_it_looks_is_caught_too() {
    let stage = fragile(OnFailure::Open);
    assert!(stage.asks("a=%3c%3e&b=thimble"));
    assert_eq!(stage.health(), (1, 1, 0, true));
}

#[test]
fn after_the_third_panic_it_rests_and_is_tried_after_a_minute() {
    let stage = fragile(OnFailure::Closed);
    for _ in 0..3 {
        assert!(stage.asks("q=panic"));
    }
    assert_eq!(stage.health(), (3, 3, 0, false));
    assert!(!stage.asks("q=panic"), "nobody fails on it any more");
    assert!(!stage.asks("q=needle"), "and nobody finds what it alone found");
    assert!(stage.asks("q=thimble"), "the others go on");
    assert_eq!(stage.health(), (3, 3, 0, false), "no more failures are counted");
    stage.clock.0.fetch_add(60, Ordering::Relaxed);
    assert!(stage.asks("q=panic"), "the trial fails");
    assert!(!stage.asks("q=needle"), "so that it rests for another minute");
    assert_eq!(stage.health(), (4, 4, 0, false));
    stage.clock.0.fetch_add(60, Ordering::Relaxed);
    assert!(stage.asks("q=needle"), "the next one does not");
    assert_eq!(stage.health(), (4, 4, 0, true));
    assert!(stage.asks("q=panic") && stage.asks("q=needle"), "three more are needed");
}

#[test]
fn one_that_is_slow_again_and_again_rests() {
    let stage = fragile(OnFailure::Closed);
    assert!(!stage.asks("q=slow"), "an answer that came late is an answer");
    assert_eq!(
        stage.health(),
        (0, 0, 0, true),
        "by now nobody knows whose fault it was"
    );
    assert!(stage.asks("q=slow+needle"));
    assert!(!stage.asks("q=harmless"));
    assert!(!stage.asks("q=slow"));
    assert_eq!(stage.health(), (0, 0, 2, true));
    assert!(stage.asks("q=slow+thimble"));
    assert_eq!(stage.health(), (0, 0, 3, false));
    let before = stage.clock.elapsed();
    assert!(stage.asks("q=slow+thimble"));
    assert_eq!(stage.clock.elapsed(), before, "it is not asked");
    assert_eq!(stage.health(), (0, 0, 3, false));
}

#[test]
fn one_that_is_slow_now_and_then_is_asked_on() {
    let stage = fragile(OnFailure::Open);
    for _ in 0..4 {
        stage.asks("q=slow");
        stage.asks("q=slow");
        (0..63).for_each(|_| assert!(!stage.asks("q=harmless")));
    }
    assert_eq!(stage.health(), (0, 0, 4, true), "one strike in each watch");
}

#[test]
fn a_configuration_is_to_blame_for_a_panic_only_where_it_has_the_detector_asked() {
    let on_trial = |before: Value| {
        let stage = fragile(OnFailure::Open);
        let trial = Arc::new(Trial::new(1, Arc::new(policy(before)), stage.clock.elapsed()));
        stage.published.publish(Arc::new(Snapshot {
            trial: Some(Arc::clone(&trial)),
            ..Snapshot::clone(&stage.published.current())
        }));
        for _ in 0..4 {
            stage.asks("q=panic");
        }
        trial.state(&stage.recent, stage.clock.elapsed())
    };
    let same = json!({ "SECURITY_CHECKS": {"command": 1} });
    assert_eq!(
        on_trial(same),
        TrialState::Running,
        "not even as it is switched off in the midst of it"
    );
    assert_eq!(on_trial(json!({})), TrialState::Failed(TrialFailure::Panics(3)));
    let spared =
        json!({ "SECURITY_CHECKS": {"command": 1}, "ROUTES": [{"path": "/search", "checks": {"command": 0}}] });
    assert_eq!(on_trial(spared), TrialState::Failed(TrialFailure::Panics(3)));
}
