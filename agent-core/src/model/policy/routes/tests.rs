//! Rules of routes: which one counts, what it changes, and what is refused.

use std::time::Duration;

use buckler_waf::{
    normal::Spelling,
    places::{Part, Place, Role},
};
use serde_json::{Value, json};

use super::*;
use crate::model::policy::{Layer, Policy, PolicyError};

fn layer(origin: &str, keys: Value) -> Layer {
    Layer::new(origin, serde_json::from_value(keys).unwrap())
}

fn compile(keys: Value) -> Result<Policy, PolicyError> {
    Policy::compile("default", &[layer("test", keys)])
}

fn keys(routes: Value) -> Value {
    Value::Object(std::iter::once(("routes".to_owned(), routes)).collect())
}

fn policy(routes: Value) -> Policy {
    compile(keys(routes)).unwrap_or_else(|error| panic!("{error}"))
}

/// The one problem of a list of one rule.
fn problem(rule: Value) -> String {
    let error = compile(keys(Value::Array(vec![rule]))).map(drop).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    error.to_string()
}

#[test]
fn the_first_rule_that_matches_counts_alone() {
    let policy = policy(json!([
        {"path": "/api/health", "checks": {"sqli": 0}},
        {"path": ["/api/", "starts"], "methods": ["POST", "PUT"], "checks": {"xss": 3}},
        {"path": [r"^/api/v\d+/", "regex"], "checks": {"xss": 1}},
        {"path": [".csv", "ends"], "body_bytes": 0},
    ]));
    let level = |path: &str, method: &str| {
        policy
            .route(path, method)
            .map(|rules| [Check::Sqli, Check::Xss].map(|check| rules.level(check)))
    };
    assert_eq!(level("/api/health", "POST"), Some([Level::Off, Level::Ban]));
    assert_eq!(
        level("/api/%68ealth", "GET"),
        Some([Level::Off, Level::Ban]),
        "in percent-encoding too"
    );
    assert_eq!(level("/api/v1/items", "POST"), Some([Level::Ban, Level::Log]));
    assert_eq!(level("/api/v1/items", "GET"), Some([Level::Ban, Level::Block]));
    assert_eq!(
        level("/api/v1/items.csv", "GET"),
        Some([Level::Ban, Level::Block]),
        "not the fourth"
    );
    assert_eq!(level("/api/items", "GET"), None);
    assert_eq!(level("/api/healthy", "GET"), None);
    assert_eq!(policy.route("/x.csv", "GET").map(RouteRules::body_bytes), Some(0));
    assert!(policy.has_routes() && !Routes::default().any_on(Check::Sqli));
}

#[test]
fn what_a_rule_leaves_out_is_as_elsewhere() {
    let keys = json!({
        "FLOOD_DELAY": 30, "FLOOD_RATIO": 20, "ERROR_FLOOD_RATIO": 7, "SECURITY_CHECKS": {"flood": 3}, "UPLOAD_MAX_SIZE": 5,
        "ROUTES": [
            {"path": "/plain"},
            {"path": "/own", "flood": {"ratio": 5}, "error_flood": {"delay": 90}, "uploads": {"extensions": [".CSV"]}},
            {"path": "/null", "flood": null, "checks": {"sqli": null}, "networks": null},
        ],
    });
    let policy = compile(keys).unwrap();
    let rules = |path: &str| policy.route(path, "GET").unwrap();
    let plain = rules("/plain");
    assert_eq!(
        (plain.flood(), plain.error_flood(), plain.networks()),
        (None, None, None)
    );
    assert_eq!(
        (plain.level(Check::Flood), plain.body_bytes()),
        (Level::Log, places::MOST_BYTES)
    );
    assert_eq!(plain.uploads(), policy.uploads());
    assert!(!plain.declares_params() && !plain.may_repeat("a"));
    let window = |limit, seconds| {
        Some(Window {
            limit,
            period: Duration::from_secs(seconds),
            burst: limit,
        })
    };
    assert_eq!(
        (rules("/own").flood(), rules("/own").error_flood()),
        (window(5, 30), window(7, 90))
    );
    assert_eq!(
        (
            rules("/own").uploads().max_bytes,
            rules("/own").uploads().extensions.concat().as_str()
        ),
        (5_000_000, "csv")
    );
    assert_eq!(
        (rules("/null").flood(), rules("/null").level(Check::Sqli)),
        (None, Level::Ban)
    );
}

#[test]
fn a_rule_is_known_by_what_it_is_for() {
    let ids = |routes: Value| -> Vec<u64> { policy(routes).routes.rules.iter().map(RouteRules::id).collect() };
    let before = ids(json!([{"path": "/a"}, {"path": "/b", "methods": ["GET"]}]));
    let after = ids(json!([
        {"path": "/b", "methods": ["GET"], "flood": {"ratio": 9}}, {"path": ["/a", "starts"]}, {"path": "/a", "methods": ["GET"]}, {"path": "/a"}
    ]));
    assert_eq!((before[0], before[1]), (after[3], after[0]));
    assert!(after[1] != after[3] && after[2] != after[3] && after[1] != after[2]);
}

#[test]
fn networks_and_repeats_are_listed() {
    let policy = policy(json!([
        {"path": "/admin", "networks": ["10.", "2001:db8::/32"], "repeats": ["color", "size"]},
        {"path": "/any", "repeats": true},
        {"path": "/none", "repeats": false},
    ]));
    let rules = |path: &str| policy.route(path, "GET").unwrap();
    let networks = rules("/admin").networks().unwrap();
    assert!(networks.contains("10.1.2.3".parse().unwrap()) && !networks.contains("11.0.0.1".parse().unwrap()));
    assert!(rules("/admin").may_repeat("color") && !rules("/admin").may_repeat("id"));
    assert!(rules("/any").may_repeat("id") && !rules("/none").may_repeat("id"));
}

fn field<'f>(part: Part, role: Role, name: &'f str, value: &'f str) -> Field<'f> {
    let place = Place { part, name };
    let spelling = if part == Part::Query {
        Spelling::Form
    } else {
        Spelling::Literal
    };
    Field {
        place,
        role,
        value: value.as_bytes(),
        spelling,
    }
}

#[test]
fn values_are_held_against_their_forms() {
    let policy = policy(json!([{"path": "/", "params": {
        "id": "integer", "user.mail": "email", "Code": ["^[A-Z]{3}-[0-9]+$", "regex"], "kind": ["new", "match"],
    }}]));
    let rules = policy.route("/", "GET").unwrap();
    let query = |name: &str, value: &str| rules.misfit(&field(Part::Query, Role::Value, name, value), false);
    for (name, value, misfit) in [
        ("id", "17", None),
        ("id", "17'", Some("integer")),
        ("%69d", "x", Some("integer")),
        ("id[]", "17", None),
        ("id[0]", "x", Some("integer")),
        ("id%5B%5D", "x", Some("integer")),
        ("id[$gt]", "17", Some("structure")),
        ("idx", "x", None),
        ("id.x", "x", None),
        ("Code", "ABC-1", None),
        ("Code", "ABC-1%0A", Some("pattern")),
        ("code", "x", None),
        ("kind", "new", None),
        ("kind", "newer", Some("pattern")),
        ("user.mail", "ada@example.com", None),
        ("user.mail", "ada", Some("email")),
    ] {
        assert_eq!(query(name, value), misfit, "{name}={value}");
    }
    let json = |role, name: &str, value: &str| rules.misfit(&field(Part::Body, role, name, value), true);
    assert_eq!(json(Role::Value, "id", "17"), None);
    assert_eq!(
        json(Role::Value, "id", "1%37"),
        Some("integer"),
        "JSON is not percent-encoded"
    );
    assert_eq!(json(Role::Name, "id", "id"), None);
    assert_eq!(json(Role::Name, "id.$gt", "$gt"), Some("structure"));
    assert_eq!(json(Role::Value, "id.$gt", "1"), Some("structure"));
    assert_eq!(json(Role::Value, "user.mail", "ada"), Some("email"));
    assert_eq!(json(Role::Value, "user.name", "ada"), None);
    let elsewhere = |part, role| rules.misfit(&field(part, role, "id", "x"), false);
    assert_eq!(elsewhere(Part::Cookie, Role::Value), None);
    assert_eq!(elsewhere(Part::Header, Role::Value), None);
    assert_eq!(elsewhere(Part::Body, Role::FileName), None);
    assert_eq!(rules.misfit(&field(Part::Query, Role::Value, "id", ""), false), None);
}

/// The problem of each rule begins so.
fn assert_problems<const N: usize>(rules: [(Value, &str); N]) {
    for (rule, said) in rules {
        let found = problem(rule);
        assert!(found.starts_with(&format!("test: routes[0]{said}")), "{found}\n{said}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert_problems([
        (json!("/x"), " is \"/x\"; allowed: an object of names and values"),
        (json!({}), " is {}; allowed: a rule with a `path`"),
        (
            json!({"path": "/x", "rate": 5}),
            ".rate is 5; allowed: one of path, methods, checks, flood, error_flood, networks, params, repeats, uploads, body_bytes",
        ),
        (
            json!({"path": "admin"}),
            ".path is \"admin\"; allowed: a path that begins with `/`: no request has another",
        ),
        (
            json!({"path": ["/x", "begins"]}),
            ".path is [\"/x\",\"begins\"]; allowed: a text, or [\"text\", \"type\"] with a type of starts, ends, contains, match, regex",
        ),
        (
            json!({"path": "/x", "methods": ["get"]}),
            ".methods[0] is \"get\"; allowed: a method in upper case, such as GET or POST",
        ),
        (
            json!({"path": "/x", "methods": []}),
            ".methods is []; allowed: a list of at least one",
        ),
        (
            json!({"path": "/x", "checks": {"sql": 1}}),
            ".checks.sql is 1; allowed: one of path, flood, spoofing",
        ),
        (
            json!({"path": "/x", "checks": {"blacklist": 0}}),
            ".checks.blacklist is 0; allowed: one of path",
        ),
        (
            json!({"path": "/x", "checks": {"sqli": 4}}),
            ".checks.sqli is 4; allowed: 0 (off), 1 (block)",
        ),
        (
            json!({"path": "/x", "flood": {"ratio": 0}}),
            ".flood.ratio is 0; allowed: a whole number from 1 to 1000000",
        ),
        (
            json!({"path": "/x", "flood": 5}),
            ".flood is 5; allowed: an object of names and values",
        ),
        (
            json!({"path": "/x", "error_flood": {"limit": 5}}),
            ".error_flood.limit is 5; allowed: one of delay, ratio",
        ),
    ]);
}

#[test]
fn what_is_wrong_inside_is_named_with_its_place() {
    assert_problems([
        (
            json!({"path": "/x", "networks": ["10.0.0.0/33"]}),
            ".networks[0] is \"10.0.0.0/33\"; allowed: an address, a network",
        ),
        (
            json!({"path": "/x", "networks": []}),
            ".networks is []; allowed: a list of at least one",
        ),
        (
            json!({"path": "/x", "params": {"id": "int"}}),
            ".params.id is \"int\"; allowed: integer, number, boolean, uuid, email, date, word, or a pattern",
        ),
        (
            json!({"path": "/x", "params": {"": "integer"}}),
            ".params. is \"\"; allowed: the name of a parameter, of at most 128 bytes",
        ),
        (
            json!({"path": "/x", "params": {"id": ["a(?=b)", "regex"]}}),
            ".params.id is \"a(?=b)\"; allowed: a regular expression without lookaround",
        ),
        (
            json!({"path": "/x", "params": {"id": ["a[ab]{40}c", "regex"]}}),
            ".params.id is [\"a[ab]{40}c\",\"regex\"]; allowed: a pattern whose automaton fits",
        ),
        (
            json!({"path": "/x", "repeats": "color"}),
            ".repeats is \"color\"; allowed: a list of parameters, or true",
        ),
        (
            json!({"path": "/x", "uploads": {"max": 1}}),
            ".uploads.max is 1; allowed: one of allowed, max_size, extensions",
        ),
        (
            json!({"path": "/x", "uploads": {"extensions": ["a/b"]}}),
            ".uploads.extensions[0] is \"a/b\"; allowed: the extension",
        ),
        (
            json!({"path": "/x", "body_bytes": 1_048_577}),
            ".body_bytes is 1048577; allowed: a whole number of bytes from 0 to 1048576",
        ),
    ]);
}

#[test]
fn everything_is_bounded() {
    let rules = |count: usize| -> Value { (0..count).map(|number| json!({"path": format!("/{number}")})).collect() };
    assert!(compile(json!({"ROUTES": rules(128)})).is_ok());
    let error = compile(json!({"ROUTES": rules(129)})).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "test: ROUTES is \"129 rules\"; allowed: at most 128");
    let params = |count: usize| -> Value {
        (0..count)
            .map(|number| (format!("p{number}"), json!("integer")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    assert!(compile(json!({"ROUTES": [{"path": "/", "params": params(64)}]})).is_ok());
    assert!(problem(json!({"path": "/", "params": params(65)})).ends_with("allowed: at most 64 parameters"));
    let patterns = |count: usize| -> Value {
        let params: serde_json::Map<String, Value> = (0..count)
            .map(|number| (format!("p{number}"), json!(["x", "starts"])))
            .collect();
        json!([{"path": "/", "params": params}, {"path": "/x", "params": {"y": ["^y", "regex"]}}])
    };
    assert!(compile(json!({"ROUTES": patterns(63)})).is_ok());
    let error = compile(json!({"ROUTES": patterns(64)})).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test: ROUTES[1].params.y is [\"^y\",\"regex\"]; allowed: at most 64 patterns of parameters in all rules"
    );
    let networks: Vec<String> = (0..1025)
        .map(|number| format!("10.0.{}.{}", number / 256, number % 256))
        .collect();
    assert!(problem(json!({"path": "/", "networks": networks})).contains("\"1025 networks\"; allowed: at most 1024"));
    let error = compile(json!({"ROUTES": [{"path": ["a[ab]{40}c", "regex"]}]}))
        .map(drop)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("test: ROUTES is [\"a[ab]{40}c\"]; allowed: paths whose automaton fits"),
        "{error}"
    );
}

#[test]
fn tokens_are_asked_for_only_where_a_key_can_prove_them() {
    let rule = json!([{"path": "/admin", "checks": {"ztaa": 1}}]);
    let error = compile(json!({"ROUTES": rule})).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test: ROUTES is a rule with the check `ztaa`; allowed: none where `ZTAA_KEY` holds no key"
    );
    let key = "k".repeat(64);
    assert!(compile(json!({"ROUTES": rule, "ZTAA_KEY": key})).is_ok());
    let both = json!({"ROUTES": rule, "SECURITY_CHECKS": {"ztaa": 1}});
    assert_eq!(compile(both).map(drop).unwrap_err().problems().len(), 1, "said once");
}

#[test]
fn a_later_layer_replaces_the_whole_list() {
    let layer = |origin: &str, path: &str| layer(origin, json!({"routes": [{"path": path}]}));
    let policy = Policy::compile("default", &[layer("file", "/a"), layer("server", "/b")]).unwrap();
    assert!(policy.route("/a", "GET").is_none() && policy.route("/b", "GET").is_some());
}
