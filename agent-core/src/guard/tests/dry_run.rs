//! A candidate configuration beside the one in force: what it would have decided otherwise, and that it decides nothing.

use super::*;

/// A guard with these keys, and a candidate that changes those.
fn rehearsing(keys: Value, candidate: Value) -> Stage {
    stage(with(keys, candidate))
}

fn with(mut keys: Value, candidate: Value) -> Value {
    keys["DRY_RUN"] = candidate;
    keys
}

fn checks(levels: &Value) -> Value {
    json!({ "SECURITY_CHECKS": levels })
}

impl Stage {
    #[track_caller]
    fn dry_run(&self) -> DryRun {
        self.guard.dry_run().expect("there is a candidate")
    }

    /// What it would have done otherwise: route, check, number; refusals first.
    fn otherwise(&self) -> Vec<(String, &'static str, u64, &'static str)> {
        let routes = self.dry_run().routes;
        let of = |way: &'static str, counts: fn(&DryRunRoute) -> &std::collections::BTreeMap<&'static str, u64>| {
            let counted = |route: &DryRunRoute| {
                let all = counts(route).iter();
                all.map(|(check, count)| (route.route.clone(), *check, *count, way))
                    .collect::<Vec<_>>()
            };
            routes.iter().flat_map(counted).collect::<Vec<_>>()
        };
        [
            of("block", |route| &route.would_block),
            of("pass", |route| &route.would_pass),
        ]
        .concat()
    }
}

fn seen(route: &str, check: &'static str, count: u64, way: &'static str) -> (String, &'static str, u64, &'static str) {
    (route.to_owned(), check, count, way)
}

/// A request with a query.
fn asking<'r>(request: &'r Request, query: &'r str) -> RequestView<'r> {
    RequestView {
        query,
        ..request.view()
    }
}

const INJECTION: &str = "q=1'+OR+'1'%3D'1";

#[test]
fn without_a_candidate_there_is_nothing_to_tell() {
    assert_eq!(stage(json!({})).guard.dry_run(), None);
    assert_eq!(stage(json!({ "DRY_RUN": {} })).guard.dry_run(), None);
}

#[test]
fn what_a_candidate_would_refuse_passes_and_is_counted() {
    let stage = rehearsing(json!({}), checks(&json!({ "sqli": 2, "decoy": 1 })));
    let (search, api) = (get("/search/all"), get("/api/v1/items"));
    for _ in 0..3 {
        assert!(!stage.guard.check(&asking(&search, INJECTION)).is_block());
    }
    assert!(!stage.guard.check(&asking(&api, INJECTION)).is_block());
    assert!(!stage.guard.check(&asking(&api, "q=1")).is_block());
    assert!(!stage.check(&get("/.env").unrouted(RouteMatch::Missing)).is_block());
    assert_eq!(stage.dry_run().requests, 6);
    let expected = [
        seen("/search", "sqli", 3, "block"),
        seen("/api", "sqli", 1, "block"),
        seen("(no route)", "decoy", 1, "block"),
    ];
    assert_eq!(stage.otherwise(), expected);
    assert_eq!(stage.dry_run().totals(), (5, 0));
    assert!(stage.detections().is_empty(), "nothing is reported");
    assert_eq!(stage.counts(), [0, 0, 0, 0], "and nothing counts as an attack");
}

#[test]
fn what_a_candidate_would_let_pass_is_refused_and_counted() {
    let stage = rehearsing(
        checks(&json!({ "sqli": 1, "headers": 1 })),
        checks(&json!({ "sqli": 3 })),
    );
    let search = get("/search");
    assert!(stage.guard.check(&asking(&search, INJECTION)).is_block());
    assert_eq!(stage.otherwise(), [seen("/search", "sqli", 1, "pass")]);
    stage.list(ATTACKER);
    assert!(stage.check(&search).is_block());
    assert_eq!(stage.otherwise().len(), 1, "both shut out who is listed");
}

#[test]
fn a_candidate_that_spares_somebody_is_seen_to() {
    let spares = rehearsing(json!({}), json!({ "WHITELIST": [ATTACKER] }));
    spares.list(ATTACKER);
    assert!(spares.check(&get("/")).is_block());
    assert_eq!(spares.otherwise(), [seen("/", "blacklist", 1, "pass")]);
    let no_longer = rehearsing(
        json!({ "WHITELIST": [ATTACKER], "SECURITY_CHECKS": { "spoofing": 1 } }),
        json!({ "WHITELIST": [], "HOSTS": ["other.example.com"] }),
    );
    assert!(!no_longer.check(&get("/")).is_block());
    assert_eq!(no_longer.otherwise(), [seen("/", "spoofing", 1, "block")]);
}

#[test]
fn both_refusing_for_different_reasons_is_no_difference() {
    let stage = rehearsing(
        checks(&json!({ "decoy": 1 })),
        checks(&json!({ "decoy": 0, "path": 1 })),
    );
    assert!(stage.check(&get("/.env").unrouted(RouteMatch::Missing)).is_block());
    assert_eq!((stage.otherwise(), stage.dry_run().requests), (vec![], 1));
}

#[test]
fn bodies_and_answers_are_judged_by_both() {
    let stage = rehearsing(json!({}), checks(&json!({ "sqli": 1, "path": 1 })));
    let request = Request {
        headers: vec![("content-type", b"application/x-www-form-urlencoded")],
        ..get("/orders").unrouted(RouteMatch::Unsure)
    };
    assert!(
        stage.guard.wants_body(&request.view()).is_some(),
        "the candidate wants it"
    );
    let body = BodyView {
        bytes: INJECTION.as_bytes(),
        is_whole: true,
    };
    assert!(!stage.check(&request).is_block());
    assert!(!stage.guard.check_body(&request.view(), body).is_block());
    assert!(!stage.answer(&request, 404).is_block());
    let expected = [seen("/orders", "path", 1, "block"), seen("/orders", "sqli", 1, "block")];
    let mut otherwise = stage.otherwise();
    otherwise.sort_unstable();
    assert_eq!((otherwise, stage.dry_run().requests), (expected.to_vec(), 1));
}

#[test]
fn a_candidates_decoy_is_none_where_the_application_has_a_route() {
    let stage = rehearsing(json!({}), checks(&json!({ "decoy": 1 })));
    assert!(
        stage.guard.is_decoy("/.git/config"),
        "so that the adapter looks for the route"
    );
    assert!(!stage.check(&get("/.git/config")).is_block());
    assert!(stage.otherwise().is_empty());
}

#[test]
fn a_candidates_limit_is_held_against_the_counts() {
    let stage = rehearsing(
        json!({ "FLOOD_RATIO": 10, "SECURITY_CHECKS": { "flood": 1 } }),
        json!({ "FLOOD_RATIO": 4 }),
    );
    let passed = (0..8).filter(|_| !stage.check(&get("/")).is_block()).count();
    assert_eq!(passed, 8);
    assert_eq!(
        stage.otherwise(),
        [seen("/", "flood", 4, "block")],
        "the fifth to the eighth"
    );
}

#[test]
fn another_candidate_begins_anew() {
    let stage = rehearsing(json!({}), checks(&json!({ "sqli": 1 })));
    let search = get("/search");
    let put = |candidate: Value| {
        stage.published.publish(Arc::new(Snapshot {
            policy: Arc::new(policy(with(json!({}), candidate))),
            ..Snapshot::clone(&stage.published.current())
        }));
    };
    assert!(!stage.guard.check(&asking(&search, INJECTION)).is_block());
    assert_eq!(stage.dry_run().totals(), (1, 0));
    put(checks(&json!({ "sqli": 2 })));
    assert_eq!(stage.dry_run(), DryRun::default());
    assert!(!stage.guard.check(&asking(&search, INJECTION)).is_block());
    assert_eq!((stage.dry_run().requests, stage.dry_run().totals()), (1, (1, 0)));
    put(json!({}));
    assert_eq!(stage.guard.dry_run(), None);
}

#[test]
fn with_the_kill_switch_on_nothing_is_compared() {
    let stage = rehearsing(checks(&json!({ "sqli": 1 })), checks(&json!({ "sqli": 0 })));
    stage.published.publish(Arc::new(Snapshot {
        mode: Mode::LogOnly,
        ..Snapshot::clone(&stage.published.current())
    }));
    let search = get("/search");
    assert!(!stage.guard.check(&asking(&search, INJECTION)).is_block());
    assert_eq!(stage.dry_run(), DryRun::default());
}

#[test]
fn a_candidate_that_fails_has_no_say() {
    struct Poison;
    impl Headers for Poison {
        fn for_each_value<'h>(&'h self, name: &str, _: &mut dyn FnMut(&'h [u8])) {
            assert_ne!(name, "x-scanner", "only the candidate looks here");
        }
        fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
    }
    let stage = rehearsing(
        checks(&json!({ "decoy": 1 })),
        json!({ "SECURITY_CHECKS": { "headers": 1 }, "FORBIDDEN_HEADERS": ["x-scanner"] }),
    );
    for (path, is_refused) in [("/", false), ("/.env", true)] {
        let request = get(path).unrouted(RouteMatch::Missing);
        let view = RequestView {
            headers: &Poison,
            ..request.view()
        };
        assert_eq!(stage.guard.check(&view).is_block(), is_refused, "{path}");
    }
    assert_eq!(stage.tally.totals().guard_failures, 0);
    let DryRun { requests, failures, .. } = stage.dry_run();
    assert_eq!((requests, failures), (2, 1), "the decoy comes before the headers");
}

#[test]
fn routes_are_bounded_and_no_count_is_lost() {
    let stage = rehearsing(json!({}), checks(&json!({ "sqli": 1 })));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 0..200 {
                    let request = get(format!("/{n}{}/x", "-".repeat(100)));
                    assert!(!stage.guard.check(&asking(&request, INJECTION)).is_block());
                }
            });
        }
    });
    let dry_run = stage.dry_run();
    assert_eq!((dry_run.requests, dry_run.totals()), (400, (400, 0)));
    assert_eq!(dry_run.routes.len(), 65);
    let others: u64 = dry_run.routes[64].would_block.values().sum();
    assert_eq!((dry_run.routes[64].route.as_str(), others), ("(other)", 400 - 2 * 64));
    assert!(dry_run.routes.iter().all(|route| route.route.len() <= 64));
}
