//! A configuration on trial: whom it treats worse than the one before, and what comes of it.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A guard whose policy `after` is on trial against `before`.
fn on_trial(before: Value, after: Value) -> (Stage, Arc<Trial>) {
    let stage = stage(after);
    let trial = Arc::new(Trial::new(1, Arc::new(policy(before)), stage.clock.elapsed()));
    let snapshot = Snapshot {
        trial: Some(Arc::clone(&trial)),
        ..Snapshot::clone(&stage.published.current())
    };
    stage.published.publish(Arc::new(snapshot));
    (stage, trial)
}

fn client(n: usize) -> String {
    format!("198.51.100.{n}")
}

impl Stage {
    /// Clients come, a request each; how many were refused.
    fn visit(&self, clients: std::ops::Range<usize>, path: &str) -> usize {
        clients
            .filter(|n| self.check(&get(path).from(&client(*n))).is_block())
            .count()
    }

    fn state(&self, trial: &Trial) -> TrialState {
        trial.state(&self.recent, self.clock.elapsed())
    }
}

fn nothing() -> Value {
    json!({})
}

fn decoy(level: u8) -> Value {
    json!({ "SECURITY_CHECKS": { "decoy": level, "path": level } })
}

#[test]
fn one_that_treats_nobody_worse_passes_after_a_minute_or_enough_requests() {
    let (stage, trial) = on_trial(nothing(), decoy(2));
    assert_eq!(stage.visit(0..20, "/"), 0);
    stage.pass_time(59);
    assert_eq!(stage.state(&trial), TrialState::Running);
    stage.pass_time(1);
    assert_eq!(stage.state(&trial), TrialState::Passed);

    let (stage, trial) = on_trial(nothing(), decoy(2));
    for _ in 0..=Trial::REQUESTS / 20 {
        stage.visit(0..20, "/");
    }
    assert_eq!(trial.judged(), Trial::REQUESTS);
    assert_eq!(stage.state(&trial), TrialState::Running, "in no time at all");
    stage.pass_time(Trial::AT_LEAST.as_secs());
    assert_eq!(stage.state(&trial), TrialState::Passed);
}

#[test]
fn one_that_refuses_too_many_clients_fails_at_once_and_bans_nobody() {
    let (stage, trial) = on_trial(
        nothing(),
        json!({ "HOSTS": ["other.example.com"], "SECURITY_CHECKS": { "spoofing": 2 } }),
    );
    assert_eq!(stage.visit(0..2, "/"), 2);
    assert_eq!(stage.state(&trial), TrialState::Running, "two may be chance");
    assert_eq!(stage.visit(2..12, "/"), 10);
    let failure = TrialFailure::Clients {
        refused: 12,
        clients: 12,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure.clone()));
    assert_eq!(
        failure.to_string(),
        "12 of 12 clients of the last minute were refused or banned that were not by the configuration before; allowed are 20 %"
    );
    assert!(
        stage.reported().iter().all(|(_, level)| *level == Level::Block),
        "reported as attacks, which ban nobody"
    );
}

#[test]
fn the_clients_of_the_minute_before_count_too() {
    let (stage, trial) = on_trial(nothing(), decoy(1));
    let all = stage.published.current();
    stage.published.publish(Arc::new(Snapshot {
        trial: None,
        ..Snapshot::clone(&all)
    }));
    stage.visit(0..40, "/");
    stage.published.publish(all);
    assert_eq!(
        stage.visit(0..8, "/.env"),
        0,
        "a route that the application has is no decoy"
    );
    let probe = |n: usize| {
        let request = get("/.env").from(&client(n)).unrouted(RouteMatch::Missing);
        stage.check(&request).is_block()
    };
    assert!((0..8).all(probe));
    assert_eq!(stage.state(&trial), TrialState::Running, "8 of 40");
    assert!(probe(8));
    let failure = TrialFailure::Clients {
        refused: 9,
        clients: 40,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn what_the_one_before_refused_as_well_speaks_for_nothing() {
    let (stage, trial) = on_trial(
        decoy(2),
        json!({ "SECURITY_CHECKS": { "decoy": 2, "path": 2, "spoofing": 1 } }),
    );
    for n in 0..20 {
        let request = get("/.env").from(&client(n)).unrouted(RouteMatch::Missing);
        assert!(stage.check(&request).is_block());
    }
    assert_eq!(stage.reported(), vec![(Check::Decoy, Level::Ban); 20], "bans as ever");
    assert!(stage.recent.sources(Duration::ZERO, MINUTE).is_empty(), "and no client");
    assert_eq!(stage.state(&trial), TrialState::Running);
}

#[test]
fn to_ban_for_what_was_only_refused_is_worse() {
    let (stage, trial) = on_trial(decoy(1), decoy(2));
    stage.visit(0..10, "/");
    for n in 0..3 {
        let request = get("/old-page").from(&client(n)).unrouted(RouteMatch::Missing);
        assert!(stage.check(&request).is_block());
    }
    assert_eq!(
        stage.reported(),
        vec![(Check::Path, Level::Block); 3],
        "nobody is banned yet"
    );
    let failure = TrialFailure::Clients {
        refused: 3,
        clients: 10,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn a_limit_that_is_too_low_is_seen_though_the_one_before_counts_nothing() {
    let flood = |limit| json!({ "SECURITY_CHECKS": { "flood": 2 }, "FLOOD_RATIO": limit });
    let (stage, trial) = on_trial(flood(60), flood(3));
    for _ in 0..4 {
        stage.visit(0..10, "/");
    }
    let failure = TrialFailure::Clients {
        refused: 10,
        clients: 10,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));

    let (stage, trial) = on_trial(flood(3), flood(3));
    assert_eq!((0..4).map(|_| stage.visit(0..10, "/")).sum::<usize>(), 10);
    assert_eq!(stage.state(&trial), TrialState::Running, "the same limit as before");
}

#[test]
fn errors_answered_are_compared_as_well() {
    let brute = |limit| json!({ "SECURITY_CHECKS": { "brute": 2, "path": 1 }, "ERROR_FLOOD_RATIO": limit });
    let (stage, trial) = on_trial(brute(50), brute(1));
    for n in 0..10 {
        let request = get("/cart").from(&client(n));
        assert!(!stage.refuses(&request, 422), "one error");
        assert!(stage.refuses(&request, 422), "is one too many");
    }
    let failure = TrialFailure::Clients {
        refused: 10,
        clients: 10,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn a_list_that_comes_into_force_by_it_is_worse() {
    let (stage, trial) = on_trial(json!({ "BLACKLIST_OVERRIDE": true }), nothing());
    stage.list("198.51.100.0/24");
    assert_eq!(stage.visit(0..5, "/"), 5);
    assert_eq!(
        stage.state(&trial),
        TrialState::Failed(TrialFailure::Clients { refused: 5, clients: 5 })
    );
}

#[test]
fn a_proxy_that_nobody_named_stands_for_all_clients() {
    let (stage, trial) = on_trial(
        nothing(),
        json!({ "HOSTS": ["other.example.com"], "SECURITY_CHECKS": { "spoofing": 2 } }),
    );
    for _ in 0..9 {
        assert!(stage.check(&get("/")).is_block());
    }
    assert_eq!(stage.state(&trial), TrialState::Running, "it may be a scanner");
    assert!(stage.check(&get("/")).is_block());
    let failure = TrialFailure::Clients { refused: 1, clients: 1 };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn one_panic_of_its_own_is_enough() {
    /// Headers that no check can look through.
    struct Poison;
    impl Headers for Poison {
        fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {
            panic!("a detector's fault");
        }
        fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
    }
    let headers = json!({ "SECURITY_CHECKS": { "headers": 1 }, "FORBIDDEN_HEADERS": ["x-scanner"] });
    let request = get("/");
    let view = RequestView {
        headers: &Poison,
        ..request.view()
    };
    let (stage, trial) = on_trial(headers.clone(), headers.clone());
    assert!(!stage.guard.check(&view).is_block());
    assert_eq!(stage.tally.totals().guard_failures, 1);
    assert_eq!(
        stage.state(&trial),
        TrialState::Running,
        "the one before would have panicked too"
    );

    let (stage, trial) = on_trial(nothing(), headers);
    assert!(!stage.guard.check(&view).is_block());
    let failure = TrialFailure::Panics(1);
    assert!(failure.to_string().contains("panicked"), "{failure}");
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn with_the_kill_switch_on_it_is_tried_all_the_same() {
    let (stage, trial) = on_trial(
        nothing(),
        json!({ "HOSTS": ["other.example.com"], "SECURITY_CHECKS": { "spoofing": 1 } }),
    );
    stage.published.publish(Arc::new(Snapshot {
        mode: Mode::LogOnly,
        ..Snapshot::clone(&stage.published.current())
    }));
    assert_eq!(stage.visit(0..10, "/"), 0);
    let failure = TrialFailure::Clients {
        refused: 10,
        clients: 10,
    };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure));
}

#[test]
fn rules_of_routes_are_compared_as_well() {
    let rules =
        |routes: Value| json!({ "SECURITY_CHECKS": { "flood": 2, "path": 1 }, "FLOOD_RATIO": 50, "ROUTES": routes });
    let networks = rules(json!([{"path": "/admin", "networks": ["10.0.0.0/8"]}]));
    let (stage, trial) = on_trial(rules(json!([])), networks.clone());
    assert_eq!(stage.visit(0..5, "/admin"), 5);
    let failure = TrialFailure::Clients { refused: 5, clients: 5 };
    assert_eq!(stage.state(&trial), TrialState::Failed(failure.clone()));
    let (stage, trial) = on_trial(networks.clone(), networks);
    assert_eq!(stage.visit(0..5, "/admin"), 5);
    assert_eq!(stage.state(&trial), TrialState::Running, "the same rule as before");

    let window = |ratio: u32| rules(json!([{"path": "/login", "flood": {"ratio": ratio}}]));
    let visit_often = |stage: &Stage| (0..4).map(|_| stage.visit(0..5, "/login")).sum::<usize>();
    let (stage, trial) = on_trial(rules(json!([])), window(3));
    assert_eq!(visit_often(&stage), 5);
    assert_eq!(stage.state(&trial), TrialState::Failed(failure), "4 of 50 are no flood");
    let (stage, trial) = on_trial(window(2), window(3));
    assert_eq!(visit_often(&stage), 5);
    assert_eq!(stage.state(&trial), TrialState::Running, "a limit that was lower");
}

#[test]
fn a_window_that_is_new_is_counted_for_the_one_before_too() {
    let base = |ratio: u32| json!({ "SECURITY_CHECKS": { "flood": 2 }, "FLOOD_RATIO": ratio });
    let mut after = base(2);
    after["ROUTES"] = json!([{"path": "/poll", "flood": {"ratio": 5}}]);
    let (stage, trial) = on_trial(base(2), after);
    assert_eq!((0..6).map(|_| stage.visit(0..5, "/poll")).sum::<usize>(), 5);
    assert_eq!(
        stage.state(&trial),
        TrialState::Running,
        "the one before would have refused at 3"
    );
}

#[test]
fn what_passes_now_and_was_refused_before_is_counted_and_takes_nothing_back() {
    let (stage, trial) = on_trial(decoy(2), json!({ "SECURITY_CHECKS": { "decoy": 0, "path": 0 } }));
    assert_eq!(stage.visit(0..20, "/"), 0);
    assert_eq!(trial.milder(), (0, vec![]));
    let decoyed = || stage.check(&get("/.env").unrouted(RouteMatch::Missing));
    assert!((0..3).all(|_| !decoyed().is_block()));
    assert_eq!(
        trial.milder(),
        (3, vec![Check::Decoy]),
        "by the check that had refused them"
    );
    stage.pass_time(60);
    assert_eq!(stage.state(&trial), TrialState::Passed);

    let (stage, trial) = on_trial(decoy(2), json!({ "WHITELIST": ["198.51.100.0/24"] }));
    let decoyed = || stage.check(&get("/.env").unrouted(RouteMatch::Missing).from(&client(7)));
    assert!(!decoyed().is_block());
    assert_eq!(trial.milder().0, 1, "clients that are no longer judged count too");
    (0..2 * Trial::REQUESTS).for_each(|_| drop(decoyed()));
    assert_eq!(
        trial.milder().0,
        Trial::REQUESTS - 1,
        "the first requests are compared, no others"
    );
}
