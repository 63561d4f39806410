//! Rules of routes, through the guard: levels, windows, networks, forms, repeats.

use buckler_waf::pattern::MatchType;

use super::*;
use crate::model::policy::Check;

const NO_HEADERS: &[(&str, &[u8])] = &[];

/// A guard with checks on that find something, and these rules.
fn routed(routes: Value) -> Stage {
    stage(with_routes(routes))
}

/// As [`routed`], with few requests and errors for a flood.
fn windowed(routes: Value) -> Stage {
    let mut keys = with_routes(routes);
    keys["FLOOD_RATIO"] = json!(5);
    keys["ERROR_FLOOD_RATIO"] = json!(3);
    stage(keys)
}

fn with_routes(routes: Value) -> Value {
    let mut keys = json!({
        "SECURITY_CHECKS": {"path": 1, "flood": 2, "decoy": 2, "format": 2, "sqli": 2, "xss": 2, "hpp": 2, "command": 2, "brute": 2},
    });
    keys["ROUTES"] = routes;
    keys
}

fn request<'a>(method: &'a str, path: &'a str, query: &'a str) -> RequestView<'a> {
    RequestView {
        peer: Some(ATTACKER.parse().unwrap()),
        method,
        path,
        query,
        host: Some("shop.example.com"),
        route: RouteMatch::Matched,
        headers: &NO_HEADERS,
    }
}

fn typed(content_type: &'static str) -> [(&'static str, &'static [u8]); 1] {
    [("content-type", content_type.as_bytes())]
}

impl Stage {
    /// The check and the level of the one thing that is found in a request, and where.
    fn finding(&self, view: &RequestView<'_>) -> Option<(Check, Level, String)> {
        let is_block = self.guard.check(view).is_block();
        let mut found = self.detections();
        assert!(found.len() <= 1, "{found:?}");
        let found = found.pop()?;
        assert_eq!(is_block, found.level.blocks());
        Some((found.check, found.level, found.place.into()))
    }

    fn level_at(&self, method: &str, path: &str, query: &str) -> Option<Level> {
        self.finding(&request(method, path, query)).map(|(_, level, _)| level)
    }

    /// How many of so many requests pass.
    fn passes(&self, count: usize, path: &str) -> usize {
        (0..count).filter(|_| !self.check(&get(path)).is_block()).count()
    }
}

const SQL: &str = "q=1'+OR+'1'%3D'1";

#[test]
fn a_check_is_off_or_only_logs_or_is_stricter_where_a_rule_says_so() {
    let stage = routed(json!([
        {"path": ["/reports/", "starts"], "methods": ["POST"], "checks": {"sqli": 0}},
        {"path": ["/reports/", "starts"], "checks": {"sqli": 3}},
        {"path": "/search", "checks": {"sqli": 1}},
        {"path": "/plain"},
    ]));
    assert_eq!(stage.level_at("POST", "/reports/1", SQL), None);
    assert_eq!(stage.level_at("GET", "/reports/1", SQL), Some(Level::Log));
    assert_eq!(stage.level_at("GET", "/search", SQL), Some(Level::Block));
    assert_eq!(stage.level_at("GET", "/plain", SQL), Some(Level::Ban));
    assert_eq!(stage.level_at("GET", "/else", SQL), Some(Level::Ban));
    assert_eq!(
        stage.level_at("POST", "/reports/1", "q=%3Cscript%3Ealert(1)%3C/script%3E"),
        Some(Level::Ban)
    );
}

#[test]
fn a_rule_switches_checks_on_as_well() {
    let stage = stage(json!({"ROUTES": [
        {"path": ["/admin/", "starts"], "checks": {"sqli": 2, "decoy": 1, "headers": 1}},
    ], "FORBIDDEN_HEADERS": ["x-probe"]}));
    assert_eq!(stage.level_at("GET", "/admin/x", SQL), Some(Level::Ban));
    assert_eq!(stage.level_at("GET", "/x", SQL), None);
    assert!(stage.check(&get("/admin/").with("x-probe", "1")).is_block());
    assert!(!stage.check(&get("/").with("x-probe", "1")).is_block());
    assert!(
        stage.guard.is_decoy("/.git/config"),
        "the adapter is to look for the route wherever a rule may ask for it"
    );
    assert!(stage.guard.wants_body(&request("POST", "/admin/x", "")).is_some());
    assert!(stage.guard.wants_body(&request("POST", "/x", "")).is_none());
}

#[test]
fn nobody_writes_himself_into_a_milder_rule() {
    let stage = routed(json!([
        {"path": ["/open/", "starts"], "checks": {"sqli": 0}},
        {"path": ["/admin/", "starts"], "networks": ["10.0.0.0/8"]},
    ]));
    assert_eq!(stage.level_at("GET", "/open/x", SQL), None);
    for path in ["/open/../shop", "/shop/../open/x", "//open/x", "/open/%2e%2e/shop"] {
        assert_eq!(stage.level_at("GET", path, SQL), Some(Level::Ban), "{path}");
    }
    for path in [
        "/admin/x",
        "//admin/x",
        "/open/../admin/x",
        "/%61dmin/x",
        "/admin/../open/x",
    ] {
        let found = stage.finding(&request("GET", path, ""));
        assert_eq!(found, Some((Check::Path, Level::Block, "network".to_owned())), "{path}");
    }
    for path in ["/open//x", "/open/%78", "/open/./x"] {
        assert_eq!(
            stage.level_at("GET", path, SQL),
            None,
            "{path} means the same rule in every form"
        );
    }
}

#[test]
fn requests_of_a_rule_with_a_window_are_counted_apart() {
    let stage = windowed(json!([
        {"path": "/login", "flood": {"ratio": 2}},
        {"path": ["/poll/", "starts"], "flood": {"delay": 10, "ratio": 100}},
        {"path": ["/static/", "starts"], "checks": {"flood": 0}},
    ]));
    assert_eq!(stage.passes(100, "/static/a.js"), 100);
    assert_eq!(stage.passes(4, "/"), 4);
    assert_eq!(stage.passes(5, "/login"), 2, "only its own requests count for it");
    assert_eq!(stage.passes(3, "/"), 1, "nor did they count elsewhere");
    assert_eq!(stage.passes(101, "/poll/1"), 100);
    stage.pass_time(11);
    assert_eq!(stage.passes(101, "/poll/1"), 100, "in its own time");
    assert_eq!(stage.passes(1, "/login"), 0, "and not in another's");
    assert_eq!(stage.passes(1, "//login"), 0, "in disguise too");
}

#[test]
fn paths_that_do_not_count_for_floods_count_where_a_rule_says_so() {
    let mut keys = with_routes(json!([{"path": "/login", "flood": {"ratio": 2}}]));
    keys["BRUTE_AND_FLOOD_PATHS"] = json!(["^/api/"]);
    let stage = stage(keys);
    assert_eq!((stage.passes(10, "/"), stage.passes(10, "/login")), (10, 2));
}

#[test]
fn errors_of_a_rule_with_a_window_are_counted_apart() {
    let stage = windowed(json!([{"path": "/login", "error_flood": {"delay": 60, "ratio": 1}}]));
    let errors = |count: usize, path: &str| (0..count).filter(|_| !stage.answer(&get(path), 401).is_block()).count();
    assert_eq!(errors(3, "/login"), 1);
    assert_eq!(errors(5, "/"), 3);
    stage.pass_time(11);
    assert_eq!((errors(1, "/login"), errors(1, "/")), (0, 1));
}

#[test]
fn a_route_exists_only_for_the_networks_that_may_come() {
    let rule =
        |checks: Value| json!([{"path": ["/admin/", "starts"], "networks": ["198.51.100.0/24"], "checks": checks}]);
    let view = request("GET", "/admin/", "");
    let inside = RequestView {
        peer: Some("198.51.100.9".parse().unwrap()),
        ..view
    };
    let nobody = RequestView { peer: None, ..view };
    for (checks, level) in [
        (json!({}), Level::Block),
        (json!({"path": 2}), Level::Ban),
        (json!({"path": 3}), Level::Log),
        (json!({"path": 0}), Level::Block),
    ] {
        let stage = routed(rule(checks));
        assert_eq!(stage.finding(&view), Some((Check::Path, level, "network".to_owned())));
        assert_eq!(
            stage.finding(&nobody).map(|(_, level, _)| level),
            Some(level),
            "no address is in no network"
        );
        assert_eq!(stage.finding(&inside), None);
        assert_eq!(stage.finding(&RequestView { path: "/", ..view }), None);
    }
    let stage = routed(rule(json!({"path": 0})));
    let unrouted = RequestView {
        route: RouteMatch::Missing,
        ..inside
    };
    assert_eq!(
        stage.finding(&unrouted),
        None,
        "the check is off for those who may come"
    );
    assert!(
        stage
            .guard
            .check(&RequestView {
                peer: Some(PROXY.parse().unwrap()),
                ..view
            })
            .is_block()
    );
    let through_proxy = get("/admin/").from(PROXY).with("x-forwarded-for", "198.51.100.9");
    assert!(!stage.check(&through_proxy).is_block());
}

#[test]
fn values_have_the_forms_that_a_rule_declares() {
    let stage =
        routed(json!([{"path": "/item", "params": {"id": "integer", "mail": "email", "tag": ["^[a-z]+$", "regex"]}}]));
    let place = |query: &str| {
        stage
            .finding(&request("GET", "/item", query))
            .map(|(check, _, place)| (check, place))
    };
    assert_eq!(place("id=7&mail=ada%40example.com&tag=new&other=x+y"), None);
    let misfit = |at: &str| Some((Check::Format, at.to_owned()));
    assert_eq!(place("tag=new&id=7x"), misfit("query:id"));
    assert_eq!(place("%69d=7x"), misfit("query:%69d"));
    assert_eq!(place("id[$ne]=7"), misfit("query:id[$ne]"));
    assert_eq!(place("tag=New"), misfit("query:tag"));
    assert_eq!(stage.finding(&request("GET", "/other", "id=7x")), None);
    assert!(stage.guard.check(&request("GET", "/item", "id=x")).is_block());
    let found = stage.detections().pop().unwrap();
    assert_eq!(
        (&*found.rule, &*found.excerpt, found.score),
        ("format/integer", "x", 100)
    );

    let in_body = |content_type: &'static str, bytes: &str| {
        let headers = typed(content_type);
        let view = RequestView {
            headers: &headers,
            ..request("POST", "/item", "")
        };
        let _ = stage.guard.check_body(
            &view,
            BodyView {
                bytes: bytes.as_bytes(),
                is_whole: true,
            },
        );
        stage
            .detections()
            .pop()
            .map(|found| (found.check, String::from(found.place)))
    };
    assert_eq!(
        in_body("application/x-www-form-urlencoded", "id=7&mail=ada"),
        misfit("body:mail")
    );
    assert_eq!(
        in_body(
            "application/json",
            r#"{"id": 7, "mail": "ada@example.com", "other": {"id": "x"}}"#
        ),
        None
    );
    assert_eq!(in_body("application/json", r#"{"id": "x"}"#), misfit("body:id"));
    assert_eq!(
        in_body("application/json", r#"{"id": {"$gt": ""}}"#),
        misfit("body:id.$gt")
    );
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(in_body("multipart/form-data; boundary=b", multipart), misfit("body:id"));
}

#[test]
fn a_misfit_that_only_logs_does_not_hide_an_attack() {
    let stage = routed(json!([{"path": "/item", "params": {"id": "integer"}, "checks": {"format": 3}}]));
    assert!(
        stage
            .guard
            .check(&request("GET", "/item", "id=1'+OR+'1'%3D'1"))
            .is_block()
    );
    assert_eq!(
        stage.reported(),
        [(Check::Format, Level::Log), (Check::Sqli, Level::Ban)]
    );
    let off = routed(json!([{"path": "/item", "params": {"id": "integer"}, "checks": {"format": 0}}]));
    assert_eq!(off.finding(&request("GET", "/item", "id=x")), None);
}

#[test]
fn forms_alone_make_a_body_worth_reading() {
    let stage =
        stage(json!({"SECURITY_CHECKS": {"format": 1}, "ROUTES": [{"path": "/item", "params": {"id": "integer"}}]}));
    assert!(stage.guard.wants_body(&request("POST", "/item", "")).is_some());
    assert!(stage.guard.wants_body(&request("POST", "/", "")).is_none());
}

#[test]
fn parameters_that_may_repeat_are_no_pollution() {
    let stage = routed(json!([
        {"path": "/list", "repeats": ["owner"]},
        {"path": "/any", "repeats": true},
    ]));
    let place = |path: &str, query: &str| {
        stage
            .finding(&request("GET", path, query))
            .map(|(check, _, place)| (check, place))
    };
    let polluted = Some((Check::Hpp, "query:owner".to_owned()));
    assert_eq!(place("/", "owner=7&owner[]=8"), polluted);
    assert_eq!(place("/list", "owner=7&owner[]=8"), None);
    assert_eq!(place("/any", "owner=7&owner[]=8&role=1&role[]=2"), None);
    assert_eq!(
        place("/list", "role=1&role[]=2&owner=7&owner[]=8"),
        Some((Check::Hpp, "query:role".to_owned()))
    );
    let split = "id=1+union/*&id=*/select+1%2C2+from+users--";
    assert!(place("/list", split).is_some(), "what is not listed is looked into");
}

#[test]
fn as_much_of_a_body_is_looked_at_as_a_rule_says() {
    let stage = routed(json!([
        {"path": "/import", "body_bytes": 131_072},
        {"path": "/raw", "body_bytes": 0},
    ]));
    let wanted = |path: &str| {
        stage
            .guard
            .wants_body(&request("POST", path, ""))
            .map(NonZeroUsize::get)
    };
    assert_eq!(
        (wanted("/import"), wanted("/raw"), wanted("/")),
        (Some(131_072), None, Some(65_536))
    );
    let body = |padding: usize| format!(r#"{{"a": "{}", "q": "1' OR '1'='1"}}"#, "x".repeat(padding));
    let finds = |path: &str, padding: usize| {
        let headers = typed("application/json");
        let view = RequestView {
            headers: &headers,
            ..request("POST", path, "")
        };
        stage
            .guard
            .check_body(
                &view,
                BodyView {
                    bytes: body(padding).as_bytes(),
                    is_whole: true,
                },
            )
            .is_block()
    };
    assert!(finds("/", 60_000) && !finds("/", 70_000));
    assert!(finds("/import", 70_000) && finds("/import", 130_000) && !finds("/import", 140_000));
}

#[test]
fn ignored_paths_are_ignored_whatever_a_rule_says_but_their_networks() {
    let mut keys =
        with_routes(json!([{"path": ["/health", "starts"], "networks": ["10.0.0.0/8"], "checks": {"sqli": 2}}]));
    keys["IGNORE_PATHS"] = json!(["^/health"]);
    let stage = stage(keys);
    assert_eq!(
        stage.finding(&request("GET", "/health", SQL)),
        Some((Check::Path, Level::Block, "network".to_owned()))
    );
}

#[test]
fn many_rules_keep_their_order() {
    let mut rules: Vec<Value> = (0..127)
        .map(|number| json!({"path": [format!("/{number}/"), MatchType::Starts.name()], "checks": {"sqli": 3}}))
        .collect();
    rules.push(json!({"path": ["/", "starts"], "checks": {"sqli": 1}}));
    let stage = routed(rules.into());
    assert_eq!(stage.level_at("GET", "/126/x", SQL), Some(Level::Log));
    assert_eq!(stage.level_at("GET", "/127/x", SQL), Some(Level::Block));
}
