//! Exceptions: the one that a refusal prints lets that request pass, and nothing else.

use super::*;

/// A request of a host that knows its routes.
struct Routed<'r> {
    request: &'r Request,
    pattern: Option<&'r str>,
    /// How often the host was asked for the pattern.
    asked: std::cell::Cell<usize>,
}

impl Headers for Routed<'_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.request.for_each_value(name, visit);
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.request.for_each(visit);
    }

    fn route_pattern(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.asked.set(self.asked.get() + 1);
        self.pattern.map(Into::into)
    }
}

const ATTACK: &str = "1'+OR+'1'%3D'1";

/// The verdict on a request with this query on this route.
fn judged(stage: &Stage, request: &Request, pattern: Option<&str>, query: &str) -> Verdict {
    asked(stage, request, pattern, query).0
}

/// As [`judged`], with how often the host was asked for the route's pattern.
fn asked(stage: &Stage, request: &Request, pattern: Option<&str>, query: &str) -> (Verdict, usize) {
    let headers = Routed {
        request,
        pattern,
        asked: std::cell::Cell::default(),
    };
    let verdict = stage.guard.check(&RequestView {
        query,
        headers: &headers,
        ..request.view()
    });
    (verdict, headers.asked.get())
}

fn with(exceptions: &Value) -> Stage {
    stage(
        json!({"SECURITY_CHECKS": {"sqli": 2, "xss": 2, "command": 2, "decoy": 2, "path": 0, "flood": 0}, "EXCEPTIONS": exceptions}),
    )
}

#[track_caller]
fn why(stage: &Stage, verdict: &Verdict) -> Explanation {
    let Verdict::Block(refusal) = verdict else {
        panic!("it passed");
    };
    stage.guard.why(refusal.id).unwrap()
}

/// The exception that a refusal prints, as an operator would paste it.
#[track_caller]
fn printed(stage: &Stage, verdict: &Verdict) -> Value {
    let why = why(stage, verdict);
    let found = stage.intake.pop().unwrap();
    assert_eq!(found.exception, why.exception, "the log and `why` say the same");
    let exception = serde_json::to_value(&why).unwrap()["exception"].take();
    assert!(
        why.to_string()
            .ends_with(&format!("to let it pass: {}", why.exception.unwrap()))
    );
    exception
}

#[test]
fn what_is_printed_lets_the_request_pass_and_no_neighbour() {
    let search = get("/search/7");
    let pattern = Some("/search/{id}");
    let query = format!("page=2&q={ATTACK}");
    let exception = {
        let stage = with(&json!([]));
        printed(&stage, &judged(&stage, &search, pattern, &query))
    };
    assert_eq!(
        (&exception["place"], &exception["route"]),
        (&json!("query:q"), &json!("/search/{id}"))
    );
    assert!(
        exception["rule"].as_str().unwrap().starts_with("sqli/") && exception.get("network").is_none(),
        "{exception}"
    );
    let stage = with(&json!(["other", exception]));
    assert!(!judged(&stage, &search, pattern, &query).is_block());
    assert!(
        !judged(&stage, &search.from("198.51.100.7"), pattern, &query).is_block(),
        "why"
    );
    assert_eq!(stage.counts()[2], 0, "it is no attack");
    let search = get("/search/7");
    for (request, pattern, query) in [
        (&search, pattern, format!("page=2&comment={ATTACK}")),
        (&search, pattern, "q=<script>alert(1)</script>".to_owned()),
        (&get("/orders"), Some("/orders"), query.clone()),
        (&get("/orders"), None, query.clone()),
        (&search, pattern, format!("{query}&other={ATTACK}")),
    ] {
        assert!(
            judged(&stage, request, pattern, &query).is_block(),
            "{query} on {pattern:?}"
        );
    }
}

#[test]
fn what_is_only_logged_is_printed_with_its_exception_too() {
    let query = format!("page=2&q={ATTACK}");
    let search = get("/search/7");
    let log_only = |exceptions: &Value| stage(json!({"SECURITY_CHECKS": {"sqli": 3}, "EXCEPTIONS": exceptions}));
    let monitored = log_only(&json!([]));
    assert!(!judged(&monitored, &search, Some("/search/{id}"), &query).is_block());
    let found = monitored.intake.pop().unwrap();
    let exception = serde_json::to_value(found.exception.unwrap()).unwrap();
    assert_eq!(
        (&exception["place"], &exception["route"]),
        (&json!("query:q"), &json!("/search/{id}"))
    );
    let excepted = log_only(&json!([exception]));
    assert!(!judged(&excepted, &search, Some("/search/{id}"), &query).is_block());
    let rules: Vec<_> = std::iter::from_fn(|| excepted.intake.pop())
        .map(|found| found.rule)
        .collect();
    assert!(!rules.contains(&found.rule), "{rules:?}");
}

#[test]
fn all_that_refuses_a_request_is_in_what_is_printed() {
    let query = format!("a={ATTACK}&b=<script>alert(1)</script>&c=;cat+/etc/passwd");
    let search = get("/search");
    let stage = with(&json!([]));
    let exception = printed(&stage, &judged(&stage, &search, Some("/search"), &query));
    assert!(exception["rule"].as_array().unwrap().len() >= 3, "{exception}");
    assert_eq!(exception["place"], json!(["query:a", "query:b", "query:c"]));
    let stage = with(&json!([exception]));
    assert!(!judged(&stage, &search, Some("/search"), &query).is_block());
}

#[test]
fn what_refuses_before_values_are_looked_at_is_printed_with_them() {
    let decoy = get("/.git/config").unrouted(RouteMatch::Unsure);
    let query = format!("q={ATTACK}");
    let stage = with(&json!([]));
    let exception = printed(&stage, &judged(&stage, &decoy, None, &query));
    assert_eq!(exception["network"], json!(ATTACKER), "no route narrows it");
    let stage = with(&json!([exception]));
    assert!(!judged(&stage, &decoy, None, &query).is_block());
    assert!(judged(&stage, &decoy.from("198.51.100.7"), None, &query).is_block());
}

#[test]
fn where_neither_client_nor_route_is_known_the_path_narrows_it() {
    let unknown = |path: &str| Request {
        peer: None,
        ..get(path)
    };
    let query = format!("q={ATTACK}");
    for (path, expected) in [
        ("/search", "/search"),
        ("/b%C3%BCcher", "/b\u{fc}cher"),
        ("/a/../b", "/*"),
        ("/reset/token/hunter2", "/reset/token/***"),
        ("/a%0ab", "/a*"),
    ] {
        let stage = with(&json!([]));
        let verdict = judged(&stage, &unknown(path), None, &query);
        let why = why(&stage, &verdict);
        assert_eq!(
            why.exception.as_ref().unwrap().to_share(),
            None,
            "no path leaves the host"
        );
        let exception = printed(&stage, &verdict);
        assert_eq!(
            (&exception["route"], exception.get("network")),
            (&json!(expected), None),
            "{path}"
        );
        let stage = with(&json!([exception]));
        assert!(!judged(&stage, &unknown(path), None, &query).is_block(), "{path}");
        for (other, query) in [("/other", &*query), (path, "p=1'+OR+'1'%3D'1")] {
            let is_other = expected != "/*" || other == path;
            assert_eq!(
                judged(&stage, &unknown(other), None, query).is_block(),
                is_other,
                "{other}"
            );
        }
    }
    let long = format!("/{}", "long/".repeat(100));
    let stage = with(&json!([]));
    let exception = printed(&stage, &judged(&stage, &unknown(&long), None, &query));
    assert!(exception["route"].as_str().unwrap().ends_with('*'), "{exception}");
    let stage = with(&json!([exception]));
    assert!(!judged(&stage, &unknown(&long), None, &query).is_block());
}

#[test]
fn an_exception_may_log_or_block_in_place_of_a_ban() {
    for (level, blocks, expected) in [(3, false, Level::Log), (1, true, Level::Block)] {
        let stage = with(&json!([{"rule": "sqli", "place": "query:q", "level": level}]));
        let verdict = judged(&stage, &get("/search"), None, &format!("q={ATTACK}"));
        assert_eq!(verdict.is_block(), blocks);
        assert_eq!(stage.reported(), [(Check::Sqli, expected)]);
    }
}

#[test]
fn a_routes_own_come_first_and_a_path_in_two_ways_is_judged_by_both() {
    let stage = stage(json!({
        "SECURITY_CHECKS": {"sqli": 2, "flood": 0, "path": 0},
        "EXCEPTIONS": [{"rule": "sqli", "place": "query:a"}, {"route": "/free/*"}],
        "ROUTES": [{"path": ["/open/", "starts"], "exceptions": [{"place": "query:b"}, {"place": "query:a", "level": 1}]}],
    }));
    let asks = |path: &str, name: &str| {
        let verdict = judged(&stage, &get(path), None, &format!("{name}={ATTACK}"));
        (verdict.is_block(), stage.detections().pop().map(|found| found.level))
    };
    assert_eq!(asks("/open/7", "b"), (false, None));
    assert_eq!(asks("/open/7", "a"), (true, Some(Level::Block)), "the route's own");
    assert_eq!(asks("/closed", "a"), (false, None));
    assert_eq!(asks("/closed", "b"), (true, Some(Level::Ban)));
    assert_eq!(asks("/open/../closed", "b"), (true, Some(Level::Ban)));
    assert_eq!(asks("/free/7", "b"), (false, None));
    assert_eq!(asks("/free/%2e%2e/closed", "b"), (true, Some(Level::Ban)));
}

#[test]
fn a_candidate_is_judged_by_its_own_exceptions() {
    let stage = stage(json!({
        "SECURITY_CHECKS": {"sqli": 1, "decoy": 1, "flood": 0, "path": 0},
        "DRY_RUN": {"EXCEPTIONS": [{"rule": "sqli", "place": "query:q"}, {"rule": "decoy"}]},
    }));
    for (path, query) in [
        ("/a", format!("q={ATTACK}")),
        ("/a", format!("p={ATTACK}")),
        ("/.git/config", String::new()),
    ] {
        let request = get(path).unrouted(RouteMatch::Unsure);
        assert!(judged(&stage, &request, None, &query).is_block());
    }
    assert_eq!(
        stage.guard.dry_run().unwrap().totals(),
        (0, 1),
        "a probe's own rule still refuses the decoy"
    );
}

#[test]
fn a_request_in_which_nothing_is_found_is_asked_for_no_route() {
    let stage = stage(json!({
        "SECURITY_CHECKS": {"sqli": 1, "flood": 1, "brute": 1},
        "EXCEPTIONS": [{"rule": "flood", "route": "/free"}],
        "DRY_RUN": {"EXCEPTIONS": [{"rule": "sqli", "route": "/items/{id}"}]},
    }));
    let request = get("/items/7");
    let (verdict, times) = asked(&stage, &request, Some("/items/{id}"), "q=blue+shoes");
    assert_eq!((verdict.is_block(), times), (false, 0));
    let (verdict, times) = asked(&stage, &request, Some("/items/{id}"), &format!("q={ATTACK}"));
    assert!(verdict.is_block() && times > 0, "{times}");
    assert_eq!(stage.guard.dry_run().unwrap().totals(), (0, 1), "the candidate's own");
}

#[test]
fn a_finding_tells_where_its_request_went() {
    let stage = with(&json!([]));
    let request = Request {
        method: "POST",
        ..get("/reset/token/hunter2")
    };
    let why = why(
        &stage,
        &judged(&stage, &request, Some("/reset/token/{token}"), &format!("q={ATTACK}")),
    );
    let found = stage.intake.pop().unwrap();
    assert_eq!(found.request, why.request);
    let RequestInfo {
        method,
        route,
        host,
        status,
    } = &why.request;
    assert_eq!(
        (method.as_deref(), route.as_deref()),
        (Some("POST"), Some("/reset/token/{token}"))
    );
    assert_eq!((host.as_deref(), *status), (Some("shop.example.com"), Some(418)));
    assert_eq!(&*found.path, "/reset/token/***", "for the log of the host alone");
    let told = serde_json::to_value(&why).unwrap();
    assert_eq!((&told["method"], &told["status"]), (&json!("POST"), &json!(418)));
    assert!(
        !told.to_string().contains("hunter2") && told.get("path").is_none(),
        "{told}"
    );
    assert!(
        why.to_string()
            .contains("POST /reset/token/{token} at shop.example.com, 418"),
        "{why}"
    );
}

#[test]
fn a_finding_in_an_answer_tells_the_applications_status() {
    let stage = stage(json!({"SECURITY_CHECKS": {"path": 3, "flood": 0, "decoy": 0}}));
    let missing = get("/nothing").unrouted(RouteMatch::Unsure);
    assert!(!stage.answer(&missing, 404).is_block());
    assert_eq!(stage.intake.pop().unwrap().request.status, Some(404));
}

#[test]
fn a_finding_is_logged_within_the_span_that_it_was_made_in() {
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(subscriber, || {
        let stage = with(&json!([]));
        let span = tracing::info_span!("request");
        span.in_scope(|| assert!(judged(&stage, &get("/a"), None, &format!("q={ATTACK}")).is_block()));
        assert_eq!(stage.intake.pop().unwrap().span.id(), span.id());
    });
}
