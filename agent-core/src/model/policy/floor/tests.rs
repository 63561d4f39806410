//! What the floor takes out of a server's configuration, and what it leaves.

use serde_json::{Value, json};

use super::*;
use crate::model::policy::{Layer, Policy, SERVER};

fn layer(origin: &str, keys: Value) -> Layer {
    Layer::new(origin, serde_json::from_value(keys).unwrap())
}

/// The server's keys over these of the host's, above a floor.
fn under(floor: &Floor, own: Value, server: Value) -> Policy {
    Policy::compile_above(floor, "default", &[layer("file", own), layer(SERVER, server)]).unwrap()
}

fn by_default(server: Value) -> Policy {
    under(&Floor::default(), json!({}), server)
}

/// The keys of which something was not taken.
fn held(policy: &Policy) -> Vec<&str> {
    policy.held().iter().map(|held| held.key.as_str()).collect()
}

fn with_levels() -> Floor {
    let floor = Floor::default().with_level(Check::Sqli, Level::Block);
    floor.with_level(Check::Blacklist, Level::Block)
}

#[test]
fn by_default_nobody_can_whitelist_everybody() {
    let halves = ["0.0.0.0/1", "128.0.0.0/1"];
    let eighths: Vec<String> = (0..32).map(|first| format!("{}.0.0.0/8", first * 8 + 1)).collect();
    for all in [
        json!(["0.0.0.0/0"]),
        json!(["::/0"]),
        json!(halves),
        json!(eighths),
        json!(["::ffff:0:0/96"]),
    ] {
        let policy = by_default(json!({"WHITELIST": all}));
        assert!(!policy.held().is_empty(), "{all}");
        assert!(policy.whitelist().is_empty(), "{all}");
    }
    let some = json!([
        "10.0.0.0/8",
        "203.0.113.0/24",
        "2001:db8::/32",
        "fd00::/8",
        "192.0.2.1",
        "198.51."
    ]);
    let policy = by_default(json!({"whitelist": some}));
    assert_eq!(held(&policy), [""; 0]);
    assert_eq!(policy.whitelist().networks().len(), 6);
    let mixed = by_default(json!({"WHITELIST": ["0.0.0.0/0", "203.0.113.0/24"]}));
    assert_eq!(mixed.whitelist().networks().len(), 1, "the rest is taken");
    assert_eq!(
        mixed.held()[0].to_string(),
        "WHITELIST: \"0.0.0.0/0\" is below the host's floor and not taken; allowed: networks of at least /8 and /20"
    );
}

#[test]
fn the_hosts_own_layers_are_not_held_to_it() {
    let all = json!({"WHITELIST": ["0.0.0.0/0"], "IGNORE_PATHS": ["^/"], "SECURITY_CHECKS": {"sqli": 0}});
    for layers in [
        vec![layer("file", all.clone())],
        vec![layer(SERVER, json!({})), layer("code", all)],
    ] {
        let policy = Policy::compile_above(&with_levels(), "default", &layers).unwrap();
        assert_eq!(held(&policy), [""; 0]);
        assert!(policy.ignores("/login") && policy.level(Check::Sqli) == Level::Off);
    }
}

#[test]
fn by_default_no_pattern_ignores_the_application() {
    for patterns in [
        json!(["^/"]),
        json!(["."]),
        json!([""]),
        json!(["^/[^0-9]*"]),
        json!(["^/[a-m]", "^/[n-z]"]),
    ] {
        let server = json!({"IGNORE_PATHS": patterns});
        let Ok(policy) = Policy::compile_above(&Floor::default(), "default", &[layer(SERVER, server)]) else {
            // an empty one is an error by itself
            continue;
        };
        assert!(
            held(&policy).iter().all(|key| *key == "IGNORE_PATHS") && !policy.held().is_empty(),
            "{patterns}"
        );
        assert!(!policy.ignores("/checkout"), "{patterns}");
    }
    let policy = by_default(json!({"IGNORE_PATHS": ["^/static/", r"\.js$", "^/health"]}));
    assert_eq!(held(&policy), [""; 0]);
    assert!(policy.ignores("/static/a.css"));
}

#[test]
fn named_paths_are_never_ignored() {
    let floor = Floor::default().with_never_ignored(["/login".to_owned()]);
    let policy = under(&floor, json!({}), json!({"IGNORE_PATHS": ["^/static/", "^/log"]}));
    assert_eq!(held(&policy), ["IGNORE_PATHS"]);
    assert!(!policy.ignores("/login") && policy.ignores("/static/x"));
    let many: Vec<String> = (0..100)
        .map(|number| format!("^/log{}", if number == 50 { "" } else { "x" }))
        .collect();
    let policy = under(&floor, json!({}), json!({"IGNORE_PATHS": many}));
    assert!(!policy.ignores("/login"), "of very many none is taken");
}

#[test]
fn checks_keep_their_least_level() {
    let floor = with_levels();
    let lowered = json!({"security_checks": {"sqli": 3, "xss": 0}, "BLACKLIST_OVERRIDE": true});
    let policy = under(&floor, json!({}), lowered);
    assert_eq!(held(&policy), ["BLACKLIST_OVERRIDE", "security_checks.sqli"]);
    assert_eq!(
        (policy.level(Check::Sqli), policy.level(Check::Xss)),
        (Level::Block, Level::Off)
    );
    assert!(!policy.blacklist_override());
    let raised = under(&floor, json!({}), json!({"SECURITY_CHECKS": {"sqli": 2}}));
    assert_eq!((held(&raised), raised.level(Check::Sqli)), (vec![], Level::Ban));
}

#[test]
fn a_template_of_the_servers_goes_below_no_level() {
    let layers = [layer(SERVER, json!({}))];
    let policy = Policy::compile_above(&with_levels(), "monitor", &layers).unwrap();
    assert_eq!(
        (policy.level(Check::Sqli), policy.level(Check::Xss)),
        (Level::Block, Level::Log)
    );
    assert_eq!(held(&policy), ["SECURITY_CHECKS.sqli"]);
    let own = Policy::compile_above(&with_levels(), "monitor", &[]).unwrap();
    assert_eq!(
        own.level(Check::Sqli),
        Level::Log,
        "the host's own template is its own word"
    );
}

#[test]
fn where_levels_are_kept_nothing_goes_around_them() {
    let floor = with_levels();
    let bypasses = json!({
        "EXCEPTIONS": [
            {"rule": "sqli"}, {"place": "query:*"}, {"place": "*", "route": "/a"}, {"place": "query:q", "route": "/*"},
            [".", "regex"], ["a", "contains"],
            {"rule": "sqli", "place": "query:q", "route": "/search"}, "O'Neill",
        ],
        "WHITELIST_HEADERS": [["x", "starts"], "x-signature"],
        "SQLI_PROBA": 1.0,
        "ROUTES": [
            {"path": ["/", "starts"], "checks": {"sqli": 0, "xss": 0}, "body_bytes": 0, "exceptions": [{"rule": "sqli"}]},
        ],
    });
    let policy = under(&floor, json!({}), bypasses.clone());
    let mut keys = held(&policy);
    keys.dedup();
    let routes = ["ROUTES[0].checks", "ROUTES[0].body_bytes", "ROUTES[0].exceptions"];
    assert_eq!(
        keys,
        [&routes[..], &["EXCEPTIONS", "WHITELIST_HEADERS", "SQLI_PROBA"]].concat()
    );
    let route = policy.route("/x", "GET").unwrap();
    assert_eq!(
        (route.level(Check::Sqli), route.level(Check::Xss)),
        (Level::Block, Level::Off)
    );
    let kept = policy.raw()["EXCEPTIONS"].as_array().unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(
        held(&by_default(bypasses)),
        [""; 0],
        "all of it may be asked for where no level is kept"
    );
}

#[test]
fn findings_go_to_the_clouds_host_alone() {
    let floor = Floor::default().with_log_hosts(["cloud.example.com".to_owned(), "127.0.0.1".to_owned()]);
    let sent_to = |server: Value| {
        let policy = under(&floor, json!({}), server);
        (
            policy.log().enabled,
            policy.log().server.clone(),
            !policy.held().is_empty(),
        )
    };
    let to = |host: &str| json!({"LOG_ENABLED": true, "LOG_PROTOCOL": "http", "LOG_SERVER": host, "LOG_PORT": 80});
    assert_eq!(sent_to(to("169.254.169.254")), (false, "127.0.0.1".to_owned(), true));
    assert_eq!(
        sent_to(to("Cloud.example.com")),
        (true, "Cloud.example.com".to_owned(), false)
    );
    assert_eq!(sent_to(to("localhost")), (true, "localhost".to_owned(), false));
    assert_eq!(
        sent_to(json!({"LOG_SERVER": "10.0.0.1"})),
        (false, "10.0.0.1".to_owned(), false),
        "nothing is sent"
    );
    let own = json!({"LOG_ENABLED": true, "LOG_SERVER": "logs.internal", "LOG_PORT": 514});
    let moved = under(&floor, own, json!({"LOG_PORT": 22}));
    assert_eq!((moved.log().port, held(&moved)), (514, vec!["LOG_SERVER"]));
}

#[test]
fn refused_clients_are_sent_to_the_hosts_sites_alone() {
    let floor = Floor::default().with_redirect_hosts(Some(["help.example.com".to_owned()]));
    let own = json!({"HOSTS": ["shop.example.com:8443"]});
    for (location, stays) in [
        ("/blocked", true),
        ("https://help.example.com/x", true),
        ("https://shop.example.com/blocked", true),
        ("https://evil.test/", false),
        ("//evil.test/", false),
        (r"/\evil.test", false),
        ("https://help.example.com@evil.test/", false),
    ] {
        for prefix in ["BLOCK", "BLACKLIST"] {
            let server =
                json!({(format!("{prefix}_ACTION")): "redirect", (format!("{prefix}_ACTION_CONTENT")): location});
            let layers = [layer("file", own.clone()), layer(SERVER, server)];
            match Policy::compile_above(&floor, "default", &layers) {
                Ok(policy) => assert_eq!(policy.held().is_empty(), stays, "{location}"),
                Err(error) => assert!(!stays, "{location}: {error}"),
            }
        }
    }
}

#[test]
fn without_a_list_of_hosts_the_server_decides_where_refused_clients_go() {
    let server = json!({"BLACKLIST_ACTION": "redirect", "BLACKLIST_ACTION_CONTENT": "https://example.com/gone"});
    assert_eq!(held(&by_default(server.clone())), [""; 0]);
    let own_alone = Floor::default().with_redirect_hosts(Some(Vec::<String>::new()));
    assert_eq!(
        held(&under(&own_alone, json!({}), server)),
        ["BLACKLIST_ACTION_CONTENT"]
    );
}

#[test]
fn a_page_without_markup_where_the_host_wants_none() {
    let floor = Floor::default().with_markup(false);
    let page = |text: &str| under(&floor, json!({}), json!({"GTFO_MSG": text}));
    assert_eq!(held(&page("<script>alert(1)</script>")), ["GTFO_MSG"]);
    assert_eq!(held(&page("Go away, {{id}}")), [""; 0]);
    assert_eq!(held(&by_default(json!({"GTFO_MSG": "<h1>Go away</h1>"}))), [""; 0]);
}

#[test]
fn keys_that_the_server_may_not_set_stay_as_they_are() {
    let floor = Floor::default().with_server_keys(Some(["security_checks".to_owned()]));
    let policy = under(
        &floor,
        json!({}),
        json!({"SECURITY_CHECKS": {"xss": 0}, "ztaa_key": "planted"}),
    );
    assert_eq!(held(&policy), ["ztaa_key"]);
    assert!(!policy.held()[0].to_string().contains("planted"));
    assert_eq!(policy.level(Check::Xss), Level::Off);
    assert_eq!(policy.raw()["ZTAA_KEY"], "");
}

#[test]
fn what_protects_less_is_told() {
    let before = by_default(json!({"DECOY_ROUTES": ["/.env", "/x"], "FLOOD_RATIO": 50, "HOSTS": ["a.test"]}));
    let after = by_default(json!({
        "SECURITY_CHECKS": {"sqli": 3, "path": 1}, "DECOY_ROUTES": ["/.env"], "FLOOD_RATIO": 60, "HOSTS": [],
        "WHITELIST": ["192.0.2.7"], "ROUTES": [{"path": "/a", "checks": {"xss": 0}}], "ZTAA_KEY": "hush",
    }));
    let told = after.weaker_than(&before);
    let begins = |start: &str| told.iter().filter(|line| line.starts_with(start)).count();
    for key in [
        "SECURITY_CHECKS.sqli: 2 (ban) -> 3 (log)",
        "DECOY_ROUTES",
        "FLOOD_RATIO: 50 -> 60",
        "HOSTS",
        "WHITELIST",
        "ROUTES",
        "ZTAA_KEY",
    ] {
        assert_eq!(begins(key), 1, "{key}: {told:?}");
    }
    assert_eq!(told.len(), 7, "{told:?}");
    assert!(!told.concat().contains("hush"));
    assert_eq!(after.weaker_than(&after), [""; 0]);
    let back = before.weaker_than(&after);
    assert_eq!(back, ["SECURITY_CHECKS.path: 1 (block) -> 0 (off)"]);
}

#[test]
fn a_page_of_findings_is_bounded() {
    let all: Vec<String> = (0..1_000).map(|_| "0.0.0.0/0".to_owned()).collect();
    assert_eq!(by_default(json!({"WHITELIST": all})).held().len(), 32);
}
